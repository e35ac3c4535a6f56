//! What the running ledger shows: orders as they take effect, and the destruction of what was ordered to be erased.
//!
//! Promises: an order is in effect before its poster is answered; [`Ledger::showing`] is the one predicate that pages, look-ups,
//! search and exports ask; it needs no store and cannot fail. What is erased is refused at once and destroyed before the poster
//! of the order is answered; what a crash left lying is destroyed after the next opening.
//!
//! Does not touch the log: a withheld record stands in its bundle for whoever verifies, with hash and proof. To take it out
//! there as well is `erase_entry` ([`super::erase`]).

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use tokio::sync::{Mutex, MutexGuard};

use super::objects::openings_name;
use super::post_error::PostError;
use super::query_error::QueryError;
use super::{Ledger, Shared};
use crate::tlog::merkle::Hash;
use crate::trade::commitment::Openings;
use crate::trade::door::{Problem, Severity};
use crate::trade::keys::KeyState;
use crate::trade::orders::{Given, Orders, Shown};
use crate::trade::statement::{Act, Chain, Order, Role, Showing, Statement, Target};
use crate::trade::time::Time;

/// Whether a record's words may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordShowing {
    /// They may.
    Shown,
    /// Withheld by this order; header, hash and proof are shown.
    Withheld(Arc<Given>),
    /// Erased from the log by the record `order`.
    Erased {
        /// Index of the `key` record that orders it.
        order: u64,
    },
}

impl RecordShowing {
    /// Whether it is [`RecordShowing::Shown`].
    #[must_use]
    pub fn is_shown(&self) -> bool {
        *self == RecordShowing::Shown
    }
}

/// A line of the negative list (负面清单).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithheldItem {
    /// The order that decides.
    pub given: Arc<Given>,
    /// The record that it is about.
    pub about: u64,
}

/// The orders, and the records they withhold by index.
#[derive(Debug, Default)]
pub(super) struct Told {
    orders: Arc<Orders>,
    records: HashMap<u64, Arc<Given>>,
}

/// Records that name one document and are asked whether it may be shown there, at most; beyond it is not shown.
const NAMING_RECORDS_MAX: usize = 1_000;

/// Locks for the openings of statements, by the first byte of the id.
pub(super) fn locks() -> Box<[Mutex<()>]> {
    (0..256).map(|_| Mutex::default()).collect()
}

impl Ledger {
    /// Whether the words of the record at `index` may be shown. Everything that shows, finds or exports records asks this.
    pub fn showing(&self, index: u64) -> RecordShowing {
        self.shared.showing_of(index)
    }

    /// All orders, as far as the log goes.
    pub fn orders(&self) -> Arc<Orders> {
        self.shared.orders()
    }

    /// 负面清单: everything that is not shown by order, in the order of the orders.
    ///
    /// # Errors
    /// [`QueryError::Index`].
    pub fn withheld(&self) -> Result<Vec<WithheldItem>, QueryError> {
        let mut items = Vec::new();
        for given in self.orders().withheld() {
            if let Some(about) = self.shared.about(&given.order)? {
                items.push(WithheldItem { given, about });
            }
        }
        Ok(items)
    }

    /// The time of the wall clock, to say what is overdue.
    pub fn wall_time(&self) -> Time {
        (self.shared.clock.clock)().wall
    }

    /// What is told of the opening at `pointer` of the statement logged at `index`.
    ///
    /// # Errors
    /// [`QueryError::Index`].
    pub fn opening_shown(&self, index: u64, id: &Hash, pointer: &str) -> Result<Shown, QueryError> {
        let orders = self.orders();
        for given in orders.about_statement(id) {
            if self.shared.about(&given.order)? == Some(index) {
                let order = &given.order;
                return Ok(orders.opening(&order.publisher, &order.project, id, pointer));
            }
        }
        Ok(Shown::default())
    }

    /// A record that names the document and may show it; else the order that keeps it back, if that is why.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn document_shown(&self, digest: &Hash) -> Result<DocumentShowing, QueryError> {
        let orders = self.orders();
        let is_ordered = !orders.about_document(digest).is_empty();
        let mut kept_back = DocumentShowing::Unnamed;
        let naming = self.document_records(digest)?;
        for index in naming.into_iter().take(NAMING_RECORDS_MAX) {
            match self.showing(index) {
                RecordShowing::Shown if !is_ordered => return Ok(DocumentShowing::Shown(index)),
                RecordShowing::Shown => {}
                RecordShowing::Withheld(given) => {
                    kept_back = DocumentShowing::Withheld(given);
                    continue;
                }
                RecordShowing::Erased { order } => {
                    if kept_back == DocumentShowing::Unnamed {
                        kept_back = DocumentShowing::RecordErased { order };
                    }
                    continue;
                }
            }
            let view = self.entry(index).await?;
            let publisher = view.statement.publisher().unwrap_or_default();
            let shown = orders.document(publisher, digest);
            match shown.withheld_by() {
                None => return Ok(DocumentShowing::Shown(index)),
                // Kept somewhere is more than destroyed somewhere else.
                Some(given) if given.order.act == Act::Withhold => {
                    kept_back = DocumentShowing::Withheld(given.clone());
                }
                Some(given) => {
                    if !matches!(kept_back, DocumentShowing::Withheld(_)) {
                        kept_back = DocumentShowing::Erased(given.clone());
                    }
                }
            }
        }
        Ok(kept_back)
    }

    /// What an order must also be: about a statement of this log that has what it names, and able to change anything.
    pub(super) async fn order_problems(
        &self,
        keys: &KeyState,
        statement: &Statement,
    ) -> Result<Vec<Problem>, PostError> {
        let (Ok(order), Ok(key)) = (Order::read(statement), keys.signer(statement)) else {
            return Ok(Vec::new());
        };
        let Some(index) = self.shared.about(&order)? else {
            return Ok(vec![refused(
                "order_about",
                "/about/statement",
                "本账本没有登记 about 所指发布者、项目的这份声明",
                "no such statement of that publisher and project is logged",
            )]);
        };
        let mut problems = Vec::new();
        match self.entry(index).await {
            Ok(view) => problems.extend(missing_target(&order.target, &view.statement)),
            Err(QueryError::Erased { order, .. }) => problems.push(refused(
                "order_too_late",
                "/about/statement",
                &format!("该声明已由第 {order} 号记录清除"),
                &format!("that statement was erased by record {order}"),
            )),
            Err(failure) => return Err(failure.into()),
        }
        let orders = self.orders();
        let Shown { by: Some(last), .. } = orders.about(&order) else {
            if order.act == Act::Disclose {
                problems.push(warned(
                    "order_idle",
                    "/act",
                    "所指内容并未被命令不予公开",
                    "what it is about was never ordered to be withheld",
                ));
            }
            return Ok(problems);
        };
        let next = Given {
            record: u64::MAX,
            id: statement.id(),
            time: last.time,
            by: key.vkey.name().to_owned(),
            by_supervisor: key.role == Role::Supervisor,
            order,
        };
        if last.order.act == Act::Erase {
            problems.push(refused(
                "order_too_late",
                "/act",
                &format!("所指内容已依第 {} 号记录清除，无法恢复", last.record),
                &format!(
                    "what it is about was erased by record {}, for which there is no way back",
                    last.record
                ),
            ));
        } else if last.stands_against(&next) {
            problems.push(refused(
                "order_overruled",
                "/act",
                &format!(
                    "监督机构已在第 {} 号记录作出决定，只能由监督机构改变",
                    last.record
                ),
                &format!(
                    "a supervisor decided this in record {}, and only a supervisor changes it",
                    last.record
                ),
            ));
        }
        Ok(problems)
    }

    /// After an order is logged: destroys what it orders to erase. A failure is told and tried again after the next opening.
    pub(super) async fn obey(&self, statement: &Statement) {
        if let Ok(order) = Order::read(statement)
            && order.act == Act::Erase
        {
            destroy(self, &order).await;
        }
    }
}

/// What is told of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentShowing {
    /// No record names it.
    Unnamed,
    /// This record names it and may show it.
    Shown(u64),
    /// By this order, about it or about the record that names it.
    Withheld(Arc<Given>),
    /// By this order.
    Erased(Arc<Given>),
    /// The only records that named it were erased.
    RecordErased {
        /// The record of one of the orders.
        order: u64,
    },
}

impl Shared {
    fn orders(&self) -> Arc<Orders> {
        self.openings.told().orders.clone()
    }

    fn showing_of(&self, index: u64) -> RecordShowing {
        let erased = {
            let keys = self.keys();
            keys.erased(index).map(|erased| erased.ordered_at)
        };
        if let Some(order) = erased {
            return RecordShowing::Erased { order };
        }
        let told = self.openings.told();
        told.records
            .get(&index)
            .map_or(RecordShowing::Shown, |given| {
                RecordShowing::Withheld(given.clone())
            })
    }

    /// Begins anew with what opening has read. Until then what was told before stands: an order that cannot be looked up must not show what
    /// it withholds.
    pub(super) fn set_orders(&self, orders: Orders) -> Result<(), Box<QueryError>> {
        let mut records = HashMap::new();
        for given in orders.withheld() {
            if given.order.target == Target::Record
                && let Some(about) = self.about(&given.order)?
            {
                records.insert(about, given);
            }
        }
        let mut told = self.openings.told_mut();
        *told = Told {
            orders: Arc::new(orders),
            records,
        };
        Ok(())
    }

    /// The orders of a batch take effect, once it is published and before anybody is answered.
    pub(super) fn add_orders(&self, given: &[(u64, Statement)], time: Time, keys: &KeyState) {
        if given.is_empty() {
            return;
        }
        let mut told = self.openings.told_mut();
        let told = &mut *told;
        let orders = Arc::make_mut(&mut told.orders);
        for (index, statement) in given {
            let Some(given) = orders.take(*index, time, statement, keys) else {
                continue;
            };
            if given.order.target != Target::Record {
                continue;
            }
            let about = self.about(&given.order).unwrap_or_else(|failure| {
                // Opening again takes all orders in anew, or is tried until it can.
                tracing::error!(
                    failure = crate::chain_of(&failure),
                    "an order waits for the query index"
                );
                self.damaged_index();
                None
            });
            if let Some(about) = about {
                match orders.about(&given.order).withheld_by() {
                    Some(by) => told.records.insert(about, by.clone()),
                    None => told.records.remove(&about),
                };
            }
        }
    }

    /// The record that an order is about, if that publisher said it of that project.
    pub(super) fn about(&self, order: &Order) -> Result<Option<u64>, QueryError> {
        let Some(index) = self.logged(&order.statement)? else {
            return Ok(None);
        };
        let chain = Chain::Trade {
            publisher: order.publisher.clone(),
            project: order.project.clone(),
        };
        let is_recent = self.posts.recent().is_in_chain(&order.statement, &chain);
        if is_recent {
            return Ok(Some(index));
        }
        let is_there = self
            .indexing
            .index
            .is_in_chain(&order.statement, &chain)
            .map_err(|failure| self.damaged(failure))?;
        Ok(is_there.then_some(index))
    }

    /// Nobody else reads or rewrites the openings of `id` meanwhile.
    pub(super) async fn lock_openings(&self, id: &Hash) -> MutexGuard<'_, ()> {
        self.openings.turns[usize::from(id.0[0])].lock().await
    }
}

/// Whether the named statement has what the order acts on.
fn missing_target(target: &Target, statement: &Statement) -> Option<Problem> {
    match target {
        Target::Record => None,
        Target::Opening(pointer) => {
            let value = statement.value();
            let found = value
                .pointer(pointer)
                .is_some_and(|field| field.get("commitment").is_some());
            (!found).then(|| {
                refused(
                    "order_no_commitment",
                    "/pointer",
                    &format!("该声明的 {pointer} 处不是承诺值；写在明处的内容只能以 record 整条不予公开，或由管理机关清除条目"),
                    &format!("{pointer} of that statement is no commitment; what stands in the clear is withheld with its whole record, or erased by the authorities"),
                )
            })
        }
        Target::Document(digest) => {
            let fields = statement.fields();
            let named = fields
                .documents()
                .iter()
                .any(|there| there.sha256 == *digest);
            (!named).then(|| {
                refused(
                    "order_no_document",
                    "/document",
                    &format!("该声明没有提到 SHA-256 为 {digest} 的文件"),
                    &format!("that statement names no document with SHA-256 {digest}"),
                )
            })
        }
    }
}

fn refused(code: &'static str, pointer: &str, zh: &str, en: &str) -> Problem {
    Problem {
        code,
        severity: Severity::Error,
        pointer: pointer.to_owned(),
        zh: zh.to_owned(),
        en: en.to_owned(),
    }
}

fn warned(code: &'static str, pointer: &str, zh: &str, en: &str) -> Problem {
    Problem {
        severity: Severity::Warning,
        ..refused(code, pointer, zh, en)
    }
}

/// Destroys again whatever an erasure left lying, once after an opening.
pub(super) async fn destroy_again(shared: Weak<Shared>) {
    let Some(orders) = shared.upgrade().map(|shared| shared.orders()) else {
        return;
    };
    for given in orders.withheld() {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        if given.order.act == Act::Erase {
            destroy(&Ledger::reading(shared), &given.order).await;
        }
    }
}

/// Destroys the opening or document, if the order has effect.
async fn destroy(ledger: &Ledger, order: &Order) {
    let done = match &order.target {
        Target::Opening(pointer) => destroy_opening(ledger, order, pointer).await,
        Target::Document(digest) => destroy_document(ledger, digest).await,
        Target::Record => Ok(()),
    };
    if let Err(failure) = done {
        tracing::error!(
            failure = crate::chain_of(&failure),
            "what was ordered to be erased still lies in the store; it is not shown, and is destroyed after the next opening"
        );
    }
}

async fn destroy_opening(ledger: &Ledger, order: &Order, pointer: &str) -> Result<(), QueryError> {
    let shared = &ledger.shared;
    if shared.orders().about(order).showing != Showing::Erased || shared.about(order)?.is_none() {
        return Ok(());
    }
    let _lock = shared.lock_openings(&order.statement).await;
    let Some(mut openings) = ledger.stored_openings(&order.statement).await? else {
        return Ok(());
    };
    if openings.remove(pointer).is_none() {
        return Ok(());
    }
    let name = openings_name(&order.statement);
    if openings.is_empty() {
        shared.store.delete(&name).await?;
    } else {
        let bytes = Bytes::from(Openings::encode(&openings));
        shared.store.put(&name, bytes).await?;
    }
    Ok(())
}

/// The bytes go when nobody shows or keeps them any more.
async fn destroy_document(ledger: &Ledger, digest: &Hash) -> Result<(), QueryError> {
    match ledger.document_shown(digest).await? {
        DocumentShowing::Erased(_) | DocumentShowing::RecordErased { .. } => {
            let name = format!("documents/{digest}");
            if ledger.store().size(&name).await?.is_some() {
                ledger.store().delete(&name).await?;
            }
            Ok(())
        }
        DocumentShowing::Unnamed | DocumentShowing::Shown(_) | DocumentShowing::Withheld(_) => {
            Ok(())
        }
    }
}

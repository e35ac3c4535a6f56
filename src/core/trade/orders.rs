//! What the orders of a log come to: which record, opening or document is shown, which is withheld, which is destroyed, and by
//! which order.
//!
//! Promises: pure, and a function of the log alone, so that an auditor who replays it tells the same as the ledger. An order
//! counts if it can be read, its key was in force there, and its bearer may give it ([`Order::may_be_given_by`]); any other
//! stands in the log and has no effect. What an order about a statement says holds for that publisher's statement of that
//! project only: an order with a wrong `about` hides nothing.
//!
//! Does not know which statements exist, and destroys nothing: that is for whoever holds the store.
//!
//! The newest order about a thing decides, with two exceptions: an erasure is final, and what a supervisor has decided, a
//! publisher does not undo.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::keys::{AdmittedKey, KeyState};
use super::statement::{Act, Order, Role, Showing, Statement, Target};
use super::time::Time;
use crate::tlog::merkle::Hash;

/// An order as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The index of its record.
    pub record: u64,
    /// Its statement id.
    pub id: Hash,
    /// When the ledger took it.
    pub time: Time,
    /// The key name of the body that gave it.
    pub by: String,
    /// Whether that body is a supervisor.
    pub by_supervisor: bool,
    /// What it says.
    pub order: Order,
}

/// What is told of a thing, and the order that decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Shown, withheld or erased.
    pub showing: Showing,
    /// The order that decided last; `None` if there never was one.
    pub by: Option<Arc<Given>>,
}

impl Shown {
    /// Whether it may be shown.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.showing == Showing::Shown
    }

    /// The order that keeps it from being shown.
    #[must_use]
    pub fn withheld_by(&self) -> Option<&Arc<Given>> {
        self.by.as_ref().filter(|_| !self.is_shown())
    }

    /// What is told after one more order, in log order.
    fn after(self, given: &Arc<Given>) -> Shown {
        let stands = self
            .by
            .as_ref()
            .is_some_and(|before| before.stands_against(given));
        if stands {
            return self;
        }
        Shown {
            showing: self.showing.after(given.order.act),
            by: Some(given.clone()),
        }
    }
}

impl Given {
    /// Whether its review is past at `now`. What is erased is never looked at again.
    #[must_use]
    pub fn overdue(&self, now: Time) -> bool {
        self.order.act == Act::Withhold && self.order.review_at.is_some_and(|at| at.time < now)
    }

    /// Whether `later` about the same thing has no effect because of this one.
    #[must_use]
    pub fn stands_against(&self, later: &Given) -> bool {
        match (self.order.act, later.order.act) {
            (Act::Erase, _) => true,
            // To destroy what is its own is always open to a publisher (个人信息保护法 47).
            (_, Act::Erase) => false,
            _ => self.by_supervisor && !later.by_supervisor,
        }
    }
}

/// All orders of a log so far.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    about: HashMap<Hash, Vec<Arc<Given>>>,
    /// Orders about a document hold wherever its publisher names it.
    documents: HashMap<Hash, Vec<Arc<Given>>>,
    count: usize,
}

impl Orders {
    /// Takes the statement of record `index` in, if it is an order that counts, and hands it back. Records come in log order; one that was
    /// taken already is not taken twice. `keys` knows at least the keys admitted before `index`.
    pub fn take(
        &mut self,
        index: u64,
        time: Time,
        statement: &Statement,
        keys: &KeyState,
    ) -> Option<Arc<Given>> {
        let order = Order::read(statement).ok()?;
        let key = signer_at(keys, statement, index)?;
        if !order.may_be_given_by(key) {
            return None;
        }
        let given = Arc::new(Given {
            record: index,
            id: statement.id(),
            time,
            by: key.vkey.name().to_owned(),
            by_supervisor: key.role == Role::Supervisor,
            order,
        });
        let list = match &given.order.target {
            Target::Document(digest) => self.documents.entry(*digest),
            Target::Opening(_) | Target::Record => self.about.entry(given.order.statement),
        };
        let list = list.or_default();
        if list.last().is_none_or(|last| last.record < index) {
            list.push(given.clone());
            self.count += 1;
        }
        Some(given)
    }

    /// How many orders count.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nothing was ever ordered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether the record of a statement is shown.
    #[must_use]
    pub fn record(&self, publisher: &str, project: &str, statement: &Hash) -> Shown {
        self.of(publisher, project, statement, &Target::Record)
    }

    /// Whether the opening at `pointer` of a statement is shown: not if its record is not.
    #[must_use]
    pub fn opening(
        &self,
        publisher: &str,
        project: &str,
        statement: &Hash,
        pointer: &str,
    ) -> Shown {
        let target = Target::Opening(pointer.to_owned());
        let opening = self.of(publisher, project, statement, &target);
        if opening.showing == Showing::Erased {
            return opening;
        }
        let record = self.record(publisher, project, statement);
        if record.is_shown() { opening } else { record }
    }

    /// Whether a document is shown where `publisher` names it. Whether the record that names it is, the caller asks too.
    #[must_use]
    pub fn document(&self, publisher: &str, digest: &Hash) -> Shown {
        let given = self.documents.get(digest).into_iter().flatten();
        given
            .filter(|given| given.order.publisher == publisher)
            .fold(Shown::default(), Shown::after)
    }

    /// The orders about a statement's record and openings, in log order.
    #[must_use]
    pub fn about_statement(&self, statement: &Hash) -> &[Arc<Given>] {
        self.about.get(statement).map_or(&[], Vec::as_slice)
    }

    /// The orders about a document, in log order.
    #[must_use]
    pub fn about_document(&self, digest: &Hash) -> &[Arc<Given>] {
        self.documents.get(digest).map_or(&[], Vec::as_slice)
    }

    /// What stands about the thing that `order` is about.
    #[must_use]
    pub fn about(&self, order: &Order) -> Shown {
        match &order.target {
            Target::Document(digest) => self.document(&order.publisher, digest),
            target => self.of(&order.publisher, &order.project, &order.statement, target),
        }
    }

    /// 负面清单: of everything that is not shown by order, the order that decides; in the order of their records.
    #[must_use]
    pub fn withheld(&self) -> Vec<Arc<Given>> {
        let all = self.about.values().chain(self.documents.values()).flatten();
        let deciding: BTreeMap<u64, Arc<Given>> = all
            .filter_map(|given| self.about(&given.order).withheld_by().cloned())
            .map(|given| (given.record, given))
            .collect();
        deciding.into_values().collect()
    }

    fn of(&self, publisher: &str, project: &str, statement: &Hash, target: &Target) -> Shown {
        let given = self.about.get(statement).into_iter().flatten();
        given
            .filter(|given| {
                let order = &given.order;
                order.target == *target && order.publisher == publisher && order.project == project
            })
            .fold(Shown::default(), Shown::after)
    }
}

impl Order {
    /// Whether the bearer of `key` may order this: a supervisor anything, a publisher what it said itself.
    ///
    /// Not a log rule, because log rules do not read `about`: an order about another body's statements stands in the log
    /// and has no effect.
    #[must_use]
    pub fn may_be_given_by(&self, key: &AdmittedKey) -> bool {
        match key.role {
            Role::Supervisor => true,
            Role::Publisher => key.vkey.name() == self.publisher,
            Role::Operator | Role::Log => false,
        }
    }
}

/// The key that signed a statement of the log at `index`: replay has verified the signature.
fn signer_at<'k>(keys: &'k KeyState, statement: &Statement, index: u64) -> Option<&'k AdmittedKey> {
    let [signature] = statement.signatures() else {
        return None;
    };
    keys.keys().find(|key| {
        key.vkey.name() == signature.name
            && key.vkey.key_id() == signature.key_id
            && key.in_force_at(index)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::note::Signer;
    use crate::trade::statement::sign_statement;
    use crate::trade::testing::{LEDGER, centre, keys_of_three, operator, supervisor};

    /// An order about `SS-1` of `publisher`; `target` is one JSON member.
    fn order(by: &Signer, publisher: &str, act: &str, target: &str) -> Statement {
        let text = format!(
            r#"{{"type":"order","v":1,"ledger":"{LEDGER}","publisher":"{}","follows":null,"about":{{"publisher":"{publisher}","project":"SS-1","statement":"{}"}},"act":"{act}",{target},"class":"privacy","basis":"政府信息公开条例第十五条","approver":"某市公共资源交易中心","review_at":"2027-01-01T00:00:00+08:00"}}"#,
            by.name(),
            Hash([0x0a; 32])
        ) + "\n";
        sign_statement(&text, &[by]).unwrap()
    }

    /// What is told of the record, of its opening `/details/a`, and of document 0b…, after these orders.
    fn told(orders: &[Statement]) -> [Showing; 3] {
        let (keys, _) = keys_of_three();
        let mut all = Orders::default();
        for (index, statement) in (2..).zip(orders) {
            all.take(index, Time::MIN, statement, &keys);
        }
        let (publisher, id) = ("ggzy.shaoshan.example", Hash([0x0a; 32]));
        [
            all.record(publisher, "SS-1", &id).showing,
            all.opening(publisher, "SS-1", &id, "/details/a").showing,
            all.document(publisher, &Hash([0x0b; 32])).showing,
        ]
    }

    const OURS: &str = "ggzy.shaoshan.example";

    #[test]
    fn the_newest_order_decides_erasure_is_final_and_a_supervisor_is_not_overruled() {
        use Showing::{Erased, Shown, Withheld};
        let opening = r#""pointer":"/details/a""#;
        let document = format!(r#""document":"{}""#, Hash([0x0b; 32]));
        let record = r#""record":true"#;
        let (us, over_us) = (centre(), supervisor());
        let by = |who: &Signer, act: &str, target: &str| order(who, OURS, act, target);
        let check = |orders: &[Statement], expected: [Showing; 3]| {
            assert_eq!(told(orders), expected);
        };
        check(&[], [Shown, Shown, Shown]);
        check(&[by(&us, "withhold", opening)], [Shown, Withheld, Shown]);
        check(
            &[by(&us, "withhold", opening), by(&us, "disclose", opening)],
            [Shown, Shown, Shown],
        );
        check(&[by(&us, "withhold", &document)], [Shown, Shown, Withheld]);
        // A record withheld takes its openings along; documents are asked for with the record that names them.
        check(
            &[by(&over_us, "withhold", record)],
            [Withheld, Withheld, Shown],
        );
        check(
            &[by(&us, "erase", opening), by(&over_us, "disclose", opening)],
            [Shown, Erased, Shown],
        );
        check(
            &[by(&us, "erase", opening), by(&us, "withhold", record)],
            [Withheld, Erased, Shown],
        );
        // What a supervisor withheld, the publisher does not disclose; but he may destroy it.
        check(
            &[
                by(&over_us, "withhold", opening),
                by(&us, "disclose", opening),
            ],
            [Shown, Withheld, Shown],
        );
        check(
            &[
                by(&over_us, "disclose", opening),
                by(&us, "withhold", opening),
            ],
            [Shown, Shown, Shown],
        );
        check(
            &[by(&over_us, "withhold", opening), by(&us, "erase", opening)],
            [Shown, Erased, Shown],
        );
        check(
            &[
                by(&us, "withhold", opening),
                by(&over_us, "disclose", opening),
            ],
            [Shown, Shown, Shown],
        );
    }

    #[test]
    fn an_order_that_does_not_count_changes_nothing() {
        let opening = r#""pointer":"/details/a""#;
        let shown = [Showing::Shown; 3];
        // By the operator; by a publisher about another's; about the same statement as if it were another's.
        assert_eq!(
            told(&[order(&operator(), OURS, "withhold", opening)]),
            shown
        );
        assert_eq!(
            told(&[order(&centre(), "other.example", "withhold", opening)]),
            shown
        );
        assert_eq!(
            told(&[order(&supervisor(), "other.example", "withhold", opening)]),
            shown
        );
        // A whole record is not erased by an order.
        assert_eq!(
            told(&[order(&centre(), OURS, "erase", r#""record":true"#)]),
            shown
        );
    }

    #[test]
    fn the_negative_list_has_each_thing_once_with_the_order_that_decides() {
        let (keys, _) = keys_of_three();
        let opening = r#""pointer":"/details/a""#;
        let mut all = Orders::default();
        let orders = [
            order(&centre(), OURS, "withhold", opening),
            order(&supervisor(), OURS, "withhold", opening),
            order(&centre(), OURS, "withhold", r#""record":true"#),
            order(&centre(), OURS, "withhold", r#""pointer":"/details/b""#),
            order(&centre(), OURS, "disclose", r#""pointer":"/details/b""#),
        ];
        for (index, statement) in (2..).zip(&orders) {
            assert!(all.take(index, Time::MIN, statement, &keys).is_some());
            // A record that comes twice, as after a reopening, counts once.
            all.take(index, Time::MIN, statement, &keys);
        }
        assert_eq!(all.len(), 5);
        let list = all.withheld();
        let found: Vec<u64> = list.iter().map(|given| given.record).collect();
        assert_eq!(found, [3, 4]);
        assert!(list[0].by_supervisor);
    }
}

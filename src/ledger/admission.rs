//! What happens to a post before the queue and after it: bytes, size, form, key known, logged already?, signature, queued already?, queue.
//!
//! Strangers are refused before any arithmetic. The same text posted again is the same statement: it gets the first one's receipt, also
//! after its key was rotated, also while the first is still being written.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};

use super::disk::{FREE_INODES_MIN, Lacking};
use super::erase::standing_at;
use super::job::{Job, LookedUp, Outcome, Published, View};
use super::objects::openings_name;
use super::places::Place;
use super::plan::{Past, Plan, Standing, Tip};
use super::post_error::PostError;
use super::query::evidence_of;
use super::query_error::QueryError;
use super::recent::INDEX_LAG_MAX;
use super::writing::{Why, Writing};
use super::{Ledger, Shared};
use crate::receipt::Receipt;
use crate::store::Room;
use crate::tlog::merkle::Hash;
use crate::trade::commitment::Openings;
use crate::trade::door::{self, Problem, Severity};
use crate::trade::keys::{KeyError, KeyState};
use crate::trade::log_rules;
use crate::trade::statement::{Body, Order, Statement};
use crate::trade::time::Time;

/// What the poster waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Durable and under a checkpoint signed by the log.
    #[default]
    Signed,
    /// Under a checkpoint that meets the ledger's policy.
    Witnessed,
}

/// `?wait=witnessed` gives up after this long; the record stands, only its checkpoint is not witnessed yet.
pub const WITNESS_WAIT: Duration = Duration::from_secs(30);

/// A statement that is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its leaf index.
    pub index: u64,
    /// Its statement id.
    pub id: Hash,
    /// The record's time.
    pub time: Time,
    /// False if it was in the log before.
    pub new: bool,
    /// The `.tlog-proof` file.
    pub receipt: String,
    /// Whether the receipt's checkpoint meets the ledger's policy.
    pub witnessed: bool,
    /// What the door would have the poster look at.
    pub warnings: Vec<Problem>,
}

/// What comes with a note.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms<'t> {
    /// Values and salts that are to be shown.
    pub openings: Option<&'t Openings>,
    /// Codes of warnings that whoever posts says are meant ([`door::admit`]).
    pub accepted: &'t [String],
    /// A note by which openings of a statement that is in the log are shown, see [`crate::trade::disclosure`].
    pub disclosure: Option<&'t [u8]>,
}

/// A statement that passed every check that needs no position in the log.
struct Admitted {
    statement: Statement,
    warnings: Vec<Problem>,
}

enum Front {
    Known(u64, Statement, Vec<Problem>),
    New(Admitted),
}

/// An order to erase waits so long for the index before it is obeyed.
const OBEY_WAIT: Duration = Duration::from_secs(5);

impl Front {
    /// The statement, if it is an order.
    fn order(&self) -> Option<Statement> {
        let (Front::Known(_, statement, _) | Front::New(Admitted { statement, .. })) = self;
        (*statement.body() == Body::Order).then(|| statement.clone())
    }
}

impl Ledger {
    /// [`Ledger::post_on`] with nothing accepted and nothing disclosed.
    ///
    /// # Errors
    /// [`PostError`].
    pub async fn post(
        &self,
        note: Bytes,
        openings: Option<&Openings>,
        wait: Wait,
    ) -> Result<Posted, PostError> {
        let terms = Terms {
            openings,
            ..Terms::default()
        };
        self.post_on(note, &terms, wait, None).await
    }

    /// Posts a statement note; the openings that come with it are durable before the record is. Answers when the record is durable and under
    /// a signed checkpoint, with the receipt. Whoever has a `place` is queued when all before it were, or will not be.
    ///
    /// # Errors
    /// [`PostError`]. Dropping the future does not undo a post that is in the queue.
    pub async fn post_on(
        &self,
        note: Bytes,
        terms: &Terms<'_>,
        wait: Wait,
        mut place: Option<Place>,
    ) -> Result<Posted, PostError> {
        let front = self.front(note, terms, &mut place).await?;
        let openings = terms.openings;
        let order = front.order();
        let posted = match front {
            Front::Known(index, statement, warnings) => {
                drop(place);
                self.store_openings(&statement, openings).await?;
                self.known(index, &statement, warnings).await?
            }
            Front::New(admitted) => self.queue(admitted, openings, place).await?,
        };
        if let Some(order) = order {
            // A document is known by the index, which follows.
            let _ = tokio::time::timeout(OBEY_WAIT, self.index_reached(posted.index + 1)).await;
            self.obey(&order).await;
        }
        if wait == Wait::Signed {
            let witnessed = posted.witnessed || !self.shared.gathering().needs_witnesses();
            return Ok(Posted {
                witnessed,
                ..posted
            });
        }
        let mut met_size = self.shared.heads.met_size.subscribe();
        let covered = met_size.wait_for(|size| *size > posted.index);
        // Giving up is no failure: the record stands, and the receipt says itself that it is not witnessed yet.
        let _ = tokio::time::timeout(WITNESS_WAIT, covered)
            .await
            .map(|covered| covered.map(|_| ()));
        Ok(Posted {
            receipt: self.receipt(posted.index).await?,
            witnessed: self.is_witnessed(posted.index),
            ..posted
        })
    }

    /// Whether a checkpoint that meets the policy covers the record; with `quorum none` any does.
    fn is_witnessed(&self, index: u64) -> bool {
        !self.shared.gathering().needs_witnesses() || *self.shared.heads.met_size.borrow() > index
    }

    /// All checks of [`Ledger::post`] as the log stands now, nothing written: the answer a post would have got. `Ok(Some(index))` if the
    /// statement is in the log already.
    ///
    /// # Errors
    /// [`PostError`].
    pub async fn check(
        &self,
        note: Bytes,
        terms: &Terms<'_>,
    ) -> Result<(Hash, Option<u64>, Vec<Problem>), PostError> {
        match self.front(note, terms, &mut None).await? {
            Front::Known(index, statement, warnings) => Ok((statement.id(), Some(index), warnings)),
            Front::New(Admitted {
                statement,
                warnings,
            }) => {
                let looked_up = LookedUp {
                    erased: self.standing(&statement).await?,
                    ..self.shared.look_up(&statement)?
                };
                let (reference, past) = {
                    let recent = self.shared.posts.recent();
                    (
                        looked_up.same_reference(&recent, &statement),
                        looked_up.past(&recent, &statement),
                    )
                };
                if let Some(id) = reference {
                    return Err(PostError::ReferenceTaken {
                        reference: statement.reference().unwrap_or_default().to_owned(),
                        id,
                    });
                }
                self.shared.judge_now(&statement, &past)?;
                Ok((statement.id(), None, warnings))
            }
        }
    }

    /// Everything before the queue.
    async fn front(
        &self,
        note: Bytes,
        terms: &Terms<'_>,
        place: &mut Option<Place>,
    ) -> Result<Front, PostError> {
        let openings = terms.openings.filter(|openings| !openings.is_empty());
        let shared = &self.shared;
        let statement = Statement::from_bytes(note)?;
        let keys = self.keys();
        // A stranger costs no arithmetic and no look-up. A key that is revoked by now may have signed what is logged already.
        let lines = keys.check_lines(&statement);
        if let Err(fault @ KeyError::Unknown { .. }) = lines {
            return Err(PostError::Key(fault));
        }
        let id = statement.id();
        if let Some(openings) = openings {
            openings.check(&statement).map_err(PostError::Openings)?;
            openings.check_salts().map_err(PostError::Openings)?;
            openings
                .check_numbers(&statement)
                .map_err(PostError::Openings)?;
        }
        if let Some(index) = self
            .wait_if_in_flight(&id, place)
            .await?
            .or(shared.logged(&id)?)
        {
            if let Some(openings) = openings {
                self.may_open(index, &statement, openings, terms.disclosure)
                    .await?;
            }
            return Ok(Front::Known(index, statement, Vec::new()));
        }
        shared.may_write()?;
        lines.map_err(PostError::Key)?;
        keys.verify(&statement).map_err(refused_key)?;
        let mut problems = door::check_with(&statement, &shared.config.vocabulary);
        problems.extend(order_beyond_role(&keys, &statement));
        if *statement.body() == Body::Order {
            problems.extend(self.order_problems(&keys, &statement).await?);
        }
        door::admit(&mut problems, terms.accepted);
        if door::refuses(&problems) {
            // All of them, what refuses first: whoever mends a draft mends it once.
            problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
            return Err(PostError::Door(problems));
        }
        if let Some(openings) = openings {
            self.refuse_reused_salts(&statement, openings).await?;
        }
        Ok(Front::New(Admitted {
            statement,
            warnings: problems,
        }))
    }

    /// The index, if the same statement is being written right now and got in.
    async fn wait_if_in_flight(
        &self,
        id: &Hash,
        place: &mut Option<Place>,
    ) -> Result<Option<u64>, PostError> {
        let waiting = self.shared.posts.in_flight().get(id).cloned();
        let Some(mut done) = waiting else {
            return Ok(None);
        };
        // The other post may stand in a line behind one of this line's.
        *place = None;
        let _ = done.wait_for(|done| *done).await;
        Ok(self.shared.logged(id)?)
    }

    async fn queue(
        &self,
        admitted: Admitted,
        openings: Option<&Openings>,
        place: Option<Place>,
    ) -> Result<Posted, PostError> {
        let Admitted {
            statement,
            warnings,
        } = admitted;
        let id = statement.id();
        let (done, waiting) = watch::channel(false);
        let rival = {
            let mut in_flight = self.shared.posts.in_flight();
            match in_flight.get(&id) {
                Some(rival) => Some(rival.clone()),
                None => {
                    in_flight.insert(id, waiting);
                    None
                }
            }
        };
        if let Some(mut rival) = rival {
            // The same statement, verified a moment ago by another post: wait with it.
            drop(place);
            let _ = rival.wait_for(|done| *done).await;
            let index = self.shared.logged(&id)?.ok_or(PostError::Unknown)?;
            if let Some(openings) = openings {
                self.may_open(index, &statement, openings, None).await?;
            }
            return self.known(index, &statement, warnings).await;
        }
        let guard = InFlight {
            shared: self.shared.clone(),
            id,
            done,
        };
        // The rest goes on even if the client hangs up: a post that is in the queue will be answered, and the next one waits with it.
        let (ledger, openings) = (self.clone(), openings.cloned());
        let task = tokio::spawn(async move {
            let _guard = guard;
            ledger.store_openings(&statement, openings.as_ref()).await?;
            let posted = ledger.enqueue(&statement, place).await;
            let refused = !matches!(
                posted,
                Ok(Outcome::Logged { .. } | Outcome::Known | Outcome::Unknown)
            );
            // Personal data must not stay behind for a record that never lands; nor may it be missing for one that is there, or that may be
            // without anybody knowing it yet. Where that cannot be asked, it stays: it is not shown without a record.
            if refused && openings.is_some() && ledger.shared.is_nowhere(&statement.id()) {
                ledger
                    .shared
                    .store
                    .delete(&openings_name(&statement.id()))
                    .await?;
            }
            Ok::<_, PostError>((posted?, statement))
        });
        let (outcome, statement) = task.await.map_err(|_| PostError::Unknown)??;
        match outcome {
            Outcome::Logged { batch, index } => Ok(batch.posted(index, &statement, warnings)),
            Outcome::Known => self.known_by_id(&statement, warnings).await,
            Outcome::ReferenceTaken { id } if id == statement.id() => {
                self.known_by_id(&statement, warnings).await
            }
            Outcome::ReferenceTaken { id } => Err(PostError::ReferenceTaken {
                reference: statement.reference().unwrap_or_default().to_owned(),
                id,
            }),
            // Between the look for duplicates and the plan the same statement may have got in: then it is the head it should follow.
            Outcome::Refused(fault) => match self.shared.logged(&statement.id())? {
                Some(index) => self.known(index, &statement, warnings).await,
                None => Err(PostError::Rule(fault)),
            },
            Outcome::Unknown => Err(PostError::Unknown),
            Outcome::DiskFull => Err(self.shared.disk_full()),
            Outcome::DiskFailed => Err(PostError::DiskFailed),
        }
    }

    async fn enqueue(
        &self,
        statement: &Statement,
        place: Option<Place>,
    ) -> Result<Outcome, PostError> {
        let view = View::open(&self.shared);
        let erased = self.standing(statement).await?;
        let looked_up = LookedUp {
            erased,
            ..self.shared.look_up(statement)?
        };
        let (reply, answer) = oneshot::channel();
        let job = Job {
            statement: statement.clone(),
            looked_up,
            view,
            reply,
        };
        if let Some(place) = &place {
            place.come().await;
        }
        self.queue.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => PostError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => self.shared.not_writing(),
        })?;
        drop(place);
        // The writer answers every job it takes; if it ended instead, nobody knows.
        Ok(answer.await.unwrap_or(Outcome::Unknown))
    }

    async fn known_by_id(
        &self,
        statement: &Statement,
        warnings: Vec<Problem>,
    ) -> Result<Posted, PostError> {
        let index = self
            .shared
            .logged(&statement.id())?
            .ok_or(PostError::Unknown)?;
        self.known(index, statement, warnings).await
    }

    async fn known(
        &self,
        index: u64,
        statement: &Statement,
        warnings: Vec<Problem>,
    ) -> Result<Posted, PostError> {
        // Planned by a commit whose head is not out yet: an answer goes with a receipt, so it waits for that head.
        let (mut head, mut writing) = (
            self.shared.heads.head.subscribe(),
            self.shared.writing.subscribe(),
        );
        tokio::select! {
            biased;
            covered = head.wait_for(|head| index < head.tree.size) => {
                covered.map_err(|_| PostError::Unknown)?;
            }
            _ = writing.wait_for(|writing| matches!(writing, Writing::Stopped { .. })) => {
                return Err(PostError::Unknown);
            }
        }
        let receipt = self.receipt(index).await?;
        let entry = self.entry(index).await?;
        if entry.statement.id() != statement.id() {
            return Err(PostError::Query(QueryError::Unreadable { index }));
        }
        Ok(Posted {
            index,
            id: statement.id(),
            time: entry.header.time,
            new: false,
            receipt,
            witnessed: self.is_witnessed(index),
            warnings,
        })
    }

    /// What stands at the indexes that the statement orders to erase; what is not there has no leaf hash that an order could name.
    async fn standing(&self, statement: &Statement) -> Result<Vec<Standing>, QueryError> {
        let tree = self.head().tree;
        let mut standing = Vec::new();
        for erasure in log_rules::wants(statement).erasures {
            standing.push(standing_at(&self.shared.reader, &tree, erasure.index).await?);
        }
        Ok(standing)
    }
}

/// The door cannot know keys: a publisher gives orders about its own statements only, a supervisor about any.
fn order_beyond_role(keys: &KeyState, statement: &Statement) -> Option<Problem> {
    let order = Order::read(statement).ok()?;
    let key = keys.signer(statement).ok()?;
    if order.may_be_given_by(key) {
        return None;
    }
    let (name, role) = (key.vkey.name(), key.role.as_str());
    Some(Problem {
        code: "order_role",
        severity: Severity::Error,
        pointer: "/about/publisher".to_owned(),
        zh: format!("{name}（{role}）只能就自己的声明下达命令；就他人的声明由监督机构下达"),
        en: format!(
            "{name} ({role}) may give orders about its own statements only; a supervisor gives those about others'"
        ),
    })
}

/// Takes the statement off the list of those being written, and wakes who waits with it.
struct InFlight {
    shared: Arc<Shared>,
    id: Hash,
    done: watch::Sender<bool>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.shared.posts.in_flight().remove(&self.id);
        self.done.send_replace(true);
    }
}

impl Published {
    /// The answer for the record at `index`, computed from what the writer holds: no read.
    fn posted(&self, index: u64, statement: &Statement, warnings: Vec<Problem>) -> Posted {
        let at = usize::try_from(index - self.growth.old.size)
            .expect("a batch has at most 4,096 records");
        let receipt = Receipt {
            index,
            proof: self.growth.prove_inclusion(index),
            checkpoint: self.head.note.clone(),
            entry: self.entries[at].clone(),
            evidence: evidence_of(&self.keys, statement),
        };
        Posted {
            index,
            id: statement.id(),
            time: self.time,
            new: true,
            receipt: receipt.encode(),
            // It carries the head, whose witnesses nobody has waited for.
            witnessed: false,
            warnings,
        }
    }
}

impl Shared {
    /// Where a statement stands among the signed records.
    pub(super) fn logged(&self, id: &Hash) -> Result<Option<u64>, QueryError> {
        let recent = self.posts.recent().statement(id);
        let index = match recent {
            Some(index) => Some(index),
            None => self
                .indexing
                .index
                .statement(id)
                .map_err(|failure| self.damaged(failure))?,
        };
        Ok(index)
    }

    /// Whether a statement is certainly neither in the log nor on its way there.
    fn is_nowhere(&self, id: &Hash) -> bool {
        !self.posts.recent().has(id) && matches!(self.indexing.index.statement(id), Ok(None))
    }

    fn look_up(&self, statement: &Statement) -> Result<LookedUp, QueryError> {
        LookedUp::of(&self.indexing.index, statement).map_err(|failure| self.damaged(failure))
    }

    /// Judges a statement as if it were the next record.
    fn judge_now(&self, statement: &Statement, past: &Past) -> Result<(), PostError> {
        let keys = self.keys().clone();
        let now = self.clock.now()?;
        let log_head = self.head();
        let tip = Tip {
            size: log_head.tree.size,
            link: Hash::ZERO,
            time: log_head.time,
            keys: Some(keys),
        };
        Plan::begin(tip, now)
            .push(statement, past)
            .map_err(|fault| PostError::Rule(Box::new(fault)))?;
        Ok(())
    }

    /// What a post is refused with now, whatever it says.
    pub(super) fn may_write(&self) -> Result<(), PostError> {
        if *self.writing.borrow() != Writing::Yes {
            return Err(self.not_writing());
        }
        let refused = |why, reason, may_pass| {
            Err(PostError::NotWriting {
                why,
                reason,
                may_pass,
            })
        };
        if let Some(reason) = self.cosigning.held.borrow().clone() {
            return refused(Why::Held, reason, false);
        }
        self.clock.now()?;
        let boot_ms = (self.clock.clock)().boot_ms;
        let room = self.disk.room(&self.store, boot_ms);
        if let Some(lacking) = room.and_then(|room| self.lacking(room)) {
            return Err(PostError::DiskFull(lacking));
        }
        if self.posts.recent().len() >= INDEX_LAG_MAX {
            let reason = self.indexing.behind();
            let reason = reason.unwrap_or_else(|| "the query index is catching up".to_owned());
            return refused(Why::IndexBehind, reason, true);
        }
        Ok(())
    }

    fn lacking(&self, room: Room) -> Option<Lacking> {
        let wanted = self.config.free_bytes_min;
        // Inodes first: of a disk that has neither, they are what nobody thinks of.
        match room.inodes {
            Some(free) if free < FREE_INODES_MIN && wanted > 0 => Some(Lacking::Inodes {
                free,
                wanted: FREE_INODES_MIN,
            }),
            _ if room.bytes < wanted => Some(Lacking::Bytes {
                free: room.bytes,
                wanted,
            }),
            _ => None,
        }
    }

    /// A write was refused for want of room: of what?
    pub(super) fn disk_full(&self) -> PostError {
        PostError::DiskFull(self.lacks_now().unwrap_or(Lacking::Unsaid))
    }

    /// What the disk lacks to be written on.
    pub(super) fn lacks_now(&self) -> Option<Lacking> {
        self.store.room().and_then(|room| self.lacking(room))
    }

    fn not_writing(&self) -> PostError {
        let (why, reason, may_pass) = match &*self.writing.borrow() {
            Writing::Yes => (Why::Closing, "the ledger is closing".to_owned(), true),
            // The log is opened again until the disk takes it: of what the disk lacks there is more to say.
            Writing::Waiting {
                why: Why::Store, ..
            } if self.lacks_now().is_some() => return self.disk_full(),
            Writing::Waiting { why, reason } => (*why, reason.clone(), true),
            Writing::Held { reason } => (Why::Held, reason.clone(), false),
            Writing::Stopped { reason } => (Why::Stopped, reason.clone(), false),
        };
        PostError::NotWriting {
            why,
            reason,
            may_pass,
        }
    }
}

fn refused_key(fault: KeyError) -> PostError {
    match fault {
        KeyError::Signature { vkey, text_id } => PostError::Signature {
            text_sha256: text_id,
            key_tried: vkey,
        },
        fault => PostError::Key(fault),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;
    use crate::ledger::tests::{ledger, trade, until};
    use crate::trade::commitment::Opening;

    /// Between the look for duplicates and the plan the same statement may have got in, and its project gone on: the writer refuses it then,
    /// and its openings must stay. Those of a statement that is nowhere must not.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn openings_are_deleted_only_of_what_is_not_logged() {
        let (ledger, centre, _folder) = ledger(true).await;
        let shared = ledger.shared.clone();
        let first = trade(&centre, "P", None);
        let next = trade(&centre, "P", Some(first.id()));
        let nowhere = trade(&centre, "P", Some(Hash::sha256(b"nowhere")));
        for statement in [&first, &next] {
            let note = statement.note().clone();
            ledger.post(note, None, Wait::Signed).await.unwrap();
        }
        let mut openings = Openings::default();
        let opening = Opening {
            salt: std::array::from_fn(|at| u8::try_from(at).unwrap()),
            value: "甲".to_owned(),
        };
        openings.insert("/details/a".to_owned(), opening).unwrap();
        // Known from memory, then from the index alone.
        for index_alone in [false, true] {
            if index_alone {
                until(|| shared.posts.recent().len() == 0).await;
            }
            for (statement, stay) in [(&first, true), (&nowhere, false)] {
                let admitted = Admitted {
                    statement: statement.clone(),
                    warnings: Vec::new(),
                };
                let posted = ledger.queue(admitted, Some(&openings), None).await;
                assert_eq!(posted.is_ok(), stay, "{index_alone}: {posted:?}");
                let name = openings_name(&statement.id());
                let there = shared.store.read(&name, 1 << 20).await.unwrap();
                assert_eq!(there.is_some(), stay, "{index_alone}");
            }
        }
    }
}

//! What the API answers, as JSON. Hashes are lower-case hex, times are UTC with milliseconds, indexes and sizes are below 2^53.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::ledger::{EntryView, Posted};
use crate::tlog::merkle::{Tree, leaf_hash};
use crate::trade::door;
use crate::trade::keys::AdmittedKey;
use crate::trade::orders::Given;

/// A statement that is in the log, with its receipt.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct PostedAnswer {
    /// Leaf index of the record.
    pub index: u64,
    /// Statement id: SHA-256 of the text with its line feed.
    pub id: String,
    /// Time of the record.
    pub time: String,
    /// The receipt, a c2sp.org/tlog-proof@v1 file: keep it.
    pub receipt: String,
    /// Whether the receipt's checkpoint meets the ledger's policy: if it wants witnesses, post with `wait=witnessed` or fetch the receipt later.
    pub witnessed: bool,
    /// What the poster should look at; the statement was logged all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Remark>,
}

/// The answer a post would have got.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct DryRunAnswer {
    /// Always true: nothing was written.
    pub dry_run: bool,
    /// Statement id: SHA-256 of the text with its line feed.
    pub id: String,
    /// Leaf index, if the statement is in the log already.
    pub index: Option<u64>,
    /// What the poster should look at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Remark>,
}

/// Something about a statement, in both languages.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct Remark {
    /// A stable word for programs.
    pub code: String,
    /// JSON pointer of the member.
    pub pointer: String,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// A record: `<index> <link> <time>`, LF, then the note, are its exact bytes.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct Record {
    /// Leaf index.
    pub index: u64,
    /// Leaf hash of the record before; 64 zeros for record 0.
    pub link: String,
    /// When the ledger took it.
    pub time: String,
    /// SHA-256 of a zero byte and the record's bytes.
    pub leaf_hash: String,
    /// Statement id: SHA-256 of the text with its line feed.
    pub id: String,
    /// The exact signed note; `statement` is the same for reading.
    pub note: String,
    /// What the publisher said.
    #[schema(value_type = Object)]
    pub statement: Box<RawValue>,
    /// Where the receipt is.
    pub receipt: String,
    /// Supervisors that countersigned the statement; told where one record is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endorsed_by: Vec<Endorsement>,
}

/// A supervisor's countersignature of a statement: a record of its own, with a receipt of its own.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct Endorsement {
    /// Key name of the supervisor.
    pub supervisor: String,
    /// Leaf index of the `endorse` record.
    pub index: u64,
    /// When the ledger took it.
    pub time: String,
    /// Its statement id.
    pub id: String,
}

/// A record that was erased by order: its leaf hash remains, its words do not.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct ErasedRecord {
    /// Leaf index.
    pub index: u64,
    /// The record of the order.
    pub order: u64,
}

/// A page of records in log order.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct Feed {
    /// Records that the log held when it was asked.
    pub tree_size: u64,
    /// The records.
    pub records: Vec<Record>,
    /// Of the same stretch, those erased by order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<ErasedRecord>,
    /// Of the same stretch, those whose words are withheld by order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<WithheldRecord>,
    /// Ask with `after` set to this for what comes next, now or later. Null: the log is empty.
    pub after: Option<u64>,
}

/// The records of one project.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct Project {
    /// Key name of the publisher.
    pub publisher: String,
    /// The publisher's id of the project.
    pub project: String,
    /// Id of its last statement: the next one `follows` it.
    pub head: String,
    /// How many records of this project there are.
    pub count: u64,
    /// Records of the log that this answer reflects at least.
    pub indexed_size: u64,
    /// A page of the records, in log order.
    pub records: Vec<Record>,
    /// Of the same stretch, those erased by order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<ErasedRecord>,
    /// Of the page, those whose words are withheld by order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<WithheldRecord>,
    /// Ask with `after` set to this for the next page; null if this is the last.
    pub after: Option<u64>,
}

/// Proof that the tree only grew.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct Consistency {
    /// The smaller tree.
    pub old: TreeAnswer,
    /// The larger tree.
    pub new: TreeAnswer,
    /// The proof of RFC 6962 §2.1.2, hashes in base64.
    pub proof: Vec<String>,
}

/// A tree.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct TreeAnswer {
    /// Records.
    pub size: u64,
    /// Root hash in base64, as in a checkpoint.
    pub root_hash: String,
}

/// The keys in force at a tree size.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct Keys {
    /// The ledger's origin.
    pub ledger: String,
    /// Id of the genesis statement, which verifiers pin.
    pub genesis: String,
    /// Id of the newest `genesis` or `key` statement: what the next one follows.
    pub head: Option<String>,
    /// In force for the record at this index.
    pub at: u64,
    /// Authorities that must sign a change of keys.
    pub threshold: u64,
    /// The vkeys of the authorities.
    pub authorities: Vec<String>,
    /// Keys of publishers, supervisors, the operator and the log.
    pub keys: Vec<Key>,
}

/// A key in force.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct Key {
    /// `publisher`, `supervisor`, `operator` or `log`.
    pub role: &'static str,
    /// The key, c2sp.org/signed-note.
    pub vkey: String,
    /// The bearer's name.
    pub name: String,
    /// The bearer's unified social credit code.
    pub uscc: Option<String>,
    /// From when on rules look at the ledger's clock.
    pub live_from: Option<String>,
    /// The record that admitted it.
    pub admitted_at: u64,
}

/// A document that is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct DocumentAnswer {
    /// Its digest.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
}

/// That statements are taken.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct Readiness {
    /// Always true; else the answer is a problem.
    pub writing: bool,
    /// Size of the newest signed tree.
    pub tree_size: u64,
    /// Records that look-ups by project or id reflect.
    pub indexed_size: u64,
    /// What whoever looks after the ledger should know, although it takes statements.
    pub warnings: Vec<Warning>,
}

/// Something that somebody should look after.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct Warning {
    /// A word for programs: `clock`.
    pub code: &'static str,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// An error, RFC 9457. Further members depend on the code; its help page says which.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "described here, written by problem.rs")]
pub(in crate::server) struct ProblemAnswer {
    /// Path of the help page, `/problems/<code>`.
    r#type: String,
    /// What is wrong, in the language of `Accept-Language`.
    title: String,
    /// The HTTP status.
    status: u16,
    /// The stable code.
    code: String,
    /// What is wrong with this very request.
    detail: Option<String>,
    /// To be told to the operator.
    request_id: Option<String>,
}

impl PostedAnswer {
    pub fn of(posted: Posted) -> PostedAnswer {
        PostedAnswer {
            index: posted.index,
            id: posted.id.to_string(),
            time: posted.time.to_string(),
            receipt: posted.receipt,
            witnessed: posted.witnessed,
            warnings: posted.warnings.iter().map(Remark::of).collect(),
        }
    }
}

impl Remark {
    pub fn of(problem: &door::Problem) -> Remark {
        Remark {
            code: problem.code.to_owned(),
            pointer: problem.pointer.clone(),
            zh: problem.zh.clone(),
            en: problem.en.clone(),
        }
    }
}

impl Record {
    pub fn of(view: &EntryView) -> Record {
        let statement = &view.statement;
        let line = statement.text().trim_end_matches('\n').to_owned();
        Record {
            index: view.header.index,
            link: view.header.link.to_string(),
            time: view.header.time.to_string(),
            leaf_hash: leaf_hash(&view.entry).to_string(),
            id: statement.id().to_string(),
            note: String::from_utf8(statement.note().to_vec())
                .expect("Statement::parse() read it as UTF-8"),
            statement: RawValue::from_string(line)
                .expect("our JSON grammar is a part of RFC 8259's"),
            receipt: format!("/api/v1/receipts/{}", view.header.index),
            endorsed_by: Vec::new(),
        }
    }
}

impl TreeAnswer {
    pub fn of(tree: &Tree) -> TreeAnswer {
        TreeAnswer {
            size: tree.size,
            root_hash: tree.root_hash.to_base64(),
        }
    }
}

impl Key {
    pub fn of(key: &AdmittedKey) -> Key {
        Key {
            role: key.role.as_str(),
            vkey: key.vkey.to_string(),
            name: key.name.clone(),
            uscc: key.uscc.clone(),
            live_from: key.live_from.map(|time| time.to_string()),
            admitted_at: key.admitted_at,
        }
    }
}

/// By which order something is not shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::server) struct OrderAnswer {
    /// Leaf index of the order's record.
    pub order: u64,
    /// Its statement id.
    pub order_id: String,
    /// When the ledger took it.
    pub time: String,
    /// `withhold` or `erase`.
    pub act: &'static str,
    /// Key name of the body that gave it.
    pub by: String,
    /// Whether that is a supervisor.
    pub by_supervisor: bool,
    /// Why it is not public: `person`, `privacy`, `trade_secret`, `not_yet`, `security`, `internal`, `credit_repaired`.
    pub class: &'static str,
    /// The legal basis.
    pub basis: String,
    /// The office that approved it.
    pub approver: String,
    /// When it is looked at again.
    pub review_at: Option<String>,
}

impl OrderAnswer {
    pub fn of(given: &Given) -> OrderAnswer {
        OrderAnswer {
            order: given.record,
            order_id: given.id.to_string(),
            time: given.time.to_string(),
            act: given.order.act.as_str(),
            by: given.by.clone(),
            by_supervisor: given.by_supervisor,
            class: given.order.class.as_str(),
            basis: given.order.basis.clone(),
            approver: given.order.approver.clone(),
            review_at: given.order.review_at.map(|time| time.to_string()),
        }
    }
}

/// A record whose words are withheld: header and hash, so that the chain and every proof can be checked without them.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct WithheldRecord {
    /// Leaf index.
    pub index: u64,
    /// Leaf hash of the record before.
    pub link: String,
    /// When the ledger took it.
    pub time: String,
    /// Its leaf hash.
    pub leaf_hash: String,
    /// Its statement id.
    pub id: String,
    /// The order.
    pub withheld: OrderAnswer,
}

impl WithheldRecord {
    pub fn of(view: &EntryView, given: &Given) -> WithheldRecord {
        WithheldRecord {
            index: view.header.index,
            link: view.header.link.to_string(),
            time: view.header.time.to_string(),
            leaf_hash: leaf_hash(&view.entry).to_string(),
            id: view.statement.id().to_string(),
            withheld: OrderAnswer::of(given),
        }
    }
}

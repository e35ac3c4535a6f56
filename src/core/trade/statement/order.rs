//! What an `order` says: withhold, disclose or erase an opening or a document, which live outside the log; or withhold and
//! disclose a whole record, which then stands in the log's files for whoever verifies and is shown nowhere else.
//!
//! Its members are door rules, not log rules: an order in the log that cannot be read here has no effect. What orders come
//! to, one after the other, is in [`crate::trade::orders`].

use super::members::Members;
use super::{Body, Statement, StatementError};
use crate::tlog::merkle::Hash;
use crate::trade::json::POINTER_BYTES_MAX;
use crate::trade::names;
use crate::trade::time::OffsetTime;

use super::authority::REASON_BYTES_MAX;

/// What is to be done with an opening or a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The publisher of the statement it is about.
    pub publisher: String,
    /// The project of that statement.
    pub project: String,
    /// That statement.
    pub statement: Hash,
    /// The opening, the document, or the record.
    pub target: Target,
    /// What is to be done.
    pub act: Act,
    /// Why it is not, or was not, public.
    pub class: OrderClass,
    /// The legal basis, for people.
    pub basis: String,
    /// The body or office that approved it; never a person's name.
    pub approver: String,
    /// When a withholding is looked at again (政府信息公开条例 18); always there in one.
    pub review_at: Option<OffsetTime>,
}

/// What an order acts on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// The opening of the commitment at this JSON pointer.
    Opening(String),
    /// The document with this SHA-256, wherever that publisher names it.
    Document(Hash),
    /// All of the record: shown by no page, no look-up and no export; its entry stays in the log. (To take it out of the log
    /// as well is `erase_entry`, which is for the authorities.)
    Record,
}

/// Why something is not public: the classes of commitments, and those that only an order has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderClass {
    /// A natural person (个人信息保护法 25, 47).
    Person,
    /// Personal privacy (政府信息公开条例 15).
    Privacy,
    /// A trade secret (政府信息公开条例 15).
    TradeSecret,
    /// To be public later.
    NotYet,
    /// National, public or economic security, or social stability (政府信息公开条例 14).
    Security,
    /// Internal matters and those of a procedure under way (政府信息公开条例 16).
    Internal,
    /// A record of bad conduct whose bearer's credit has been repaired (信用修复).
    CreditRepaired,
}

impl OrderClass {
    /// All of them, in the order they are told.
    pub const ALL: [OrderClass; 7] = [
        OrderClass::Person,
        OrderClass::Privacy,
        OrderClass::TradeSecret,
        OrderClass::NotYet,
        OrderClass::Security,
        OrderClass::Internal,
        OrderClass::CreditRepaired,
    ];

    /// Reads the word in a statement.
    #[must_use]
    pub fn parse(word: &str) -> Option<OrderClass> {
        OrderClass::ALL.into_iter().find(|c| c.as_str() == word)
    }

    /// The word in a statement.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            OrderClass::Person => "person",
            OrderClass::Privacy => "privacy",
            OrderClass::TradeSecret => "trade_secret",
            OrderClass::NotYet => "not_yet",
            OrderClass::Security => "security",
            OrderClass::Internal => "internal",
            OrderClass::CreditRepaired => "credit_repaired",
        }
    }

    /// In Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            OrderClass::Person => "自然人信息",
            OrderClass::Privacy => "个人隐私",
            OrderClass::TradeSecret => "商业秘密",
            OrderClass::NotYet => "尚未到公开时间",
            OrderClass::Security => "国家安全、公共安全、经济安全、社会稳定",
            OrderClass::Internal => "内部事务或过程性信息",
            OrderClass::CreditRepaired => "信用已修复",
        }
    }
}

/// What an order does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Not shown from now on; kept.
    Withhold,
    /// Shown again.
    Disclose,
    /// Destroyed, value and salt. There is no way back.
    Erase,
}

/// What readers are told of an opening or a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Showing {
    /// It may be shown.
    #[default]
    Shown,
    /// It is kept and not shown.
    Withheld,
    /// It is destroyed.
    Erased,
}

impl Act {
    /// The word in a statement.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Act::Withhold => "withhold",
            Act::Disclose => "disclose",
            Act::Erase => "erase",
        }
    }

    /// In Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Act::Withhold => "不予公开",
            Act::Disclose => "恢复公开",
            Act::Erase => "清除",
        }
    }
}

impl Showing {
    /// What is told after one more order, in log order. An erasure is final.
    #[must_use]
    pub fn after(self, act: Act) -> Showing {
        match (self, act) {
            (Showing::Erased, _) | (_, Act::Erase) => Showing::Erased,
            (_, Act::Withhold) => Showing::Withheld,
            (_, Act::Disclose) => Showing::Shown,
        }
    }
}

impl Order {
    /// Reads the members of an `order` statement.
    ///
    /// # Errors
    /// [`StatementError`] for a statement of another type, or a member that is missing or not what it should be.
    pub fn read(statement: &Statement) -> Result<Order, StatementError> {
        let value = statement.value();
        let members = Members::outer(&value)?;
        if *statement.body() != Body::Order {
            return Err(members.wrong("type", statement.statement_type(), "\"order\" of v 1"));
        }
        members.only(&[
            "type",
            "v",
            "ledger",
            "publisher",
            "follows",
            "about",
            "act",
            "pointer",
            "document",
            "record",
            "class",
            "basis",
            "approver",
            "review_at",
            "issued",
        ])?;
        let about = members.required_object("about")?;
        let act = match members.text("act")? {
            "withhold" => Act::Withhold,
            "disclose" => Act::Disclose,
            "erase" => Act::Erase,
            found => {
                return Err(members.wrong("act", found, "\"withhold\", \"disclose\" or \"erase\""));
            }
        };
        let words = "\"person\", \"privacy\", \"trade_secret\", \"not_yet\", \"security\", \"internal\" or \"credit_repaired\"";
        let class = members.text("class")?;
        let target = Target::read(&members)?;
        if (act, &target) == (Act::Erase, &Target::Record) {
            return Err(members.wrong(
                "act",
                "erase of a whole record",
                "\"withhold\"; an entry is erased by the authorities with erase_entry in a key statement",
            ));
        }
        Ok(Order {
            publisher: about.named("publisher", names::check_name)?.to_owned(),
            project: about.named("project", names::check_project)?.to_owned(),
            statement: about.hash("statement")?,
            target,
            act,
            class: OrderClass::parse(class).ok_or_else(|| members.wrong("class", class, words))?,
            basis: members
                .words(
                    "basis",
                    REASON_BYTES_MAX,
                    "a legal basis of 1 to 1,024 bytes",
                )?
                .to_owned(),
            approver: members
                .words(
                    "approver",
                    REASON_BYTES_MAX,
                    "an office of 1 to 1,024 bytes",
                )?
                .to_owned(),
            review_at: match act {
                Act::Withhold => Some(members.time("review_at")?),
                Act::Disclose | Act::Erase => members.optional_time("review_at")?,
            },
        })
    }
}

impl Target {
    fn read(members: &Members<'_, '_>) -> Result<Target, StatementError> {
        let one = "one of pointer, document and record";
        match (
            members.get("pointer"),
            members.get("document"),
            members.get("record"),
        ) {
            (Some(_), None, None) => {
                let wanted = "the JSON pointer of a commitment, of at most 1,024 bytes";
                let pointer = members.words("pointer", POINTER_BYTES_MAX, wanted)?;
                if !pointer.starts_with('/') {
                    return Err(members.wrong("pointer", pointer, wanted));
                }
                Ok(Target::Opening(pointer.to_owned()))
            }
            (None, Some(_), None) => Ok(Target::Document(members.hash("document")?)),
            // Said aloud, so that a pointer forgotten never takes a whole record away.
            (None, None, Some(value)) => match value.as_bool() {
                Some(true) => Ok(Target::Record),
                _ => Err(members.wrong("record", value.what(), "true")),
            },
            (None, None, None) => Err(StatementError::Missing {
                pointer: members.pointer("pointer"),
                wanted: "pointer, document with a SHA-256, or record with true",
            }),
            (_, Some(_), _) => Err(members.wrong("document", "beside another", one)),
            (Some(_), None, Some(_)) => Err(members.wrong("record", "beside another", one)),
        }
    }
}

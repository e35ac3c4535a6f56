//! What an `order` says: withhold, disclose or erase an opening or a document, which live outside the log.
//!
//! Its members are door rules, not log rules: an order in the log that cannot be read here has no effect.

use super::members::Members;
use super::{Body, Statement, StatementError};
use crate::tlog::merkle::Hash;
use crate::trade::commitment::{Class, POINTER_BYTES_MAX};
use crate::trade::keys::AdmittedKey;
use crate::trade::names;
use crate::trade::statement::Role;
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
    /// The opening or document.
    pub target: Target,
    /// What is to be done.
    pub act: Act,
    /// Why it is not, or was not, public.
    pub class: Class,
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
    /// The document with this SHA-256.
    Document(Hash),
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
        let words = "\"person\", \"privacy\", \"trade_secret\" or \"not_yet\"";
        let class = members.text("class")?;
        Ok(Order {
            publisher: about.named("publisher", names::check_name)?.to_owned(),
            project: about.named("project", names::check_project)?.to_owned(),
            statement: about.hash("statement")?,
            target: Target::read(&members)?,
            act,
            class: Class::parse(class).ok_or_else(|| members.wrong("class", class, words))?,
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

impl Target {
    fn read(members: &Members<'_, '_>) -> Result<Target, StatementError> {
        match (members.get("pointer"), members.get("document")) {
            (Some(_), None) => {
                let wanted = "the JSON pointer of a commitment, of at most 1,024 bytes";
                let pointer = members.words("pointer", POINTER_BYTES_MAX, wanted)?;
                if !pointer.starts_with('/') {
                    return Err(members.wrong("pointer", pointer, wanted));
                }
                Ok(Target::Opening(pointer.to_owned()))
            }
            (None, Some(_)) => Ok(Target::Document(members.hash("document")?)),
            (Some(_), Some(_)) => {
                Err(members.wrong("document", "beside pointer", "one of pointer and document"))
            }
            (None, None) => Err(StatementError::Missing {
                pointer: members.pointer("pointer"),
                wanted: "pointer, or document with a SHA-256",
            }),
        }
    }
}

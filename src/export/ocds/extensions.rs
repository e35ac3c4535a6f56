//! The extensions of OCDS that exports use, and the sections that belong to them: lots, bids, enquiries, withheld information.
//!
//! Promises: only members of the extensions' schemas; without extensions nothing of theirs is written. What is committed to has no value
//! here, and where it stood, and why it is not shown, is told.

use serde_json::{Map, Value, json};

use crate::export::Source;
use crate::tlog::merkle::Hash;
use crate::trade::commitment;
use crate::trade::json::Value as Json;
use crate::trade::statement::{Act, Order, Target};

/// Name in a local copy, and name and version in the registry, of each extension.
pub const EXTENSIONS: [(&str, &str); 4] = [
    ("lots", "ocds_lots_extension/v1.1.5"),
    ("bids", "ocds_bid_extension/v1.1.5"),
    ("enquiries", "ocds_enquiry_extension/v1.1.5"),
    (
        "withheldInformation",
        "ocds_withheldInformation_extension/master",
    ),
];

/// Where the extensions are published.
const REGISTRY: &str = "https://raw.githubusercontent.com/open-contracting-extensions";

/// Which extensions an export names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Extensions {
    /// At their registry.
    #[default]
    Registry,
    /// At `ADDRESS/<name>/extension.json`: a copy for checkers without a network.
    At(String),
    /// None: the core schema alone.
    None,
}

impl Extensions {
    /// Reads what an operator writes: nothing, `none`, or an address.
    #[must_use]
    pub fn parse(word: &str) -> Option<Extensions> {
        match word {
            "" | "registry" => Some(Extensions::Registry),
            "none" => Some(Extensions::None),
            address if address.starts_with("http://") || address.starts_with("https://") => {
                Some(Extensions::At(address.trim_end_matches('/').to_owned()))
            }
            _ => None,
        }
    }

    /// Whether their members may be written.
    #[must_use]
    pub fn are_used(&self) -> bool {
        *self != Extensions::None
    }

    /// The list for a package.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        EXTENSIONS
            .iter()
            .filter_map(|(own, registered)| match self {
                Extensions::None => None,
                Extensions::Registry => Some(format!("{REGISTRY}/{registered}/extension.json")),
                Extensions::At(address) => Some(format!("{address}/{own}/extension.json")),
            })
            .collect()
    }
}

/// What a statement commits to and does not show, as items of `withheldInformation`.
pub(super) fn committed(source: &Source) -> Vec<Value> {
    let id = source.statement.id().to_string();
    let found = commitment::find(&source.statement.value());
    let told = found.iter().map(|one| {
        let why = "以承诺值登记，其值不在账本中";
        item(&id, &one.pointer, why, one.class.as_str(), None)
    });
    told.collect()
}

/// What an order keeps back or shows again, as a release of the process that it is about.
pub(super) fn ordered(source: &Source) -> Option<(Order, Value)> {
    let order = Order::read(&source.statement).ok()?;
    let pointer = match &order.target {
        Target::Record => String::new(),
        Target::Opening(pointer) => pointer.clone(),
        Target::Document(sha256) => format!("/documents/{sha256}"),
    };
    let until = match order.act {
        // When it was shown again, else when it is looked at again.
        Act::Disclose => Some(source.time.to_string()),
        Act::Withhold => order.review_at.map(|time| time.to_string()),
        Act::Erase => None,
    };
    let told = item(
        &order.statement.to_string(),
        &pointer,
        &order.basis,
        order.class.as_str(),
        until,
    );
    Some((order, told))
}

fn item(statement: &str, pointer: &str, why: &str, class: &str, until: Option<String>) -> Value {
    // One id a field of a record, so that a later order takes the earlier one's place.
    let id = Hash::sha256(format!("{statement}{pointer}").as_bytes()).to_string();
    let mut made = json!({
        "id": id[..24],
        "name": if pointer.is_empty() { "全部内容" } else { pointer },
        "field": format!("{statement}{pointer}"),
        "rationale": why,
        "rationaleClassifications": [{"scheme": "x_mingzhang_class", "id": class}],
    });
    if let Some(until) = until {
        made["availabilityDate"] = json!(until);
    }
    made
}

/// What a 负面清单 declaration says, as items of `withheldInformation`.
pub(super) fn declared(source: &Source) -> Vec<Value> {
    let fields = source.statement.fields();
    let items = fields
        .details()
        .and_then(|details| details.get("items"))
        .and_then(Json::items)
        .unwrap_or_default();
    let id = source.statement.id().to_string();
    let made = items.iter().enumerate().map(|(at, one)| {
        let text = |name: &str| one.get(name).and_then(Json::as_str);
        let until = text("review_on").map(|day| format!("{day}T00:00:00+08:00"));
        let pointer = format!("/details/items/{at}");
        let why = text("basis").unwrap_or_default();
        let class = text("class").unwrap_or_default();
        let mut made = item(&id, &pointer, why, class, until);
        if let Some(what) = text("what") {
            made["name"] = json!(what);
        }
        made
    });
    made.collect()
}

/// Takes away what an empty list would say.
pub(super) fn set_list(section: &mut Map<String, Value>, name: &str, list: Vec<Value>) {
    if !list.is_empty() {
        section.insert(name.to_owned(), list.into());
    }
}

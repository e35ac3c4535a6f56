//! The second view: which stage and information type of the national platform (全国公共资源交易平台) a record is, by its codes.
//!
//! Does not invent a code: a kind for which none is known has an empty list.

use serde_json::{Value, json};

use super::{Left, Reason, Source};
use crate::trade::statement::Body;
use crate::trade::vocabulary;

/// One object a record, in the platform's words where they are known.
#[must_use]
pub fn export(sources: &[Source]) -> (Vec<Value>, Vec<Left>) {
    let (mut notices, mut left) = (Vec::new(), Vec::new());
    for source in sources {
        let fields = source.statement.fields();
        if !matches!(source.statement.body(), Body::Trade(_)) {
            left.push(Left {
                index: source.index,
                id: source.statement.id(),
                reason: Reason::NotTrade,
            });
            continue;
        }
        let kind = fields.kind().and_then(vocabulary::kind);
        let category = fields.category().and_then(vocabulary::category);
        let codes: Vec<Value> = fields
            .codes()
            .iter()
            .map(|code| json!({ "scheme": code.scheme, "value": code.value }))
            .collect();
        notices.push(json!({
            "id": source.statement.id().to_string(),
            "record": source.index,
            "recordTime": source.time.to_string(),
            "title": fields.title(),
            "publishTime": source.statement.issued().map(|time| time.to_string()),
            "transactionSourcesPlatform": source.statement.publisher(),
            "tenderProjectCode": source.statement.project(),
            "regionCode": fields.region(),
            "businessType": category.map(|category| category.zh.clone()),
            "category": fields.category(),
            "informationType": kind.map(|kind| kind.zh.clone()),
            "stage": fields.stage().map(|stage| stage.as_str()),
            "stageCodes": kind.map(|kind| kind.platform_codes.clone()).unwrap_or_default(),
            "codes": codes,
        }));
    }
    (notices, left)
}

//! A redacted document: what is published in its place of an original that is not, linked to it by a commitment.
//!
//! `"redaction_of":{"commitment":"…","class":"…"}` commits to the SHA-256 (64 hex) of the original; `"redacted":[{"where","class"}]` says what
//! is blacked out and why. Whoever is shown the opening can check that an original is the file that was meant; nobody can guess it.

use super::Problems;
use super::values::is_commitment;
use crate::trade::commitment::Class;
use crate::trade::json::Value;

/// Places of one document, at most.
const PLACES_MAX: usize = 256;
/// Words that say where, in bytes.
const WHERE_BYTES_MAX: usize = 512;

/// Checks both members of a document.
pub(super) fn check(document: &Value<'_>, pointer: &str, problems: &mut Problems) {
    let original = document.get("redaction_of");
    if let Some(original) = original
        // The form of a commitment is checked wherever one stands.
        && !is_commitment(original)
    {
        problems.error(
            "redaction_of",
            format!("{pointer}/redaction_of"),
            "redaction_of 应为对原件 SHA-256 的承诺 {commitment, class}，不得写明文摘要",
            "redaction_of is a commitment {commitment, class} to the SHA-256 of the original, never the digest in the clear",
        );
    }
    let redacted = document.get("redacted");
    match (original, redacted) {
        (None, Some(_)) => problems.error(
            "redacted",
            format!("{pointer}/redacted"),
            "有 redacted 而无 redaction_of：须以承诺值指明原件",
            "redacted without redaction_of: say by a commitment of which original",
        ),
        (Some(_), None) => problems.warning(
            "redacted",
            pointer.to_owned(),
            "未写明遮盖了什么：请用 redacted 列出位置和理由",
            "not said what is blacked out: list places and reasons in redacted",
        ),
        (_, Some(places)) => check_places(places, pointer, problems),
        (None, None) => {}
    }
}

/// Whether a commitment at this pointer stands for an original.
pub(super) fn is_place(pointer: &str) -> bool {
    let mut parts = pointer.split('/').skip(1);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    parts.next() == Some("documents")
        && parts.next().is_some_and(is_number)
        && parts.next() == Some("redaction_of")
        && parts.next().is_none()
}

fn check_places(places: &Value<'_>, pointer: &str, problems: &mut Problems) {
    let items = places.items().unwrap_or_default();
    let wrong = if items.is_empty() || items.len() > PLACES_MAX {
        Some(format!("{pointer}/redacted"))
    } else {
        let at = items.iter().position(|place| !says_where(place));
        at.map(|at| format!("{pointer}/redacted/{at}"))
    };
    if let Some(wrong) = wrong {
        problems.error(
            "redacted",
            wrong,
            "redacted 应为 1 至 256 项 {where, class}：where 写明位置，class 为 person、privacy、trade_secret 或 not_yet",
            "redacted has 1 to 256 items {where, class}: where in words, class person, privacy, trade_secret or not_yet",
        );
    }
}

fn says_where(place: &Value<'_>) -> bool {
    let text = |name: &str| place.get(name).and_then(Value::as_str);
    let members = place.members().unwrap_or_default();
    members.len() == 2
        && text("where").is_some_and(|at| (1..=WHERE_BYTES_MAX).contains(&at.len()))
        && text("class").is_some_and(|class| Class::parse(class).is_some())
}

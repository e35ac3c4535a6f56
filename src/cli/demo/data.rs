//! The demo's drafts and documents, which lie in `examples/demo/`. `README.md` there says what they show; `make.py` makes all but the
//! school's. All of it is invented.

/// A file of that folder, as text.
macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("../../../examples/demo/", $name))
    };
}

/// The project whose award the demo verifies.
pub(super) const SCHOOL: &str = "SSJS-2025-0017";

/// Files of drafts, one project each: the file's name, and one draft a line in the order of posting.
pub(super) const PROJECTS: [(&str, &str); 11] = [
    ("construction", file!("construction.jsonl")),
    (
        "construction-terminated",
        file!("construction-terminated.jsonl"),
    ),
    ("gov-procurement", file!("gov-procurement.jsonl")),
    ("land-use-right", file!("land-use-right.jsonl")),
    ("mineral-right", file!("mineral-right.jsonl")),
    ("state-property", file!("state-property.jsonl")),
    ("carbon-emission", file!("carbon-emission.jsonl")),
    ("pollutant-discharge", file!("pollutant-discharge.jsonl")),
    ("medical-drug", file!("medical-drug.jsonl")),
    ("medical-device", file!("medical-device.jsonl")),
    ("forest-right", file!("forest-right.jsonl")),
];

/// What the drafts name by size and SHA-256.
pub(super) const DOCUMENTS: [&str; 24] = [
    file!("tender-notice.txt"),
    file!("award-notice.txt"),
    file!("acceptance-report.txt"),
    file!("documents/SSCG-2025-0042-02.txt"),
    file!("documents/SSCG-2025-0042-07.txt"),
    file!("documents/SSCG-2025-0042-10.txt"),
    file!("documents/SSCQ-2025-03-02.txt"),
    file!("documents/SSCQ-2025-03-05.txt"),
    file!("documents/SSJS-2025-0031-01.txt"),
    file!("documents/SSKQ-2025-01-01.txt"),
    file!("documents/SSKQ-2025-01-04.txt"),
    file!("documents/SSLQ-2025-06-01.txt"),
    file!("documents/SSLQ-2025-06-04.txt"),
    file!("documents/SSPW-2025-02-01.txt"),
    file!("documents/SSPW-2025-02-04.txt"),
    file!("documents/SSQX-2025-04-01.txt"),
    file!("documents/SSQX-2025-04-04.txt"),
    file!("documents/SSQX-2025-04-06.txt"),
    file!("documents/SSTD-2025-07-02.txt"),
    file!("documents/SSTD-2025-07-05.txt"),
    file!("documents/SSTP-2025-01-01.txt"),
    file!("documents/SSTP-2025-01-04.txt"),
    file!("documents/SSYP-2025-05-02.txt"),
    file!("documents/SSYP-2025-05-06.txt"),
];

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use serde_json::Value;

    use super::*;
    use crate::tlog::merkle::Hash;
    use crate::trade::vocabulary::{Stage, Vocabulary};

    fn drafts() -> impl Iterator<Item = Value> {
        PROJECTS
            .iter()
            .flat_map(|(_, drafts)| drafts.lines())
            .map(|line| serde_json::from_str(line).unwrap())
    }

    fn text<'v>(draft: &'v Value, name: &str) -> &'v str {
        draft[name].as_str().unwrap()
    }

    /// 韶山市2017年政务公开工作要点 names these; each has a project from its announcement to its performance.
    #[test]
    fn every_category_of_the_seed_has_a_whole_project() {
        let mut stages: HashMap<(String, String), HashSet<String>> = HashMap::new();
        for draft in drafts() {
            let key = (
                text(&draft, "category").into(),
                text(&draft, "project").into(),
            );
            stages
                .entry(key)
                .or_default()
                .insert(text(&draft, "stage").into());
        }
        for category in [
            "construction",
            "gov-procurement",
            "land-use-right",
            "state-property",
            "carbon-emission",
            "pollutant-discharge",
            "medical-drug",
            "medical-device",
            "forest-right",
            "mineral-right",
        ] {
            assert!(Vocabulary::builtin().category(category).is_some());
            let whole = stages
                .iter()
                .any(|((of, _), stages)| of == category && stages.len() == Stage::ALL.len());
            assert!(whole, "{category}");
        }
        let kinds: HashSet<String> = drafts().map(|d| text(&d, "kind").to_owned()).collect();
        for kind in [
            "change_notice",
            "clarification",
            "objection",
            "objection_reply",
            "termination",
            "contract_change",
            "contract_termination",
        ] {
            assert!(kinds.contains(kind), "{kind}");
        }
    }

    #[test]
    fn drafts_and_documents_name_each_other() {
        let there: HashMap<String, usize> = DOCUMENTS
            .iter()
            .map(|text| (Hash::sha256(text.as_bytes()).to_string(), text.len()))
            .collect();
        let mut named = HashSet::new();
        for draft in drafts() {
            for document in draft["documents"].as_array().unwrap() {
                let digest = text(document, "sha256");
                let size = there.get(digest).copied();
                assert_eq!(size.map(|size| size as u64), document["size"].as_u64());
                named.insert(digest.to_owned());
            }
        }
        assert_eq!(named.len(), DOCUMENTS.len());
    }

    /// The demo's centre says of itself that it went live later: no draft is judged by the day somebody runs the demo.
    #[test]
    fn all_of_it_was_issued_before_the_centre_went_live() {
        let mut references = HashSet::new();
        for draft in drafts() {
            assert!(
                text(&draft, "issued") < super::super::CENTRE.live_from,
                "{draft}"
            );
            assert!(references.insert(text(&draft, "ref").to_owned()), "{draft}");
        }
    }
}

//! An entry can never be taken back, so what a clerk forgets must be safe.

use serde_json::{Value, json};

use super::*;

fn draft(kind: &str, category: &str, title: &str, details: Value) -> Value {
    json!({ "kind": kind, "category": category, "title": title, "details": details })
}

/// What is marked: pointer, class, and whether it is shown.
#[track_caller]
fn check(mut draft: Value, expected: &[(&str, &str, bool)]) -> Value {
    mark(&mut draft, Vocabulary::builtin(), &|_| false).unwrap();
    let found = committed(&draft);
    let mut found: Vec<(&str, &str, bool)> = found
        .iter()
        .map(|one| (one.pointer.as_str(), one.class.as_str(), one.shown))
        .collect();
    found.sort_unstable();
    assert_eq!(found, expected, "{draft}");
    draft
}

const COMPANY: &str = "91430304DEM000110D";

#[test]
fn persons_are_committed_and_shown_one_a_name() {
    let candidate = json!({
        "lot": "1", "rank": 1, "party": {"name": "湘潭甲川建设有限公司（示例）", "uscc": COMPANY},
        "project_manager": "张示例", "project_manager_certificate": "湘示例A-0001",
    });
    check(
        draft(
            "candidate_publicity",
            "construction",
            "公示",
            json!({"candidates": [candidate], "contact_person": "王示例"}),
        ),
        &[
            ("/details/candidates/0/project_manager", "person", true),
            (
                "/details/candidates/0/project_manager_certificate",
                "person",
                true,
            ),
            ("/details/contact_person", "person", true),
        ],
    );
    check(
        draft(
            "award_notice",
            "gov-procurement",
            "公告",
            json!({"experts": ["钱示例", "孙示例"]}),
        ),
        &[
            ("/details/experts/0", "person", true),
            ("/details/experts/1", "person", true),
        ],
    );
}

/// 招标投标法 22, 37: names and number of those invited, and the committee, are secret for a time.
#[test]
fn what_is_secret_for_a_time_is_committed_and_shows_not_even_how_many() {
    let invitees = json!([{"name": "甲公司"}, {"name": "乙公司"}]);
    let made = check(
        draft(
            "invitation",
            "construction",
            "邀请",
            json!({"invitees": invitees}),
        ),
        &[("/details/invitees", "not_yet", false)],
    );
    let value = made["details"]["invitees"]["$commit"]["value"]
        .as_str()
        .unwrap();
    assert_eq!(serde_json::from_str::<Value>(value).unwrap(), invitees);
    check(
        draft(
            "evaluation_report",
            "construction",
            "评标结果",
            json!({"summary": "s", "scores": [{"lot": "1", "party": {"name": "甲", "uscc": COMPANY}, "score": "90.1"}], "committee": ["赵示例", "钱示例"]}),
        ),
        &[
            ("/details/committee/0", "person", false),
            ("/details/committee/1", "person", false),
            ("/details/scores", "not_yet", false),
        ],
    );
    check(
        draft(
            "candidate_publicity",
            "construction",
            "公示",
            json!({"candidates": [{"party": {"name": "甲", "uscc": COMPANY}, "score": "90.1"}]}),
        ),
        &[("/details/candidates/0/score", "not_yet", false)],
    );
}

#[test]
fn parties_and_text_of_disputes_and_penalties_stay_with_the_centre() {
    let subject = json!({"name": "某建设有限公司", "uscc": COMPANY});
    for (kind, party, texts) in [
        ("breach", "subject", &["facts", "penalty"][..]),
        ("supervision_result", "subject", &["facts", "result"]),
        ("complaint_decision", "complainant", &["facts", "decision"]),
        ("complaint_decision", "respondent", &[]),
        ("objection", "author", &["matter"]),
        ("objection_reply", "author", &["reply"]),
    ] {
        let mut details = json!({ party: subject, "number": "韶字1号", "basis": "第七十四条", "outcome": "rejected" });
        for text in texts {
            details[*text] = "内容".into();
        }
        let mut wanted = vec![
            (format!("/details/{party}/name"), "privacy", false),
            (format!("/details/{party}/uscc"), "privacy", false),
        ];
        wanted.extend(
            texts
                .iter()
                .map(|text| (format!("/details/{text}"), "privacy", false)),
        );
        wanted.sort();
        let wanted: Vec<(&str, &str, bool)> = wanted
            .iter()
            .map(|(pointer, class, shown)| (pointer.as_str(), *class, *shown))
            .collect();
        check(draft(kind, "construction", "公告", details), &wanted);
    }
    check(
        draft(
            "contract",
            "construction",
            "合同",
            json!({"text": "合同正文"}),
        ),
        &[("/details/text", "trade_secret", false)],
    );
}

#[test]
fn a_party_that_may_be_a_person_is_committed_where_persons_take_part() {
    for category in [
        "rural-property",
        "forest-right",
        "judicial-disposal",
        "land-use-right",
    ] {
        check(
            draft(
                "award_notice",
                category,
                "成交公示",
                json!({"winner": {"name": "张示例"}, "buyer": {"name": "示例", "uscc": COMPANY}}),
            ),
            &[("/details/winner/name", "person", true)],
        );
        // Whoever has no code may be a person, unless the name is one that only bodies have: safe, and the clerk is told.
        for (name, hidden) in [
            ("示例建材堂", true),
            ("示例合作社", false),
            ("示例县自然资源局", false),
        ] {
            let marks = [("/details/winner/name", "person", true)];
            check(
                draft(
                    "award_notice",
                    category,
                    "成交公示",
                    json!({"winner": {"name": name}}),
                ),
                if hidden { &marks } else { &[] },
            );
        }
    }
    // Elsewhere the name decides.
    check(
        draft(
            "award_notice",
            "gov-procurement",
            "公告",
            json!({"winner": {"name": "欧阳示例"}, "buyer": {"name": "韶山市图书馆"}}),
        ),
        &[("/details/winner/name", "person", true)],
    );
    for buyer in ["三峡大学", "韶山"] {
        check(
            draft(
                "award_notice",
                "gov-procurement",
                "公告",
                json!({"buyer": {"name": buyer}, "winner": {"name": "示例大学"}}),
            ),
            &[],
        );
    }
    // 92: 个体工商户, in every category.
    let code = "92430382DEM0000733";
    check(
        draft(
            "award_notice",
            "gov-procurement",
            "公告",
            json!({"winner": {"name": "韶山市示例五金店", "uscc": code}}),
        ),
        &[
            ("/details/winner/name", "person", true),
            ("/details/winner/uscc", "person", true),
        ],
    );
    let consortium = json!({"name": "甲、乙联合体", "members": [{"name": "甲", "uscc": COMPANY}, {"name": "李示例"}]});
    check(
        draft(
            "award_notice",
            "forest-right",
            "公告",
            json!({"winner": consortium}),
        ),
        &[("/details/winner/members/1/name", "person", true)],
    );
}

#[test]
fn a_title_loses_the_name_and_the_whole_title_is_committed() {
    let made = check(
        draft(
            "award_notice",
            "rural-property",
            "张示例承包地经营权流转成交公示",
            json!({"winner": {"name": "张示例"}}),
        ),
        &[
            ("/details/full_title", "person", true),
            ("/details/winner/name", "person", true),
        ],
    );
    assert_eq!(made["title"], "某自然人承包地经营权流转成交公示");
    assert_eq!(
        made["details"]["full_title"]["$commit"]["value"],
        "张示例承包地经营权流转成交公示"
    );
    let made = check(
        draft(
            "breach",
            "construction",
            "湖南某建设有限公司围标的处罚",
            json!({"subject": {"name": "湖南某建设有限公司"}}),
        ),
        &[
            ("/details/full_title", "privacy", false),
            ("/details/subject/name", "privacy", false),
        ],
    );
    assert_eq!(made["title"], "某单位围标的处罚");
}

#[test]
fn what_is_public_or_committed_already_stays_as_it_is() {
    let details = json!({
        "winner": {"name": "湘潭甲川建设有限公司（示例）", "uscc": COMPANY},
        "project_manager": {"$commit": {"class": "person", "value": "张示例", "shown": false}},
        "experts": [{"commitment": "00", "class": "person"}],
        "price": {"form": "amount", "amount": "1.00", "currency": "CNY"},
        "extra": {"手记": "张示例二"},
    });
    let before = draft("award_notice", "construction", "公告", details);
    let mut after = before.clone();
    // `extra` is the centre's own room, but a name that is committed beside it is looked for there too.
    let told = mark(&mut after, Vocabulary::builtin(), &|_| false).unwrap_err();
    assert!(
        matches!(&told, GuardError::Leak { pointer, .. } if pointer.starts_with("/details/extra/"))
    );
    assert_eq!(
        mark(&mut after, Vocabulary::builtin(), &|code| code == LEAK).unwrap(),
        []
    );
    assert_eq!(after, before);
}

#[test]
fn a_clerk_may_take_a_warning_upon_himself() {
    let text = || {
        draft(
            "objection",
            "construction",
            "异议",
            json!({"matter": "m", "author": {"name": "甲公司"}}),
        )
    };
    let mut plain = text();
    assert_eq!(
        mark(&mut plain, Vocabulary::builtin(), &|code| code
            == "privacy_in_clear")
        .unwrap(),
        []
    );
    assert_eq!(plain, text());
}

#[test]
fn a_citizens_number_is_shown_nowhere() {
    let with = |class: &str, shown: Value| {
        draft(
            "award_notice",
            "construction",
            "公告",
            json!({"project_manager": {"$commit": {"class": class, "value": "证书 11010519491231002X", "shown": shown}}}),
        )
    };
    let words = Vocabulary::builtin();
    assert!(mark(&mut with("person", true.into()), words, &|_| true).is_err());
    assert!(mark(&mut with("person", false.into()), words, &|_| true).is_ok());
    let mut plain = draft(
        "award_notice",
        "construction",
        "公告",
        json!({"project_manager": "11010519491231002X"}),
    );
    let told = mark(&mut plain, words, &|_| false).unwrap_err();
    assert_eq!(
        told,
        GuardError::CitizenNumber {
            pointer: "/details/project_manager".into()
        }
    );
}

#[test]
fn a_name_committed_here_and_written_there_is_told() {
    let mut text = draft(
        "award_notice",
        "forest-right",
        "公告",
        json!({"winner": {"name": "张示例"}, "remark": "竞得人张示例已缴款"}),
    );
    let told = mark(&mut text, Vocabulary::builtin(), &|_| false).unwrap_err();
    assert_eq!(
        told,
        GuardError::Leak {
            pointer: "/details/remark".into(),
            committed: "/details/winner/name".into()
        }
    );
    assert!(told.zh().contains("/details/remark") && told.to_string().contains("/details/remark"));
}

//! What the law asks of the whole ledger, as a portal and a clerk ask for it. Danger: a list that differs from what anybody computes from
//! the log, that forgets a project between two pages, that stands still when a day passes, or that gives withheld words away.

use std::sync::atomic::Ordering;

use mingzhang::rules::Book;
use mingzhang::tlog::checkpoint;
use mingzhang::tlog::merkle::{Hash, check_inclusion};
use mingzhang::trade::statement::{Statement, sign_statement};
use serde_json::{Value, json};

use super::service::{Service, note};
use super::withheld::{Orders, RECORD};
use crate::world::{CENTRE, ORIGIN, World};

const DAY_MS: i64 = 86_400_000;

/// A trade statement with other words in it.
fn with(
    world: &World,
    project: &str,
    follows: Option<&Statement>,
    words: &[(&str, &str)],
) -> Statement {
    let mut text = world.trade_text(project, follows.map(Statement::id).as_ref(), "标题");
    for (from, to) in words {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    sign_statement(&text, &[&world.centre]).unwrap()
}

const SHORT: (&str, &str) = (
    "\"events\":{}",
    "\"events\":{\"documents_from\":\"2026-11-23T09:00:00+08:00\",\"bid_deadline\":\"2026-12-01T09:00:00+08:00\",\"opening\":\"2026-12-01T09:00:00+08:00\"}",
);
/// A letter of award on 2026-11-23: a contract is due by 2026-12-23 (招标投标法 46).
const LETTER: [(&str, &str); 4] = [
    ("\"announcement\"", "\"award\""),
    ("\"tender_notice\"", "\"award_letter\""),
    (
        "\"events\":{}",
        "\"events\":{\"letter_issued\":\"2026-11-23T09:00:00+08:00\"}",
    ),
    (
        "\"details\":{\"buyer\":{\"name\":\"甲局\"},\"qualification\":\"不限\",\"consortium\":false,\"documents_how\":\"平台\",\"bids_how\":\"平台\"}",
        "\"details\":{}",
    ),
];

async fn post(service: &Service, statement: &Statement) -> u64 {
    let answer = service.post(note(statement)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["index"].as_u64().unwrap()
}

/// Everything of a list, page by page.
async fn all(service: &Service, first: &str, list: &str) -> Vec<Value> {
    let (mut path, mut found) = (first.to_owned(), Vec::new());
    loop {
        let answer = service.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        found.extend(answer.json()[list].as_array().unwrap().iter().cloned());
        let next = answer.header("link").strip_prefix('<');
        match next.and_then(|link| link.strip_suffix(">; rel=\"next\"")) {
            Some(next) => path = next.to_owned(),
            None => return found,
        }
    }
}

#[tokio::test]
async fn the_whole_ledger_says_what_each_project_says() {
    let service = Service::new().await;
    let world = &service.world;
    for n in 0..7 {
        let project = format!("P-{n}");
        let first = with(world, &project, None, &[SHORT]);
        post(&service, &first).await;
        if n % 2 == 0 {
            post(&service, &with(world, &project, Some(&first), &LETTER)).await;
        }
    }
    let other = (
        "\"category\":\"construction\"",
        "\"category\":\"gov-procurement\"",
    );
    let size = post(&service, &with(world, "G-1", None, &[SHORT, other])).await + 1;
    service.law.reached(size).await;

    // What every project's own report says, put together.
    let mut wanted = Vec::new();
    for project in ["G-1", "P-0", "P-1", "P-2", "P-3", "P-4", "P-5", "P-6"] {
        let path = format!("/api/v1/projects/{CENTRE}/{project}/report");
        let report = service.get(&path).await.json();
        for finding in report["findings"].as_array().unwrap() {
            let mut one = json!({"publisher": CENTRE, "project": project});
            for name in ["title", "category", "region"] {
                one[name] = report[name].clone();
            }
            one.as_object_mut()
                .unwrap()
                .extend(finding.as_object().unwrap().clone());
            wanted.push(one);
        }
    }
    let is_finding = |one: &&Value| {
        !["done", "due", "suspended", "cannot_tell"].contains(&one["outcome"].as_str().unwrap())
    };
    for limit in [1, 2, 3, 256] {
        let found = all(
            &service,
            &format!("/api/v1/findings?outcome=all&limit={limit}"),
            "findings",
        )
        .await;
        assert_eq!(found, wanted, "{limit}");
        let then = format!("/api/v1/findings?as_of=2026-11-23&outcome=all&limit={limit}");
        assert_eq!(all(&service, &then, "findings").await, wanted, "{limit}");
    }
    let faults: Vec<Value> = wanted.iter().filter(is_finding).cloned().collect();
    assert!(faults.len() >= 7, "{faults:#?}");
    assert_eq!(all(&service, "/api/v1/findings", "findings").await, faults);
    // As of a day before anything was logged there is nothing.
    assert!(
        all(&service, "/api/v1/findings?as_of=2026-11-20", "findings")
            .await
            .is_empty()
    );

    // Each condition takes what it says.
    for (name, value) in [
        ("publisher", CENTRE),
        ("project", "P-3"),
        ("category", "gov-procurement"),
        ("rule", "CN-TB-24"),
        ("stage", "announcement"),
        ("outcome", "too_short"),
        ("outcome", "due"),
        ("region", "430382"),
    ] {
        let found = all(
            &service,
            &format!("/api/v1/findings?{name}={value}&limit=2"),
            "findings",
        )
        .await;
        let from = if name == "outcome" { &wanted } else { &faults };
        let own: Vec<&Value> = from.iter().filter(|one| one[name] == value).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), own, "{name}={value}");
        assert!(!found.is_empty() || name == "category", "{name}={value}");
    }
    assert_eq!(
        all(&service, "/api/v1/findings?region=43", "findings").await,
        faults
    );
    assert!(
        all(&service, "/api/v1/findings?region=44", "findings")
            .await
            .is_empty()
    );

    // The summary counts the same.
    let first = service.get("/api/v1/findings?limit=1").await.json();
    let summary = &first["summary"];
    assert_eq!(summary["findings"], faults.len());
    assert_eq!(summary["projects"], 8);
    let by_rule: u64 = summary["by_rule"]
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!(by_rule, faults.len() as u64);
    assert_eq!(
        (&first["indexed_size"], &first["tree_size"]),
        (&json!(size), &json!(size))
    );
    assert_eq!(first["pack"], "cn-2026.1");

    // And the table has the same rows.
    let csv = service.get("/api/v1/findings?format=csv&limit=256").await;
    assert_eq!(csv.text().lines().count(), faults.len() + 1);
    assert!(csv.text().starts_with("\u{feff}publisher,project,"));
    let statistics = service.get("/api/v1/statistics").await.json();
    let counts = &statistics["statistics"];
    assert_eq!(counts["all"]["projects"], 8);
    assert_eq!(counts["all"]["findings"], faults.len());
    assert_eq!(counts["by_category"]["construction"]["projects"], 7);
    assert_eq!(counts["by_region"]["430382"]["projects"], 8);
    assert!(
        counts["by_stage"]["announcement"]["findings"]
            .as_u64()
            .unwrap()
            >= 7
    );
    assert_eq!(counts["by_rule"]["CN-TB-46"]["outcomes"]["due"], 4);
    assert_eq!(
        counts["by_month"]["2026-12"]["outcomes"]["due"]
            .as_u64()
            .map(|n| n >= 4),
        Some(true)
    );
    let csv = service.get("/api/v1/statistics?format=csv").await;
    assert!(csv.text().contains("\nregion,430382,8,"), "{}", csv.text());
}

#[tokio::test]
async fn what_is_due_becomes_missing_when_its_day_has_passed() {
    let service = Service::new().await;
    let world = &service.world;
    for project in ["P-1", "P-2", "P-3"] {
        post(&service, &with(world, project, None, &LETTER)).await;
    }
    service.law.reached(5).await;
    let due = |days: u32| format!("/api/v1/due?within={days}d&rule=CN-TB-46");
    assert_eq!(service.get(&due(29)).await.json()["count"], 0);
    let told = service.get(&due(30)).await.json();
    assert_eq!(
        (&told["count"], &told["due"][0]["due"]),
        (&json!(3), &json!("2026-12-23"))
    );
    for limit in [1, 2, 3] {
        let found = all(&service, &format!("{}&limit={limit}", due(30)), "due").await;
        let projects: Vec<&str> = found
            .iter()
            .map(|one| one["project"].as_str().unwrap())
            .collect();
        assert_eq!(projects, ["P-1", "P-2", "P-3"], "{limit}");
    }
    let csv = service.get(&format!("{}&format=csv", due(30))).await;
    assert_eq!(csv.text().lines().count(), 4);
    let missing = "/api/v1/findings?rule=CN-TB-46";
    assert_eq!(service.get(missing).await.json()["findings"], json!([]));

    // Nobody posts anything; only the days pass. On the last day it is still due.
    world.clock_ms.fetch_add(30 * DAY_MS, Ordering::SeqCst);
    assert_eq!(service.get(&due(0)).await.json()["count"], 3);
    world.clock_ms.fetch_add(DAY_MS, Ordering::SeqCst);
    assert_eq!(service.get(&due(3_650)).await.json()["count"], 0);
    let found = service.get(missing).await.json();
    assert_eq!(found["summary"]["by_outcome"]["missing"], 3);
    assert_eq!(found["findings"][0]["days"], 1);
    let statistics = service.get("/api/v1/statistics").await.json();
    let counts = &statistics["statistics"]["by_rule"]["CN-TB-46"];
    assert_eq!(
        (
            &counts["disclosed_per_mille"],
            &counts["findings_per_hundred_projects"]
        ),
        (&json!(0), &json!("100.0"))
    );
    // As of a day when it was due, it is due.
    let then = service
        .get("/api/v1/findings?rule=CN-TB-46&outcome=due&as_of=2026-12-01")
        .await
        .json();
    assert_eq!(then["findings"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_withheld_is_judged_and_not_shown_and_what_is_erased_is_not_judged() {
    let service = Service::new().await;
    let world = &service.world;
    let notice = with(world, "P-1", None, &[SHORT, ("标题", "不应公开的标题")]);
    post(&service, &notice).await;
    service.law.reached(3).await;
    let path = "/api/v1/findings?rule=CN-TB-24";
    assert!(service.get(path).await.text().contains("不应公开"));
    let mut centre = Orders {
        signer: &world.centre,
        last: None,
    };
    let order = centre.give(&service, &notice, "withhold", RECORD).await;
    service.law.reached(order + 1).await;
    for path in [path, &format!("/api/v1/projects/{CENTRE}/P-1/report")] {
        let answer = service.get(path).await;
        assert!(!answer.text().contains("不应公开"), "{path}");
        assert_eq!(
            answer.json()["findings"][0]["outcome"],
            "too_short",
            "{path}"
        );
    }

    let leaf = {
        let told = service.get("/api/v1/records/2").await.json();
        told["leaf_hash"].as_str().unwrap().to_owned()
    };
    let keys = Statement::parse(&world.first_notes()[1]).unwrap();
    let change = format!(
        "{{\"op\":\"erase_entry\",\"index\":2,\"leaf_hash\":\"{leaf}\",\"statement\":\"{}\",\"statement_type\":\"trade\",\"publisher\":\"{CENTRE}\",\"project\":\"P-1\",\"basis\":\"示例法院裁定\"}}",
        notice.id()
    );
    let erasure = world.authority_note(&world.key_text(&keys.id(), &change), &[0, 2]);
    let answer = service.post(erasure).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    service.law.reached(order + 2).await;
    assert_eq!(service.get(path).await.json()["findings"], json!([]));
    let statistics = service.get("/api/v1/statistics").await.json();
    assert_eq!(statistics["statistics"]["all"]["findings"], 0);
}

#[tokio::test]
async fn a_new_start_gives_the_same_answers_and_a_province_judges_by_its_own_pack() {
    let service = Service::new().await;
    for project in ["P-1", "P-2"] {
        post(&service, &with(&service.world, project, None, &[SHORT])).await;
    }
    service.law.reached(4).await;
    let before = service.get("/api/v1/findings").await.json();
    let (world, store) = service.stop().await;
    let pack = "version = \"hn.1\"\n[[rule]]\nid = \"CN-TB-24\"\nlaw = \"某省办法\"\narticle = \"9\"\nzh = \"不少于5日\"\nen = \"five days\"\n\
                type = \"min\"\nfrom = \"documents_from\"\nto = \"bid_deadline\"\nlimit = 5\nunit = \"calendar_day\"\nmark = \"V\"\n";
    let service = Service::over(world, store).await;
    service.law.reached(4).await;
    assert_eq!(service.get("/api/v1/findings").await.json(), before);
    let (world, store) = service.stop().await;
    let service = Service::by(world, store, Book::builtin().with_pack(pack).unwrap()).await;
    service.law.reached(4).await;
    let own = service.get("/api/v1/findings?rule=CN-TB-24").await.json();
    assert_eq!(
        (&own["pack"], &own["findings"]),
        (&json!("cn-2026.1+hn.1"), &json!([]))
    );
    let done = service
        .get("/api/v1/findings?rule=CN-TB-24&outcome=done")
        .await
        .json();
    assert!(
        done["findings"][0]["zh"]
            .as_str()
            .unwrap()
            .contains("某省办法")
    );
    let report = service
        .get(&format!("/api/v1/projects/{CENTRE}/P-1/report"))
        .await
        .json();
    assert_eq!(report["pack"], "cn-2026.1+hn.1");
}

#[tokio::test]
async fn a_wrong_question_is_told_what_is_wrong() {
    let mut service = Service::new().await;
    let app = mingzhang::server::router(
        service.ledger.clone(),
        mingzhang::server::Options::default(),
    );
    let with_view = std::mem::replace(&mut service.app, app);
    // An empty list would say that nothing was found; nothing was looked for.
    for path in ["findings", "due", "statistics"] {
        let answer = service.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.problem(), (503, "law-unavailable".into()), "{path}");
    }
    service.app = with_view;
    service.law.reached(2).await;
    for wrong in [
        "findings?outcome=bad",
        "findings?stage=award2",
        "findings?as_of=yesterday",
        "findings?after=x",
        "findings?after=a/b:x",
        "findings?limit=0",
        "findings?limit=257",
        "findings?format=xml",
        "findings?rules=x",
        "due?within=soon",
        "due?within=-1d",
        "due?within=3651d",
        "due?limit=0",
        "statistics?format=xml",
        "statistics?x=1",
    ] {
        let answer = service.get(&format!("/api/v1/{wrong}")).await;
        assert_eq!(answer.problem(), (400, "request-form".into()), "{wrong}");
    }
    let none = service.get("/api/v1/findings?after=a/b:0").await.json();
    assert_eq!(
        (&none["findings"], &none["next"]),
        (&json!([]), &Value::Null)
    );
}

#[tokio::test]
async fn the_history_of_a_project_is_proved_record_by_record() {
    let service = Service::new().await;
    let world = &service.world;
    let first = with(world, "P-1", None, &[("标题", "一号标题")]);
    let amends = format!(
        "\"amends\":{{\"statement\":\"{}\",\"effect\":\"correct\"}},\"documents\":[]",
        first.id()
    );
    let second = with(
        world,
        "P-1",
        Some(&first),
        &[("标题", "二号标题"), ("\"documents\":[]", &amends)],
    );
    for statement in [&first, &second] {
        post(&service, statement).await;
    }
    post(&service, &with(world, "P-2", None, &[])).await;
    let path = format!("/api/v1/projects/{CENTRE}/P-1/history");
    let told = service.get(&path).await.json();
    let vkey = mingzhang::tlog::note::Signer::from_seed(ORIGIN, &world.log)
        .unwrap()
        .vkey()
        .clone();
    let signed = checkpoint::open(
        told["checkpoint"].as_str().unwrap().as_bytes(),
        ORIGIN,
        &[&vkey],
    )
    .unwrap();
    assert_eq!((signed.tree().size, &told["tree_size"]), (5, &json!(5)));
    let mut before = Value::Null;
    for (step, index) in told["steps"].as_array().unwrap().iter().zip([2, 3]) {
        assert_eq!((&step["index"], &step["follows"]), (&json!(index), &before));
        let proof: Vec<Hash> = step["proof"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hash| Hash::from_base64(hash.as_str().unwrap()).unwrap())
            .collect();
        let leaf = Hash::from_hex(step["leaf_hash"].as_str().unwrap()).unwrap();
        check_inclusion(&leaf, index, &signed.tree(), &proof).unwrap();
        before = step["id"].clone();
    }
    assert_eq!(told["head"], before);
    assert_eq!(
        (&told["steps"][0]["status"], &told["steps"][0]["amended_by"]),
        (&json!("corrected"), &json!([3]))
    );
    assert_eq!(
        told["steps"][1]["differences"],
        json!([{"pointer": "/title", "before": "一号标题", "after": "二号标题"}])
    );
    // A withheld record keeps its place and its proof, and neither its words nor their difference are shown.
    let mut centre = Orders {
        signer: &world.centre,
        last: None,
    };
    centre.give(&service, &first, "withhold", RECORD).await;
    let answer = service.get(&path).await;
    assert!(!answer.text().contains("一号标题") && answer.text().contains("二号标题"));
    assert_eq!(answer.json()["steps"][0]["withheld"], true);
    let absent = service
        .get(&format!("/api/v1/projects/{CENTRE}/P-3/history"))
        .await;
    assert_eq!(absent.problem(), (404, "not-found".into()));
}

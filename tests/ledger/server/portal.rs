//! The portal as a reader without scripts sees it: pages, their hooks for scripts, and what must never be in them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mingzhang::search::{self, Search};
use mingzhang::server::{Options, router};
use mingzhang::tlog::policy::Policy;
use mingzhang::trade::statement::{Statement, sign_statement};

use super::service::{Answer, Service, note};
use crate::world::ORIGIN;

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'; \
                   form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page in which nothing is inline.
#[track_caller]
fn check_page(answer: &Answer, status: u16, lang: &str) {
    check_frame(answer, status, lang);
    let html = answer.text();
    for forbidden in [
        " style=",
        "<style",
        " onclick=",
        " onload=",
        "javascript:",
        "http-equiv",
    ] {
        assert!(!html.contains(forbidden), "{forbidden} in the page");
    }
}

/// A page that a browser could read: type, policy, language, and no script but ours. Words of others may be in it.
#[track_caller]
pub fn check_frame(answer: &Answer, status: u16, lang: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("content-security-policy"), CSP);
    let html = answer.text();
    assert!(
        html.starts_with(&format!("<!doctype html>\n<html lang=\"{lang}\">")),
        "{html}"
    );
    for wanted in [
        "<a class=\"skip\" href=\"#",
        "<main id=\"",
        "<h1",
        "<meta name=\"viewport\"",
    ] {
        assert!(html.contains(wanted), "no {wanted}");
    }
    for script in html.split("<script").skip(1) {
        assert!(
            script.starts_with(" type=\"module\" src=\"/portal/js/"),
            "an inline script"
        );
    }
}

/// The service with a search index, and the index.
pub async fn searching() -> (Service, Arc<Search>) {
    let mut service = Service::new().await;
    let index = Arc::new(Search::open(None).unwrap());
    tokio::spawn(search::follow(service.ledger.clone(), index.clone()));
    let options = Options {
        search: Some(index.clone()),
        law: Some(service.law.clone()),
        ..Options::default()
    };
    service.app = router(service.ledger.clone(), options);
    (service, index)
}

/// Until the index has everything; a task of its own feeds it.
pub async fn indexed(service: &Service, index: &Search) {
    let (size, began) = (service.ledger.head().tree.size, Instant::now());
    while index.size() < size {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the index stands still"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn post_all(service: &Service, statements: &[Statement]) {
    for statement in statements {
        assert_eq!(service.post(note(statement)).await.status, 201);
    }
}

fn links(html: &str) -> Vec<String> {
    html.split("href=\"")
        .skip(1)
        .map(|rest| {
            rest.split('"')
                .next()
                .unwrap()
                .replace("&amp;", "&")
                .replace("&#38;", "&")
        })
        .collect()
}

#[tokio::test]
async fn the_front_page_shows_the_latest_the_figures_and_the_ledger() {
    let (service, index) = searching().await;
    let empty = service.get("/").await;
    check_page(&empty, 200, "zh-CN");
    assert!(empty.text().contains("还没有公告"));
    post_all(&service, &service.chain("SS-2026-001", 3)).await;
    indexed(&service, &index).await;
    let page = service.get("/").await;
    check_page(&page, 200, "zh-CN");
    let html = page.text();
    for wanted in [
        "name=\"q\"",
        "name=\"category\"",
        "name=\"stage\"",
        "name=\"kind\"",
        "name=\"region\"",
        "name=\"publisher\"",
        "type=\"date\" name=\"from\"",
        "近三天",
        "SS-2026-001 2",
        "账本运行正常",
        "<a href=\"/entries/4\">",
    ] {
        assert!(html.contains(wanted), "no {wanted}");
    }
    // The newest first, and nothing that is not a notice.
    let at = |text: &str| html.find(text).unwrap();
    assert!(at("SS-2026-001 2") < at("SS-2026-001 0"));
    check_page(&service.get("/en/").await, 200, "en");
    // Without an index the page is there all the same.
    let bare = Service::new().await;
    check_page(&bare.get("/").await, 200, "zh-CN");
}

#[tokio::test]
async fn one_box_understands_every_kind_of_id_and_says_how_it_was_read() {
    let (service, index) = searching().await;
    let chain = service.chain("SS-2026-001", 2);
    post_all(&service, &chain).await;
    indexed(&service, &index).await;
    let id = chain[1].id().to_string();
    for (typed, read_as, found) in [
        ("SS-2026-001", "按编号查找", 2),
        (&id, "按声明编号或文件摘要查找", 1),
        (&id.to_uppercase(), "按声明编号或文件摘要查找", 1),
        ("2", "也是登记序号", 0),
        ("没有这个词", "没有符合全部条件的公告", 0),
    ] {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("q", typed)
            .finish();
        let page = service.get(&format!("/search?{query}")).await;
        check_page(&page, 200, "zh-CN");
        assert!(page.text().contains(read_as), "{typed}: no {read_as}");
        let rows = page.text().matches("<td class=\"title\">").count();
        if found > 0 {
            assert_eq!(rows, found, "{typed}");
        }
        assert!(page.text().contains("索引已编入记录"));
    }
    // What cannot be meant is said, as a page.
    let page = service
        .ask("GET", "/search?region=x", &[("accept", "text/html")], "")
        .await;
    check_page(&page, 400, "zh-CN");
    // Without an index the page says so.
    assert_eq!(
        Service::new().await.get("/search").await.problem(),
        (503, "search-unavailable".into())
    );
}

/// Addresses stay what they are, pages never overlap, and the files hold the very list.
#[tokio::test]
async fn fifty_results_are_a_small_page_and_its_files_are_exactly_its_list() {
    let (service, index) = searching().await;
    let title = "韶山市清溪示例小学教学综合楼工程施工、监理及附属设施一期改造提升项目".repeat(2);
    let mut chain: Vec<Statement> = Vec::new();
    for n in 0..120 {
        let follows = chain.last().map(Statement::id);
        chain.push(service.world.trade(
            "SS-2026-001",
            follows.as_ref(),
            &format!("{title}（{n}）"),
        ));
    }
    let notes: Vec<String> = chain
        .iter()
        .map(|one| serde_json::json!({"note": String::from_utf8(note(one)).unwrap()}).to_string())
        .collect();
    let posted = service
        .ask(
            "POST",
            "/api/v1/statements/batch",
            &[("content-type", "application/x-ndjson")],
            notes.join("\n") + "\n",
        )
        .await;
    assert_eq!(posted.status, 200, "{}", posted.text());
    indexed(&service, &index).await;

    let mut path = "/search?category=construction&region=43".to_owned();
    let mut seen: Vec<u64> = Vec::new();
    for rows in [50, 50, 20] {
        let page = service.get(&path).await;
        check_page(&page, 200, "zh-CN");
        assert!(page.body.len() < 100_000, "{} bytes", page.body.len());
        let links = links(page.text());
        let listed: Vec<u64> = page
            .text()
            .split("<td class=\"title\"><a href=\"/entries/")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(listed.len(), rows);
        let file = |format: &str| {
            links
                .iter()
                .find(|link| link.contains(&format!("format={format}")))
                .unwrap()
                .clone()
        };
        let json = service.get(&file("json")).await.json();
        let in_json: Vec<u64> = json["hits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| hit["index"].as_u64().unwrap())
            .collect();
        assert_eq!(in_json, listed);
        let csv = service.get(&file("csv")).await;
        let in_csv: Vec<u64> = csv
            .text()
            .lines()
            .skip(1)
            .map(|row| row.split(',').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(in_csv, listed);
        seen.extend(listed);
        match links
            .iter()
            .find(|link| link.starts_with("/search") && link.contains("before="))
        {
            Some(next) => path.clone_from(next),
            None => assert_eq!(seen.len(), 120),
        }
    }
    assert!(seen.is_sorted_by(|a, b| a > b));
}

#[tokio::test]
async fn a_record_has_a_page_in_both_languages_with_what_scripts_need() {
    let service = Service::new().await;
    let statement = &service.chain("SS-2026-001", 1)[0];
    let posted = service.post(note(statement)).await.json();
    let index = posted["index"].as_u64().unwrap();
    let id = statement.id().to_string();

    let page = service.get(&format!("/entries/{index}")).await;
    check_page(&page, 200, "zh-CN");
    let html = page.text();
    let hook = format!(
        "data-index=\"{index}\" data-receipt=\"/api/v1/receipts/{index}\" data-policy=\"/policy\" data-ledger=\"/\" data-lang=\"zh-CN\""
    );
    for wanted in [
        hook.as_str(),
        "<section id=\"verify-here\"",
        "<script type=\"module\" src=\"/portal/js/entry.js\"></script>",
        id.as_str(),
        "SS-2026-001",
        "openssl pkeyutl -verify",
        "<svg class=\"qr\"",
        "未见更正",
    ] {
        assert!(html.contains(wanted), "no {wanted}");
    }
    let english = service.get(&format!("/en/entries/{index}")).await;
    check_page(&english, 200, "en");
    assert!(english.text().contains("Verify here") && english.text().contains("data-lang=\"en\""));

    // What a printed code names is compared: another statement under this number is not shown as if it were that one.
    check_page(
        &service.get(&format!("/entries/{index}?id={id}")).await,
        200,
        "zh-CN",
    );
    let other = service
        .get(&format!("/entries/{index}?id={}", "0".repeat(64)))
        .await;
    check_page(&other, 404, "zh-CN");
    assert!(other.text().contains("链接与账本不符") && other.text().contains(&id));
    // Genesis and key records have pages too.
    for record in [0, 1] {
        check_page(
            &service.get(&format!("/entries/{record}")).await,
            200,
            "zh-CN",
        );
    }
}

#[tokio::test]
async fn the_check_page_has_what_scripts_need_and_commands_for_those_without() {
    let service = Service::new().await;
    let page = service.get("/check").await;
    check_page(&page, 200, "zh-CN");
    for wanted in [
        "<main id=\"check\" tabindex=\"-1\" data-policy=\"/policy\" data-ledger=\"/\"",
        "<script type=\"module\" src=\"/portal/js/check.js\"></script>",
        "<noscript>",
        "mingzhang verify N.tlog-proof --policy policy",
    ] {
        assert!(page.text().contains(wanted), "no {wanted}");
    }
    check_page(&service.get("/en/check").await, 200, "en");
}

#[tokio::test]
async fn style_scripts_and_policy_are_served_with_their_types_and_may_be_kept() {
    let service = Service::new().await;
    let page = service.get("/check").await;
    let style = page
        .text()
        .split("rel=\"stylesheet\" href=\"")
        .nth(1)
        .unwrap();
    let style = service.get(style.split('"').next().unwrap()).await;
    assert_eq!(
        (style.status, style.header("content-type")),
        (200, "text/css; charset=utf-8")
    );
    assert_eq!(
        style.header("cache-control"),
        "public, max-age=31536000, immutable"
    );

    let script = service.get("/portal/js/proof.js").await;
    assert_eq!(
        script.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    // A worker obeys the policy of its own script: the sandbox of other answers would stop it.
    assert_eq!(script.header("content-security-policy"), CSP);
    let again = service
        .ask(
            "GET",
            "/portal/js/proof.js",
            &[("if-none-match", script.header("etag"))],
            "",
        )
        .await;
    assert_eq!(again.status, 304);
    for path in [
        "/portal/js/nothing.js",
        "/portal/js/..%2fportal.css",
        "/portal/secret",
        "/portal/js/%2e%2e/mod.rs",
    ] {
        assert_eq!(service.get(path).await.status, 404, "{path}");
    }
    assert_eq!(
        service.get("/favicon.svg").await.header("content-type"),
        "image/svg+xml"
    );
    assert!(
        service
            .get("/robots.txt")
            .await
            .text()
            .starts_with("User-agent: *")
    );

    let policy = service.get("/policy").await;
    assert_eq!(policy.header("content-type"), "text/plain; charset=utf-8");
    let policy = Policy::parse(&policy.body).unwrap();
    assert_eq!(policy.genesis(), Some(service.world.genesis_id));
    assert_eq!(policy.logs()[0].vkey.name(), ORIGIN);
}

/// The same refusal is a page for a browser and a problem for a program.
#[tokio::test]
async fn a_browser_reads_refusals_as_pages_and_a_program_as_problems() {
    let service = Service::new().await;
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    for (path, status, lang) in [
        ("/entries/99", 404, "zh-CN"),
        ("/en/entries/99", 404, "en"),
        ("/nowhere", 404, "zh-CN"),
        ("/entries/007", 400, "zh-CN"),
        ("/api/v1/records/99", 404, "zh-CN"),
    ] {
        let page = service.ask("GET", path, &browser, "").await;
        check_page(&page, status, lang);
        assert!(page.text().contains(page.header("x-request-id")));
        assert_eq!(service.get(path).await.problem().0, status, "{path}");
    }
    let hostile = service
        .ask("GET", "/%3Cscript%3Ealert(1)%3C/script%3E", &browser, "")
        .await;
    check_page(&hostile, 404, "zh-CN");
    let head = service.ask("HEAD", "/entries/99", &browser, "").await;
    assert_eq!((head.status, head.body.len()), (404, 0));
    // Writing is for programs, whatever they say they accept.
    let posted = service
        .ask("POST", "/api/v1/statements", &browser, "x")
        .await;
    assert_eq!(posted.problem().0, 400);
}

#[tokio::test]
async fn the_ledger_page_tells_checkpoint_keys_and_timeliness() {
    let service = Service::new().await;
    post_all(&service, &service.chain("SS-2026-001", 1)).await;
    service.law.reached(service.ledger.head().tree.size).await;
    for (path, lang) in [("/ledger", "zh-CN"), ("/en/ledger", "en")] {
        let page = service.get(path).await;
        check_page(&page, 200, lang);
        for wanted in [
            service.world.genesis_id.to_string().as_str(),
            "quorum none",
            "/api/v1/statistics",
            "centre.example+",
            "— ledger.example/test ",
        ] {
            assert!(page.text().contains(wanted), "{path}: no {wanted}");
        }
    }
    let list = service.get("/withheld").await;
    check_page(&list, 200, "zh-CN");
    assert!(list.text().contains("共 0 条"));
}

#[tokio::test]
async fn a_feed_has_the_records_of_a_search_and_is_well_formed() {
    let (service, index) = searching().await;
    let chain = service.chain("SS-2026-001", 3);
    post_all(&service, &chain).await;
    indexed(&service, &index).await;
    let feed = service
        .get("/feed.atom?category=construction&limit=2")
        .await;
    assert_eq!(
        (feed.status, feed.header("content-type")),
        (200, "application/atom+xml; charset=utf-8")
    );
    let xml = feed.text();
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\""), "{xml}");
    assert_eq!(xml.matches("<entry>").count(), 2);
    for wanted in [
        "<link rel=\"self\"",
        "<link rel=\"next\"",
        "SS-2026-001 2",
        "before=3",
        "<author><name>",
    ] {
        assert!(xml.contains(wanted), "no {wanted}: {xml}");
    }
    // What is open is closed, in order.
    let mut open: Vec<&str> = Vec::new();
    for tag in xml
        .split('<')
        .skip(2)
        .map(|rest| rest.split('>').next().unwrap())
    {
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
    }
    assert!(open.is_empty());
    assert_eq!(service.get("/feed.atom?kinds=x").await.problem().0, 400);
}

#[tokio::test]
async fn a_project_is_one_page_with_its_stages_amendments_parties_and_findings() {
    let service = Service::new().await;
    let first = service
        .world
        .trade("SS-2026-001", None, "韶山市示例项目招标公告");
    let amended = {
        let text =
            service
                .world
                .trade_text("SS-2026-001", Some(&first.id()), "韶山市示例项目更正公告");
        let amends = format!(
            "\"amends\":{{\"statement\":\"{}\",\"effect\":\"correct\"}},\"codes\"",
            first.id()
        );
        let text = text
            .replacen("\"codes\"", &amends, 1)
            .replace("不限", "具备二级资质");
        sign_statement(&text, &[&service.world.centre]).unwrap()
    };
    post_all(&service, &[first, amended]).await;
    service.law.reached(service.ledger.head().tree.size).await;
    for (path, lang) in [
        ("/projects/centre.example/SS-2026-001", "zh-CN"),
        ("/en/projects/centre.example/SS-2026-001", "en"),
    ] {
        let page = service.get(path).await;
        check_page(&page, 200, lang);
        let html = page.text();
        assert_eq!(html.matches("id=\"stage-").count(), 5, "{path}");
        for wanted in [
            "<ol class=\"progress\">",
            "韶山市示例项目招标公告",
            "href=\"/project-files/centre.example/SS-2026-001\"",
            "甲局",
            // What was corrected, before and after.
            "<del><bdi>不限</bdi></del>",
            "<ins><bdi>具备二级资质</bdi></ins>",
        ] {
            assert!(html.contains(wanted), "{path}: no {wanted}");
        }
    }
    // The corrected record says so itself.
    let entry = service.get("/entries/2").await;
    assert!(
        entry.text().contains("本条之后有更正") && entry.text().contains("href=\"/entries/3\"")
    );
    for absent in [
        "/projects/centre.example/NO-1",
        "/projects/x",
        "/project-files/centre.example/NO-1",
    ] {
        assert_eq!(
            service.get(absent).await.problem(),
            (404, "not-found".into()),
            "{absent}"
        );
    }
}

/// The file is what a stranger keeps: it must verify with nothing but itself.
#[tokio::test]
async fn the_whole_file_of_a_project_verifies_offline_and_has_its_documents() {
    use std::io::Read;

    use mingzhang::tlog::merkle::Hash;

    let service = Service::new().await;
    let bytes = b"the notice as it was published";
    let digest = Hash::sha256(bytes);
    let text = service
        .world
        .trade_text("SS-2026-001", None, "韶山市示例项目招标公告");
    let named = format!(
        "\"documents\":[{{\"name\":\"../../=公告.pdf\",\"media_type\":\"application/pdf\",\"size\":{},\"sha256\":\"{digest}\"}}]",
        bytes.len()
    );
    let statement = sign_statement(
        &text.replace("\"documents\":[]", &named),
        &[&service.world.centre],
    )
    .unwrap();
    post_all(&service, std::slice::from_ref(&statement)).await;
    service
        .ledger
        .index_reached(service.ledger.head().tree.size)
        .await;
    let stored = service
        .ask(
            "PUT",
            &format!("/api/v1/documents/{digest}"),
            &[],
            bytes.to_vec(),
        )
        .await;
    assert_eq!(stored.status, 201, "{}", stored.text());

    let answer = service
        .get("/project-files/centre.example/SS-2026-001")
        .await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/zip")
    );
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"SS-2026-001.zip\""
    );
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(answer.body)).unwrap();
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| !name.contains("..") && !name.starts_with('/')),
        "{names:?}"
    );
    let mut file = |name: &str| {
        let mut bytes = Vec::new();
        archive
            .by_name(name)
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    };
    let policy = Policy::parse(&file("policy")).unwrap();
    let verified = mingzhang::verify::verify(&file("records/2.tlog-proof"), &[policy]).unwrap();
    assert_eq!(verified.statement().id(), statement.id());
    assert_eq!(file(&format!("documents/{digest}")), bytes);
    let list = String::from_utf8(file("list.csv")).unwrap();
    assert!(
        list.contains("../../=公告.pdf") && list.contains(&statement.id().to_string()),
        "{list}"
    );
    let readme = String::from_utf8(file("README.txt")).unwrap();
    assert!(readme.contains("离线核对") && readme.contains("checked offline"));
    assert!(
        String::from_utf8(file("SHA256SUMS"))
            .unwrap()
            .starts_with(&digest.to_string())
    );
}

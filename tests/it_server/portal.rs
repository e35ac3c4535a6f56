//! The portal as a reader without scripts sees it: pages, their hooks for scripts, and what must never be in them.

use mingzhang::tlog::policy::Policy;

use crate::service::{Answer, Service, note};
use crate::world::ORIGIN;

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'; \
                   form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page that a browser could read: type, policy, language, and nothing inline.
#[track_caller]
fn check_page(answer: &Answer, status: u16, lang: &str) {
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
    for script in html.split("<script").skip(1) {
        assert!(
            script.starts_with(" type=\"module\" src=\"/portal/js/"),
            "an inline script"
        );
    }
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
        "data-index=\"{index}\" data-receipt=\"/api/v1/receipts/{index}\" data-policy=\"/policy\" data-lang=\"zh-CN\""
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

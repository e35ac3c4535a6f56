//! The ledger below a path of a proxy that takes the path off: links are followed from page to page as a browser resolves them, and none leaves.

use std::collections::{BTreeSet, VecDeque};

use super::portal::{indexed, searching};
use super::service::{Answer, Service, note};

const PREFIX: &str = "/trade/ledger";

/// What the proxy asks for `path` of the host, which must be below the prefix.
async fn ask(service: &Service, method: &str, path: &str, body: Vec<u8>) -> Answer {
    let below = path.strip_prefix(PREFIX);
    let below = below.unwrap_or_else(|| panic!("{path} leaves {PREFIX}"));
    let headers = [
        ("accept", "text/html, */*;q=0.8"),
        ("host", "city.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-prefix", PREFIX),
    ];
    service.ask_as_sent(method, below, &headers, body).await
}

/// The path and query that `link` leads to from `page`: RFC 3986, section 5.2, for links without scheme and host.
fn resolved(page: &str, link: &str) -> String {
    let (path, query) = match link.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (link, String::new()),
    };
    let page = page.split('?').next().unwrap();
    if path.is_empty() {
        return format!("{page}{query}");
    }
    if path.starts_with('/') {
        return link.to_owned();
    }
    let mut folders: Vec<&str> = page.split('/').collect();
    folders.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => assert!(folders.pop().is_some(), "{link} of {page}"),
            part => {
                folders.push(part);
                continue;
            }
        }
    }
    let is_folder = matches!(path.rsplit('/').next(), Some("." | ".."));
    let end = if is_folder { "/" } else { "" };
    format!("{}{end}{query}", folders.join("/"))
}

/// Values of attributes that are links of this server.
fn links(html: &str) -> Vec<String> {
    let attributes = [" href=\"", " src=\"", " action=\"", " data-receipt=\""];
    let attributes =
        attributes
            .into_iter()
            .chain([" data-policy=\"", " data-ledger=\"", " data-worker=\""]);
    attributes
        .flat_map(|attribute| html.split(attribute).skip(1))
        .map(|rest| rest.split('"').next().unwrap())
        .map(|link| link.replace("&amp;", "&").replace("&#38;", "&"))
        .map(|link| link.split('#').next().unwrap().to_owned())
        .filter(|link| !link.is_empty() && !link.contains(':'))
        .collect()
}

#[tokio::test]
async fn no_link_of_the_portal_leaves_the_prefix_and_each_leads_somewhere() {
    let (service, index) = searching().await;
    for statement in service.chain("P-1", 3) {
        let path = format!("{PREFIX}/api/v1/statements");
        let answer = ask(&service, "POST", &path, note(&statement)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let made = resolved(&path, answer.header("location"));
        let made = ask(&service, "GET", &made, vec![]).await;
        assert_eq!(made.status, 200);
    }
    indexed(&service, &index).await;

    let mut queue = VecDeque::from([format!("{PREFIX}/"), format!("{PREFIX}/en/")]);
    let (mut seen, mut pages) = (BTreeSet::from_iter(queue.clone()), 0);
    while let Some(path) = queue.pop_front() {
        let answer = ask(&service, "GET", &path, vec![]).await;
        // Without a witness there may be no checkpoint for a moment.
        let may_fail = path.ends_with("/checkpoint");
        assert!(answer.status == 200 || may_fail, "{path}");
        let is_page = answer.header("content-type").starts_with("text/html");
        if !is_page || pages >= 60 {
            continue;
        }
        pages += 1;
        for link in links(answer.text()) {
            let to = resolved(&path, &link);
            if seen.insert(to.clone()) {
                queue.push_back(to);
            }
        }
    }
    for met in [
        "/entries/2",
        "/en/entries/2",
        "/check",
        "/policy",
        "/api/v1/receipts/2",
        "/portal/js/hash-worker.js",
    ] {
        assert!(seen.contains(&format!("{PREFIX}{met}")), "{met}: {seen:?}");
    }
    assert!(pages > 15, "{pages}");
}

#[tokio::test]
async fn pages_of_a_list_stay_below_the_prefix() {
    let (service, index) = searching().await;
    for statement in service.chain("P-1", 3) {
        assert_eq!(service.post(note(&statement)).await.status, 201);
    }
    indexed(&service, &index).await;
    for path in ["search?limit=1", "records?after=1&limit=1"] {
        let path = format!("{PREFIX}/api/v1/{path}");
        let first = ask(&service, "GET", &path, vec![]).await;
        let link = first.header("link");
        let link = link.strip_prefix('<').and_then(|link| link.split_once('>'));
        let (next, _) = link.unwrap_or_else(|| panic!("{path} has no next page"));
        let second = ask(&service, "GET", &resolved(&path, next), vec![]).await;
        assert_eq!(second.status, 200, "{next}");
        assert_ne!(second.body, first.body, "{next}");
    }
}

#[tokio::test]
async fn what_a_reader_typed_is_no_link() {
    let (service, _) = searching().await;
    for typed in ["/x", "//x"] {
        let path = format!("{PREFIX}/search?q={typed}");
        let page = ask(&service, "GET", &path, vec![]).await;
        let kept = format!("value=\"{typed}\"");
        assert!(page.text().contains(&kept), "no {kept}: {}", page.text());
    }
}

/// What is printed says the whole address, with a prefix that is one.
#[tokio::test]
async fn a_printed_address_has_the_prefix_that_the_proxy_names() {
    let service = Service::new().await;
    #[track_caller]
    fn check(answer: &Answer, wanted: &str) {
        let html = answer.text();
        assert!(html.contains(wanted), "no {wanted}: {html}");
    }
    for (prefix, wanted) in [
        ("/trade/ledger", "https://city.example/trade/ledger/"),
        ("/trade/ledger/", "https://city.example/trade/ledger/"),
        ("", "https://city.example/"),
        ("/", "https://city.example/"),
        ("trade", "https://city.example/"),
        ("/../trade", "https://city.example/"),
        ("//evil.example", "https://city.example/"),
        ("/a\"onload=", "https://city.example/"),
    ] {
        let headers = [
            ("accept", "text/html"),
            ("host", "city.example"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-prefix", prefix),
        ];
        let answer = service.ask_as_sent("GET", "/entries/1", &headers, "").await;
        check(&answer, &format!("{wanted}entries/1"));
    }
}

/// Danger: every browser asks for gzip, and a page whose links are made after it was compressed is read by none.
#[tokio::test]
async fn a_page_is_compressed_after_its_links_were_made() {
    let service = Service::new().await;
    let headers = [("accept", "text/html"), ("accept-encoding", "gzip")];
    let page = service.ask_as_sent("GET", "/check", &headers, vec![]).await;
    assert_eq!(page.header("content-encoding"), "gzip");
    assert_eq!(page.body[..3], [0x1f, 0x8b, 8], "RFC 1952 §2.3.1");
    let plain = ask(&service, "GET", &format!("{PREFIX}/check"), vec![]).await;
    assert!(plain.text().contains("href=\"./search\""));
}

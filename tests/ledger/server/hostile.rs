//! Publisher text is hostile until escaped. Each text of `tests/vectors/hostile.json` is published as title, name, place, code, document
//! and unknown member, then every view is read as a browser would: the tags and addresses in it must be ours alone.
//! Danger: a notice that runs in the reader's browser and tells him that it verified.

use serde_json::{Value, json};

use super::portal::{check_frame, indexed, searching};
use super::service::{Service, note};
use crate::world::{CENTRE, ORIGIN};
use mingzhang::trade::statement::sign_statement;

/// Every element that our templates use.
const ELEMENTS: &str = " html head meta title link script body a header div img span strong small nav main footer p code h1 h2 h3 form label \
    input button fieldset legend select option optgroup section table thead tbody tr th td time bdi br ol li pre svg rect path g text noscript \
    aside article caption details summary del ins figure figcaption ";
/// Every attribute.
const ATTRIBUTES: &str = " lang charset name content rel href type hreflang class src width height alt aria-label aria-current action method role for id \
    value maxlength placeholder autocomplete scope data-label datetime colspan tabindex title viewbox d x y aria-labelledby aria-hidden selected \
    data-index data-receipt data-policy data-lang data-id data-seen data-step data-ledger download pattern size spellcheck required \
    preserveaspectratio text-anchor label ";

fn texts() -> Vec<(String, String)> {
    let vectors: Value = serde_json::from_str(include_str!("../../vectors/hostile.json")).unwrap();
    let texts = vectors["texts"].as_array().unwrap();
    assert!(texts.len() > 30);
    let text = |one: &Value| {
        let times = one["times"].as_u64().unwrap_or(1);
        one["text"]
            .as_str()
            .unwrap()
            .repeat(usize::try_from(times).unwrap())
    };
    texts
        .iter()
        .map(|one| (one["name"].as_str().unwrap().to_owned(), text(one)))
        .collect()
}

/// Reads the tags of a page: names and attributes are ours, addresses stay here, nothing unseen is in it.
#[track_caller]
fn check_tags(html: &str, what: &str) {
    for unseen in html.chars() {
        let n = u32::from(unseen);
        let bad = matches!(n, 0..=8 | 11..=31 | 0x7f..=0x9f | 0x61c | 0x200b..=0x200f | 0x2028..=0x202e | 0x2066..=0x2069 | 0xfeff | 0xe0000..=0xe007f);
        assert!(!bad, "{what}: U+{n:04X} in the page");
    }
    for tag in html.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        if tag.starts_with("!doctype") {
            continue;
        }
        let name = tag
            .trim_start_matches('/')
            .split([' ', '/', '\n'])
            .next()
            .unwrap()
            .to_lowercase();
        assert!(ELEMENTS.contains(&format!(" {name} ")), "{what}: <{tag}>");
        let mut rest = tag.trim_start_matches('/')[name.len()..]
            .trim_end_matches('/')
            .trim();
        while !rest.is_empty() {
            let end = rest.find(['=', ' ']).unwrap_or(rest.len());
            let attribute = rest[..end].to_lowercase();
            assert!(
                ATTRIBUTES.contains(&format!(" {attribute} ")),
                "{what}: {attribute} in <{tag}>"
            );
            rest = rest[end..].trim_start();
            let Some(quoted) = rest.strip_prefix("=\"") else {
                continue;
            };
            let end = quoted
                .find('"')
                .unwrap_or_else(|| panic!("{what}: an open attribute in <{tag}>"));
            let value = &quoted[..end];
            if matches!(attribute.as_str(), "href" | "src" | "action") {
                let is_ours =
                    value.starts_with('/') && !value.starts_with("//") || value.starts_with('#');
                assert!(is_ours, "{what}: {attribute}={value}");
            }
            rest = quoted[end + 1..].trim_start();
        }
    }
}

fn hostile_statement(service: &Service, project: &str, text: &str) -> Option<Vec<u8>> {
    let digest = "ab".repeat(32);
    let is_short = text.len() < 400;
    let short = if is_short { text } else { "普通标题" };
    let statement = json!({
        "type": "trade", "v": 1, "ledger": ORIGIN, "publisher": CENTRE, "project": project, "follows": null,
        "codes": [{"scheme": short, "value": short}], "stage": "announcement", "kind": "tender_notice", "category": "construction",
        "title": short, "region": "430382", "issued": "2026-11-23T09:00:00+08:00",
        "documents": [{"name": short, "media_type": "text/plain", "size": 1, "sha256": digest}], "events": {},
        "details": {
            "buyer": {"name": short}, "qualification": text, "consortium": false, "documents_how": short, "bids_how": short, "place": short,
            "lots": [{"lot": "1", "name": short, "price_limit": {"form": "other", "text": short}}],
            "extra": {"own": short, "list": [short, {"deep": short}]},
        },
    });
    let text = statement.to_string() + "\n";
    let signed = sign_statement(&text, &[&service.world.centre]).ok()?;
    Some(note(&signed))
}

#[tokio::test]
async fn no_view_obeys_what_a_publisher_wrote() {
    let (service, index) = searching().await;
    let mut posted = Vec::new();
    for (n, (name, text)) in texts().into_iter().enumerate() {
        let project = format!("H-{n}");
        let Some(note) = hostile_statement(&service, &project, &text) else {
            panic!("{name} cannot be signed");
        };
        // Words that name people are let in too: here it is their form that counts.
        let accept = mingzhang::trade::door::SECRECY.join(",");
        let path = format!("/api/v1/statements?accept={accept}");
        let answer = service.ask("POST", &path, &[], note).await;
        // What the door keeps out needs no escaping; most must come in, or this test shows nothing.
        if answer.status == 201 {
            posted.push((
                name,
                text,
                project,
                answer.json()["index"].as_u64().unwrap(),
            ));
        } else {
            assert_eq!(answer.status, 400, "{name}: {}", answer.text());
        }
    }
    assert!(posted.len() > 25, "only {} were taken", posted.len());
    indexed(&service, &index).await;

    for (name, text, project, index) in &posted {
        for lang in ["", "/en"] {
            for path in [
                format!("{lang}/entries/{index}"),
                format!("{lang}/projects/{CENTRE}/{project}"),
            ] {
                let page = service.get(&path).await;
                check_frame(&page, 200, if lang.is_empty() { "zh-CN" } else { "en" });
                check_tags(page.text(), &format!("{name} in {path}"));
                assert!(
                    page.body.len() < 400_000,
                    "{name}: {} bytes",
                    page.body.len()
                );
            }
        }
        // Asked for as words, as an id, as a filter, as what a printed code names.
        for parameter in ["q", "id", "category", "party"] {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair(parameter, text)
                .finish();
            for path in [
                format!("/search?{query}"),
                format!("/entries/{index}?{query}"),
            ] {
                if path.len() > 60_000 {
                    continue;
                }
                let page = service
                    .ask("GET", &path, &[("accept", "text/html")], "")
                    .await;
                assert!(
                    matches!(page.status, 200 | 400 | 404),
                    "{name}: {}",
                    page.status
                );
                check_frame(&page, page.status, "zh-CN");
                check_tags(page.text(), &format!("{name} as {parameter}"));
            }
        }
    }
    for path in ["/", "/en/", "/search", "/en/search", "/ledger", "/withheld"] {
        let page = service.get(path).await;
        check_frame(
            &page,
            200,
            if path.starts_with("/en") {
                "en"
            } else {
                "zh-CN"
            },
        );
        check_tags(page.text(), path);
    }
    // A feed is XML: what a text says is escaped, and nothing in it is a character that XML forbids.
    let feed = service.get("/feed.atom").await;
    assert_eq!(feed.status, 200);
    for tag in feed.text().split('<').skip(2).map(|rest| {
        rest.split(['>', ' ', '/'])
            .find(|part| !part.is_empty())
            .unwrap()
    }) {
        let known = " feed id title updated link generator entry published author name summary ";
        assert!(known.contains(&format!(" {tag} ")), "{tag}");
    }
    assert!(
        feed.text()
            .chars()
            .all(|c| !c.is_control() || c == '\n' || c == '\t')
    );
    // A spreadsheet computes nothing.
    let csv = service.get("/api/v1/search?format=csv").await;
    for line in csv.text().trim_start_matches('\u{feff}').split("\r\n") {
        for cell in line.split(',') {
            assert!(
                !cell
                    .trim_start_matches('"')
                    .starts_with(['=', '+', '@', '\t']),
                "{cell}"
            );
        }
    }
}

#[tokio::test]
async fn no_path_climbs_and_refusals_show_nothing_of_it() {
    let service = Service::new().await;
    let vectors: Value = serde_json::from_str(include_str!("../../vectors/hostile.json")).unwrap();
    let paths = vectors["paths"].as_array().unwrap();
    let mut refused = 0;
    for path in paths {
        let path = path.as_str().unwrap();
        // What is no address at all is refused before it reaches us.
        if path.parse::<axum::http::Uri>().is_err() {
            refused += 1;
            continue;
        }
        let page = service
            .ask("GET", path, &[("accept", "text/html")], "")
            .await;
        assert!(
            matches!(page.status, 400 | 404 | 503),
            "{path}: {}",
            page.status
        );
        check_frame(
            &page,
            page.status,
            if path.starts_with("/en/") {
                "en"
            } else {
                "zh-CN"
            },
        );
        check_tags(page.text(), path);
        assert!(!page.text().contains("[package]") && !page.text().contains("root:"));
    }
    assert!(paths.len() - refused > 15);
}

//! Pages for people, health, and the description of the API.

use mingzhang::tlog::merkle::Hash;

use super::service::Service;
use crate::world::ORIGIN;

#[tokio::test]
async fn the_pages_and_health_answer_and_every_link_leads_somewhere() {
    let service = Service::new().await;
    assert_eq!(service.get("/healthz").await.body, b"ok\n");
    let ready = service.get("/readyz").await;
    assert_eq!(
        (
            ready.status,
            ready.json()["writing"].as_bool(),
            ready.json()["tree_size"].as_u64()
        ),
        (200, Some(true), Some(2))
    );

    let front = service.get("/data").await;
    assert_eq!(
        (front.status, front.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    assert!(
        front.text().contains(ORIGIN)
            && front.text().contains(&service.world.genesis_id.to_string())
    );
    let mut links: Vec<&str> = front
        .text()
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert!(links.len() >= 10);
    let problems = service.get("/problems").await;
    links.extend(
        problems
            .text()
            .split("href=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap()),
    );
    for link in links.into_iter().filter(|link| !link.starts_with('#')) {
        let answer = service.get(link).await;
        // Without a witness there may be no checkpoint for a moment; without an index there is no search.
        let may_fail =
            link == "/checkpoint" || link.contains("search") || link.contains("feed.atom");
        assert!(
            answer.status == 200 || may_fail,
            "{link}: {}",
            answer.status
        );
    }
    let page = service.get("/problems/signature-bad").await;
    assert!(page.text().contains("text_sha256") && page.text().contains("签名验证不通过"));
    assert_eq!(
        service.get("/problems/nothing").await.problem(),
        (404, "not-found".into())
    );
    for page in [&front, &problems, &page] {
        assert!(!page.text().contains("<script") && !page.text().contains("style="));
    }
}

/// A description that says other than the server does is worse than none.
#[tokio::test]
async fn every_described_path_exists_and_takes_the_described_method() {
    let service = Service::new().await;
    let description = service.get("/api/v1/openapi.json").await;
    assert_eq!(description.header("content-type"), "application/json");
    for (path, methods) in description.json()["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path
                .replace("{index}", "0")
                .replace("{publisher}/{project}", "a/b")
                .replace("{id}", &Hash::ZERO.to_string())
                .replace("{sha256}", &Hash::ZERO.to_string());
            let answer = service.ask(&method.to_uppercase(), &path, &[], "").await;
            assert_ne!(answer.status, 405, "{method} {path}");
            if answer.status == 404 {
                assert_ne!(
                    answer.json()["detail"],
                    format!("nothing is at {path}"),
                    "{method} {path}"
                );
            }
        }
    }
}

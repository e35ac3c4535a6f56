//! Files that statements name by digest.

use mingzhang::tlog::merkle::Hash;
use mingzhang::trade::statement::sign_statement;
use serde_json::json;

use crate::service::{Service, note};

#[tokio::test]
async fn a_document_is_kept_only_if_the_log_names_it_and_its_digest_is_right() {
    let service = Service::new().await;
    let content = "招标文件\n".repeat(10_000).into_bytes();
    let digest = Hash::sha256(&content);
    let path = format!("/api/v1/documents/{digest}");
    let put = |content: Vec<u8>| service.ask("PUT", &path, &[], content);

    assert_eq!(
        put(content.clone()).await.problem(),
        (404, "document-unnamed".into())
    );
    let documents = json!([{"name": "招标文件.pdf", "media_type": "application/pdf", "size": content.len(), "sha256": digest.to_string()}]);
    let text = service
        .world
        .trade_text("P-1", None, "x")
        .replace("\"documents\":[]", &format!("\"documents\":{documents}"));
    let answer = service
        .post(note(
            &sign_statement(&text, &[&service.world.centre]).unwrap(),
        ))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());

    // At once: the index may not have come so far, the upload waits for it.
    let mut changed = content.clone();
    changed[5] ^= 1;
    let answer = put(changed.clone()).await;
    assert_eq!(answer.problem(), (400, "digest-mismatch".into()));
    assert_eq!(answer.json()["found"], Hash::sha256(&changed).to_string());
    assert_eq!(
        service.get(&path).await.problem(),
        (404, "not-found".into())
    );
    assert_eq!(
        put(vec![0; 1_000_001]).await.problem(),
        (413, "too-large".into())
    );
    assert!(service.store.list("documents/").await.unwrap().is_empty());

    let answer = put(content.clone()).await;
    assert_eq!(
        (answer.status, answer.json()),
        (
            201,
            json!({"sha256": digest.to_string(), "size": content.len()})
        )
    );
    assert_eq!(put(content.clone()).await.status, 200);
    let answer = service.get(&path).await;
    assert_eq!(
        (
            answer.status,
            answer.header("content-type"),
            answer.header("cache-control")
        ),
        (200, "application/pdf", "no-store")
    );
    assert!(
        answer
            .header("content-disposition")
            .starts_with("attachment; filename*=UTF-8''%E6%8B%9B"),
        "{}",
        answer.header("content-disposition")
    );
    assert!(answer.header("content-security-policy").contains("sandbox"));
    assert_eq!(answer.body, content);
    assert_eq!(
        service
            .ask("HEAD", &path, &[], "")
            .await
            .header("content-length"),
        content.len().to_string()
    );
    assert_eq!(
        service.get("/api/v1/documents/xyz").await.problem(),
        (400, "request-form".into())
    );
}

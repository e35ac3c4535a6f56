//! Files that statements name by digest.

use std::future::pending;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use mingzhang::server::accept::{Limits, serve};
use mingzhang::server::{Options, router};
use mingzhang::tlog::merkle::Hash;
use mingzhang::trade::statement::sign_statement;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tower::ServiceExt;

use super::service::{Service, note};
use crate::world::CENTRE;

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

    // Damaged on the disk: never given as if it were right.
    for damaged in [changed, content[..9].to_vec(), Vec::new()] {
        let mut upload = service
            .store
            .upload(&format!("documents/{digest}"))
            .await
            .unwrap();
        upload.write(&damaged).await.unwrap();
        upload.finish().await.unwrap();
        let answer = service.get(&path).await;
        assert_eq!(answer.problem(), (500, "internal".into()));
    }
}

/// All places are taken by peers who hardly move a byte, from the same address as the honest ones.
#[tokio::test]
async fn dribbled_uploads_and_unread_downloads_hold_nobody_up() {
    let service = Service::new().await;
    let options = Options {
        uploads_max: 2,
        downloads_max: 1,
        ..Options::default()
    };
    let app = router(service.ledger.clone(), options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(
        listener,
        app.clone(),
        Limits::default(),
        pending::<()>(),
    ));

    let contents = [vec![1; 500_000], vec![2; 500_000], vec![3; 16 << 20]];
    let digests = contents.each_ref().map(|content| Hash::sha256(content));
    let documents: Vec<_> = contents
        .iter()
        .zip(&digests)
        .map(|(content, digest)| json!({"name": "a.pdf", "media_type": "application/pdf", "size": content.len(), "sha256": digest.to_string()}))
        .collect();
    let text = service.world.trade_text("P-1", None, "x").replace(
        "\"documents\":[]",
        &format!("\"documents\":{}", json!(documents)),
    );
    let signed = sign_statement(&text, &[&service.world.centre]).unwrap();
    assert_eq!(service.post(note(&signed)).await.status, 201);
    let [dribbled, honest, large] = contents;
    let put = Request::put(format!("/api/v1/documents/{}", digests[2])).body(Body::from(large));
    let stored = app.oneshot(put.unwrap()).await.unwrap();
    assert_eq!(stored.status(), 201);

    let connect = || async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8_192).unwrap();
        socket.connect(address).await.unwrap()
    };
    let put = |digest: &Hash, length: usize, expect: &str| {
        format!(
            "PUT /api/v1/documents/{digest} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{expect}Content-Length: {length}\r\n\r\n"
        )
    };
    let read_all = |mut stream: tokio::net::TcpStream| async move {
        let mut answer = Vec::new();
        tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer))
            .await
            .expect("who moves his bytes is served")
            .unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    for _ in 0..2 {
        let mut stream = connect().await;
        let head = put(&digests[0], dribbled.len(), "Expect: 100-continue\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // The body is asked for: it has its place.
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).await.unwrap();
        assert_eq!(&begun, b"HTTP/1.1 100");
        tokio::spawn(async move {
            while stream.write_all(b"a").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }
    let mut stream = connect().await;
    let head = put(&digests[1], honest.len(), "");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&honest).await.unwrap();
    let answer = read_all(stream).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");

    let mut unread = connect().await;
    let get = format!(
        "GET /api/v1/documents/{} HTTP/1.1\r\nHost: x\r\n\r\n",
        digests[2]
    );
    unread.write_all(get.as_bytes()).await.unwrap();
    let mut begun = [0; 12];
    unread.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    let mut stream = connect().await;
    let get =
        format!("GET /project-files/{CENTRE}/P-1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(get.as_bytes()).await.unwrap();
    let answer = read_all(stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{:.300}", answer);
    assert!(answer.len() > 16 << 20, "{} bytes", answer.len());
}

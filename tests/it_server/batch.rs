//! Many statements in one request.

use std::future::pending;
use std::time::Duration;

use mingzhang::receipt::Receipt;
use mingzhang::server::accept::{Limits, serve};
use mingzhang::trade::statement::Statement;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::service::{Service, in_json};
use crate::world::check_log;

#[tokio::test]
async fn a_batch_is_answered_line_by_line_in_order() {
    let service = Service::new().await;
    let chains: Vec<Vec<Statement>> = (0..20)
        .map(|n| service.chain(&format!("P-{n}"), 6))
        .collect();
    // Stage by stage over all projects: each line follows one that is still on its way.
    let mut lines = Vec::new();
    let mut want = Vec::new();
    for stage in 0..6 {
        for chain in &chains {
            lines.push(in_json(&chain[stage]).to_string());
            want.push((201, Some(chain[stage].id())));
        }
    }
    // Pairs of one project side by side, a line known before, one that is no JSON, one that breaks a rule, empty ones.
    for statement in service.chain("Q", 5) {
        lines.push(in_json(&statement).to_string());
        want.push((201, Some(statement.id())));
    }
    lines.push(in_json(&chains[3][3]).to_string());
    want.push((200, Some(chains[3][3].id())));
    lines.extend([
        "nonsense".to_owned(),
        String::new(),
        " \r".to_owned(),
        in_json(&service.world.trade("P-1", None, "x")).to_string(),
    ]);
    want.extend([(400, None), (409, None)]);

    let answer = service
        .ask(
            "POST",
            "/api/v1/statements/batch",
            &[("x-request-id", "batch-0001")],
            lines.join("\n"),
        )
        .await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/x-ndjson")
    );
    let answers: Vec<Value> = answer
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), want.len());
    for (answer, (status, id)) in answers.iter().zip(want) {
        assert_eq!(
            (answer["status"].as_u64(), answer["id"].as_str()),
            (Some(status), id.map(|id| id.to_string()).as_deref()),
            "{answer}"
        );
        match status {
            200 | 201 => {
                drop(Receipt::parse(answer["receipt"].as_str().unwrap().as_bytes()).unwrap())
            }
            _ => assert_eq!(answer["request_id"], "batch-0001"),
        }
    }
    let (tree, _) = check_log(&service.world, &service.store).await;
    assert_eq!(tree.size, 2 + 125);
}

#[tokio::test]
async fn a_batch_that_breaks_off_is_answered_as_far_as_it_came() {
    let service = Service::new().await;
    let line = in_json(&service.world.trade("P-1", None, "x")).to_string();
    let too_long = format!("{line}\n{}\n{line}\n", "x".repeat(2 << 20));
    let answer = service
        .ask("POST", "/api/v1/statements/batch", &[], too_long)
        .await;
    let statuses: Vec<u64> = answer
        .text()
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["status"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert_eq!(statuses, [201, 413]);
}

/// Most HTTP libraries write the whole request before they read: a server that waits to be read would hang them.
#[tokio::test]
async fn a_client_that_reads_only_after_writing_gets_its_batch_answered() {
    const LINES: usize = 4_000;
    let service = Service::new().await;
    // Small kernel buffers on both sides: 9 MB of answers have to wait at the server's.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8_192).unwrap();
    socket.set_send_buffer_size(8_192).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(8).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(
        listener,
        service.app.clone(),
        Limits::default(),
        pending::<()>(),
    ));

    let line = |n| {
        format!(
            "{}\n",
            in_json(&service.world.trade(&format!("P-{n}"), None, "x"))
        )
    };
    let lines: String = (0..LINES).map(line).collect();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(8_192).unwrap();
    socket.set_recv_buffer_size(8_192).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/statements/batch HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        lines.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let write = stream.write_all(lines.as_bytes());
    tokio::time::timeout(Duration::from_secs(60), write)
        .await
        .expect("the server must go on reading")
        .unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(60), read)
        .await
        .expect("the server must answer")
        .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(answer.matches("{\"status\":201,").count(), LINES);
    assert_eq!(service.ledger.head().tree.size, 2 + LINES as u64);
}

//! Many statements in one request.

use std::future::pending;
use std::time::Duration;

use mingzhang::receipt::Receipt;
use mingzhang::server::accept::{Limits, serve};
use mingzhang::server::api::STRANGER_LINES_MAX;
use mingzhang::server::{Options, router};
use mingzhang::trade::statement::Statement;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::service::{Service, in_json};
use super::withheld::with_people;
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

/// What a centre logged last of a file is what the file has last, though some lines wait for a disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_different_projects_are_logged_in_their_order() {
    let service = Service::new().await;
    let line = |n: usize| {
        let (statement, openings) = with_people(&service, &format!("P-{n}"));
        let mut line = in_json(&statement);
        // What opens a commitment is durable before its record is queued.
        if n.is_multiple_of(3) {
            line["openings"] = openings;
        }
        line.to_string()
    };
    let lines: Vec<String> = (0..60).map(line).collect();
    let answer = service
        .ask("POST", "/api/v1/statements/batch", &[], lines.join("\n"))
        .await;
    let logged: Vec<u64> = answer
        .text()
        .lines()
        .map(|line| {
            let answer: Value = serde_json::from_str(line).unwrap();
            answer["index"].as_u64().expect("logged")
        })
        .collect();
    assert_eq!(logged, (2..62).collect::<Vec<u64>>());
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

fn statuses(text: &str) -> Vec<u64> {
    let answers = text.lines().map(|line| {
        let answer: Value = serde_json::from_str(line).unwrap();
        answer["status"].as_u64().unwrap()
    });
    answers.collect()
}

#[tokio::test]
async fn a_stranger_is_heard_for_a_while_and_told_how_to_go_on() {
    let service = Service::new().await;
    let line = |n: usize| in_json(&service.world.trade(&format!("P-{n}"), None, "x")).to_string();
    // One with a key is heard out, whatever else he sends: his own lines show who he is.
    let mixed: Vec<String> = (0..3 * STRANGER_LINES_MAX)
        .map(|n| match n % 200 {
            0 => line(n),
            _ => "nonsense".to_owned(),
        })
        .collect();
    let answer = service
        .ask("POST", "/api/v1/statements/batch", &[], mixed.join("\n"))
        .await;
    assert_eq!(statuses(answer.text()).len(), mixed.len());

    // What was logged is public: posting it again shows nothing.
    let known = mixed[0].clone();
    let of_stranger = |n: usize| match n % 3 {
        0 => known.clone(),
        1 => "nonsense".to_owned(),
        _ => {
            let statement = service.world.trade(&format!("Q-{n}"), None, "x");
            let mut note = String::from_utf8(super::service::note(&statement)).unwrap();
            note.truncate(note.len() - 8);
            serde_json::json!({ "note": note + "AAAAAA=\n" }).to_string()
        }
    };
    let mut lines: Vec<String> = (0..10_000).map(of_stranger).collect();
    lines.push(line(9_999));
    let answer = service
        .ask("POST", "/api/v1/statements/batch", &[], lines.join("\n"))
        .await;
    let answers: Vec<&str> = answer.text().lines().collect();
    let last: Value = serde_json::from_str(answers.last().unwrap()).unwrap();
    assert_eq!(last["code"], "batch-ended", "{last}");
    let read = usize::try_from(last["lines_read"].as_u64().unwrap()).unwrap();
    assert_eq!(answers.len(), read + 1);
    assert!((STRANGER_LINES_MAX..1_000).contains(&read), "{read} lines");
    // The way to go on that it tells works.
    let rest = lines[lines.len() - 1..].join("\n");
    let answer = service
        .ask("POST", "/api/v1/statements/batch", &[], rest)
        .await;
    assert_eq!(statuses(answer.text()), [201]);
}

/// Who does not read his answers holds up nobody: neither the memory nor the others.
#[tokio::test]
async fn answers_that_nobody_reads_make_way_for_those_of_others() {
    const LINES: usize = 400;
    let service = Service::new().await;
    let options = Options {
        answers_bytes_max: 64 << 10,
        ..Options::default()
    };
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(8_192).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(8).unwrap();
    let address = listener.local_addr().unwrap();
    let app = router(service.ledger.clone(), options);
    tokio::spawn(serve(listener, app, Limits::default(), pending::<()>()));

    let batch = |of: &str| {
        let line = |n| in_json(&service.world.trade(&format!("{of}-{n}"), None, "x")).to_string();
        let lines: Vec<String> = (0..LINES).map(line).collect();
        let lines = lines.join("\n");
        let head = format!(
            "POST /api/v1/statements/batch HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            lines.len()
        );
        head + &lines
    };
    let connect = || async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8_192).unwrap();
        socket.connect(address).await.unwrap()
    };
    let mut unread = Vec::new();
    for n in 0..4 {
        let mut stream = connect().await;
        let request = batch(&format!("U-{n}"));
        unread.push(tokio::spawn(async move {
            // It may be cut off while it writes.
            let _ = stream.write_all(request.as_bytes()).await;
            stream
        }));
    }
    let honest = connect().await;
    let (mut read, mut write) = honest.into_split();
    let request = batch("H");
    // The half is kept: dropped, it says that the client has gone.
    let written = tokio::spawn(async move {
        write.write_all(request.as_bytes()).await.unwrap();
        write
    });
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(120), read.read_to_string(&mut answer))
        .await
        .expect("who reads is answered")
        .unwrap();
    assert_eq!(answer.matches("{\"status\":201,").count(), LINES);
    drop((unread, written.await.unwrap()));
}

//! What citizens, followers and mirrors look up.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mingzhang::tlog::checkpoint;
use mingzhang::tlog::merkle::{Hash, Tree, check_consistency, leaf_hash};
use mingzhang::tlog::note::Signer;
use mingzhang::tlog::tile::Tile;
use mingzhang::trade::statement::sign_statement;
use serde_json::Value;

use super::service::{Service, in_json, note};
use crate::world::{CENTRE, ORIGIN};

#[tokio::test]
async fn the_feed_can_be_followed_to_its_end_and_on() {
    let service = Service::new().await;
    for statement in service.chain("P-1", 8) {
        service.post(note(&statement)).await;
    }
    let (mut path, mut seen) = ("/api/v1/records?limit=3".to_owned(), Vec::new());
    let last = loop {
        let answer = service.get(&path).await;
        assert_eq!(answer.status, 200);
        let json = answer.json();
        assert_eq!(json["tree_size"], 10);
        for record in json["records"].as_array().unwrap() {
            seen.push(record["index"].as_u64().unwrap());
            // A record can be put together again from what is shown, and hashes to its leaf hash.
            let entry = format!(
                "{} {} {}\n{}",
                record["index"],
                record["link"].as_str().unwrap(),
                record["time"].as_str().unwrap(),
                record["note"].as_str().unwrap()
            );
            assert_eq!(
                leaf_hash(entry.as_bytes()).to_string(),
                record["leaf_hash"].as_str().unwrap()
            );
        }
        match answer
            .header("link")
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""))
        {
            Some(next) => path = next.to_owned(),
            None => break json["after"].as_u64().unwrap(),
        }
    };
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    assert_eq!(last, 9);
    // Later: nothing new yet, then one more.
    let answer = service.get("/api/v1/records?after=9").await.json();
    assert_eq!(
        (
            answer["records"].as_array().unwrap().len(),
            answer["after"].as_u64()
        ),
        (0, Some(9))
    );
    service
        .post(note(&service.world.trade("P-2", None, "x")))
        .await;
    let answer = service.get("/api/v1/records?after=9").await.json();
    assert_eq!(
        (
            answer["records"][0]["index"].as_u64(),
            answer["after"].as_u64()
        ),
        (Some(10), Some(10))
    );

    for bad in ["limit=0", "limit=257", "after=-1", "after=x", "since=1"] {
        assert_eq!(
            service
                .get(&format!("/api/v1/records?{bad}"))
                .await
                .problem(),
            (400, "request-form".into()),
            "{bad}"
        );
    }
    let far = service
        .get("/api/v1/records?after=18446744073709551615")
        .await;
    assert_eq!(
        (far.status, far.json()["records"].as_array().unwrap().len()),
        (200, 0)
    );
}

#[tokio::test]
async fn a_project_shows_all_its_records_and_the_head_to_follow() {
    let service = Service::new().await;
    let chain = service.chain("P-1", 5);
    for statement in &chain {
        service.post(note(statement)).await;
    }
    service
        .post(note(&service.world.trade("P-2", None, "x")))
        .await;
    let path = format!("/api/v1/projects/{CENTRE}/P-1");
    let answer = service.get(&path).await;
    let json = answer.json();
    assert_eq!(
        (
            json["count"].as_u64(),
            json["head"].as_str(),
            json["after"].as_u64()
        ),
        (Some(5), Some(chain[4].id().to_string().as_str()), None)
    );
    let titles: Vec<&str> = json["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["statement"]["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles, ["P-1 0", "P-1 1", "P-1 2", "P-1 3", "P-1 4"]);

    let page = service.get(&format!("{path}?limit=2")).await;
    assert_eq!(
        page.header("link"),
        format!("<{path}?after=3&limit=2>; rel=\"next\"")
    );
    let page = service.get(&format!("{path}?after=3&limit=3")).await;
    assert_eq!(
        (
            page.json()["records"][0]["index"].as_u64(),
            page.header("link")
        ),
        (Some(4), "")
    );

    for absent in [
        "/api/v1/projects/centre.example/P-3",
        "/api/v1/projects/x/P-1",
        "/api/v1/projects/P-1",
        "/api/v1/projects/a/../P-1",
        "/api/v1/projects/A/P-1",
    ] {
        assert_eq!(
            service.get(absent).await.problem(),
            (404, "not-found".into()),
            "{absent}"
        );
    }
    let record = service
        .get(&format!("/api/v1/statements/{}", chain[0].id()))
        .await;
    assert_eq!(
        record.json()["note"],
        std::str::from_utf8(chain[0].note()).unwrap()
    );
    assert_eq!(
        service
            .get(&format!("/api/v1/statements/{}", Hash::ZERO))
            .await
            .problem(),
        (404, "not-found".into())
    );
    assert_eq!(
        service.get("/api/v1/statements/xyz").await.problem(),
        (400, "request-form".into())
    );
    assert_eq!(
        service.get("/api/v1/records/8").await.problem(),
        (404, "not-found".into())
    );
    for bad in ["08", "+8", "-1", "x", "99999999999999999999999"] {
        assert_eq!(
            service
                .get(&format!("/api/v1/records/{bad}"))
                .await
                .problem(),
            (400, "request-form".into()),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn the_log_can_be_mirrored_through_the_c2sp_paths() {
    let service = Service::new().await;
    let lines: Vec<String> = (0..300)
        .map(|n| in_json(&service.world.trade(&format!("P-{n}"), None, "x")).to_string())
        .collect();
    service
        .ask("POST", "/api/v1/statements/batch", &[], lines.join("\n"))
        .await;

    let vkey = Signer::from_seed(ORIGIN, &service.world.log)
        .unwrap()
        .vkey()
        .clone();
    let head = service.get("/head").await;
    assert_eq!(
        (head.status, head.header("cache-control")),
        (200, "no-cache")
    );
    let tree = checkpoint::open(&head.body, ORIGIN, &[&vkey])
        .unwrap()
        .tree();
    assert_eq!(tree.size, 302);
    assert_eq!(
        service
            .ask(
                "GET",
                "/head",
                &[("if-none-match", head.header("etag"))],
                ""
            )
            .await
            .status,
        304
    );
    let mut tiles = 0;
    for tile in Tile::implied(tree.size) {
        let answer = service.get(&format!("/{}", tile.path())).await;
        assert_eq!(
            (answer.status, answer.header("cache-control")),
            (200, "public, max-age=31536000, immutable"),
            "{tile}"
        );
        let stored = service
            .store
            .under("log/")
            .read(&tile.path(), 1 << 25)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(answer.body, stored, "{tile}");
        tiles += 1;
    }
    assert_eq!(tiles, 5);
    let bundle = service
        .ask(
            "GET",
            "/tile/entries/000",
            &[("accept-encoding", "gzip")],
            "",
        )
        .await;
    assert_eq!(bundle.header("content-encoding"), "gzip");
    assert_eq!(
        service
            .ask("GET", "/tile/0/000", &[("accept-encoding", "gzip")], "")
            .await
            .header("content-encoding"),
        ""
    );

    for absent in [
        "/tile/0/002",
        "/tile/entries/001",
        "/tile/entries/001.p/47",
        "/tile/1/000.p/2",
        "/tile/0/000.p/256",
        "/tile/0/000.p/0",
        "/tile/0/0",
        "/tile/0/000/",
        "/tile/00/000",
        "/tile/9/000",
        "/tile/0/../0/000",
        "/tile/%2e%2e/head",
        "/tile/entries/000%00",
        "/tile/",
        "/checkpoints/",
        "/checkpoints/302",
        "/checkpoints/..%2Fhead",
        "/checkpoints/00000000000000000099",
        "/commit/00000000000000000000",
        "/openings/x",
        "/log/head",
    ] {
        assert_eq!(
            service.get(absent).await.problem(),
            (404, "not-found".into()),
            "{absent}"
        );
    }
    let checkpoint = service.get("/checkpoint").await;
    if checkpoint.status == 200 {
        let size = checkpoint::open(&checkpoint.body, ORIGIN, &[&vkey])
            .unwrap()
            .tree()
            .size;
        assert!(size <= tree.size);
    }
    for listed in service
        .store
        .under("log/")
        .list("checkpoints/")
        .await
        .unwrap()
    {
        let kept = service.get(&format!("/{}", listed.name)).await;
        assert_eq!(kept.status, 200);
        checkpoint::open(&kept.body, ORIGIN, &[&vkey]).unwrap();
    }
}

#[tokio::test]
async fn growth_is_proved_and_keys_are_told() {
    let service = Service::new().await;
    for statement in service.chain("P-1", 7) {
        service.post(note(&statement)).await;
    }
    let tree = |json: &Value| Tree {
        size: json["size"].as_u64().unwrap(),
        root_hash: Hash::from_base64(json["root_hash"].as_str().unwrap()).unwrap(),
    };
    for (query, sizes) in [
        ("old=1", (1, 9)),
        ("old=3&new=7", (3, 7)),
        ("old=9&new=9", (9, 9)),
        ("old=8", (8, 9)),
    ] {
        let json = service
            .get(&format!("/api/v1/consistency?{query}"))
            .await
            .json();
        let (old, new) = (tree(&json["old"]), tree(&json["new"]));
        assert_eq!((old.size, new.size), sizes);
        let proof: Vec<Hash> = json["proof"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hash| {
                Hash(
                    BASE64_STANDARD
                        .decode(hash.as_str().unwrap())
                        .unwrap()
                        .try_into()
                        .unwrap(),
                )
            })
            .collect();
        check_consistency(&old, &new, &proof).unwrap();
    }
    for bad in ["", "old=0", "old=5&new=4", "old=x"] {
        assert_eq!(
            service
                .get(&format!("/api/v1/consistency?{bad}"))
                .await
                .problem(),
            (400, "request-form".into()),
            "{bad}"
        );
    }
    assert_eq!(
        service
            .get("/api/v1/consistency?old=1&new=10")
            .await
            .problem(),
        (404, "not-found".into())
    );

    let keys = service.get("/api/v1/keys").await.json();
    assert_eq!(
        (keys["ledger"].as_str(), keys["genesis"].as_str()),
        (
            Some(ORIGIN),
            Some(service.world.genesis_id.to_string().as_str())
        )
    );
    assert_eq!(
        (
            keys["threshold"].as_u64(),
            keys["authorities"].as_array().unwrap().len()
        ),
        (Some(2), 3)
    );
    let roles = |keys: &Value| {
        keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["role"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(roles(&keys), ["log", "publisher", "supervisor", "operator"]);
    assert_eq!(
        roles(&service.get("/api/v1/keys?at=1").await.json()),
        ["log"]
    );
    assert_eq!(
        service.get("/api/v1/keys?at=10").await.problem(),
        (404, "not-found".into())
    );
}

/// Other people's feeds ordered by time lost what was committed late. Here a follower goes by index, while posts go on beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_misses_nothing_while_posts_go_on() {
    const CHAINS: usize = 8;
    const LENGTH: usize = 12;
    let service = std::sync::Arc::new(Service::new().await);
    let posters: Vec<_> = (0..CHAINS)
        .map(|chain| {
            let service = service.clone();
            tokio::spawn(async move {
                for statement in service.chain(&format!("F-{chain}"), LENGTH) {
                    assert_eq!(service.post(note(&statement)).await.status, 201);
                }
            })
        })
        .collect();
    // It begins before the first post and resumes each time from where it was, with pages smaller than what comes in between.
    let (mut after, mut seen, mut pages) = (None::<u64>, Vec::new(), 0);
    while seen.len() < CHAINS * LENGTH + 2 {
        let from = after.map_or(String::new(), |after| format!("&after={after}"));
        let answer = service.get(&format!("/api/v1/records?limit=5{from}")).await;
        assert_eq!(answer.status, 200);
        let answer = answer.json();
        for record in answer["records"].as_array().unwrap() {
            seen.push((
                record["index"].as_u64().unwrap(),
                record["link"].as_str().unwrap().to_owned(),
                record["leaf_hash"].as_str().unwrap().to_owned(),
            ));
        }
        after = answer["after"].as_u64();
        pages += 1;
        if seen
            .last()
            .is_none_or(|last| last.0 + 1 == answer["tree_size"].as_u64().unwrap())
        {
            tokio::task::yield_now().await;
        }
    }
    for poster in posters {
        poster.await.unwrap();
    }
    assert!(pages > CHAINS * LENGTH / 5);
    // No index is missing, none comes twice, and each record links to the one before it.
    for (at, pair) in seen.windows(2).enumerate() {
        assert_eq!((pair[0].0, pair[1].0), (at as u64, at as u64 + 1));
        assert_eq!(pair[1].1, pair[0].2);
    }
}

/// Danger: `/…/report` found by its ending alone, so that a project of that name can never be read.
#[tokio::test]
async fn a_project_may_be_called_as_what_is_asked_about_one() {
    let service = Service::new().await;
    // A publisher whose name goes on where another's ends, both with projects of such names.
    let within = Signer::from_seed(&format!("{CENTRE}/shaoshan"), &[77; 32]).unwrap();
    let admit = format!(
        "{{\"op\":\"admit\",\"role\":\"publisher\",\"vkey\":\"{}\",\"name\":\"x\",\"uscc\":null}}",
        within.vkey()
    );
    let first = service.get("/api/v1/records").await.json();
    let head = first["records"][1]["id"].as_str().unwrap();
    let text = service
        .world
        .key_text(&Hash::from_hex(head).unwrap(), &admit);
    let admitted = service
        .post(service.world.authority_note(&text, &[0, 1]))
        .await;
    assert_eq!(admitted.status, 201, "{}", admitted.text());
    for project in ["report", "history", "findings", "shaoshan"] {
        let by_centre = service.world.trade(project, None, project);
        assert_eq!(service.post(note(&by_centre)).await.status, 201);
    }
    for project in ["report", "history", "findings"] {
        let text = service.world.trade_text(project, None, project);
        let text = text.replace(
            &format!("\"publisher\":\"{CENTRE}\""),
            &format!("\"publisher\":\"{}\"", within.vkey().name()),
        );
        let posted = service.post(note(&sign_statement(&text, &[&within]).unwrap()));
        assert_eq!(posted.await.status, 201);
    }

    let check = async |path: &str, what: &str, publisher: &str, project: &str| {
        let answer = service.get(&format!("/api/v1/projects/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let json = answer.json();
        let found = match &json {
            json if json["records"].is_array() => "records",
            json if json["steps"].is_array() => "history",
            json if json["findings"].is_array() => "report",
            _ => "something else",
        };
        assert_eq!(found, what, "{path}: {json}");
        assert_eq!(json["publisher"], publisher, "{path}");
        assert_eq!(json["project"], project, "{path}");
    };
    let shaoshan = format!("{CENTRE}/shaoshan");
    for name in ["report", "history", "findings"] {
        check(&format!("{CENTRE}/{name}"), "records", CENTRE, name).await;
        // One meaning only.
        let encoded = format!("{CENTRE}%2Fshaoshan/{name}");
        check(&encoded, "records", &shaoshan, name).await;
        for what in ["report", "history"] {
            check(&format!("{CENTRE}/{name}/{what}"), what, CENTRE, name).await;
            check(&format!("{encoded}/{what}"), what, &shaoshan, name).await;
            let plain = format!("{shaoshan}/{name}/{what}");
            check(&plain, what, &shaoshan, name).await;
        }
    }
    // Two: what a project that is logged is asked comes before a project of that name.
    check(&format!("{shaoshan}/report"), "report", CENTRE, "shaoshan").await;
    check(
        &format!("{shaoshan}/history"),
        "history",
        CENTRE,
        "shaoshan",
    )
    .await;
    check(
        &format!("{shaoshan}/findings"),
        "records",
        &shaoshan,
        "findings",
    )
    .await;
    // A page leads to the right one.
    let page = service.get(&format!("/projects/{shaoshan}/report")).await;
    let link = format!("/api/v1/projects/{CENTRE}%2Fshaoshan/report\"");
    assert!(page.text().contains(&link[1..]), "{}", page.text());
}

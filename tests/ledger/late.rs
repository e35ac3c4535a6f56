//! Danger: a record bears a time that was not, or waits for its witnesses without end, and whoever watches the ledger from outside is told
//! nothing of it.

use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use mingzhang::audit::{Options, Target, audit};
use mingzhang::ledger::Ledger;
use mingzhang::store::{Source, Store};
use mingzhang::tlog::cosignature::Cosigner;
use mingzhang::tlog::note::{Note, Signer};
use mingzhang::trade::time::Time;
use serde_json::Value;

use super::forge::{Forger, date, good_log, policy};
use super::world::{ORIGIN, World, post};

/// By the auditor's own clock, and no fault: it may be his that is wrong.
#[tokio::test]
async fn an_audit_remarks_on_records_that_are_dated_ahead_of_its_clock() {
    let world = World::new();
    let mut forger: Forger = good_log(&world, 2, 2);
    let mut header = forger.header();
    header.time = Time::from_ms(header.time.as_ms() + 600_000).unwrap();
    let statement = world.trade("Q", None, "ahead");
    forger.log_as(&header, statement.note());
    let store = forger.publish(&world).await;
    let target = Target::log("a log", Source::Store(store));
    let last = header.time;
    // The auditor's clock, and how many records are remarked on, from which on.
    let rows = [
        (date(), None),
        (last, None),
        (Time::from_ms(last.as_ms() - 300_000).unwrap(), None),
        (
            Time::from_ms(last.as_ms() - 300_001).unwrap(),
            Some((1, header.index)),
        ),
        (
            Time::from_ms(last.as_ms() - 10 * 86_400_000).unwrap(),
            Some((header.index + 1, 0)),
        ),
    ];
    for (clock, wanted) in rows {
        let options = Options::at(clock);
        let report = audit(&target, &[policy(&world)], &options, &mut |_| {})
            .await
            .unwrap();
        assert_eq!(report.exit_code, 0, "{clock}: {:?}", report.faults);
        let remarks: Vec<_> = report
            .remarks
            .iter()
            .map(|remark| (remark.code, remark.count, remark.record))
            .collect();
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(count, first)| ("ahead_of_clock", *count, Some(*first)))
            .collect();
        assert_eq!(remarks, wanted, "{clock}");
        for remark in &report.remarks {
            let told = [clock.to_string(), last.to_string()];
            assert!(told.iter().all(|one| remark.en.contains(one)), "{remark:?}");
            assert!(told.iter().all(|one| remark.zh.contains(one)), "{remark:?}");
        }
    }
}

/// A ledger of a folder whose clock is so many seconds off, with one witness that nobody can reach; what a monitor says of it.
async fn monitored(off_s: i64) -> (i32, Vec<Value>) {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_ms = i64::try_from(now.as_millis()).unwrap();
    world
        .clock_ms
        .store(now_ms + 1_000 * off_s, Ordering::SeqCst);
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let store = Store::folder(&data).unwrap();
    // The first two records are witnessed; the third is signed by the log alone.
    let notes = world.first_notes();
    let ledger = Ledger::create(store, world.config(), world.clock(), &notes)
        .await
        .unwrap();
    let early = ledger.head().note.clone();
    post(&ledger, &world.trade("P", None, "one")).await;
    ledger.close().await;
    let witness = Cosigner::from_seed("w.example", &[0x41; 32]).unwrap();
    let mut early = Note::parse(early.as_bytes()).unwrap();
    let line = witness.sign(&early.text, now.as_secs());
    early.signatures.push(line);
    std::fs::write(data.join("log/checkpoint"), early.encode()).unwrap();
    let log = Signer::from_seed(ORIGIN, &world.log).unwrap();
    let (log, witness) = (log.vkey(), witness.vkey());
    let path = folder.path().join("policy");
    let text = format!("log {log}\nwitness w {witness}\nquorum w\n");
    std::fs::write(&path, text).unwrap();

    let output = Command::new(env!("CARGO_BIN_EXE_mingzhang"))
        .args(["monitor", "--json", "--policy"])
        .arg(&path)
        .arg("--state")
        .arg(folder.path().join("state"))
        .arg(&data)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let events = said["events"].as_array().unwrap().clone();
    (output.status.code().unwrap(), events)
}

/// The first record that no quorum has cosigned is an hour old, whatever the witnesses would answer.
#[tokio::test]
async fn a_monitor_tells_of_a_checkpoint_that_lags_behind_the_records() {
    let told = |events: &[Value], code: &str| {
        let found = events.iter().find(|event| event["event"] == code);
        found.cloned()
    };
    let (exit, events) = monitored(-3_600).await;
    let late = told(&events, "witnesses-behind").unwrap_or_else(|| panic!("{events:?}"));
    assert_eq!((exit, late["severity"].as_str()), (5, Some("late")));
    assert_eq!((&late["witnessed"], &late["size"]), (&2.into(), &3.into()));
    assert!(late["age_s"].as_u64().unwrap() >= 3_600, "{late}");
    assert_eq!(told(&events, "ahead-of-clock"), None);
    // A moment ago: witnesses may need it.
    let (exit, events) = monitored(0).await;
    assert_eq!(
        (exit, told(&events, "witnesses-behind")),
        (0, None),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_monitor_tells_of_records_that_are_dated_ahead_of_its_clock() {
    let (exit, events) = monitored(3_600).await;
    let ahead = events
        .iter()
        .find(|event| event["event"] == "ahead-of-clock");
    let ahead = ahead.unwrap_or_else(|| panic!("{events:?}"));
    assert_eq!((exit, ahead["severity"].as_str()), (1, Some("alert")));
    assert!(ahead["ahead_s"].as_i64().unwrap() > 3_500, "{ahead}");
    let (_, events) = monitored(200).await;
    assert!(
        events
            .iter()
            .all(|event| event["event"] != "ahead-of-clock")
    );
}

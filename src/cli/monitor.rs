//! `monitor`: watches one ledger at one or several places (the ledger, mirrors), and whether all of them show one history.
//!
//! Promises: each checkpoint is verified by the policy before it is compared; what is remembered (`--state`: the newest
//! checkpoint, as it was signed) is verified again when it is read. What contradicts is written to one evidence file before anything else is done, exit code 6. Does not replay: `audit` does that.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};

use super::out::{Answer, Console, Exit, Failure};
use super::policies::Policies;
use super::text::{Said, said};
use super::verify::shown_words;
use super::{plain, read_file, runtime};
use crate::audit::{
    EVIDENCE_BYTES_MAX, EvidenceError, ForkEvidence, Shown, Target, open_by, write_atomically,
};
use crate::ledger::clock::system_clock;
use crate::store::{LogReader, Source};
use crate::tlog::note::NOTE_BYTES_MAX;
use crate::tlog::policy::{Policy, VerifiedCheckpoint};

/// What `monitor` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ledger and copies of it / 账本、镜像的网址或目录
    #[arg(value_name = "URL|DIR", required_unless_present = "check")]
    views: Vec<String>,
    /// Whom to trust / 信任策略
    #[arg(long, required = true, value_name = "FILE|DIR", num_args = 1)]
    policy: Vec<PathBuf>,
    /// Keeps the newest checkpoint seen, so that a later run finds a rollback / 状态文件
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    state: Option<PathBuf>,
    /// Where evidence goes / 证据文件
    #[arg(long, value_name = "FILE", default_value = "mingzhang-evidence.txt")]
    evidence: PathBuf,
    /// Seconds between two looks; without it one look / 间隔秒数
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    follow: Option<u64>,
    /// Run when there is evidence, with its file in MINGZHANG_EVIDENCE / 发现矛盾时运行的命令
    #[arg(long, value_name = "COMMAND")]
    alarm: Option<String>,
    /// Check an evidence file, offline / 离线核验证据
    #[arg(long, value_name = "EVIDENCE", conflicts_with_all = ["views", "state", "follow", "alarm"])]
    check: Option<PathBuf>,
}

/// One place's newest checkpoint.
struct Seen {
    place: String,
    source: Source,
    checkpoint: VerifiedCheckpoint,
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let policies = Policies::read(&arguments.policy)?;
    if let Some(file) = &arguments.check {
        return check(console, file, &policies);
    }
    let state = arguments
        .state
        .as_deref()
        .expect("clap wants it without --check");
    loop {
        let looked = runtime().block_on(look(console, arguments, state, &policies));
        match (looked, arguments.follow) {
            (Ok(answer), Some(seconds)) if answer.exit == Exit::Ok => {
                event(console, "consistent", &answer.members)?;
                std::thread::sleep(Duration::from_secs(seconds));
            }
            (Err(failure), Some(seconds)) if failure.exit == Exit::Temporary => {
                // A place that does not answer is said, and asked again: silence is an event too.
                console.talk(&failure.said);
                event(console, failure.code, &failure.members)?;
                std::thread::sleep(Duration::from_secs(seconds));
            }
            (ended, _) => return ended,
        }
    }
}

/// One line of JSON for programs that follow.
fn event(console: &Console, code: &str, members: &Map<String, Value>) -> Result<(), Failure> {
    if !console.json {
        return Ok(());
    }
    let mut object = Map::new();
    object.insert("event".to_owned(), code.into());
    object.insert("time".to_owned(), system_clock()().wall.to_string().into());
    object.extend(members.clone());
    console.print_object(object)
}

async fn look(
    console: &Console,
    arguments: &Arguments,
    state: &Path,
    policies: &[Policy],
) -> Result<Answer, Failure> {
    // 1. What was seen before, and what each place shows now.
    let before = remembered(state, policies)?;
    let mut seen = Vec::new();
    for place in &arguments.views {
        seen.push(newest(place, policies).await?);
    }
    let known = seen.iter().map(|seen| &seen.checkpoint).chain(&before);
    let origins: Vec<&str> = known.map(|one| one.checkpoint().origin.as_str()).collect();
    if let Some(other) = origins.iter().find(|origin| **origin != origins[0]) {
        let first = origins[0];
        return Err(Failure::usage(
            "other-log",
            said!(
                "{first} 与 {other} 是两个账本，请分别监测",
                "{first} and {other} are two ledgers, monitor them apart"
            ),
        ));
    }
    seen.sort_by_key(|seen| seen.checkpoint.tree().size);
    // 2. Each is held against each larger one, at the place that shows the larger.
    for (at, larger) in seen.iter().enumerate() {
        let earlier = before
            .iter()
            .filter(|b| b.tree().size <= larger.checkpoint.tree().size);
        for smaller in seen[..at]
            .iter()
            .map(|seen| &seen.checkpoint)
            .chain(earlier)
        {
            if let Some(evidence) =
                contradict(smaller, &larger.checkpoint, &larger.source, &larger.place).await?
            {
                return alarm(console, arguments, "contradiction", &evidence, policies);
            }
        }
    }
    // 3. The first place is the ledger: it must not show less than it, or a copy of it, has shown. Copies may lag.
    let first = seen.iter().find(|seen| seen.place == arguments.views[0]);
    let first = first.expect("every place was read");
    let size = first.checkpoint.tree().size;
    if let Some(before) = before.as_ref().filter(|before| before.tree().size > size) {
        let evidence = ForkEvidence {
            smaller: first.checkpoint.note().encode(),
            larger: before.note().encode(),
            prefix: None,
        };
        return alarm(console, arguments, "rollback", &evidence, policies);
    }
    // 4. All well: the newest is remembered.
    let newest = seen.last().expect("there is at least one place");
    let tree = newest.checkpoint.tree();
    write_atomically(state, newest.checkpoint.note().encode().as_bytes()).map_err(|error| {
        let shown = state.display();
        Failure::input(
            "state",
            said!("写不了 {shown}", "cannot write {shown}").because(&error),
        )
    })?;
    let views: Vec<Value> = seen
        .iter()
        .map(|seen| json!({ "place": seen.place, "size": seen.checkpoint.tree().size, "behind": tree.size - seen.checkpoint.tree().size }))
        .collect();
    let (count, size) = (seen.len(), tree.size);
    let Said { zh, en } = said!(
        "{count} 处所示一致，最新 {size} 条；与上次所见也一致。\n未检查：各条记录本身（请用 audit）；给别人看的、不在此列的副本。\n",
        "{count} places show one history, {size} records, and what was seen before is part of it.\nnot checked: the records themselves (audit does that); copies shown to others and not named here.\n"
    );
    Ok(plain("consistent", console.lang.say(&zh, &en))
        .with("size", size)
        .with("root", tree.root_hash.to_base64())
        .with("views", views))
}

/// The evidence if the smaller is not part of the larger, whose tiles are at `source`.
pub(super) async fn contradict(
    smaller: &VerifiedCheckpoint,
    larger: &VerifiedCheckpoint,
    source: &Source,
    place: &str,
) -> Result<Option<ForkEvidence>, Failure> {
    let (old, new) = (smaller.tree(), larger.tree());
    let notes = |prefix| ForkEvidence {
        smaller: smaller.note().encode(),
        larger: larger.note().encode(),
        prefix,
    };
    if old.size == new.size {
        return Ok((old.root_hash != new.root_hash).then(|| notes(None)));
    }
    let failed = |error: crate::store::ReadError| {
        let cause = crate::chain_of(&error);
        Failure::temporary(
            "unproven",
            said!(
                "{place} 未能证明它延续了先前的账本",
                "{place} does not prove that it extends what was seen"
            )
            .because(&cause),
        )
    };
    let reader = LogReader::new(source.clone());
    let prefix = reader.tree_at(old.size, &new).await.map_err(failed)?;
    if prefix.root_hash == old.root_hash {
        return Ok(None);
    }
    let proof = reader
        .prove_consistency(old.size, new.size, &new)
        .await
        .map_err(failed)?;
    Ok(Some(notes(Some((prefix.root_hash, proof)))))
}

/// The larger of `head` and `checkpoint` of a place.
async fn newest(place: &str, policies: &[Policy]) -> Result<Seen, Failure> {
    let target = Target::parse(place).map_err(|error| {
        let cause = crate::chain_of(&error);
        Failure::input(
            "target",
            said!("{place} 不是账本", "{place} is no log").because(&cause),
        )
    })?;
    let mut found: Option<VerifiedCheckpoint> = None;
    for name in ["head", "checkpoint"] {
        let read = target.source().read(name, NOTE_BYTES_MAX as u64).await;
        let note = read.map_err(|error| {
            let cause = crate::chain_of(&error);
            Failure::temporary(
                "network",
                said!("读不到 {place}", "{place} cannot be read").because(&cause),
            )
        })?;
        let Some(note) = note else { continue };
        let verified = open_by(&note, policies).map_err(|why| {
            Failure::new(
                Exit::Failed,
                "checkpoint",
                said!(
                    "{place} 的 {name} 不是策略认可的检查点",
                    "{name} of {place} is not a checkpoint that the policy accepts"
                )
                .because(&why),
            )
        })?;
        if found
            .as_ref()
            .is_none_or(|there| there.tree().size < verified.tree().size)
        {
            found = Some(verified);
        }
    }
    let checkpoint = found.ok_or_else(|| {
        Failure::temporary(
            "no-checkpoint",
            said!("{place} 没有检查点", "{place} has no checkpoint"),
        )
    })?;
    Ok(Seen {
        place: place.to_owned(),
        source: target.source().clone(),
        checkpoint,
    })
}

fn remembered(state: &Path, policies: &[Policy]) -> Result<Option<VerifiedCheckpoint>, Failure> {
    if !state.exists() {
        return Ok(None);
    }
    let note = read_file(state, NOTE_BYTES_MAX as u64)?;
    open_by(&note, policies).map(Some).map_err(|why| {
        let shown = state.display();
        Failure::input(
            "state",
            said!(
                "状态文件 {shown} 不是策略认可的检查点",
                "the state {shown} is not a checkpoint that the policy accepts"
            )
            .because(&why),
        )
    })
}

/// Keeps the evidence, raises the alarm.
fn alarm(
    console: &Console,
    arguments: &Arguments,
    code: &'static str,
    evidence: &ForkEvidence,
    policies: &[Policy],
) -> Result<Answer, Failure> {
    let shown = evidence
        .check(policies)
        .expect("made of what was verified above");
    let path = &arguments.evidence;
    let text = evidence.encode();
    // Evidence is never overwritten: what was found first may be the only copy.
    if !std::fs::read_to_string(path).is_ok_and(|there| there == text) {
        super::keys::create(path, text.as_bytes(), 0o644)?;
    }
    if let Some(command) = &arguments.alarm {
        let ran = std::process::Command::new("sh")
            .args(["-c", command])
            .env("MINGZHANG_EVIDENCE", path)
            .stdout(std::process::Stdio::null())
            .status();
        if !ran.as_ref().is_ok_and(std::process::ExitStatus::success) {
            console.talk(&said!(
                "警报命令没有成功",
                "the alarm command did not succeed"
            ));
        }
    }
    let (file, Said { zh, en }) = (path.display(), shown_words(shown));
    let Said { zh, en } = said!(
        "✘✘ {zh}\n证据已写入 {file}，任何人都可离线核验：mingzhang monitor --check {file} --policy POLICY\n请保存，并交监督部门。\n",
        "✘✘ {en}\nthe evidence is in {file}; anybody can check it offline: mingzhang monitor --check {file} --policy POLICY\nkeep it, and hand it to the supervising authority.\n"
    );
    Ok(plain(code, console.lang.say(&zh, &en))
        .exit(Exit::Contradiction)
        .with("evidence", path.display().to_string()))
}

fn check(console: &Console, file: &Path, policies: &[Policy]) -> Result<Answer, Failure> {
    let bytes = read_file(file, EVIDENCE_BYTES_MAX)?;
    let text = String::from_utf8_lossy(&bytes);
    let checked = ForkEvidence::parse(&text).and_then(|evidence| evidence.check(policies));
    let shown = checked.map_err(|error: EvidenceError| {
        let cause = crate::chain_of(&error);
        Failure::new(
            Exit::Failed,
            "no-evidence",
            said!("这份文件什么也证明不了", "this file proves nothing").because(&cause),
        )
    })?;
    let code = match shown {
        Shown::TwoRoots { .. } | Shown::NotExtended { .. } => "contradiction",
        Shown::RolledBack { .. } => "rollback",
    };
    let Said { zh, en } = shown_words(shown);
    let text = console.lang.say(&zh, &en).to_owned() + "\n";
    Ok(plain(code, text).exit(Exit::Contradiction))
}

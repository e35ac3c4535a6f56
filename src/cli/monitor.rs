//! `monitor`: watches one ledger at several places (the ledger, mirrors, witnesses' own copies) and says whether all of them show one history,
//! whether it is alive, how its keys change, and what is published in somebody's name. `docs/monitor.md` describes every event.
//!
//! Promises: each checkpoint is verified by the policy before it is compared; what is remembered (`--state`) is verified again when it is
//! read; records are authenticated before they are looked at, each of them once, in log order. What contradicts is told before anything
//! else is done, whatever can be written, and kept in an evidence file; exit code 6. A place that does not answer hides no other. Does not
//! replay: `audit` does that.

mod event;
mod records;
mod state;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::out::{Answer, Console, Exit, Failure, NO_READER};
use super::policies::Policies;
use super::verify::shown_words;
use super::{evidence, plain, read_file, runtime};
use crate::audit::{EVIDENCE_BYTES_MAX, EvidenceError, ForkEvidence, Shown, Target};
use crate::lang::Said;
use crate::ledger::clock::system_clock;
use crate::said;
use crate::store::{Http, LogReader, Source};
use crate::tlog::merkle::Hash;
use crate::tlog::note::NOTE_BYTES_MAX;
use crate::tlog::policy::{VerifiedCheckpoint, open_by};
use crate::trade::record::parse_entry;
use event::{Event, Events, Severity};
use records::Watch;
use state::State;

/// What `monitor` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ledger first, then copies of it / 账本（第一个）、镜像的网址或目录
    #[arg(value_name = "URL|DIR", required_unless_present = "check")]
    views: Vec<String>,
    /// A witness's address, whose own copy of the checkpoint is looked at / 见证的网址
    #[arg(long, value_name = "URL", num_args = 1)]
    witness: Vec<String>,
    /// The same for every witness that a policy gives an address of / 策略中写明网址的全部见证
    #[arg(long)]
    witnesses: bool,
    /// Whom to trust: policy files or folders of them / 信任策略
    #[arg(long, required = true, value_name = "FILE|DIR", num_args = 1)]
    policy: Vec<PathBuf>,
    /// Remembers what was seen: a later run goes on from it and finds a rollback / 状态文件
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    state: Option<PathBuf>,
    /// Where evidence goes / 证据文件
    #[arg(long, value_name = "FILE", default_value = "mingzhang-evidence.txt")]
    evidence: PathBuf,
    /// Events are added to this file, one JSON object a line / 事件文件
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Seconds between two looks; without it one look / 间隔秒数
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    follow: Option<u64>,
    /// How old the quorum's cosignatures may be, seconds / 联署最久多少秒
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    cosignature_age: u64,
    /// How old the newest record may be, seconds; else it is not looked at / 最新记录最久多少秒
    #[arg(long, value_name = "SECONDS")]
    record_age: Option<u64>,
    /// Tells of everything published in this name / 关注的发布者
    #[arg(long, value_name = "NAME", num_args = 1)]
    publisher: Vec<String>,
    /// Tells of everything about this project / 关注的项目
    #[arg(long, value_name = "PUBLISHER/PROJECT", num_args = 1)]
    project: Vec<String>,
    /// A key that you know as a watched publisher's; any other in its name is an alert / 本单位认可的公钥
    #[arg(long, value_name = "VKEY|FILE", num_args = 1, requires = "publisher")]
    known_key: Vec<String>,
    /// Ids of the statements that you made, one a line; any other in your name is an alert / 本单位已发声明编号
    #[arg(long, value_name = "FILE", requires = "publisher")]
    known_statements: Option<PathBuf>,
    /// Run on alerts and evidence, for 20 s at most: the event on standard input, MINGZHANG_EVENT and MINGZHANG_EVIDENCE set / 警报命令，最多 20 秒
    #[arg(long, value_name = "COMMAND", alias = "alarm")]
    exec: Option<String>,
    /// Check an evidence file, offline (`verify` does the same) / 离线核验证据
    #[arg(long, value_name = "EVIDENCE", conflicts_with_all = ["views", "state", "follow", "exec"])]
    check: Option<PathBuf>,
}

/// Witnesses that answer cosign within seconds; a record that has waited longer is told of.
const WITNESS_LAG_S_MAX: u64 = 60;

/// A record may be dated this much ahead of the monitor's clock.
const AHEAD_S_MAX: i64 = 300;

/// One place's newest checkpoint.
struct Seen {
    place: String,
    /// Where its tiles are; a witness keeps none.
    source: Option<Source>,
    /// The larger of `head` and `checkpoint`.
    newest: VerifiedCheckpoint,
    /// What the witnesses have cosigned, if it has that.
    witnessed: Option<VerifiedCheckpoint>,
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let policies = Policies::read(&arguments.policy)?;
    if let Some(file) = &arguments.check {
        return check(console, file, &policies);
    }
    let path = arguments
        .state
        .as_deref()
        .expect("clap wants it without --check");
    let watch = Watch::read(
        &arguments.publisher,
        &arguments.project,
        &arguments.known_key,
        arguments.known_statements.as_deref(),
    )?;
    let mut state = State::read(path, &policies)?;
    let runtime = runtime();
    if arguments.follow.is_some() {
        super::log::start();
    }
    loop {
        let mut events = Events::new(console, arguments);
        let looked = runtime.block_on(look(
            console,
            arguments,
            &policies,
            &watch,
            &mut state,
            &mut events,
        ));
        // An event that could not be written is to be told again, and so is not remembered as told. A contradiction has the last word.
        let written = events.written();
        let is_lost = written.is_err();
        let looked = match looked {
            Ok(Looked::One(one)) => written.map(|()| Looked::One(one)),
            looked => looked,
        };
        let is_one = matches!(looked, Ok(Looked::One(_)));
        let Some(seconds) = arguments.follow else {
            let mut ended = ended(console, looked, events)?;
            if is_one {
                // Its events are in the one object: that must be out first, too. What was found outranks that it could not be.
                if console.json {
                    match console.deliver_object(ended.object()) {
                        Err(unshown) if ended.exit == Exit::Ok => return Err(unshown),
                        Err(_) => return Ok(ended),
                        Ok(()) => ended.is_shown = true,
                    }
                }
                state.write(path)?;
            }
            return Ok(ended);
        };
        // What was told is remembered only now: after a crash it is told once more rather than never.
        if is_one {
            state.write(path)?;
        } else if is_lost {
            state = State::read(path, &policies)?;
        }
        match looked {
            Ok(Looked::One(_)) => {}
            Ok(Looked::Two(..)) => return ended(console, looked, events),
            // No place answers: that is told, and asked again. A reader that has gone away does not come back.
            Err(failure) if failure.exit == Exit::Temporary && failure.code != NO_READER => {
                console.talk(&failure.said);
            }
            Err(failure) => return Err(failure),
        }
        std::thread::sleep(Duration::from_secs(seconds));
    }
}

/// How a look ended.
enum Looked {
    /// One history, shown at so many places, of that many records.
    One(Box<One>),
    /// Two, or one that went back: kept in a file.
    Two(&'static str, Said, Option<PathBuf>),
}

struct One {
    places: usize,
    newest: VerifiedCheckpoint,
    views: Vec<Value>,
}

async fn look(
    console: &Console,
    arguments: &Arguments,
    policies: &Policies,
    watch: &Watch,
    state: &mut State,
    events: &mut Events<'_>,
) -> Result<Looked, Failure> {
    // 1. What each place shows. The ledger last: whatever was seen elsewhere, it must have shown before.
    let mut seen = Vec::new();
    let first = &arguments.views[0];
    for place in witnesses(arguments, policies, first).await {
        let read = cosigned(&place, policies).await;
        state.note(events, &place.shown(), Severity::Warning, read, &mut seen)?;
    }
    for place in arguments.views[1..].iter().chain([first]) {
        let read = newest(place, policies).await;
        let away = if place == first {
            Severity::Away
        } else {
            Severity::Warning
        };
        state.note(events, place, away, read, &mut seen)?;
    }
    if !seen.iter().any(|seen| seen.source.is_some()) {
        return Err(Failure::temporary(
            "network",
            said!(
                "账本及其副本都读不到",
                "neither the ledger nor a copy of it can be read"
            ),
        ));
    }
    let before = state.checkpoint().cloned();
    one_log(&seen, before.as_ref())?;
    // 2. Two roots of one size contradict each other by themselves.
    seen.sort_by_key(|seen| seen.newest.tree().size);
    let all: Vec<&VerifiedCheckpoint> = seen
        .iter()
        .flat_map(|seen| [Some(&seen.newest), seen.witnessed.as_ref()])
        .flatten()
        .chain(&before)
        .collect();
    for (at, one) in all.iter().enumerate() {
        let other = all[..at].iter().find(|other| {
            let (one, other) = (one.tree(), other.tree());
            one.size == other.size && one.root_hash != other.root_hash
        });
        if let Some(other) = other {
            let evidence = ForkEvidence {
                smaller: other.note().encode(),
                larger: one.note().encode(),
                prefix: None,
            };
            let alarm = alarm(
                console,
                arguments,
                events,
                "contradiction",
                &evidence,
                policies,
            );
            return Ok(alarm);
        }
    }
    // 3. Each is held against each larger one whose tiles are to be had.
    for larger in &seen {
        let Some(source) = &larger.source else {
            continue;
        };
        let size = larger.newest.tree().size;
        let mut unproven = None;
        for smaller in all.iter().filter(|one| one.tree().size < size) {
            match contradict(smaller, &larger.newest, source, &larger.place).await {
                Ok(None) => {}
                Ok(Some(evidence)) => {
                    let alarm = alarm(
                        console,
                        arguments,
                        events,
                        "contradiction",
                        &evidence,
                        policies,
                    );
                    return Ok(alarm);
                }
                Err(failure) => unproven = Some(failure.said),
            }
        }
        let name = format!("unproven {}", larger.place);
        state.condition(
            events,
            &name,
            "unproven",
            Severity::Warning,
            unproven,
            json!({ "place": larger.place }),
        )?;
    }
    // 4. The ledger must not show less than it, a copy of it or a witness has shown. Copies may lag.
    if let Some(ledger) = seen.iter().find(|seen| seen.place == *first) {
        let size = ledger.newest.tree().size;
        if let Some(more) = all.iter().find(|one| one.tree().size > size) {
            let evidence = ForkEvidence {
                smaller: ledger.newest.note().encode(),
                larger: more.note().encode(),
                prefix: None,
            };
            let alarm = alarm(console, arguments, events, "rollback", &evidence, policies);
            return Ok(alarm);
        }
        fresh(arguments, ledger, state, events)?;
        lagging(ledger, state, events).await?;
    }
    // 5. The records that are new, from the place that has most of them.
    let (source, tree) = seen
        .iter()
        .filter_map(|seen| Some((seen.source.clone()?, seen.newest.tree())))
        .next_back()
        .expect("there is a place with tiles, as was asked above");
    let broken = records::follow(&LogReader::new(source), &tree, watch, state, events).await?;
    state.condition(
        events,
        "log-broken",
        "log-broken",
        Severity::Alert,
        broken,
        json!({}),
    )?;
    ahead(state, events)?;
    if let Some(age_max) = arguments.record_age {
        quiet(age_max, state, events)?;
    }
    // 6. All well: the newest is remembered.
    let newest = seen.last().expect("there is a place, as was asked above");
    state.remember(&newest.newest);
    let size = newest.newest.tree().size;
    let views = seen
        .iter()
        .map(|seen| {
            let shown = seen.newest.tree().size;
            json!({ "place": seen.place, "size": shown, "behind": size - shown })
        })
        .collect();
    if before.is_none_or(|before| before.tree() != newest.newest.tree()) {
        let count = seen.len();
        events.tell(Event::new(
            "consistent",
            Severity::Info,
            said!(
                "{count} 处所示一致，{size} 条记录",
                "{count} places show one history, {size} records"
            ),
            json!({ "size": size, "root": newest.newest.tree().root_hash.to_base64(), "views": &views }),
        ));
    }
    Ok(Looked::One(Box::new(One {
        places: seen.len(),
        newest: newest.newest.clone(),
        views,
    })))
}

/// All that is seen and remembered is of one origin.
fn one_log(seen: &[Seen], before: Option<&VerifiedCheckpoint>) -> Result<(), Failure> {
    let known = seen.iter().map(|seen| &seen.newest).chain(before);
    let origins: Vec<&str> = known.map(|one| one.checkpoint().origin.as_str()).collect();
    match origins.iter().find(|origin| **origin != origins[0]) {
        None => Ok(()),
        Some(other) => {
            let first = origins[0];
            Err(Failure::usage(
                "other-log",
                said!(
                    "{first} 与 {other} 是两个账本，请分别监测",
                    "{first} and {other} are two ledgers, monitor them apart"
                ),
            ))
        }
    }
}

/// Whether the quorum's word is young enough.
fn fresh(
    arguments: &Arguments,
    ledger: &Seen,
    state: &mut State,
    events: &mut Events<'_>,
) -> Result<(), Failure> {
    let now = now_s();
    let checkpoint = ledger.witnessed.as_ref().unwrap_or(&ledger.newest);
    let quorum = checkpoint.quorum();
    let lacking = (!quorum.met).then(|| {
        let (have, need) = (quorum.have, quorum.need);
        said!(
            "账本的检查点见证不足：{have}/{need}",
            "the ledger's checkpoint has {have} of {need} witnesses"
        )
    });
    let members = json!({ "have": quorum.have, "need": quorum.need });
    state.condition(
        events,
        "not-witnessed",
        "not-witnessed",
        Severity::Late,
        lacking,
        members,
    )?;
    // With one witness fewer than needed by each age, the quorum is as old as its oldest needed member.
    let mut times: Vec<u64> = checkpoint
        .witnesses()
        .iter()
        .filter(|witness| witness.counted)
        .filter_map(|witness| witness.cosigned)
        .collect();
    times.sort_unstable_by(|one, other| other.cmp(one));
    let oldest = quorum.need.checked_sub(1).and_then(|at| times.get(at));
    let age = oldest.map(|time| now.saturating_sub(*time));
    let age_max = arguments.cosignature_age;
    let old = age.filter(|age| *age > age_max).map(|age| {
        said!(
            "见证的联署已 {age} 秒，上限 {age_max} 秒：账本或见证停了，或有人在给你看旧的内容",
            "the witnesses' cosignatures are {age} s old, at most {age_max} are wanted: ledger or witnesses stand still, or you are shown something old"
        )
    });
    let members = json!({ "age_s": age, "age_max_s": age_max });
    state.condition(
        events,
        "cosignatures-old",
        "cosignatures-old",
        Severity::Late,
        old,
        members,
    )
}

/// Whether the first record that no quorum has cosigned has waited longer than witnesses that answer would take.
async fn lagging(ledger: &Seen, state: &mut State, events: &mut Events<'_>) -> Result<(), Failure> {
    let checkpoint = ledger.witnessed.as_ref().unwrap_or(&ledger.newest);
    let (witnessed, newest) = (checkpoint.tree().size, ledger.newest.tree());
    let needs_witnesses = checkpoint.quorum().need > 0;
    let mut age = None;
    if let Some(source) = ledger
        .source
        .clone()
        .filter(|_| needs_witnesses && witnessed < newest.size)
    {
        // What cannot be read, or was erased, is told of by the walk through the records.
        let entry = LogReader::new(source).entry(&newest, witnessed).await;
        let logged = entry
            .ok()
            .and_then(|entry| Some(parse_entry(&entry).ok()?.0.time));
        let logged_s = logged.and_then(|time| u64::try_from(time.as_ms() / 1_000).ok());
        age = logged_s.map(|logged_s| now_s().saturating_sub(logged_s));
    }
    let late = age.filter(|age| *age > WITNESS_LAG_S_MAX).map(|age| {
        let behind = newest.size - witnessed;
        said!(
            "最新 {behind} 条记录没有得到足够的见证联署，最早一条已等 {age} 秒：见证没有答复，或账本没有去问",
            "the newest {behind} records lack a quorum of witnesses, the first of them for {age} s: witnesses do not answer, or the ledger does not ask"
        )
    });
    let members = json!({ "age_s": age, "witnessed": witnessed, "size": newest.size });
    state.condition(
        events,
        "witnesses-behind",
        "witnesses-behind",
        Severity::Late,
        late,
        members,
    )
}

/// Whether the newest record is dated ahead of this machine's clock. Record time never goes back: one such record dates all later ones.
fn ahead(state: &mut State, events: &mut Events<'_>) -> Result<(), Failure> {
    let now = system_clock()().wall;
    let time = state.record_time;
    let ahead_s = time.map(|time| (time.as_ms() - now.as_ms()) / 1_000);
    let far = ahead_s.filter(|ahead_s| *ahead_s > AHEAD_S_MAX);
    let said = time.zip(far).map(|(time, ahead_s)| {
        said!(
            "最新一条记录的时间 {time} 比本机时间（{now}）晚 {ahead_s} 秒：登记时账本的时钟走快了，或本机时钟慢了；时间不回退，此后的记录都会沿用它",
            "the newest record is dated {time}, {ahead_s} s ahead of this machine's clock ({now}): the ledger's clock was ahead when it was logged, or this one is behind; record time never goes back, so all later ones bear it too"
        )
    });
    let members = json!({ "logged": time.map(|time| time.to_string()), "ahead_s": ahead_s });
    state.condition(
        events,
        "ahead-of-clock",
        "ahead-of-clock",
        Severity::Alert,
        said,
        members,
    )
}

/// Whether anything was logged lately.
fn quiet(age_max: u64, state: &mut State, events: &mut Events<'_>) -> Result<(), Failure> {
    let age = state
        .record_time_s()
        .map(|time| now_s().saturating_sub(time));
    let old = age.filter(|age| *age > age_max).map(|age| {
        said!(
            "最新一条记录已是 {age} 秒之前，上限 {age_max} 秒",
            "the newest record is {age} s old, at most {age_max} are wanted"
        )
    });
    let members = json!({ "age_s": age, "age_max_s": age_max });
    state.condition(
        events,
        "records-old",
        "records-old",
        Severity::Late,
        old,
        members,
    )
}

fn now_s() -> u64 {
    u64::try_from(system_clock()().wall.as_ms() / 1_000).unwrap_or(0)
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

/// A witness's own copy of a log's checkpoint.
struct WitnessPlace {
    url: String,
    origin: String,
}

impl WitnessPlace {
    fn shown(&self) -> String {
        let url = &self.url;
        format!("witness {url}")
    }
}

/// The witnesses to be asked: named, or those of the policies.
async fn witnesses(arguments: &Arguments, policies: &Policies, first: &str) -> Vec<WitnessPlace> {
    let mut urls: Vec<String> = arguments.witness.clone();
    if arguments.witnesses {
        let named = policies.iter().flat_map(|policy| policy.witnesses());
        urls.extend(named.filter_map(|witness| witness.url.clone()));
    }
    urls.sort();
    urls.dedup();
    if urls.is_empty() {
        return Vec::new();
    }
    let mut origins: Vec<String> = policies
        .iter()
        .flat_map(|policy| policy.logs())
        .map(|log| log.vkey.name().to_owned())
        .collect();
    origins.sort();
    origins.dedup();
    // A policy of several logs does not say which one is watched; the ledger does.
    if origins.len() > 1
        && let Ok(seen) = newest(first, policies).await
    {
        origins = vec![seen.newest.checkpoint().origin.clone()];
    }
    let origin = origins.swap_remove(0);
    urls.into_iter()
        .map(|url| WitnessPlace {
            url,
            origin: origin.clone(),
        })
        .collect()
}

/// What a witness has cosigned last (c2sp.org/tlog-witness: `GET <prefix>/<hex SHA-256 of the origin>/checkpoint`).
async fn cosigned(place: &WitnessPlace, policies: &Policies) -> Result<Seen, Failure> {
    let http = Http::new(&place.url)?;
    let name = format!("{}/checkpoint", Hash::sha256(place.origin.as_bytes()));
    let note = http.read(&name, NOTE_BYTES_MAX as u64).await?;
    let shown = place.shown();
    let note = note.ok_or_else(|| {
        Failure::temporary(
            "shows-none",
            said!(
                "{shown} 没有出示此账本的检查点：它也许联署而不对外出示，也许没有联署，由此看不出",
                "{shown} shows no checkpoint of this log: it may cosign without showing what, or not cosign at all; this does not tell"
            ),
        )
    })?;
    Ok(Seen {
        newest: judge(&shown, "checkpoint", &note, policies)?,
        place: shown,
        source: None,
        witnessed: None,
    })
}

fn judge(
    place: &str,
    name: &str,
    note: &[u8],
    policies: &Policies,
) -> Result<VerifiedCheckpoint, Failure> {
    match open_by(policies, note) {
        Ok(judged) => Ok(judged.checkpoint),
        Err(error) => Err(Failure::new(
            Exit::Failed,
            "not-accepted",
            said!(
                "{place} 的 {name} 不是策略认可的检查点",
                "{name} of {place} is not a checkpoint that the policy accepts"
            )
            .because(&crate::chain_of(&error)),
        )),
    }
}

/// The larger of `head` and `checkpoint` of a place, and `checkpoint` itself.
async fn newest(place: &str, policies: &Policies) -> Result<Seen, Failure> {
    let target = Target::parse(place).map_err(|error| {
        let cause = crate::chain_of(&error);
        Failure::input(
            "target",
            said!("{place} 不是账本", "{place} is no log").because(&cause),
        )
    })?;
    let (mut found, mut witnessed): (Option<VerifiedCheckpoint>, _) = (None, None);
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
        let verified = judge(place, name, &note, policies)?;
        if name == "checkpoint" {
            witnessed = Some(verified.clone());
        }
        if found
            .as_ref()
            .is_none_or(|there| there.tree().size < verified.tree().size)
        {
            found = Some(verified);
        }
    }
    let newest = found.ok_or_else(|| {
        Failure::temporary(
            "no-checkpoint",
            said!("{place} 没有检查点", "{place} has no checkpoint"),
        )
    })?;
    Ok(Seen {
        place: place.to_owned(),
        source: Some(target.source().clone()),
        newest,
        witnessed,
    })
}

/// Raises the alarm: people hear it before anything is written, and whatever can be written. The command is run when the evidence is on
/// disk, since it is told its name.
fn alarm(
    console: &Console,
    arguments: &Arguments,
    events: &mut Events<'_>,
    code: &'static str,
    evidence: &ForkEvidence,
    policies: &Policies,
) -> Looked {
    let shown = evidence
        .check(policies)
        .expect("made of what was verified above");
    let said = shown_words(shown);
    let Said { zh, en } = &said;
    console.talk(&said!("✘✘ {zh}", "✘✘ {en}"));
    let file = evidence::keep(console, &arguments.evidence, &evidence.encode());
    let shown = file.as_ref().map(|file| file.display().to_string());
    let members = json!({ "evidence": shown });
    let event = Event::new(code, Severity::Contradiction, said.clone(), members);
    events.tell(event.proved_by(file.clone()));
    Looked::Two(code, said, file)
}

/// What a single look, or the last one, hands back.
fn ended(
    console: &Console,
    looked: Result<Looked, Failure>,
    events: Events<'_>,
) -> Result<Answer, Failure> {
    let worst = events.worst();
    let told = events.into_told();
    match looked? {
        Looked::Two(code, Said { zh, en }, file) => {
            let kept = kept_words(file.as_deref());
            let (kept_zh, kept_en) = (&kept.zh, &kept.en);
            let Said { zh, en } = said!(
                "✘✘ {zh}\n{kept_zh}\n请保存，并交监督部门。\n",
                "✘✘ {en}\n{kept_en}\nkeep it, and hand it to the supervising authority.\n"
            );
            Ok(plain(code, console.lang.say(&zh, &en))
                .exit(Exit::Contradiction)
                .with("evidence", file.map(|file| file.display().to_string()))
                .with("events", told))
        }
        Looked::One(one) => {
            let (count, tree) = (one.places, one.newest.tree());
            let size = tree.size;
            let said = said!(
                "{count} 处所示一致，最新 {size} 条；与上次所见也一致。\n未检查：各条记录本身（请用 audit）；给别人看的、不在此列的副本。\n",
                "{count} places show one history, {size} records, and what was seen before is part of it.\nnot checked: the records themselves (audit does that); copies shown to others and not named here.\n"
            );
            let (exit, code) = match worst {
                Some(Severity::Alert | Severity::Contradiction) => (Exit::Failed, "alert"),
                Some(Severity::Late) => (Exit::Policy, "late"),
                Some(Severity::Away) => (Exit::Temporary, "ledger-away"),
                Some(Severity::Info | Severity::Warning) | None => (Exit::Ok, "consistent"),
            };
            Ok(plain(code, said.in_(console.lang))
                .exit(exit)
                .with("size", size)
                .with("root", tree.root_hash.to_base64())
                .with("views", one.views)
                .with("events", told))
        }
    }
}

/// Where the evidence is.
pub(super) fn kept_words(file: Option<&Path>) -> Said {
    let Some(file) = file else {
        return said!(
            "证据写不到任何文件，全文已显示在标准错误上",
            "the evidence could be written to no file; the whole of it was shown on standard error"
        );
    };
    let file = file.display();
    said!(
        "证据已写入 {file}，任何人都可离线核验：mingzhang verify {file} --policy POLICY",
        "the evidence is in {file}; anybody can check it offline: mingzhang verify {file} --policy POLICY"
    )
}

fn check(console: &Console, file: &Path, policies: &Policies) -> Result<Answer, Failure> {
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
    let said = shown_words(shown);
    let text = said.in_(console.lang).to_owned() + "\n";
    Ok(plain(code, text).exit(Exit::Contradiction))
}

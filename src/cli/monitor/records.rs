//! The records that are new to a monitor: changes of keys, and what is said in a watched name or of a watched project.
//!
//! Promises: in log order, each once, authenticated. For a watched publisher the signature of each statement is verified by the keys in force,
//! and a key or statement that the publisher does not know as its own is an alert: its key is misused, or somebody had another admitted in its
//! name. Of what is not watched nothing is verified but the chain of keys.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::event::{Event, Events, Severity};
use super::state::State;
use crate::audit::{FollowError, Visited};
use crate::cli::key::{change_words, vkey};
use crate::cli::out::Failure;
use crate::cli::read_file;
use crate::lang::Said;
use crate::said;
use crate::store::LogReader;
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::note::Vkey;
use crate::trade::record::parse_entry;
use crate::trade::statement::{Body, Change, Statement};
use crate::trade::time::Time;
use crate::trade::visible::one_line;

/// Statement ids of one publisher, at most.
const IDS_BYTES_MAX: u64 = 1 << 30;

/// What is watched.
pub(super) struct Watch {
    publishers: BTreeSet<String>,
    /// Publisher and project.
    projects: BTreeSet<(String, String)>,
    known_keys: Vec<Vkey>,
    known_statements: Option<BTreeSet<Hash>>,
}

impl Watch {
    /// As the command line says.
    pub fn read(
        publishers: &[String],
        projects: &[String],
        known_keys: &[String],
        known_statements: Option<&Path>,
    ) -> Result<Watch, Failure> {
        let projects = projects.iter().map(|text| {
            let (publisher, project) = text.rsplit_once('/').ok_or_else(|| {
                Failure::usage(
                    "project",
                    said!(
                        "--project {text} 应写成 发布者/项目",
                        "--project {text} should be PUBLISHER/PROJECT"
                    ),
                )
            })?;
            Ok((publisher.to_owned(), project.to_owned()))
        });
        let known = known_keys.iter().map(|text| vkey(text));
        Ok(Watch {
            publishers: publishers.iter().cloned().collect(),
            projects: projects.collect::<Result<_, Failure>>()?,
            known_keys: known.collect::<Result<_, _>>()?,
            known_statements: known_statements.map(ids_of).transpose()?,
        })
    }

    fn is_idle(&self) -> bool {
        self.publishers.is_empty() && self.projects.is_empty()
    }

    fn knows_key(&self, vkey: &Vkey) -> bool {
        self.known_keys.is_empty() || self.known_keys.contains(vkey)
    }
}

/// One id a line; blank lines and `#` are passed over.
fn ids_of(path: &Path) -> Result<BTreeSet<Hash>, Failure> {
    let bytes = read_file(path, IDS_BYTES_MAX)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().map(str::trim).zip(1..);
    lines
        .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'))
        .map(|(line, number)| {
            Hash::from_hex(line).ok_or_else(|| {
                let shown = path.display();
                Failure::input(
                    "known-statements",
                    said!(
                        "{shown} 第 {number} 行不是 64 位十六进制编号",
                        "line {number} of {shown} is not an id of 64 hexadecimal digits"
                    ),
                )
            })
        })
        .collect()
}

/// Goes through what is new, and tells of it. What ends the walk is handed back in words: the log itself is broken there.
pub(super) async fn follow(
    reader: &LogReader,
    tree: &Tree,
    watch: &Watch,
    state: &mut State,
    events: &mut Events<'_>,
) -> Result<Option<Said>, Failure> {
    let (mut told, mut keys, mut time) = (Vec::new(), Vec::new(), None::<Time>);
    let last = tree.size.saturating_sub(1);
    let walked = state
        .follower
        .advance(reader, tree, tree.size, |visited| {
            look_at(&visited, watch, &mut told);
            if let Some(statement) = visited.key_statement {
                let note = bytes::Bytes::copy_from_slice(statement.note());
                keys.push((visited.index, note));
            }
            if visited.index == last
                && let Ok((header, _)) = parse_entry(visited.entry)
            {
                time = Some(header.time);
            }
        })
        .await;
    state.keys.extend(keys);
    state.record_time = time.or(state.record_time);
    for event in told {
        events.tell(event);
    }
    match walked {
        Ok(()) => Ok(None),
        Err(FollowError::Read(error)) => {
            let cause = crate::chain_of(&error);
            Ok(Some(
                said!(
                    "新记录读不到，或不属于已签名的账本",
                    "new records cannot be read, or do not hang from the signed root"
                )
                .because(&cause),
            ))
        }
        Err(error) => {
            let cause = crate::chain_of(&error);
            Ok(Some(
                said!(
                    "账本的密钥链不成立，请立即审计",
                    "the log's chain of keys does not hold: audit it now"
                )
                .because(&cause),
            ))
        }
    }
}

fn look_at(visited: &Visited<'_>, watch: &Watch, told: &mut Vec<Event>) {
    let index = visited.index;
    if let Some(statement) = visited.key_statement {
        if let Body::Key(changes) = statement.body() {
            for change in changes {
                told.push(changed(index, change, watch));
            }
        }
        return;
    }
    if watch.is_idle() || visited.entry.is_empty() {
        return;
    }
    let Ok((header, note)) = parse_entry(visited.entry) else {
        return; // Audit names it.
    };
    let Ok(statement) = Statement::parse(note) else {
        return;
    };
    let publisher = statement.publisher().unwrap_or_default();
    let mine = watch.publishers.contains(publisher);
    if !mine && !is_of_project(&statement, watch) {
        return;
    }
    let title = statement.fields().title().unwrap_or_default().to_owned();
    let (id, kind) = (statement.id(), statement.statement_type());
    let key = visited.keys.signer(&statement).map(|key| key.vkey.clone());
    let members = json!({
        "index": index,
        "logged": header.time.to_string(),
        "id": id.to_string(),
        "type": kind,
        "publisher": publisher,
        "project": statement.project(),
        "title": title,
        "key": key.as_ref().ok().map(ToString::to_string),
    });
    let (kind, title) = (one_line(kind), one_line(&title));
    let mut tell = |code, severity, said| {
        told.push(Event::new(code, severity, said, members.clone()));
    };
    tell(
        "record",
        Severity::Info,
        said!(
            "第 {index} 条：{publisher} {kind} {title}",
            "record {index}: {publisher} {kind} {title}"
        ),
    );
    if !mine {
        return;
    }
    if let Err(error) = visited.keys.verify(&statement) {
        let cause = crate::chain_of(&error);
        tell(
            "signature-bad",
            Severity::Alert,
            said!(
                "第 {index} 条以 {publisher} 名义，但签名不成立：账本不应收录，请立即审计",
                "record {index} in the name of {publisher} is not signed by a key that may say it: the ledger should never have taken it, audit it now"
            )
            .because(&cause),
        );
    } else if let Ok(key) = key.as_ref()
        && !watch.knows_key(key)
    {
        tell(
            "key-unknown",
            Severity::Alert,
            said!(
                "第 {index} 条以 {publisher} 名义，由本单位不认识的密钥 {key} 签名：若非本单位所为，请管理机构撤销该密钥",
                "record {index} in the name of {publisher} is signed by {key}, which you do not know: if it is not yours, have the authorities revoke it"
            ),
        );
    }
    if let Some(known) = &watch.known_statements
        && !known.contains(&id)
    {
        tell(
            "not-ours",
            Severity::Alert,
            said!(
                "第 {index} 条（{id}）以 {publisher} 名义，不在本单位所发之列：密钥可能被盗用，请停用并报管理机构撤销",
                "record {index} ({id}) in the name of {publisher} is none that you made: your key may be misused, stop using it and have it revoked"
            ),
        );
    }
}

/// A change of keys; one that admits a key in a watched name that its bearer does not know is an alert.
fn changed(index: u64, change: &Change, watch: &Watch) -> Event {
    let Said { zh, en } = change_words(change);
    let (zh, en) = (zh.trim_start_matches("· "), en.trim_start_matches("· "));
    let (op, vkey) = match change {
        Change::Admit(admit) => ("admit", Some(&admit.vkey)),
        Change::Revoke(revoke) => ("revoke", Some(&revoke.vkey)),
        Change::Authority(_) => ("authority", None),
        Change::EraseEntry(_) => ("erase_entry", None),
    };
    let members = json!({ "index": index, "op": op, "vkey": vkey.map(ToString::to_string) });
    let in_my_name = vkey.is_some_and(|vkey| watch.publishers.contains(vkey.name()));
    let unknown = op == "admit" && in_my_name && vkey.is_some_and(|vkey| !watch.knows_key(vkey));
    if unknown {
        return Event::new(
            "key-admitted-unknown",
            Severity::Alert,
            said!(
                "第 {index} 条接纳了以本单位为名、本单位不认识的密钥：{zh}",
                "record {index} admits a key in your name that you do not know: {en}"
            ),
            members,
        );
    }
    Event::new(
        "keys-changed",
        Severity::Info,
        said!("第 {index} 条：{zh}", "record {index}: {en}"),
        members,
    )
}

fn is_of_project(statement: &Statement, watch: &Watch) -> bool {
    let holds = |publisher: &str, project: &str| {
        watch
            .projects
            .contains(&(publisher.to_owned(), project.to_owned()))
    };
    let own = statement.publisher().zip(statement.project());
    let fields = statement.fields();
    own.is_some_and(|(publisher, project)| holds(publisher, project))
        || fields
            .about()
            .is_some_and(|about| holds(about.publisher, about.project))
}

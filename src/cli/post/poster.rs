//! The sending of drafts: signed to follow one another, what is withheld kept first, sent in batches, and sent again while their fate is
//! undecided. Does not read files, nor say anything: [`super`] does.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::answered::{self, Answered};
use super::super::draft::{Guard, Line};
use super::super::fetch;
use super::super::keys::holder::Holder;
use super::super::out::Failure;
use super::super::text::{Lang, Said, said};
use super::{ANSWER_BYTES_MAX, Kept, Outcome, Show, WaitFor, Withhold, busy, no_vault, said_by};
use crate::store::{Http, HttpError};
use crate::tlog::merkle::Hash;
use crate::trade::commitment::Openings;
use crate::trade::door;
use crate::trade::statement::Statement;

/// A full or reopening ledger is asked again so often, with growing pauses, before the run gives up; running again goes on.
const BUSY_TRIES: u32 = 8;
/// The head of a chain may move under us, if another client of the same centre posts; then the draft is signed again.
const FOLLOW_TRIES: u32 = 5;
const POST: &str = "api/v1/statements/batch";
const POST_WITNESSED: &str = "api/v1/statements/batch?wait=witnessed";
const DRY_RUN: &str = "api/v1/statements/batch?dry_run=true";

/// A signed draft.
#[derive(Clone)]
struct Ready {
    line: Line,
    id: Hash,
    /// The statement's `ref`.
    reference: String,
    note: String,
    /// Travels with it.
    shown: Openings,
    /// Stays here, and never goes to the ledger.
    withheld: Openings,
}

impl Ready {
    /// As a batch takes it.
    fn line(&self) -> String {
        let mut post = json!({ "note": self.note });
        if !self.shown.is_empty() {
            post["openings"] =
                serde_json::from_slice(&self.shown.encode()).expect("openings are encoded as JSON");
        }
        format!("{post}\n")
    }

    fn kept(&self) -> Kept<'_> {
        Kept {
            id: &self.id,
            reference: &self.reference,
            openings: &self.withheld,
        }
    }
}

/// Whether a dry run says that the ledger has it: the same statement, or another with its `ref`, whose id it tells.
fn known(answer: &Value) -> Option<Option<Hash>> {
    let status = answer.get("status").and_then(Value::as_u64);
    let member = |name: &str| answer.get(name).and_then(Value::as_str);
    match (status, member("code").unwrap_or_default()) {
        (Some(200), _) if answer.get("index").is_some_and(Value::is_u64) => Some(None),
        (Some(409), "ref-conflict") => Some(member("existing").and_then(Hash::from_hex)),
        _ => None,
    }
}

pub(super) struct Poster<'a> {
    pub http: &'a Http,
    pub signer: &'a Holder,
    pub ledger: String,
    pub heads: HashMap<String, Option<Hash>>,
    /// Ids by line number, for `amends`.
    pub made: HashMap<usize, Hash>,
    pub tries: HashMap<usize, u32>,
    pub receipts: Option<&'a Path>,
    pub check: bool,
    pub wait: WaitFor,
    pub show: Show,
    pub withhold: Option<&'a mut Withhold<'a>>,
    pub guard: Option<&'a Guard>,
    pub lang: Lang,
}

impl Poster<'_> {
    /// Posts drafts in their order; gives back those whose fate is undecided.
    pub fn post(&mut self, window: Vec<Line>, outcome: &mut Outcome) -> Result<Vec<Line>, Failure> {
        let mut ready = self.sign(window, outcome)?;
        if self.check {
            let answers = self.send(DRY_RUN, &ready)?;
            for (one, answer) in ready.iter().zip(answers) {
                self.take_checked(&one.line, &answer, outcome)?;
            }
            return Ok(Vec::new());
        }
        if ready.iter().any(|one| !one.withheld.is_empty()) {
            ready = self.keep(ready, outcome)?;
        }
        let name = match self.wait {
            WaitFor::Signed => POST,
            WaitFor::Witnessed => POST_WITNESSED,
        };
        let answers = self.send(name, &ready)?;
        let (mut undecided, mut shaken) = (Vec::new(), HashSet::new());
        for (one, answer) in ready.into_iter().zip(answers) {
            let after_a_gap = shaken.contains(&one.line.project);
            let before = outcome.logged.len();
            let done = self.take(&one.line, one.id, &answer, after_a_gap, outcome)?;
            if outcome.logged.len() == before {
                shaken.insert(one.line.project.clone());
            }
            if !done {
                undecided.push(one.line);
            }
        }
        Ok(undecided)
    }

    /// Signs each draft to follow the one before, as if that one were logged already.
    fn sign(&mut self, lines: Vec<Line>, outcome: &mut Outcome) -> Result<Vec<Ready>, Failure> {
        let mut heads: HashMap<String, Option<Hash>> = HashMap::new();
        let mut ready = Vec::new();
        for line in lines {
            let head = match heads.get(&line.project) {
                Some(head) => *head,
                None => self.head(&line.project)?,
            };
            match line.sign(&self.ledger, head.as_ref(), self.signer, |number| {
                self.made.get(&number).copied()
            }) {
                Ok((statement, opened)) => {
                    if let Some(reason) = self.stops(&statement) {
                        outcome.refused.push((line.number, reason));
                        continue;
                    }
                    // What is only checked is logged by nobody.
                    let after = if self.check {
                        head
                    } else {
                        Some(statement.id())
                    };
                    heads.insert(line.project.clone(), after);
                    let (shown, withheld) = match self.show {
                        Show::AsDrafted => (opened.shown, opened.withheld),
                        Show::Nothing => (Openings::default(), opened.all()),
                    };
                    ready.push(Ready {
                        note: String::from_utf8_lossy(statement.note()).into_owned(),
                        id: statement.id(),
                        reference: statement.reference().unwrap_or_default().to_owned(),
                        line,
                        shown,
                        withheld,
                    });
                }
                Err(error) => outcome.refused.push((line.number, error.to_string())),
            }
        }
        Ok(ready)
    }

    /// Keeps the openings that do not go to the ledger, those of the statements only that the ledger does not have: salts that open
    /// nothing help nobody.
    fn keep(&mut self, ready: Vec<Ready>, outcome: &mut Outcome) -> Result<Vec<Ready>, Failure> {
        let answers = self.send(DRY_RUN, &ready)?;
        let (mut new, mut ready) = (Vec::new(), ready);
        for (one, answer) in ready.iter().zip(answers) {
            match known(&answer) {
                Some(existing) => {
                    self.made
                        .insert(one.line.number, existing.unwrap_or(one.id));
                    outcome.known.push(one.line.number);
                }
                None => new.push(one.line.clone()),
            }
        }
        if new.len() < ready.len() {
            ready = self.sign(new, outcome)?;
        }
        let hiding = ready.iter().filter(|one| !one.withheld.is_empty());
        let kept: Vec<Kept<'_>> = hiding.map(Ready::kept).collect();
        if !kept.is_empty() {
            let keep = self.withhold.as_mut().ok_or_else(no_vault)?;
            keep(&kept)?;
        }
        Ok(ready)
    }

    /// Why a statement is not sent: it may show what must not be shown, and nobody has said that it is meant.
    fn stops(&self, statement: &Statement) -> Option<String> {
        let guard = self.guard?;
        let problems = door::check_with(statement, &guard.words);
        let stopping: Vec<String> = problems
            .iter()
            .filter(|problem| door::is_secrecy(problem.code) && !guard.accepts(problem.code))
            .map(|problem| {
                let (code, pointer) = (problem.code, &problem.pointer);
                let said = self.lang.say(&problem.zh, &problem.en);
                format!("{pointer} [{code}] {said}")
            })
            .collect();
        if stopping.is_empty() {
            return None;
        }
        let what = stopping.join("; ");
        let Said { zh, en } = said!(
            "没有发送：{what}。确认应当公开的，加 --accept CODE 再发",
            "not sent: {what}. If it is meant to be public, post it with --accept CODE"
        );
        Some(self.lang.say(&zh, &en).to_owned())
    }

    /// What the ledger said of a refused line: every problem with its place, in the clerk's language, errors first.
    fn why(&self, answer: &Value) -> String {
        let Some(problems) = answer.get("problems").and_then(Value::as_array) else {
            return said_by(answer);
        };
        let told: Vec<String> = problems
            .iter()
            .map(|problem| {
                let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or("?");
                let said = self.lang.say(text("zh"), text("en"));
                let mark = if text("severity") == "error" { "!" } else { "" };
                format!("{} [{}{mark}] {said}", text("pointer"), text("code"))
            })
            .collect();
        let code = answer.get("code").and_then(Value::as_str).unwrap_or("?");
        format!("[{code}] {}", told.join("; "))
    }

    /// One line's answer. `false`: undecided, to be sent again. `after_a_gap`: the one that it was to follow was not taken.
    fn take(
        &mut self,
        line: &Line,
        id: Hash,
        answer: &Value,
        after_a_gap: bool,
        outcome: &mut Outcome,
    ) -> Result<bool, Failure> {
        let status = answer.get("status").and_then(Value::as_u64).unwrap_or(0);
        let member = |name: &str| answer.get(name).and_then(Value::as_str);
        match (status, member("code").unwrap_or_default()) {
            (200 | 201, _) => {
                let index = answer.get("index").and_then(Value::as_u64).unwrap_or(0);
                self.heads.insert(line.project.clone(), Some(id));
                self.made.insert(line.number, id);
                if let (Some(folder), Some(receipt)) = (self.receipts, member("receipt")) {
                    let path = folder.join(format!("{index}.tlog-proof"));
                    fetch::keep_receipt(&path, receipt.as_bytes(), index)?;
                }
                if answer.get("witnessed").and_then(Value::as_bool) == Some(false) {
                    outcome.unwitnessed += 1;
                }
                if status == 201 {
                    outcome.logged.push((line.number, index));
                    warn(outcome, line, answer);
                } else {
                    outcome.known.push(line.number);
                }
                Ok(true)
            }
            // The same disclosure was posted before, in other words or with other salts: that one stands.
            (409, "ref-conflict") => {
                if let Some(existing) = member("existing").and_then(Hash::from_hex) {
                    self.made.insert(line.number, existing);
                }
                outcome.known.push(line.number);
                Ok(true)
            }
            (409, "follows-conflict") => {
                let tries = self.tries.entry(line.number).or_default();
                *tries += u32::from(!after_a_gap);
                if *tries > FOLLOW_TRIES {
                    outcome.refused.push((line.number, self.why(answer)));
                    return Ok(true);
                }
                self.heads.insert(
                    line.project.clone(),
                    member("head").and_then(Hash::from_hex),
                );
                Ok(false)
            }
            (503, _) => {
                let tries = self.tries.entry(line.number).or_default();
                *tries += 1;
                if *tries > BUSY_TRIES {
                    return Err(busy(answer));
                }
                std::thread::sleep(Duration::from_millis(50 << (*tries).min(6)));
                Ok(false)
            }
            (507, _) => Err(busy(answer)),
            _ => {
                outcome.refused.push((line.number, self.why(answer)));
                Ok(true)
            }
        }
    }

    /// What a line that was checked only would have become.
    fn take_checked(
        &mut self,
        line: &Line,
        answer: &Value,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        match answer.get("status").and_then(Value::as_u64) {
            _ if known(answer).is_some() => outcome.known.push(line.number),
            Some(200) => {
                outcome.logged.push((line.number, 0));
                warn(outcome, line, answer);
            }
            Some(503 | 507) => return Err(busy(answer)),
            _ => outcome.refused.push((line.number, self.why(answer))),
        }
        Ok(())
    }

    /// The newest statement of the project, by us or by an earlier run.
    fn head(&mut self, project: &str) -> Result<Option<Hash>, Failure> {
        if let Some(head) = self.heads.get(project) {
            return Ok(*head);
        }
        let name = format!("api/v1/projects/{}/{project}?limit=1", self.signer.name());
        let answer = answered::ask(self.http, &name, ANSWER_BYTES_MAX)?;
        let head = match answer.status {
            404 | 400 => None,
            _ => Answered::of(self.http, &name, &answer)?
                .value("head")
                .as_str()
                .and_then(Hash::from_hex),
        };
        self.heads.insert(project.to_owned(), head);
        Ok(head)
    }

    fn send(&self, name: &str, ready: &[Ready]) -> Result<Vec<Value>, Failure> {
        if ready.is_empty() {
            return Ok(Vec::new());
        }
        let lines = ready.len();
        let body: String = ready.iter().map(Ready::line).collect();
        let mut tries = 0;
        loop {
            let sent = self.http.call(
                "POST",
                name,
                &[("content-type", "application/x-ndjson")],
                Some(body.as_bytes()),
                ANSWER_BYTES_MAX,
            );
            tries += 1;
            match sent {
                Ok(answer) if answer.status == 200 => {
                    let answers: Vec<Value> = answer
                        .body
                        .split(|byte| *byte == b'\n')
                        .filter(|line| !line.is_empty())
                        .map(|line| serde_json::from_slice(line).unwrap_or(Value::Null))
                        .collect();
                    if answers.len() == lines {
                        return Ok(answers);
                    }
                }
                Ok(answer) if !matches!(answer.status, 502..=504 | 429) => {
                    return Err(busy(
                        &serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
                    ));
                }
                // Posting the same bytes again is harmless, whatever became of them.
                Ok(_) => {}
                Err(error @ (HttpError::TooLarge { .. } | HttpError::Url { .. })) => {
                    return Err(error.into());
                }
                Err(error) if tries >= BUSY_TRIES => return Err(error.into()),
                Err(_) => {}
            }
            if tries >= BUSY_TRIES {
                return Err(busy(&Value::Null));
            }
            std::thread::sleep(Duration::from_millis(50 << tries.min(6)));
        }
    }
}

/// Keeps what the ledger remarked.
fn warn(outcome: &mut Outcome, line: &Line, answer: &Value) {
    let remarks = answer.get("warnings").and_then(Value::as_array);
    if let Some(remarks) = remarks.filter(|remarks| !remarks.is_empty()) {
        outcome.warned.push((line.number, remarks.clone()));
    }
}

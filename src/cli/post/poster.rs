//! The sending of drafts: signed to follow one another, what is withheld kept first, sent in batches, and sent again while their fate is
//! undecided. Does not read files, nor say anything.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::ANSWER_BYTES_MAX;
use super::super::answered::{self, Answered, said_by};
use super::super::draft::{Amended, Guard, Line, LineError};
use super::super::fetch;
use super::super::keys::holder::Holder;
use super::super::out::Failure;
use super::super::vault::{Kept, no_vault};
use super::posting::{Placed, Posted, Show, WaitFor, Withhold};
use super::{faults, settle};
use crate::lang::{Bilingual, Lang};
use crate::said;
use crate::server::project_path;
use crate::store::{Http, HttpError};
use crate::tlog::merkle::Hash;
use crate::trade::commitment::Openings;
use crate::trade::door;
use crate::trade::statement::Statement;
use crate::trade::visible::one_line;

/// A full or reopening ledger is asked again so often, with growing pauses, before the run gives up; running again goes on.
const BUSY_TRIES: u32 = 8;
/// The head of a chain may move under us, if another client of the same centre posts; then the draft is signed again.
const FOLLOW_TRIES: u32 = 5;
const POST: &str = "api/v1/statements/batch?wait=signed";
const POST_WITNESSED: &str = "api/v1/statements/batch?wait=witnessed";
const DRY_RUN: &str = "api/v1/statements/batch?dry_run=true";

/// A signed draft.
#[derive(Clone)]
pub(super) struct Ready {
    line: Line,
    id: Hash,
    /// The statement's `ref`.
    reference: String,
    statement: Statement,
    /// What is sent: the statement; or, to be checked only, the same without what is not logged yet.
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

/// What a dry run or a post says that the ledger has: the same statement, at its index, or another one with its `ref`.
enum Known {
    Same { index: u64 },
    Reference { existing: Hash },
}

fn known(answer: &Value) -> Option<Known> {
    let status = answer.get("status").and_then(Value::as_u64);
    let member = |name: &str| answer.get(name).and_then(Value::as_str);
    match (status, member("code").unwrap_or_default()) {
        (Some(200), _) => {
            let index = answer.get("index").and_then(Value::as_u64)?;
            Some(Known::Same { index })
        }
        (Some(409), "ref-conflict") => {
            let existing = member("existing").and_then(Hash::from_hex)?;
            Some(Known::Reference { existing })
        }
        _ => None,
    }
}

/// Which statement of its project each of several drafts follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Follow {
    /// The newest in the ledger, to be checked only: nothing is logged in between.
    Head,
    /// The draft before, as if that were logged already.
    EachOther,
}

pub(super) struct Poster<'a> {
    pub http: &'a Http,
    pub signer: &'a Holder,
    pub ledger: String,
    pub heads: HashMap<String, Option<Hash>>,
    /// Ids by line number, for `amends`.
    pub made: HashMap<usize, Hash>,
    pub tries: HashMap<usize, u32>,
    /// Lines to be sent again whose openings are kept already: sent as they were, they need no new salts.
    pub held: HashMap<usize, Ready>,
    pub receipts: Option<&'a Path>,
    pub check: bool,
    pub wait: WaitFor,
    pub show: Show,
    pub apart: &'static [&'static str],
    pub withhold: Option<&'a mut Withhold<'a>>,
    pub guard: Option<&'a Guard>,
    pub lang: Lang,
}

impl Poster<'_> {
    /// Posts drafts in their order; gives back those whose fate is undecided.
    pub fn post(&mut self, window: Vec<Line>, outcome: &mut Posted) -> Result<Vec<Line>, Failure> {
        if self.check {
            let ready = self.sign(window, Follow::Head, outcome)?;
            let answers = self.send(DRY_RUN, &ready)?;
            for (one, answer) in ready.iter().zip(answers) {
                self.take_checked(one, &answer, outcome)?;
            }
            return Ok(Vec::new());
        }
        let mut ready = self.sign(window, Follow::EachOther, outcome)?;
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
            let done = self.take(&one, &answer, after_a_gap, outcome)?;
            let line = one.line.clone();
            if outcome.logged.len() == before {
                shaken.insert(line.project.clone());
            }
            if !done {
                if !one.withheld.is_empty() {
                    self.held.insert(line.number, one);
                }
                undecided.push(line);
            }
        }
        Ok(undecided)
    }

    fn sign(
        &mut self,
        lines: Vec<Line>,
        follow: Follow,
        outcome: &mut Posted,
    ) -> Result<Vec<Ready>, Failure> {
        let mut heads: HashMap<String, Option<Hash>> = HashMap::new();
        let mut ready = Vec::new();
        for line in lines {
            // It stands in the path of what is asked next.
            if crate::trade::names::check_project(&line.project).is_err() {
                let told = self.faults(&line).join("; ");
                outcome.refused.push((line.number, told));
                continue;
            }
            let head = match heads.get(&line.project) {
                Some(head) => *head,
                None => self.head(&line.project)?,
            };
            let held = self.held.get(&line.number);
            if follow == Follow::EachOther
                && let Some(held) = held.filter(|held| held.statement.follows() == head)
            {
                heads.insert(line.project.clone(), Some(held.id));
                ready.push(held.clone());
                continue;
            }
            let amended = match &line.amends {
                None => None,
                Some(Amended::Line(number)) => self.made.get(number).copied(),
                Some(named) => {
                    match settle::amended(self.http, self.signer.name(), &line, named)? {
                        Ok(id) => Some(id),
                        Err(error) => {
                            self.refuse(&line, &error, outcome);
                            continue;
                        }
                    }
                }
            };
            match line.sign(&self.ledger, head.as_ref(), self.signer, amended) {
                Ok((statement, opened)) => {
                    if let Some(reason) = self.stops(&line, &statement) {
                        outcome.refused.push((line.number, reason));
                        continue;
                    }
                    let mut note = String::from_utf8_lossy(statement.note()).into_owned();
                    if self.check {
                        // What amends a line of this file can be judged by the ledger but for that: it has no such record yet.
                        if matches!(line.amends, Some(Amended::Line(_))) {
                            let twin = line.without_amends();
                            match twin.sign(&self.ledger, head.as_ref(), self.signer, None) {
                                Ok((twin, _)) => {
                                    note = String::from_utf8_lossy(twin.note()).into_owned();
                                }
                                Err(error) => {
                                    self.refuse(&line, &error, outcome);
                                    continue;
                                }
                            }
                        }
                        self.made.insert(line.number, statement.id());
                    }
                    let after = match follow {
                        Follow::Head => head,
                        Follow::EachOther => Some(statement.id()),
                    };
                    heads.insert(line.project.clone(), after);
                    let (shown, withheld) = match self.show {
                        Show::AsDrafted => (opened.shown, opened.withheld),
                        Show::Nothing => (Openings::default(), opened.all()),
                    };
                    ready.push(Ready {
                        note,
                        id: statement.id(),
                        reference: statement.reference().unwrap_or_default().to_owned(),
                        statement,
                        line,
                        shown,
                        withheld,
                    });
                }
                Err(error) => self.refuse(&line, &error, outcome),
            }
        }
        Ok(ready)
    }

    /// Refuses a line with all its faults, of which the first is known.
    pub fn refuse(&self, line: &Line, first: &LineError, outcome: &mut Posted) {
        let said = first.said().in_(self.lang).to_owned();
        let all = self.faults(line);
        let rest = all.into_iter().filter(|one| *one != said);
        let told: Vec<String> = std::iter::once(said.clone()).chain(rest).collect();
        outcome.refused.push((line.number, told.join("; ")));
    }

    pub fn faults(&self, line: &Line) -> Vec<String> {
        faults::of_line(
            line,
            &self.ledger,
            self.signer.name(),
            self.guard,
            self.lang,
        )
    }

    /// Counts a line as known if the ledger has the same words under its `ref`, and refuses it if it has others.
    fn settle(&mut self, one: &Ready, known: Known, outcome: &mut Posted) -> Result<(), Failure> {
        let (number, lang) = (one.line.number, self.lang);
        let (index, id) = match known {
            Known::Same { index } => (index, one.id),
            Known::Reference { existing } => {
                let there = settle::by_id(self.http, &existing)?;
                let places = there.differs(&one.statement);
                let (apart, places): (Vec<String>, Vec<String>) = places
                    .into_iter()
                    .partition(|place| settle::is_in(place, self.apart));
                if !apart.is_empty() && places.is_empty() {
                    outcome.apart.push((number, there.index, apart));
                }
                // Later lines may amend it all the same.
                self.made.insert(number, existing);
                if !places.is_empty() {
                    let said = there.other_words(&one.reference, &places);
                    outcome
                        .refused
                        .push((number, lang.say(&said.zh, &said.en).to_owned()));
                    return Ok(());
                }
                (there.index, existing)
            }
        };
        self.made.insert(number, id);
        outcome.known.push(number);
        outcome.placed.push(Placed {
            line: number,
            index,
            id,
            is_new: false,
        });
        let Some(folder) = self.receipts.filter(|_| !self.check) else {
            return Ok(());
        };
        let path = folder.join(format!("{index}.tlog-proof"));
        let kept = answered::receipt(self.http, index)
            .and_then(|receipt| fetch::keep_receipt(&path, &receipt, index));
        if let Err(failure) = kept {
            outcome.unreceipted.push((number, failure.said));
        }
        Ok(())
    }

    /// Keeps the openings that do not go to the ledger, once for each statement that the ledger does not have and would take: salts that
    /// open nothing help nobody. What it would not take is refused here; each line is judged by itself, whatever becomes of the others.
    fn keep(&mut self, ready: Vec<Ready>, outcome: &mut Posted) -> Result<Vec<Ready>, Failure> {
        let lines = ready.into_iter().map(|one| one.line).collect();
        let ready = self.sign(lines, Follow::Head, outcome)?;
        let answers = self.send(DRY_RUN, &ready)?;
        let mut new = Vec::new();
        for (one, answer) in ready.into_iter().zip(answers) {
            if let Some(known) = known(&answer) {
                self.settle(&one, known, outcome)?;
                continue;
            }
            let code = answer.get("code").and_then(Value::as_str);
            match (answer.get("status").and_then(Value::as_u64), code) {
                // Not now, or another client was faster: decided when it is sent.
                (Some(200 | 503 | 507), _) | (Some(409), Some("follows-conflict")) => {
                    new.push(one.line);
                }
                _ => outcome.refused.push((one.line.number, self.why(&answer))),
            }
        }
        let ready = self.sign(new, Follow::EachOther, outcome)?;
        let kept: Vec<Kept<'_>> = ready
            .iter()
            .filter(|one| !one.withheld.is_empty())
            .filter(|one| {
                let held = self.held.get(&one.line.number);
                held.is_none_or(|held| held.id != one.id)
            })
            .map(Ready::kept)
            .collect();
        if !kept.is_empty() {
            let keep = self.withhold.as_mut().ok_or_else(no_vault)?;
            keep(&kept)?;
        }
        Ok(ready)
    }

    /// Why a statement is not sent: it may show what must not be shown, and nobody has said that it is meant.
    fn stops(&self, line: &Line, statement: &Statement) -> Option<String> {
        let guard = self.guard?;
        let problems = door::check_with(statement, &guard.words);
        let mut codes: Vec<&str> = problems
            .iter()
            .map(|problem| problem.code)
            .filter(|code| door::is_secrecy(code) && !guard.accepts(code))
            .collect();
        if codes.is_empty() {
            return None;
        }
        codes.sort_unstable();
        codes.dedup();
        let codes: String = codes
            .iter()
            .map(|code| format!(" --accept {code}"))
            .collect();
        let what = self.faults(line).join("; ");
        let said = said!(
            "没有发送：{what}。确属有意的，加{codes} 再发",
            "not sent: {what}. If it is meant, post it with{codes}"
        );
        Some(said.in_(self.lang).to_owned())
    }

    /// What the ledger said of a refused line: every problem with its place, in the clerk's language, errors first.
    fn why(&self, answer: &Value) -> String {
        let Some(problems) = answer.get("problems").and_then(Value::as_array) else {
            return said_by(answer);
        };
        let told: Vec<String> = problems
            .iter()
            .map(|problem| {
                let text =
                    |name: &str| one_line(problem.get(name).and_then(Value::as_str).unwrap_or("?"));
                let said = text(self.lang.say("zh", "en"));
                let mark = if text("severity") == "error" { "!" } else { "" };
                format!("{} [{}{mark}] {said}", text("pointer"), text("code"))
            })
            .collect();
        let code = one_line(answer.get("code").and_then(Value::as_str).unwrap_or("?"));
        format!("[{code}] {}", told.join("; "))
    }

    /// One line's answer. `false`: undecided, to be sent again. `after_a_gap`: the one that it was to follow was not taken.
    fn take(
        &mut self,
        one: &Ready,
        answer: &Value,
        after_a_gap: bool,
        outcome: &mut Posted,
    ) -> Result<bool, Failure> {
        let (line, id) = (&one.line, one.id);
        if let Some(known) = known(answer) {
            if matches!(known, Known::Same { .. }) {
                self.heads.insert(line.project.clone(), Some(id));
                outcome.unwitnessed +=
                    usize::from(answer.get("witnessed").and_then(Value::as_bool) == Some(false));
            }
            self.settle(one, known, outcome)?;
            return Ok(true);
        }
        let status = answer.get("status").and_then(Value::as_u64).unwrap_or(0);
        let member = |name: &str| answer.get(name).and_then(Value::as_str);
        match (status, member("code").unwrap_or_default()) {
            (201, _) => {
                let index = answer.get("index").and_then(Value::as_u64);
                let of_us = member("id").is_some_and(|found| found == id.to_string());
                let (Some(index), true, Some(receipt)) = (index, of_us, member("receipt")) else {
                    return Err(no_answer(self.http));
                };
                self.heads.insert(line.project.clone(), Some(id));
                self.made.insert(line.number, id);
                if let Some(folder) = self.receipts {
                    let path = folder.join(format!("{index}.tlog-proof"));
                    if let Err(failure) = fetch::keep_receipt(&path, receipt.as_bytes(), index) {
                        outcome.unreceipted.push((line.number, failure.said));
                    }
                }
                if answer.get("witnessed").and_then(Value::as_bool) == Some(false) {
                    outcome.unwitnessed += 1;
                }
                outcome.logged.push((line.number, index));
                outcome.placed.push(Placed {
                    line: line.number,
                    index,
                    id,
                    is_new: true,
                });
                warn(outcome, line, answer);
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
            // Not read: it goes into the next batch.
            (400, "batch-ended") => {
                let tries = self.tries.entry(line.number).or_default();
                *tries += 1;
                if *tries > BUSY_TRIES {
                    outcome.refused.push((line.number, self.why(answer)));
                    return Ok(true);
                }
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
        one: &Ready,
        answer: &Value,
        outcome: &mut Posted,
    ) -> Result<(), Failure> {
        let line = &one.line;
        if let Some(known) = known(answer) {
            return self.settle(one, known, outcome);
        }
        match answer.get("status").and_then(Value::as_u64) {
            Some(200) => {
                outcome.logged.push((line.number, 0));
                warn(outcome, line, answer);
            }
            Some(503 | 507) => return Err(busy(answer)),
            _ => {
                self.made.remove(&line.number);
                outcome.refused.push((line.number, self.why(answer)));
            }
        }
        Ok(())
    }

    /// The newest statement of the project, by us or by an earlier run.
    fn head(&mut self, project: &str) -> Result<Option<Hash>, Failure> {
        if let Some(head) = self.heads.get(project) {
            return Ok(*head);
        }
        let name = format!("{}?limit=1", project_path(self.signer.name(), project));
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
        // The ledger has to be told too which warnings were confirmed.
        let accepted = self.guard.map(Guard::accepted_at_the_door);
        let name = match accepted.filter(|codes| !codes.is_empty()) {
            Some(codes) => &format!("{name}&accept={codes}"),
            None => name,
        };
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
            let mut pause = Duration::from_millis(50 << tries.min(6));
            match sent {
                Ok(answer) if answer.status == 200 => {
                    if answer.content_type != "application/x-ndjson" {
                        return Err(no_answer(self.http));
                    }
                    let told = answer.body.split(|byte| *byte == b'\n');
                    let told = told.filter(|line| !line.is_empty());
                    let answers: Option<Vec<Value>> = told
                        .map(|line| serde_json::from_slice(line).ok())
                        .map(|line| line.filter(|line: &Value| line["status"].is_u64()))
                        .collect();
                    let mut answers = answers.unwrap_or_default();
                    // A batch that was not read to its end says so in a line of its own: that is the answer to all that it did not read.
                    if answers.len() <= lines
                        && let Some(last) = answers.pop_if(|last| last["code"] == "batch-ended")
                    {
                        answers.resize(lines, last);
                    }
                    // An answer that breaks off is asked for again.
                    if answers.len() == lines {
                        return Ok(answers);
                    }
                    if tries >= BUSY_TRIES {
                        return Err(no_answer(self.http));
                    }
                }
                Ok(answer) => {
                    // Posting the same bytes again is harmless, whatever became of them.
                    let passes = matches!(answer.status, 502..=504 | 429);
                    let later = answer.retry_after_s.unwrap_or(0);
                    if !passes || tries >= BUSY_TRIES || later > answered::RETRY_AFTER_S_MAX {
                        return Err(answered::refusal(self.http, name, &answer));
                    }
                    pause = pause.max(Duration::from_secs(later));
                }
                Err(
                    error @ (HttpError::TooLarge { .. }
                    | HttpError::Url { .. }
                    | HttpError::Roots { .. }
                    | HttpError::Redirect { .. }),
                ) => return Err(error.into()),
                Err(error) if tries >= BUSY_TRIES => return Err(error.into()),
                Err(_) => {}
            }
            std::thread::sleep(pause);
        }
    }
}

/// What came is no ledger's answer to a batch.
fn no_answer(http: &Http) -> Failure {
    let base = http.base();
    Failure::temporary(
        "answer",
        said!(
            "{base} 对批量登记的应答不是账本的应答；请核对地址，再运行一次即可接着做",
            "what {base} answers to a batch is not a ledger's answer; check the address, run the same command again to go on"
        ),
    )
}

/// Keeps what the ledger remarked.
fn warn(outcome: &mut Posted, line: &Line, answer: &Value) {
    let remarks = answer.get("warnings").and_then(Value::as_array);
    let mut remarks = remarks.cloned().unwrap_or_default();
    if matches!(line.amends, Some(Amended::Line(_))) {
        // It was checked without: see `sign`.
        remarks.retain(|remark| remark["pointer"] != "/amends");
    }
    if !remarks.is_empty() {
        outcome.warned.push((line.number, remarks));
    }
}

fn busy(answer: &Value) -> Failure {
    let cause = said_by(answer);
    Failure::temporary(
        "ledger-busy",
        said!(
            "账本现在不能登记；稍后再运行一次即可接着做",
            "the ledger cannot log now; run the same command again to go on"
        )
        .because(&cause),
    )
}

//! A file of drafts, posted line by line: read, its documents found, made safe, then sent in windows and in order until each line's fate is decided.

use std::collections::{HashMap, VecDeque};
use std::path::Path;

use serde_json::Value;

use super::poster::Poster;
use super::posting::{Posted, Posting};
use super::settle;
use crate::cli::answered::ledger_name;
use crate::cli::draft::{Amended, Line};
use crate::cli::forms;
use crate::cli::keys::holder::Holder;
use crate::cli::out::{Console, Failure};
use crate::lang::Bilingual;
use crate::said;
use crate::store::Http;
use crate::trade::visible::one_line;

/// Lines sent in one request.
const WINDOW: usize = 500;

/// Posts every line of a file of drafts.
pub(in crate::cli) fn post_lines<'a>(
    console: &Console,
    http: &'a Http,
    signer: &'a Holder,
    text: &str,
    posting: Posting<'a>,
) -> Result<Posted, Failure> {
    let (receipts, mut attached) = (posting.receipts, posting.attached);
    let ledger = ledger_name(http)?;
    let mut outcome = Posted::default();
    let mut poster = Poster {
        http,
        signer,
        ledger,
        heads: HashMap::new(),
        made: HashMap::new(),
        tries: HashMap::new(),
        held: HashMap::new(),
        receipts,
        check: posting.check,
        wait: posting.wait,
        show: posting.show,
        apart: posting.apart,
        withhold: posting.withhold,
        guard: posting.guard,
        lang: console.lang,
    };
    let mut waiting: VecDeque<Line> = VecDeque::new();
    // The words of each `ref` of the file, and the line where they stand.
    let mut references: HashMap<String, (usize, Value)> = HashMap::new();
    let mut count = 0;
    for drafted in forms::drafts(text) {
        count += 1;
        let at = drafted.line;
        let mut line = match Line::read(at, &drafted.text) {
            Ok(line) => line,
            Err(error) => {
                let said = error.said().in_(console.lang).to_owned();
                outcome.refused.push((at, said));
                continue;
            }
        };
        if let Some(Err(faults)) = attached.as_mut().map(|attached| attached.fill(&mut line)) {
            let said = faults
                .iter()
                .map(|error| error.said().in_(console.lang).to_owned());
            // What else is wrong is told too; the documents are not, for they have no digest yet.
            let rest = poster.faults(&line);
            let rest = rest.into_iter().filter(|one| !one.contains("/documents"));
            let said: Vec<String> = said.chain(rest).collect();
            outcome.refused.push((at, said.join("; ")));
            continue;
        }
        match posting
            .guard
            .map_or(Ok(Vec::new()), |guard| line.guard(guard))
        {
            Ok(marks) if marks.is_empty() => {}
            Ok(marks) => outcome.committed.push((at, marks)),
            Err(error) => {
                poster.refuse(&line, &error, &mut outcome);
                continue;
            }
        }
        if let Some(Amended::Reference(named) | Amended::Either(named)) = &line.amends
            && let Some((earlier, _)) = references.get(named)
        {
            line.amends = Some(Amended::Line(*earlier));
        }
        let words: Value = serde_json::from_str(&line.text).unwrap_or(Value::Null);
        if words.get("ref").is_some() {
            match references.get(&line.reference) {
                Some((earlier, there)) if is_other(there, &words, posting.apart) => {
                    let reference = one_line(&line.reference);
                    let said = said!(
                        "ref {reference} 在本文件第 {earlier} 行已用于另一内容：要更正请用 amends，另一条公告请用另一个 ref",
                        "ref {reference} stands at line {earlier} of this file for other words: amend that one, or give another ref"
                    );
                    outcome
                        .refused
                        .push((at, said.in_(console.lang).to_owned()));
                    continue;
                }
                Some((earlier, _)) if posting.check => {
                    outcome.repeated.push((at, *earlier));
                    continue;
                }
                Some(_) => {}
                None => {
                    references.insert(line.reference.clone(), (at, words));
                }
            }
        }
        waiting.push_back(line);
    }
    if let Some(folder) = receipts {
        std::fs::create_dir_all(folder).map_err(|error| folder_failed(folder, &error))?;
    }
    let bar = console.progress(count, &said!("发布", "posting"));
    while !waiting.is_empty() {
        let mut undecided = poster.post(window(&mut waiting), &mut outcome)?;
        while let Some(line) = undecided.pop() {
            waiting.push_front(line);
        }
        bar.set_position(count - waiting.len() as u64);
    }
    bar.finish_and_clear();
    let repeated = std::mem::take(&mut outcome.repeated);
    for (line, earlier) in repeated {
        let is_refused = outcome.refused.iter().any(|(line, _)| *line == earlier);
        if !is_refused {
            outcome.known.push(line);
        }
    }
    outcome.refused.sort();
    outcome.placed.sort_by_key(|placed| placed.line);
    Ok(outcome)
}

/// Whether two drafts differ in what is not `apart`.
fn is_other(one: &Value, other: &Value, apart: &[&str]) -> bool {
    if one == other || apart.is_empty() {
        return one != other;
    }
    let mut places = Vec::new();
    settle::differences(one, other, "", &mut places);
    places.iter().any(|place| !settle::is_in(place, apart))
}

/// The next drafts, up to one that amends another of them, whose id is known when it is logged, or has the `ref` of another, which is in the
/// ledger already when that one is logged.
fn window(waiting: &mut VecDeque<Line>) -> Vec<Line> {
    let mut window: Vec<Line> = Vec::new();
    while let Some(next) = waiting.front() {
        let amends_one = match &next.amends {
            Some(Amended::Line(number)) => window.iter().any(|line| line.number == *number),
            _ => false,
        };
        let repeats_one = window.iter().any(|line| line.reference == next.reference);
        if amends_one || repeats_one || window.len() == WINDOW {
            break;
        }
        window.extend(waiting.pop_front());
    }
    window
}

fn folder_failed(folder: &Path, error: &std::io::Error) -> Failure {
    let shown = folder.display();
    Failure::input(
        "folder",
        said!("建不了目录 {shown}", "cannot make the folder {shown}").because(error),
    )
}

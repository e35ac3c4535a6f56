//! The log into the search index: one task that follows the head.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{TantivyDocument, Term};

use super::words::{FIELD_GAP, Word, characters, fold, words};
use super::{Search, SearchError};
use crate::ledger::{EntryView, Ledger, QueryError};
use crate::trade::json::Value;
use crate::trade::log_rules;
use crate::trade::names;
use crate::trade::statement::{Order, Target};

/// Records read at a time.
const CHUNK: usize = 1_024;
/// Records between two commits while it catches up: a commit costs some tens of milliseconds.
const COMMIT_EVERY: u64 = 32_768;
/// The least time between two commits once it has caught up.
const PAUSE: Duration = Duration::from_millis(500);
/// After a failure.
const RETRY: Duration = Duration::from_secs(10);

/// Follows the ledger until it stops. Failures are logged and tried again: a search index that lags harms nothing else.
pub async fn follow(ledger: Ledger, search: Arc<Search>) {
    loop {
        let ran = AssertUnwindSafe(run(&ledger, &search)).catch_unwind().await;
        let failure = match ran {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => crate::chain_of(&failure),
            Err(_) => "it panicked".to_owned(),
        };
        search.is_failing.store(true, Ordering::Release);
        tracing::warn!(failure, "the search index does not follow, trying again");
        tokio::time::sleep(RETRY).await;
        let renewed = search.clone();
        let _ = tokio::task::spawn_blocking(move || renewed.forget_uncommitted()).await;
    }
}

#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error(transparent)]
    Ledger(#[from] QueryError),
}

async fn run(ledger: &Ledger, search: &Arc<Search>) -> Result<(), FeedError> {
    check(ledger, search).await?;
    let mut next = search.size();
    let mut committed = next;
    loop {
        let head = ledger.head();
        let size = head.tree.size;
        if next < size {
            let until = next.saturating_add(CHUNK as u64).min(size);
            let limit = usize::try_from(until - next).unwrap_or(CHUNK);
            let entries = ledger.entries(next, limit).await?;
            let changed = shown_anew(ledger, &entries).await?;
            let shown: Vec<EntryView> = entries
                .into_iter()
                .filter(|view| ledger.showing(view.header.index).is_shown())
                .collect();
            let into = search.clone();
            blocking(move || into.take(&shown, &changed)).await?;
            next = until;
        }
        let caught_up = next == size;
        if next > committed && (caught_up || next - committed >= COMMIT_EVERY) {
            let root = if caught_up {
                head.tree.root_hash
            } else {
                ledger.consistency(next, size).await?.0.root_hash
            };
            let into = search.clone();
            blocking(move || into.commit(next, &root.to_base64())).await?;
            committed = next;
            search.is_failing.store(false, Ordering::Release);
        }
        if caught_up {
            tokio::time::sleep(PAUSE).await;
            if !ledger.grown(next).await {
                return Ok(());
            }
        }
    }
}

/// The records that these entries order to erase, withhold or disclose; with what they say, if they are shown now.
async fn shown_anew(
    ledger: &Ledger,
    entries: &[EntryView],
) -> Result<Vec<(u64, Option<EntryView>)>, QueryError> {
    let mut changed = Vec::new();
    for view in entries {
        let erasures = log_rules::wants(&view.statement).erasures;
        changed.extend(erasures.iter().map(|erasure| (erasure.index, None)));
        let Ok(order) = Order::read(&view.statement) else {
            continue;
        };
        if order.target != Target::Record {
            continue;
        }
        if let Some(index) = ledger.statement(&order.statement)? {
            let shown = ledger.showing(index).is_shown();
            let now = if shown {
                Some(ledger.entry(index).await?)
            } else {
                None
            };
            changed.push((index, now));
        }
    }
    Ok(changed)
}

/// An index of another log, or of more than this one, is made anew.
async fn check(ledger: &Ledger, search: &Arc<Search>) -> Result<(), FeedError> {
    let tree = ledger.head().tree;
    let same = match search.mark()? {
        None => search.size() == 0,
        Some((0, _)) => true,
        Some((size, _)) if size > tree.size => false,
        Some((size, root)) if size == tree.size => root == tree.root_hash.to_base64(),
        Some((size, root)) => {
            let (old, _, _) = ledger.consistency(size, tree.size).await?;
            old.root_hash.to_base64() == root
        }
    };
    if !same {
        tracing::warn!("the search index is of another log and is made anew");
        let into = search.clone();
        blocking(move || into.clear()).await?;
    }
    Ok(())
}

async fn blocking(
    work: impl FnOnce() -> Result<(), SearchError> + Send + 'static,
) -> Result<(), SearchError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

impl Search {
    fn take(
        &self,
        entries: &[EntryView],
        changed: &[(u64, Option<EntryView>)],
    ) -> Result<(), SearchError> {
        let writer = self.lock()?;
        let writer = writer.as_ref().expect("lock() sees to it");
        for view in entries {
            writer.add_document(self.document(view))?;
        }
        for (index, now) in changed {
            // What was added before goes; it comes back if it is shown.
            writer.delete_term(Term::from_field_u64(self.fields.index, *index));
            if let Some(view) = now {
                writer.add_document(self.document(view))?;
            }
        }
        Ok(())
    }

    fn document(&self, view: &EntryView) -> TantivyDocument {
        let (fields, statement) = (&self.fields, &view.statement);
        let told = statement.fields();
        let mut document = TantivyDocument::default();
        document.add_u64(fields.index, view.header.index);
        // What was published elsewhere before says when; a record without that, when it was logged.
        let issued = statement
            .issued()
            .map_or(view.header.time, |issued| issued.time);
        document.add_i64(fields.issued, issued.as_ms());
        let stage = told.stage().map(|stage| stage.as_str());
        let exact = [
            (fields.category, told.category()),
            (fields.kind, told.kind()),
            (fields.stage, stage),
            (fields.publisher, statement.publisher()),
        ];
        for (field, value) in exact {
            if let Some(value) = value {
                document.add_text(field, value);
            }
        }
        if let Some(region) = told.region() {
            for digits in [2, 4, 6] {
                if let Some(part) = region.get(..digits) {
                    document.add_text(fields.region, part);
                }
            }
        }
        let id = statement.id().to_string();
        let mut ids = vec![fold(&id)];
        ids.extend(statement.project().map(fold));
        ids.extend(statement.reference().map(fold));
        ids.extend(told.codes().iter().map(|code| fold(code.value)));
        ids.extend(told.documents().iter().map(|file| file.sha256.to_string()));
        ids.sort();
        ids.dedup();
        for id in ids
            .into_iter()
            .filter(|id| id.len() <= super::query::VALUE_BYTES_MAX)
        {
            document.add_text(fields.id, id);
        }
        let mut texts = Texts::default();
        texts.add(told.title().unwrap_or_default());
        texts.walk(told.value(), "");
        for code in &texts.parties {
            document.add_text(fields.party, code);
        }
        for character in &texts.characters {
            document.add_text(fields.character, character.to_string());
        }
        document.add_pre_tokenized_text(fields.words, tokens(texts.words));
        document
    }
}

fn tokens(words: Vec<Word>) -> PreTokenizedString {
    let token = |word: Word| Token {
        offset_from: 0,
        offset_to: word.text.len(),
        position: word.place,
        text: word.text,
        position_length: 1,
    };
    PreTokenizedString {
        text: String::new(),
        tokens: words.into_iter().map(token).collect(),
    }
}

/// The words of a statement, gathered.
#[derive(Default)]
struct Texts {
    words: Vec<Word>,
    characters: std::collections::BTreeSet<char>,
    parties: std::collections::BTreeSet<String>,
    place: usize,
}

/// Members of the frame: they have fields of their own, or say nothing to people.
const FRAME: [&str; 14] = [
    "type",
    "v",
    "ledger",
    "publisher",
    "follows",
    "ref",
    "stage",
    "kind",
    "category",
    "method",
    "region",
    "issued",
    "title",
    "amends",
];

impl Texts {
    fn add(&mut self, text: &str) {
        self.place = words(text, self.place, &mut self.words) + FIELD_GAP;
        self.characters.extend(characters(text));
    }

    /// All texts but digests and commitments.
    fn walk(&mut self, value: &Value<'_>, path: &str) {
        match value {
            Value::String(text) if names::parse_hash(text).is_ok() => {}
            Value::String(text) => self.add(text),
            Value::Array(items) => items.iter().for_each(|item| self.walk(item, "item")),
            Value::Object(members) => {
                if value.get("commitment").is_some() {
                    return;
                }
                for (name, member) in members {
                    if path.is_empty() && FRAME.contains(name) {
                        continue;
                    }
                    if let (true, Some(code)) = (*name == "uscc", member.as_str()) {
                        self.parties.insert(code.to_uppercase());
                    }
                    // A party from abroad has codes of other registers.
                    if *name == "codes" && !path.is_empty() {
                        let codes = member.items().unwrap_or_default().iter();
                        let codes = codes.filter_map(|code| code.get("value")?.as_str());
                        self.parties.extend(codes.map(str::to_uppercase));
                    }
                    self.walk(member, name);
                }
            }
            _ => {}
        }
    }
}

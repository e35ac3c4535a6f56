//! Records found by words, numbers and dates: the only room that uses tantivy. Derived from the log like the query index, never truth: delete
//! `index/search`, start again, same answers.
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`query`] | what is searched for |
//! | `words` | text into words, Chinese into pairs of characters |
//! | `feed` | the log into the index, by a task of its own |
//! | `folder` | the index's files, read without mapping them |
//!
//! Promises: a hit is an index into the log and nothing more; whoever shows it reads the record, which is authenticated. The index says
//! how many records it reflects ([`Search::size`]) and carries root and version, so that a foreign, torn or older one is noticed
//! and made anew. Erased and withheld records are taken out, disclosed ones come back. Answers come in the order of the log, newest first; a page goes on where the one
//! before ended, and never shows a record twice.
//!
//! Does not judge, rank or correct: who searches a ledger wants all of it.

mod feed;
mod folder;
pub mod query;
mod words;

use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tantivy::collector::{Count, TopDocs};
use tantivy::query::{AllQuery, BooleanQuery, Occur, PhraseQuery, RangeQuery, TermQuery};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{Index, IndexReader, IndexWriter, Order, ReloadPolicy, Term};

pub use feed::follow;
pub use query::{Query, QueryError};

use folder::Folder;
use words::{Run, runs, words_of};

/// The form of the index; another one is made anew.
const FORMAT: &str = "mingzhang search v2";
/// Memory of the writer, in bytes.
const WRITER_BYTES: usize = 32 << 20;
const INDEX_FIELD: &str = "index";

/// The search index, open.
pub struct Search {
    fields: Fields,
    reader: IndexReader,
    /// `None` after a failure: what it had taken in and not made durable is forgotten with it.
    writer: Mutex<Option<IndexWriter>>,
    index: Index,
    /// Records of the log that it reflects.
    size: AtomicU64,
    /// It does not follow, and that is tried again.
    is_failing: AtomicBool,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Search({} records)", self.size())
    }
}

/// The search index cannot be read or written; the log is not touched by it.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// tantivy says so.
    #[error("the search index cannot be read or written")]
    Tantivy(#[from] tantivy::TantivyError),
    /// The folder cannot be made or emptied.
    #[error("the folder of the search index, {path}, cannot be made or emptied")]
    Folder {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// tantivy has taken a damaged file for a whole one.
    #[error("a file of the search index is damaged")]
    Damaged,
}

fn unpanicked<T>(open: impl FnOnce() -> Result<T, SearchError>) -> Result<T, SearchError> {
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(open));
    opened.unwrap_or(Err(SearchError::Damaged))
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Records, newest first.
    pub indexes: Vec<u64>,
    /// How many there are in all, of those before [`Query::before`].
    pub count: usize,
    /// `before` of the next page, if there is one.
    pub next: Option<u64>,
    /// Records of the log that the answer reflects.
    pub indexed_size: u64,
}

#[derive(Clone, Copy, Debug)]
struct Fields {
    index: Field,
    issued: Field,
    category: Field,
    kind: Field,
    stage: Field,
    region: Field,
    publisher: Field,
    party: Field,
    id: Field,
    words: Field,
    character: Field,
}

fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let placed = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer("raw")
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions),
    );
    let fields = Fields {
        index: builder.add_u64_field(INDEX_FIELD, INDEXED | FAST),
        issued: builder.add_i64_field("issued", INDEXED | FAST),
        category: builder.add_text_field("category", STRING),
        kind: builder.add_text_field("kind", STRING),
        stage: builder.add_text_field("stage", STRING),
        region: builder.add_text_field("region", STRING),
        publisher: builder.add_text_field("publisher", STRING),
        party: builder.add_text_field("party", STRING),
        id: builder.add_text_field("id", STRING),
        words: builder.add_text_field("words", placed),
        character: builder.add_text_field("character", STRING),
    };
    (builder.build(), fields)
}

impl Search {
    /// Opens the index in `folder`, or begins it anew if it is absent, of another form, or cannot be read. `None`: in memory.
    ///
    /// # Errors
    /// [`SearchError`] if no index can be made there.
    pub fn open(folder: Option<&Path>) -> Result<Search, SearchError> {
        let Some(folder) = folder else {
            return Search::on(Index::create_in_ram(schema().0));
        };
        let failed = |source| SearchError::Folder {
            path: folder.to_owned(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        // A bit in one of its files, and tantivy may panic instead of saying so; the index is derived, and nothing ends for it.
        match unpanicked(|| Search::in_folder(folder).and_then(Search::on)) {
            Ok(search) => Ok(search),
            Err(error) => {
                tracing::warn!(
                    error = crate::chain_of(&error),
                    "the search index is made anew"
                );
                std::fs::remove_dir_all(folder).map_err(failed)?;
                std::fs::create_dir_all(folder).map_err(failed)?;
                Search::in_folder(folder).and_then(Search::on)
            }
        }
    }

    fn in_folder(folder: &Path) -> Result<Index, SearchError> {
        let directory = Folder::open(folder).map_err(tantivy::TantivyError::from)?;
        Ok(Index::open_or_create(directory, schema().0)?)
    }

    fn on(index: Index) -> Result<Search, SearchError> {
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        let writer = index.writer_with_num_threads(1, WRITER_BYTES)?;
        let search = Search {
            fields: schema().1,
            reader,
            writer: Mutex::new(Some(writer)),
            index,
            size: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
        };
        let size = search.mark()?.map_or(0, |(size, _)| size);
        search.size.store(size, Ordering::Release);
        Ok(search)
    }

    /// Records of the log that answers reflect.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Whether it has left off following the log for now.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Acquire)
    }

    /// What it holds, by its last commit: size and root of the tree.
    fn mark(&self) -> Result<Option<(u64, String)>, SearchError> {
        let payload = self.index.load_metas()?.payload.unwrap_or_default();
        let lines: Vec<&str> = payload.lines().collect();
        Ok(match lines[..] {
            [FORMAT, size, root] => size.parse().ok().map(|size| (size, root.to_owned())),
            _ => None,
        })
    }

    /// The records that `query` asks for.
    ///
    /// # Errors
    /// [`SearchError`] if the index cannot be read.
    pub fn query(&self, query: &Query) -> Result<Page, SearchError> {
        // The size first: the answer reflects it at least.
        let indexed_size = self.size();
        let limit = query.limit();
        let searcher = self.reader.searcher();
        let newest =
            TopDocs::with_limit(limit).order_by_fast_field::<u64>(INDEX_FIELD, Order::Desc);
        let (count, found) = searcher.search(&self.all_of(query), &(Count, newest))?;
        let indexes: Vec<u64> = found.into_iter().filter_map(|(index, _)| index).collect();
        let next = indexes.last().copied().filter(|_| count > indexes.len());
        Ok(Page {
            indexes,
            count,
            next,
            indexed_size,
        })
    }

    fn all_of(&self, query: &Query) -> BooleanQuery {
        let fields = &self.fields;
        let mut all: Vec<Box<dyn tantivy::query::Query>> = Vec::new();
        let stage = query.stage.map(|stage| stage.as_str().to_owned());
        let exact = [
            (fields.category, &query.category),
            (fields.kind, &query.kind),
            (fields.stage, &stage),
            (fields.region, &query.region),
            (fields.publisher, &query.publisher),
            (fields.party, &query.party),
        ];
        for (field, value) in exact {
            if let Some(value) = value {
                all.push(term(field, value));
            }
        }
        if let Some(id) = &query.id {
            all.push(self.any_id(id));
        }
        if query.from.is_some() || query.until.is_some() {
            let bound = |time: Option<crate::trade::time::Time>| {
                time.map(|time| Term::from_field_i64(fields.issued, time.as_ms()))
            };
            all.push(Box::new(RangeQuery::new(
                bound(query.from).map_or(Bound::Unbounded, Bound::Included),
                bound(query.until).map_or(Bound::Unbounded, Bound::Excluded),
            )));
        }
        if let Some(before) = query.before {
            let before = Term::from_field_u64(fields.index, before);
            all.push(Box::new(RangeQuery::new(
                Bound::Unbounded,
                Bound::Excluded(before),
            )));
        }
        for run in query.words.iter().flat_map(|words| runs(words)) {
            all.push(self.run(&run));
        }
        if all.is_empty() {
            all.push(Box::new(AllQuery));
        }
        BooleanQuery::new(all.into_iter().map(|one| (Occur::Must, one)).collect())
    }

    /// Any number that a record is known by; its index in the log too.
    fn any_id(&self, id: &str) -> Box<dyn tantivy::query::Query> {
        let mut any: Vec<(Occur, Box<dyn tantivy::query::Query>)> =
            vec![(Occur::Should, term(self.fields.id, id))];
        if let Ok(index) = id.parse::<u64>() {
            let index = Term::from_field_u64(self.fields.index, index);
            let exactly = RangeQuery::new(Bound::Included(index.clone()), Bound::Included(index));
            any.push((Occur::Should, Box::new(exactly)));
        }
        Box::new(BooleanQuery::new(any))
    }

    /// A run as it is written.
    fn run(&self, run: &Run) -> Box<dyn tantivy::query::Query> {
        if let Run::Characters(run) = run
            && let [one] = run[..]
        {
            return term(self.fields.character, &one.to_string());
        }
        let mut terms: Vec<Term> = words_of(run)
            .iter()
            .map(|word| Term::from_field_text(self.fields.words, word))
            .collect();
        match (terms.len(), terms.pop()) {
            (1, Some(only)) => Box::new(TermQuery::new(only, IndexRecordOption::Basic)),
            (_, last) => {
                terms.extend(last);
                Box::new(PhraseQuery::new(terms))
            }
        }
    }

    /// Forgets everything.
    fn clear(&self) -> Result<(), SearchError> {
        let mut writer = self.lock()?;
        let writer = writer.as_mut().expect("lock() sees to it");
        writer.delete_all_documents()?;
        let mut commit = writer.prepare_commit()?;
        commit.set_payload("");
        commit.commit()?;
        self.reader.reload()?;
        self.size.store(0, Ordering::Release);
        Ok(())
    }

    /// Makes what was added found, and durable.
    fn commit(&self, size: u64, root: &str) -> Result<(), SearchError> {
        let mut guard = self.lock()?;
        let writer = guard.as_mut().expect("lock() sees to it");
        let mut commit = writer.prepare_commit()?;
        commit.set_payload(&format!("{FORMAT}\n{size}\n{root}"));
        commit.commit()?;
        drop(guard);
        self.reader.reload()?;
        self.size.store(size, Ordering::Release);
        Ok(())
    }

    /// The writer, made anew if a failure has taken it: tantivy's takes nothing more once a write of its own has failed.
    fn lock(&self) -> Result<std::sync::MutexGuard<'_, Option<IndexWriter>>, SearchError> {
        let mut writer = self.writer.lock().unwrap_or_else(|poisoned| {
            let mut writer = poisoned.into_inner();
            *writer = None;
            self.writer.clear_poison();
            writer
        });
        if writer.is_none() {
            *writer = Some(self.index.writer_with_num_threads(1, WRITER_BYTES)?);
        }
        Ok(writer)
    }

    /// After a failure: what was added since the last commit is forgotten, and is added again.
    fn forget_uncommitted(&self) {
        let mut writer = self.writer.lock().unwrap_or_else(|poisoned| {
            self.writer.clear_poison();
            poisoned.into_inner()
        });
        *writer = None;
    }
}

fn term(field: Field, value: &str) -> Box<dyn tantivy::query::Query> {
    let term = Term::from_field_text(field, value);
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    /// A damaged file made tantivy panic while `serve` opened it, and the ledger ended for an index that is never truth.
    #[test]
    fn a_panic_while_it_is_opened_is_damage_and_no_more() {
        let damaged = unpanicked(|| -> Result<Search, SearchError> { panic!("on purpose") });
        assert!(matches!(damaged, Err(SearchError::Damaged)));
        assert!(unpanicked(|| Search::open(None)).is_ok());
    }
}

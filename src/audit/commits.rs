//! What lies beside the log in a data folder: commit objects and openings. No stranger has them; whoever has the folder checks them too.
//!
//! Commits are read as the replay reaches their first record: form, origin, the chain of hashes, both roots, and each entry against the leaf
//! that the log has there. Records that are committed and not signed yet are handed to the replay like those of the log.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::AuditError;
use super::chunk::{self, Item, Leaf, Placed};
use super::feed::Feed;
use super::report::{Fault, Findings, Step};
use super::views::Want;
use super::words;
use crate::lang::{Bilingual, Said};
use crate::store::commit::{COMMIT_BYTES_MAX, Commit};
use crate::store::{Store, StoreError};
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::merkle::{Hash, leaf_hash};
use crate::tlog::note::{self, NOTE_BYTES_MAX};
use crate::trade::commitment::Openings;
use crate::trade::statement::Statement;

/// The commit objects of a data folder, in their order.
#[derive(Default)]
pub(super) struct Commits {
    store: Option<Store>,
    /// Old sizes, ascending.
    names: VecDeque<u64>,
    /// The size of the signed tree that is judged.
    signed: u64,
    /// A running ledger has put commits away since that was read.
    gone: bool,
    /// New size and object hash of the commit before.
    before: Option<(u64, Hash)>,
    /// Leaf hashes of read commits that the log has not reached yet.
    ahead: VecDeque<(u64, Hash, Source)>,
    pub count: u64,
}

/// Which commit, and the entry while the log may not have it.
#[derive(Clone)]
struct Source {
    name: Arc<str>,
    entry: bytes::Bytes,
}

impl Commits {
    /// Lists them. Those of a data folder are never all gone: the newest is where the writer goes on.
    pub async fn list(
        store: Option<&Store>,
        signed: u64,
        findings: &mut Findings,
    ) -> Result<Commits, AuditError> {
        let Some(store) = store else {
            return Ok(Commits::default());
        };
        let mut names = Vec::new();
        for listed in store.list("commit/").await.map_err(AuditError::List)? {
            match Commit::parse_name(&listed.name) {
                Some(size) => names.push(size),
                None => {
                    let said = Said::new(
                        "文件名不是 commit/加 20 位记录数",
                        "its name is not commit/<old size in 20 digits>",
                    );
                    findings.add(Fault::new(&listed.name, None, Step::Commit, "name", said));
                }
            }
        }
        names.sort_unstable();
        if names.is_empty() {
            let said = Said::new(
                "没有任何提交文件，而最新的一份从不删除",
                "there is no commit object, and the newest is never deleted",
            );
            findings.add(Fault::new("commit/", None, Step::Commit, "missing", said));
        }
        let first = names.first().copied().filter(|first| *first > signed);
        let gone = match first {
            Some(first) => is_published(store, first).await,
            None => false,
        };
        Ok(Commits {
            store: Some(store.clone()),
            names: names.into(),
            signed,
            gone,
            ..Commits::default()
        })
    }

    /// Reads every commit that begins before leaf `end`.
    pub async fn read_until(
        &mut self,
        end: u64,
        origin: &str,
        feed: &mut Feed,
        findings: &mut Findings,
    ) -> Result<(), AuditError> {
        while let Some(old_size) = self.names.front().copied().filter(|size| *size < end) {
            self.names.pop_front();
            self.read(old_size, origin, feed, findings).await?;
        }
        Ok(())
    }

    async fn read(
        &mut self,
        old_size: u64,
        origin: &str,
        feed: &mut Feed,
        findings: &mut Findings,
    ) -> Result<(), AuditError> {
        let name = Commit::name(old_size);
        let fault = |code, said| Fault::new(&name, None, Step::Commit, code, said);
        let store = self.store.as_ref().expect("names come from a store");
        let bytes = match store.read(&name, COMMIT_BYTES_MAX).await {
            Ok(Some(bytes)) => bytes,
            // The running ledger has collected it since it was listed, which it does once all of it is published: no gap.
            Ok(None) => {
                (self.before, self.gone) = (None, true);
                return Ok(());
            }
            Err(unreadable) => {
                self.before = None;
                findings.add(fault("unreadable", of_store(&unreadable)));
                return Ok(());
            }
        };
        self.count += 1;
        let commit = match Commit::parse(&bytes) {
            Ok(commit) => commit,
            Err(error) => {
                self.before = None;
                findings.add(fault("form", words::of_commit(&error)));
                return Ok(());
            }
        };
        if commit.origin != origin || commit.old.size != old_size {
            let (found, size) = (&commit.origin, commit.old.size);
            let said = Said::new(
                format!("属于账本 {found:?}，始于 {size} 条；应为 {origin:?}，始于 {old_size} 条"),
                format!("it is of {found:?} at size {size}, wanted {origin:?} at {old_size}"),
            );
            findings.add(fault("place", said));
        }
        // What joins it to the tree that is judged was published and put away meanwhile: the next audit sees both.
        if self.gone && self.before.is_none() && old_size > self.signed {
            return Ok(());
        }
        match self.before {
            Some((size, _)) if size != old_size => {
                let said = Said::new(
                    format!("缺少此提交：前一份止于 {size} 条，其后一份始于 {old_size} 条"),
                    format!(
                        "it is missing: a commit ends at {size} records, the next one there is begins at {old_size}"
                    ),
                );
                findings.add(Fault::new(
                    &Commit::name(size),
                    None,
                    Step::Commit,
                    "missing",
                    said,
                ));
            }
            Some((_, hash)) if hash != commit.previous => {
                findings.add(fault("previous", of_previous(&commit.previous, &hash)));
            }
            None if old_size == 0 && commit.previous != Hash::ZERO => {
                findings.add(fault(
                    "previous",
                    of_previous(&commit.previous, &Hash::ZERO),
                ));
            }
            _ => {}
        }
        self.before = Some((commit.new.size, Hash::sha256(&bytes)));
        for tree in [commit.old, commit.new] {
            feed.want(
                tree.size,
                Want {
                    object: name.clone(),
                    step: Step::Commit,
                    root_hash: tree.root_hash,
                    view: None,
                },
            );
        }
        let shared: Arc<str> = name.as_str().into();
        for (index, entry) in (commit.old.size..).zip(commit.entries) {
            if self.ahead.back().is_none_or(|(last, _, _)| *last < index) {
                let source = Source {
                    name: shared.clone(),
                    entry: entry.clone(),
                };
                self.ahead.push_back((index, leaf_hash(&entry), source));
            }
        }
        Ok(())
    }

    /// Holds the entries of commits against leaves of the log that begin at `start`.
    pub fn compare(&mut self, start: u64, leaves: &[Placed], findings: &mut Findings) {
        let end = start + leaves.len() as u64;
        while let Some((index, have, source)) =
            self.ahead.pop_front_if(|(index, _, _)| *index < end)
        {
            let leaf = index
                .checked_sub(start)
                .and_then(|at| usize::try_from(at).ok())
                .map(|at| &leaves[at].1);
            if let Some(want) = leaf.and_then(|leaf| leaf.hash).filter(|want| *want != have) {
                let said = Said::new(
                    format!("其中第 {index} 号条目的摘要为 {have}，账本中为 {want}"),
                    format!("its entry {index} has leaf hash {have}, the log has {want}"),
                );
                findings.add(Fault::new(
                    &source.name,
                    Some(index),
                    Step::Commit,
                    "leaf_hash",
                    said,
                ));
            }
        }
    }

    /// Entries that are committed behind the end of the signed log, as leaves.
    pub fn beyond(&mut self, size: u64, findings: &mut Findings) -> Vec<Placed> {
        let mut leaves = Vec::new();
        for (index, hash, source) in std::mem::take(&mut self.ahead) {
            if index != size + leaves.len() as u64 {
                break; // The gap is named.
            }
            let item = match chunk::parse(&source.entry) {
                Ok(parsed) => Item::Record(parsed),
                Err((step, code, said)) => {
                    findings.add(Fault::new(&source.name, Some(index), step, code, said));
                    Item::Unread
                }
            };
            leaves.push((
                source.name,
                Leaf {
                    hash: Some(hash),
                    item,
                },
            ));
        }
        leaves
    }

    /// The newest commit is never deleted, and everything published was committed: where the last one ends is not below `head`.
    pub fn check_end(&self, size: u64, findings: &mut Findings) {
        if let Some((end, _)) = self.before
            && end < size
        {
            let said = Said::new(
                format!(
                    "缺少此提交：现有最新的一份止于 {end} 条，已签名 {size} 条，而最新的一份从不删除"
                ),
                format!(
                    "it is missing: the newest commit there is ends at {end} records, {size} are signed, and the newest is never deleted"
                ),
            );
            findings.add(Fault::new(
                &Commit::name(end),
                None,
                Step::Commit,
                "missing",
                said,
            ));
        }
    }
}

/// Whether the ledger has gone on since its head was read, so far.
async fn is_published(store: &Store, size: u64) -> bool {
    let head = store.read("log/head", NOTE_BYTES_MAX as u64).await;
    let head = head.ok().flatten();
    let text = head.as_deref().and_then(|head| note::split(head).ok());
    // It only excuses; what it is believed for the next audit holds against its signature.
    text.and_then(|(text, _)| Checkpoint::parse(text).ok())
        .is_some_and(|now| now.tree.size >= size)
}

fn of_previous(found: &Hash, wanted: &Hash) -> Said {
    Said::new(
        format!("所写前一份提交的摘要为 {found}，应为 {wanted}"),
        format!("it names {found} as the commit before it, wanted {wanted}"),
    )
}

fn of_store(error: &StoreError) -> Said {
    let why = crate::chain_of(error);
    Said::new(format!("无法读取：{why}"), why.clone())
}

/// An object with openings, at most: 512 openings of a pointer, a salt and a value, each as large as can be, escaped.
const OPENINGS_BYTES_MAX: u64 = 16 << 20;

/// The statements of which openings are shown, by id.
pub(super) async fn list_openings(
    store: Option<&Store>,
    findings: &mut Findings,
) -> Result<HashSet<Hash>, AuditError> {
    let Some(store) = store else {
        return Ok(HashSet::new());
    };
    let mut ids = HashSet::new();
    for listed in store.list("openings/").await.map_err(AuditError::List)? {
        match listed
            .name
            .strip_prefix("openings/")
            .and_then(Hash::from_hex)
        {
            Some(id) => drop(ids.insert(id)),
            None => {
                let said = Said::new(
                    "文件名不是 openings/加声明编号",
                    "its name is not openings/<statement id>",
                );
                findings.add(Fault::new(&listed.name, None, Step::Opening, "name", said));
            }
        }
    }
    Ok(ids)
}

/// Checks that what is shown of a statement is what the statement commits to.
pub(super) async fn check_openings(
    store: &Store,
    record: u64,
    statement: &Statement,
) -> Option<Fault> {
    let name = format!("openings/{}", statement.id());
    let fault = |code, said| Some(Fault::new(&name, Some(record), Step::Opening, code, said));
    let bytes = match store.read(&name, OPENINGS_BYTES_MAX).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return None, // Erased by order since it was listed.
        Err(unreadable) => return fault("unreadable", of_store(&unreadable)),
    };
    match Openings::parse(&bytes).and_then(|openings| openings.check(statement)) {
        Ok(()) => None,
        Err(error) => fault("opening", error.said()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use bytes::Bytes;

    use super::*;
    use crate::tlog::merkle::Tree;

    const ORIGIN: &str = "example.com/log";

    fn tree(size: u64) -> Tree {
        Tree {
            size,
            root_hash: Hash::sha256(&size.to_be_bytes()),
        }
    }

    /// Commits of one record each, from `begin` on; all but those `without`.
    async fn folder(begin: u64, end: u64, without: &[u64]) -> Store {
        let (store, mut previous) = (Store::memory(), Hash::ZERO);
        for old in begin..end {
            let commit = Commit {
                origin: ORIGIN.to_owned(),
                old: tree(old),
                new: tree(old + 1),
                previous,
                entries: vec![Bytes::from_static(b"entry")],
            };
            let bytes = commit.encode();
            previous = Hash::sha256(&bytes);
            if !without.contains(&old) {
                store.put(&Commit::name(old), bytes).await.unwrap();
            }
        }
        store
    }

    /// Faults, and sizes that the commits speak of and the signed tree of three records does not reach.
    async fn judged(store: &Store, put_away: &[u64]) -> (u64, Vec<u64>) {
        let mut findings = Findings::default();
        let listed = Commits::list(Some(store), 3, &mut findings).await;
        let (mut commits, mut feed) = (listed.unwrap(), Feed::new());
        for old in put_away {
            store.delete(&Commit::name(*old)).await.unwrap();
        }
        let read = commits.read_until(u64::MAX, ORIGIN, &mut feed, &mut findings);
        read.await.unwrap();
        let mut sizes: Vec<u64> = feed.unmet().map(|(size, _)| size).collect();
        sizes.dedup();
        (findings.count(), sizes)
    }

    /// A ledger that runs puts away what it has published; whoever audits its folder meanwhile must not call that a fault.
    #[tokio::test]
    async fn what_a_running_ledger_puts_away_is_no_fault_and_what_is_missing_is() {
        // All there; one put away after the list; all but the newest put away.
        let whole = folder(3, 7, &[]).await;
        assert_eq!(judged(&whole, &[]).await, (0, vec![3, 4, 5, 6, 7]));
        assert_eq!(judged(&whole, &[4]).await, (0, vec![3, 4]));
        assert_eq!(
            judged(&folder(3, 7, &[]).await, &[3, 4, 5]).await,
            (0, vec![])
        );
        // Missing before anybody looked.
        let holed = folder(3, 7, &[4]).await;
        assert_eq!(judged(&holed, &[]).await.0, 1);
        // All begin beyond the head that was read: by now the ledger is there, or it is not.
        let beyond = folder(5, 7, &[]).await;
        assert_eq!(judged(&beyond, &[]).await, (0, vec![5, 6, 7]));
        for (now, sizes) in [(7, vec![]), (4, vec![5, 6, 7])] {
            let text = Checkpoint::new(ORIGIN, tree(now)).encode();
            let head = format!("{text}\n\u{2014} {ORIGIN} AAAAAAAA\n");
            store_head(&beyond, head).await;
            assert_eq!(judged(&beyond, &[]).await, (0, sizes), "{now}");
        }
    }

    async fn store_head(store: &Store, head: String) {
        store.put("log/head", Bytes::from(head)).await.unwrap();
    }
}

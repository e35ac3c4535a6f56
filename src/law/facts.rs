//! What the rules read of each record, kept in an anonymous temporary file: every project's disclosures as a linked list from the last to the first.
//!
//! Promises: memory holds one offset a project; what is put is read back as it was; [`Facts::erase`] overwrites. The file has no name
//! once it is open, so that nothing is left of it when the process ends. Never truth: whoever starts anew reads the log.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::RwLock;

use crate::rules::Disclosure;
use crate::rules::facts::Deal;
use crate::tlog::merkle::Hash;
use crate::trade::statement::{Amends, Effect};
use crate::trade::time::{OffsetTime, Time};

/// Offset of the item before, length of this one.
const HEAD_BYTES: usize = 12;
/// An item, at most: a statement has 36,000 bytes, and what is read of it is less.
const ITEM_BYTES_MAX: usize = 1 << 17;

/// The disclosures of all projects.
#[derive(Debug)]
pub(super) struct Facts {
    bytes: Bytes,
    end: u64,
}

#[derive(Debug)]
enum Bytes {
    /// Not there yet.
    Folder(PathBuf),
    File(File),
    Memory(RwLock<Vec<u8>>),
}

/// The offset of a project's last disclosure; 0: there is none yet.
pub(super) type Tail = u64;

impl Facts {
    /// In a file of `folder`, which is made when there is something to keep; in memory without one.
    pub fn new(folder: Option<&Path>) -> Facts {
        let bytes = match folder {
            None => Bytes::Memory(RwLock::default()),
            Some(folder) => Bytes::Folder(folder.to_owned()),
        };
        Facts { bytes, end: 0 }
    }

    /// Forgets everything.
    pub fn clear(&mut self) -> io::Result<()> {
        self.end = 0;
        match &mut self.bytes {
            Bytes::Folder(_) => {}
            Bytes::File(file) => file.set_len(0)?,
            Bytes::Memory(bytes) => lock(bytes.get_mut()).clear(),
        }
        Ok(())
    }

    /// Makes the file, if there is none, and what comes first in it, so that no item lies at 0.
    fn begin(&mut self) -> io::Result<()> {
        if let Bytes::Folder(folder) = &self.bytes {
            std::fs::create_dir_all(folder)?;
            let path = folder.join("facts");
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(&path)?;
            std::fs::remove_file(&path)?;
            self.bytes = Bytes::File(file);
        }
        if self.end == 0 {
            self.write(b"mingzhang facts\n")?;
        }
        Ok(())
    }

    /// Keeps one more disclosure of the project whose last lies at `tail`, and says where.
    pub fn put(&mut self, tail: Tail, disclosure: &Disclosure) -> io::Result<Tail> {
        let mut item = Vec::with_capacity(256);
        item.extend_from_slice(&tail.to_be_bytes());
        item.extend_from_slice(&[0; 4]);
        encode(disclosure, &mut item);
        let length = u32::try_from(item.len() - HEAD_BYTES).expect("a statement is 36,000 bytes");
        item[8..HEAD_BYTES].copy_from_slice(&length.to_be_bytes());
        self.begin()?;
        let at = self.end;
        self.write(&item)?;
        Ok(at)
    }

    /// The disclosures of a project, in log order.
    pub fn read(&self, tail: Tail, publisher: &str, project: &str) -> io::Result<Vec<Disclosure>> {
        let mut found = Vec::new();
        let mut at = tail;
        while at != 0 {
            let (before, item) = self.item(at)?;
            found.extend(decode(&item, publisher, project));
            at = before;
        }
        found.reverse();
        Ok(found)
    }

    /// Overwrites what was kept of the record at `index`; false if it is not there.
    pub fn erase(&mut self, tail: Tail, index: u64) -> io::Result<bool> {
        let mut at = tail;
        while at != 0 {
            let (before, item) = self.item(at)?;
            if item.get(..8) == Some(&index.to_be_bytes()) {
                self.write_at(at + HEAD_BYTES as u64, &vec![0; item.len()])?;
                return Ok(true);
            }
            at = before;
        }
        Ok(false)
    }

    fn item(&self, at: u64) -> io::Result<(Tail, Vec<u8>)> {
        // Most items are shorter than this: one call each.
        let mut first = [0; 512];
        let have = self.read_at(at, &mut first)?;
        let torn = || io::Error::new(io::ErrorKind::InvalidData, "an item of the facts is torn");
        if have < HEAD_BYTES {
            return Err(torn());
        }
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte))
        };
        let before = number(&first[..8]);
        let length = usize::try_from(number(&first[8..HEAD_BYTES])).map_err(|_| torn())?;
        if length > ITEM_BYTES_MAX || before >= at {
            return Err(torn());
        }
        let mut item = first[HEAD_BYTES..have.min(HEAD_BYTES + length)].to_vec();
        while item.len() < length {
            let mut more = vec![0; length - item.len()];
            let have = self.read_at(at + (HEAD_BYTES + item.len()) as u64, &mut more)?;
            if have == 0 {
                return Err(torn());
            }
            item.extend_from_slice(&more[..have]);
        }
        Ok((before, item))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_at(self.end, bytes)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        match &mut self.bytes {
            Bytes::Folder(_) => Err(io::ErrorKind::NotFound.into()),
            Bytes::File(file) => file.write_all_at(bytes, at),
            Bytes::Memory(all) => {
                let all = lock(all.get_mut());
                let at = usize::try_from(at).expect("as long as memory");
                all.resize(all.len().max(at + bytes.len()), 0);
                all[at..at + bytes.len()].copy_from_slice(bytes);
                Ok(())
            }
        }
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        match &self.bytes {
            Bytes::Folder(_) => Ok(0),
            Bytes::File(file) => file.read_at(into, at),
            Bytes::Memory(all) => {
                let all = lock(all.read());
                let from = usize::try_from(at).map_or(all.len(), |at| at.min(all.len()));
                let have = (all.len() - from).min(into.len());
                into[..have].copy_from_slice(&all[from..from + have]);
                Ok(have)
            }
        }
    }
}

fn lock<T>(result: Result<T, std::sync::PoisonError<T>>) -> T {
    result.expect("no panic while holding the facts")
}

const EFFECTS: [Effect; 3] = [Effect::Correct, Effect::Replace, Effect::Withdraw];

fn encode(one: &Disclosure, out: &mut Vec<u8>) {
    out.extend_from_slice(&one.index.to_be_bytes());
    out.extend_from_slice(&one.logged.as_ms().to_be_bytes());
    out.extend_from_slice(&one.id.0);
    time(out, one.issued);
    let effect = one.amends.map_or(0, |amends| {
        1 + EFFECTS
            .iter()
            .position(|effect| *effect == amends.effect)
            .expect("all effects are listed")
    });
    out.push(u8::try_from(effect).expect("three effects"));
    if let Some(amends) = one.amends {
        out.extend_from_slice(&amends.statement.0);
    }
    out.push(u8::from(one.claimed_only));
    out.push(match one.mandatory_tender {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    });
    for value in [
        &one.stage,
        &one.kind,
        &one.category,
        &one.region,
        &one.title,
    ] {
        text(out, value);
    }
    option(out, one.method.as_deref());
    for list in [&one.lots, &one.entrants, &one.shown] {
        count(out, list.len());
        list.iter().for_each(|value| text(out, value));
    }
    count(out, one.events.len());
    for (name, at) in &one.events {
        text(out, name);
        time(out, *at);
    }
    count(out, one.deals.len());
    for deal in &one.deals {
        for value in [&deal.lot, &deal.party, &deal.amount, &deal.currency] {
            option(out, value.as_deref());
        }
    }
}

fn time(out: &mut Vec<u8>, time: OffsetTime) {
    out.extend_from_slice(&time.time.as_ms().to_be_bytes());
    out.extend_from_slice(&time.offset_minutes.to_be_bytes());
}

fn count(out: &mut Vec<u8>, length: usize) {
    let length = u16::try_from(length).expect("a statement is 36,000 bytes");
    out.extend_from_slice(&length.to_be_bytes());
}

fn text(out: &mut Vec<u8>, text: &str) {
    count(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn option(out: &mut Vec<u8>, value: Option<&str>) {
    out.push(u8::from(value.is_some()));
    text(out, value.unwrap_or_default());
}

/// `None` for what was overwritten.
fn decode(item: &[u8], publisher: &str, project: &str) -> Option<Disclosure> {
    let mut rest = Rest(item);
    let index = u64::from_be_bytes(rest.array()?);
    let logged = Time::from_ms(i64::from_be_bytes(rest.array()?))?;
    let id = Hash(rest.array()?);
    if id == Hash::ZERO {
        return None;
    }
    let issued = rest.time()?;
    let amends = match rest.array::<1>()? {
        [0] => None,
        [effect] => Some(Amends {
            statement: Hash(rest.array()?),
            effect: *EFFECTS.get(usize::from(effect) - 1)?,
        }),
    };
    let [claimed_only, mandatory] = rest.array()?;
    let [stage, kind, category, region, title] = [
        rest.text()?,
        rest.text()?,
        rest.text()?,
        rest.text()?,
        rest.text()?,
    ];
    let method = rest.option()?;
    let [lots, entrants, shown] = [rest.list()?, rest.list()?, rest.list()?];
    let mut events = BTreeMap::new();
    for _ in 0..rest.count()? {
        events.insert(rest.text()?, rest.time()?);
    }
    let mut deals = Vec::new();
    for _ in 0..rest.count()? {
        deals.push(Deal {
            lot: rest.option()?,
            party: rest.option()?,
            amount: rest.option()?,
            currency: rest.option()?,
        });
    }
    Some(Disclosure {
        index,
        logged,
        id,
        publisher: publisher.to_owned(),
        project: project.to_owned(),
        stage,
        kind,
        category,
        method,
        mandatory_tender: match mandatory {
            1 => Some(false),
            2 => Some(true),
            _ => None,
        },
        region,
        title,
        lots,
        issued,
        amends,
        events,
        deals,
        entrants,
        shown,
        claimed_only: claimed_only == 1,
    })
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn count(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::from(self.count()?);
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn option(&mut self) -> Option<Option<String>> {
        let [is_there] = self.array()?;
        let text = self.text()?;
        Some((is_there == 1).then_some(text))
    }

    fn list(&mut self) -> Option<Vec<String>> {
        (0..self.count()?).map(|_| self.text()).collect()
    }

    fn time(&mut self) -> Option<OffsetTime> {
        Some(OffsetTime {
            time: Time::from_ms(i64::from_be_bytes(self.array()?))?,
            offset_minutes: i16::from_be_bytes(self.array()?),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn one(index: u64, title: &str) -> Disclosure {
        let issued = OffsetTime::parse("2026-11-23T09:02:03.004+08:00").unwrap();
        Disclosure {
            index,
            logged: Time::parse("2026-11-23T01:02:03.456Z").unwrap(),
            id: Hash::sha256(title.as_bytes()),
            publisher: "centre.example".to_owned(),
            project: "P-1".to_owned(),
            stage: "award".to_owned(),
            kind: "award_notice".to_owned(),
            category: String::new(),
            method: (index == 1).then(|| "open-tender".to_owned()),
            mandatory_tender: [None, Some(false), Some(true)][usize::try_from(index).unwrap() % 3],
            region: "430382".to_owned(),
            title: title.to_owned(),
            lots: vec!["1".to_owned(), "2".to_owned()],
            issued,
            amends: (index > 0).then(|| Amends {
                statement: Hash::sha256(b"x"),
                effect: EFFECTS[usize::try_from(index).unwrap() % 3],
            }),
            events: BTreeMap::from([("opening".to_owned(), issued)]),
            deals: vec![Deal {
                lot: None,
                party: Some("甲公司".to_owned()),
                amount: Some(String::new()),
                currency: None,
            }],
            entrants: vec!["甲".repeat(700)],
            shown: Vec::new(),
            claimed_only: index == 2,
        }
    }

    fn same(a: &[Disclosure], b: &[Disclosure]) {
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
    }

    /// A disk without room at the start is one like that later: what cannot be kept is tried again.
    #[test]
    fn a_folder_that_cannot_be_made_is_made_when_it_can() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("law");
        std::fs::write(&folder, "in the way").unwrap();
        let mut facts = Facts::new(Some(&folder));
        let disclosure = one(0, "学校");
        assert!(facts.put(0, &disclosure).is_err());
        facts.clear().unwrap();
        std::fs::remove_file(&folder).unwrap();
        let tail = facts.put(0, &disclosure).unwrap();
        assert_ne!(tail, 0, "nowhere");
        let read = facts.read(tail, "centre.example", "P-1").unwrap();
        same(&read, &[disclosure]);
    }

    #[test]
    fn what_is_put_is_read_back_and_what_is_erased_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        for folder in [None, Some(folder.path())] {
            let mut facts = Facts::new(folder);
            let all: Vec<Disclosure> = (0..4).map(|n| one(n, &format!("标题{n}"))).collect();
            let mut tail = 0;
            let mut other = 0;
            for disclosure in &all {
                tail = facts.put(tail, disclosure).unwrap();
                other = facts.put(other, &one(9, "另一项目")).unwrap();
            }
            let read = |facts: &Facts| facts.read(tail, "centre.example", "P-1").unwrap();
            same(&read(&facts), &all);
            assert!(facts.erase(tail, 2).unwrap());
            assert!(!facts.erase(tail, 2).unwrap() && !facts.erase(tail, 9).unwrap());
            same(&read(&facts)[..2], &all[..2]);
            assert_eq!(read(&facts).len(), 3);
            assert_eq!(facts.read(other, "x", "y").unwrap().len(), 4);
            assert!(facts.read(tail + 1, "x", "y").is_err());
            if let Some(folder) = folder {
                assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
            }
            facts.clear().unwrap();
            assert!(facts.read(tail, "x", "y").is_err());
        }
    }
}

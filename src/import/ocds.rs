//! OCDS 1.1: release packages, record packages, releases one a line, and lists of these. One statement a section: planning, tender, each
//! award, each contract, and what its implementation says of payments and of progress.
//!
//! Contact points, e-mails, telephones and persons leave here as `$commit` placeholders: only their salted digests are published.
//!
//! The parts of a file are found by where they stand, before any is read: one bad release does not take the others along.

use std::collections::HashMap;
use std::ops::Range;

use super::json::{self, Json, Lines, Members};
use super::ocds_release::{Stated, statements};
use super::{Fault, ITEM_BYTES_MAX, Import, encoding, fault, mistyped};

/// Reads a file.
#[must_use]
pub fn read(file: &[u8]) -> Import {
    let mut import = Import::default();
    let bytes = match encoding::utf8(file) {
        Ok(bytes) => bytes,
        Err(why) => {
            import.source = 1;
            import.refuse(String::new(), 1, why);
            return import;
        }
    };
    let mut reader = Reader {
        bytes: &bytes,
        lines: Lines::new(&bytes),
        import,
    };
    reader.file();
    reader.import.name_encoding(&bytes);
    reader.import
}

struct Reader<'f> {
    bytes: &'f [u8],
    lines: Lines,
    import: Import,
}

/// Members that are more than one part.
const LISTS: [&str; 2] = ["releases", "records"];
const WHOLE: [&str; 2] = ["compiledRelease", "versionedRelease"];

impl Reader<'_> {
    fn file(&mut self) {
        let bytes = self.bytes;
        let end = bytes.trim_ascii_end().len();
        let start = bytes.len() - bytes.trim_ascii_start().len();
        if start >= end {
            let why = fault(
                "文件是空的，应有 OCDS 数据",
                "the file is empty, wanted OCDS data",
            );
            return self.import.refuse(String::new(), 0, why);
        }
        let whole = json::end_of(&bytes[..end], start) == Some(end);
        let lines = self.separate_lines();
        if whole || lines.is_empty() {
            return self.value(start..end, "", true);
        }
        for (number, line) in lines {
            self.value(line, &number.to_string(), true);
        }
    }

    /// The lines, if any of them is a whole object by itself; else the file is one value, broken somewhere.
    fn separate_lines(&self) -> Vec<(usize, Range<usize>)> {
        let (mut lines, mut start, mut whole) = (Vec::new(), 0, false);
        for (at, line) in self.bytes.split(|byte| *byte == b'\n').enumerate() {
            let trimmed = line.trim_ascii();
            if !trimmed.is_empty() {
                let from = start + (line.len() - line.trim_ascii_start().len());
                whole |= trimmed.len() > 2
                    && json::end_of(trimmed, 0) == Some(trimmed.len())
                    && trimmed[0] == b'{';
                lines.push((at + 1, from..from + trimmed.len()));
            }
            start += line.len() + 1;
        }
        if whole { lines } else { Vec::new() }
    }

    fn refuse(&mut self, place: &str, range: Range<usize>, why: Fault) {
        let facts = json::facts(&self.bytes[range.clone()]);
        self.import.source += facts;
        self.import.note_encoding(self.bytes, range);
        self.import.refuse(place.to_owned(), facts, why);
    }

    fn parse(&self, range: Range<usize>) -> Result<Json, Fault> {
        let start = range.start;
        json::parse(&self.bytes[range], start).map_err(|why| why.at(&self.lines))
    }

    /// What stands at the top of a file, or of a line.
    fn value(&mut self, range: Range<usize>, place: &str, top: bool) {
        match self.bytes[range.start] {
            b'{' => self.object(range, place, &Json::Null),
            b'[' if top => self.list(range, place, &Json::Null, |reader, item, place, _| {
                reader.value(item, place, false);
            }),
            _ => {
                let why = match self.parse(range.clone()) {
                    Ok(found) => mistyped(
                        "OCDS",
                        &found,
                        ("数据包、记录或发布", "a package, a record or a release"),
                    ),
                    Err((zh, en)) => fault(format!("不是 OCDS：{zh}"), format!("no OCDS: {en}")),
                };
                self.refuse(place, range, why);
            }
        }
    }

    fn list(
        &mut self,
        range: Range<usize>,
        place: &str,
        origin: &Json,
        each: impl Fn(&mut Self, Range<usize>, &str, &Json),
    ) {
        let found = json::items(self.bytes, range.clone());
        let count = found.parts.len();
        for (at, (_, item)) in found.parts.into_iter().enumerate() {
            // The last of a list that breaks off is read as far as it goes, and refused.
            each(self, item, &format!("{place}/{at}"), origin);
        }
        if count == 0 && found.broken.is_none() {
            let why = fault("列表是空的，应有发布", "the list is empty, wanted releases");
            self.refuse(place, range.clone(), why);
        }
        self.broken(found.broken, range, place);
    }

    /// What follows where a package stops being one.
    fn broken(&mut self, at: Option<usize>, range: Range<usize>, place: &str) {
        let Some(at) = at else { return };
        let (line, column) = self.lines.of(at);
        let why = fault(
            format!("第 {line} 行第 {column} 字节起不是 JSON，其后的内容未读"),
            format!("line {line}, byte {column}: no JSON from here on, the rest is not read"),
        );
        self.refuse(place, at..range.end, why);
    }

    /// A package, a record or a release. `origin` is what the package around it says of itself.
    fn object(&mut self, range: Range<usize>, place: &str, origin: &Json) {
        let found = json::members(self.bytes, range.clone());
        let mut named = Vec::new();
        for (name, value) in &found.parts {
            let name = self.parse(name.clone()).ok();
            let name = name
                .as_ref()
                .and_then(Json::as_str)
                .unwrap_or_default()
                .to_owned();
            named.push((name, value.clone()));
        }
        let first = |value: &Range<usize>| self.bytes.get(value.start).copied();
        let is_package = named.iter().any(|(name, value)| {
            LISTS.contains(&name.as_str()) && first(value) != Some(b'n')
                || name == "compiledRelease" && first(value) == Some(b'{')
        });
        let is_release = named.iter().any(|(name, _)| {
            matches!(
                name.as_str(),
                "planning" | "tender" | "awards" | "contracts"
            )
        });
        if !is_package || is_release {
            return self.release(range, place, origin);
        }
        let mut times: HashMap<String, usize> = HashMap::new();
        for (name, _) in &named {
            *times.entry(name.clone()).or_default() += 1;
        }
        let (items_before, refusals_before) = (self.import.items.len(), self.import.refusals.len());
        let (mut own, mut own_facts) = (Members::default(), 0);
        let (mut lists, mut whole) = (Vec::new(), Vec::new());
        for (at, (name, value)) in named.into_iter().enumerate() {
            let place = format!("{place}/{name}");
            let part = found.parts[at].0.start;
            if times[&name] > 1 {
                let (line, column) = self.lines.of(part);
                let why = fault(
                    format!(
                        "第 {line} 行第 {column} 字节：成员 {name:?} 出现不止一次，不知以哪个为准"
                    ),
                    format!(
                        "line {line}, byte {column}: member {name:?} stands more than once, wanted once: which of them counts is not said"
                    ),
                );
                self.refuse(&place, value, why);
            } else if LISTS.contains(&name.as_str()) && self.bytes.get(value.start) == Some(&b'[') {
                lists.push((name, value));
            } else if WHOLE.contains(&name.as_str()) && self.bytes.get(value.start) == Some(&b'{') {
                whole.push((name, value));
            } else if LISTS.contains(&name.as_str()) && self.bytes.get(value.start) != Some(&b'n') {
                let why = match self.parse(value.clone()) {
                    Ok(found) => mistyped(&name, &found, ("列表", "a list")),
                    Err(why) => why,
                };
                self.refuse(&place, value, why);
            } else {
                match self.parse(value.clone()) {
                    Ok(read) => {
                        own_facts += read.facts();
                        own.push(&name, read);
                    }
                    Err(why) => self.refuse(&place, value, why),
                }
            }
        }
        let is_record = own.contains_key("ocid");
        // A record says of itself which process it is of, as its releases do.
        let ocid = if is_record { own.remove("ocid") } else { None };
        let origin = match (own.is_empty(), is_record, origin) {
            (true, _, origin) => origin.clone(),
            (false, true, Json::Object(around)) => {
                let mut around = around.clone();
                around.push("record", own.into());
                around.into()
            }
            (false, _, _) => own.into(),
        };
        let mut embedded = Vec::new();
        for (name, value) in lists {
            let place = format!("{place}/{name}");
            // An empty list beside a full one says nothing.
            if json::items(self.bytes, value.clone()).parts.is_empty() {
                let facts = json::facts(&self.bytes[value]);
                self.import.source += facts;
                self.import.repeated += facts;
                continue;
            }
            if name == "releases" {
                let items = json::items(self.bytes, value.clone()).parts;
                embedded.extend(items.into_iter().map(|(_, item)| item));
                self.list(value, &place, &origin, Self::release_or_link);
            } else {
                self.list(value, &place, &origin, |reader, item, place, origin| {
                    if reader.bytes.get(item.start) == Some(&b'{') {
                        reader.record(item, place, origin);
                    } else {
                        reader.value(item, place, false);
                    }
                });
            }
        }
        self.compiled(place, &origin, whole, &embedded, ocid.as_ref());
        self.broken(found.broken, range.clone(), place);
        // What the package says of itself stands with each release of it.
        self.import.source += own_facts;
        if self.import.items.len() > items_before {
            self.import.items[items_before].facts.extra += own_facts;
        } else if self.import.refusals.len() > refusals_before {
            self.import.refusals[refusals_before].facts += own_facts;
        } else {
            let why = fault("其中没有发布", "there is no release in it, wanted one");
            self.import.refuse(place.to_owned(), own_facts, why);
        }
    }

    /// An item of `records`: a record, or where a file has releases there, a release. Records have no records.
    fn record(&mut self, range: Range<usize>, place: &str, origin: &Json) {
        let found = json::members(self.bytes, range.clone());
        let nested = found.parts.iter().any(|(name, _)| {
            self.parse(name.clone())
                .is_ok_and(|name| name.as_str() == Some("records"))
        });
        if nested {
            let why = fault(
                "记录中又有 records：嵌套过深，应为 releases 或 compiledRelease",
                "there are records within a record: nested too deep, wanted releases or a compiledRelease",
            );
            return self.refuse(place, range, why);
        }
        self.object(range, place, origin);
    }

    /// A record may name its releases only; what they say stands elsewhere.
    fn release_or_link(&mut self, range: Range<usize>, place: &str, origin: &Json) {
        if let Ok(read) = self.parse(range.clone())
            && let (Some(url), None) = (read["url"].as_str(), read.get("ocid"))
        {
            let why = fault(
                format!("只是指向 {url} 的链接，内容不在本文件中；请导入该文件"),
                format!("a link to {url}, wanted the release itself: import that file"),
            );
            return self.refuse(place, range, why);
        }
        self.release(range, place, origin);
    }

    /// What a record's releases come to: a statement if they are not here, else what they say already.
    fn compiled(
        &mut self,
        place: &str,
        origin: &Json,
        whole: Vec<(String, Range<usize>)>,
        embedded: &[Range<usize>],
        ocid: Option<&Json>,
    ) {
        let mut said = Stated::default();
        let mut linked = true;
        if !whole.is_empty() || ocid.is_some() {
            for item in embedded {
                if let Ok(read) = self.parse(item.clone()) {
                    linked &= read["url"].as_str().is_some() && read.get("ocid").is_none();
                    said.add(&read);
                }
            }
        }
        for (name, range) in whole {
            let place = format!("{place}/{name}");
            if name == "compiledRelease" && linked {
                if let Ok(read) = self.parse(range.clone()) {
                    said.add(&read);
                }
                self.release(range, &place, origin);
                continue;
            }
            let read = match self.parse(range.clone()) {
                Ok(read) => read,
                Err(why) => {
                    self.refuse(&place, range, why);
                    continue;
                }
            };
            let facts = read.facts();
            self.import.source += facts;
            let unsaid = said.unsaid(&read, name == "versionedRelease");
            let count = unsaid.as_ref().map_or(0, |(_, count)| *count);
            self.import.repeated += facts - count;
            if let Some((pointer, count)) = unsaid {
                let why = fault(
                    format!("{pointer} 等 {count} 处所述不见于本记录的发布，应由某次发布说明"),
                    format!(
                        "{pointer}, one of {count}: what it says is in no release of this record, wanted it said by one"
                    ),
                );
                self.import.refuse(place, count, why);
            }
        }
        if let Some(ocid) = ocid {
            let mut own = Members::default();
            own.push("ocid", ocid.clone());
            let facts = ocid.facts();
            self.import.source += facts;
            match said.unsaid(&own.into(), true) {
                None => self.import.repeated += facts,
                Some(_) => {
                    let (zh, en) = fault(
                        "该标识不见于本记录的发布",
                        "no release of this record has it",
                    );
                    self.import.refuse(format!("{place}/ocid"), facts, (zh, en));
                }
            }
        }
    }

    fn release(&mut self, range: Range<usize>, place: &str, origin: &Json) {
        let have = range.len();
        if have > ITEM_BYTES_MAX {
            let why = fault(
                format!("有 {have} 字节，最多 {ITEM_BYTES_MAX} 字节"),
                format!("{have} bytes, wanted at most {ITEM_BYTES_MAX}"),
            );
            return self.refuse(place, range, why);
        }
        let bytes = &self.bytes[range.clone()];
        let made = self
            .parse(range.clone())
            .and_then(|release| statements(bytes, release, origin));
        match made {
            Ok(list) => {
                self.import.source += json::facts(bytes);
                for (name, made) in list {
                    let facts = made.facts.sum();
                    self.import.take(format!("{place}/{name}"), facts, Ok(made));
                }
            }
            Err(why) => self.refuse(place, range, why),
        }
    }
}

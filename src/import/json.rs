//! JSON of others: strict about what is said, lenient about how it is laid out.
//!
//! [`crate::trade::json`] is for what we sign, and refuses fractions, camel case and line feeds, which foreign data has. This reader takes
//! all of RFC 8259, and differs from a usual one in what a signed record needs:
//!
//! * a number stays its digits: `1.10` is not `1.1`, and an id of 21 digits keeps them all;
//! * a member that stands twice in an object is refused: which of the two a reader takes is chance;
//! * what no record can hold (a lone surrogate, U+0000, a noncharacter) is refused where it stands;
//! * nesting is bounded by name, time and memory are in proportion to the input.
//!
//! [`end_of`], [`members`] and [`items`] find the parts of a file without reading them, bad bytes inside included: so one bad release does
//! not take the others along.

use std::collections::HashSet;
use std::ops::{Index, Range};

use super::{Fault, fault};
pub(super) use crate::export::ocds::imported::is_json_number as is_number;

/// How deep objects and lists may nest.
pub(super) const DEPTH_MAX: usize = 100;

/// A value that others wrote, or what we put in place of one that names a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// The digits as they stand.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Members),
    /// Ours: what becomes a commitment, and how many facts of the source it holds.
    Withheld(String, usize),
}

/// The members of an object in the order written, no name twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Members(pub Vec<(String, Json)>);

static NULL: Json = Json::Null;

impl Json {
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.as_object()?.get(name)
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_number(&self) -> Option<&str> {
        match self {
            Json::Number(digits) => Some(digits),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_object(&self) -> Option<&Members> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        *self == Json::Null
    }

    /// What it is, in Chinese and English.
    pub fn what(&self) -> (&'static str, &'static str) {
        match self {
            Json::Null => ("null", "null"),
            Json::Bool(_) => ("真假值", "a truth value"),
            Json::Number(_) => ("数", "a number"),
            Json::Text(_) | Json::Withheld(..) => ("文本", "a text"),
            Json::List(_) => ("列表", "a list"),
            Json::Object(_) => ("对象", "an object"),
        }
    }

    /// How many facts it holds: its texts, numbers, truth values and nulls, and its objects and lists that have nothing in them.
    pub fn facts(&self) -> usize {
        match self {
            Json::List(items) if !items.is_empty() => items.iter().map(Json::facts).sum(),
            Json::Object(members) if !members.is_empty() => members.values().map(Json::facts).sum(),
            Json::Withheld(_, facts) => *facts,
            _ => 1,
        }
    }

    /// As JSON on one line.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        let quote = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
            Json::Number(digits) => out.push_str(digits),
            Json::Text(text) | Json::Withheld(text, _) => out.push_str(&quote(text)),
            Json::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                for (at, (name, value)) in members.0.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    out.push_str(&quote(name));
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// What was said, read by a person: a text as it is, anything else as JSON.
    pub fn shown(&self) -> String {
        self.as_str().map_or_else(|| self.text(), str::to_owned)
    }
}

impl Index<&str> for Json {
    type Output = Json;

    fn index(&self, name: &str) -> &Json {
        self.get(name).unwrap_or(&NULL)
    }
}

impl From<Members> for Json {
    fn from(members: Members) -> Json {
        Json::Object(members)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::Text(text.to_owned())
    }
}

/// For tests, which write what they want down with `json!`.
#[cfg(test)]
impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Json {
        parse(value.to_string().as_bytes(), 0).unwrap_or(Json::Null)
    }
}

impl Members {
    pub fn get(&self, name: &str) -> Option<&Json> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub fn values(&self) -> impl Iterator<Item = &Json> {
        self.0.iter().map(|(_, value)| value)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Json> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    pub fn remove(&mut self, name: &str) -> Option<Json> {
        let at = self.0.iter().position(|(own, _)| own == name)?;
        Some(self.0.remove(at).1)
    }

    pub fn push(&mut self, name: &str, value: Json) {
        self.0.push((name.to_owned(), value));
    }
}

/// Where and why something is not what this reader takes.
#[derive(Debug)]
pub(super) struct JsonFault {
    /// The byte of the file.
    pub offset: usize,
    /// JSON pointer within what was read.
    pub pointer: String,
    zh: String,
    en: String,
}

impl JsonFault {
    /// With the place in a file of these lines.
    pub fn at(self, lines: &Lines) -> Fault {
        let (line, column) = lines.of(self.offset);
        let JsonFault {
            pointer, zh, en, ..
        } = self;
        let (of_zh, of_en) = if pointer.is_empty() {
            (String::new(), String::new())
        } else {
            (format!("（{pointer}）"), format!(" ({pointer})"))
        };
        fault(
            format!("第 {line} 行第 {column} 字节{of_zh}：{zh}"),
            format!("line {line}, byte {column}{of_en}: {en}"),
        )
    }
}

/// Where the lines of a file begin.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub fn new(file: &[u8]) -> Lines {
        let ends = file.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        Lines(
            std::iter::once(0)
                .chain(ends.map(|(at, _)| at + 1))
                .collect(),
        )
    }

    /// Line and byte, both from 1.
    pub fn of(&self, offset: usize) -> (usize, usize) {
        let line = self.0.partition_point(|start| *start <= offset);
        (line, offset - self.0[line.max(1) - 1] + 1)
    }
}

/// Reads the value that `bytes` are; the first stands at `offset` of the file.
pub(super) fn parse(bytes: &[u8], offset: usize) -> Result<Json, JsonFault> {
    let mut parser = Parser {
        bytes,
        at: 0,
        depth: 0,
        path: Vec::new(),
    };
    let read = parser.whole();
    read.map_err(|(zh, en)| JsonFault {
        offset: offset + parser.at,
        pointer: parser.pointer(),
        zh,
        en,
    })
}

/// A step of a path: where it stands is only put into words when there is a fault.
enum Step {
    Member(String),
    Item(usize),
}

struct Parser<'b> {
    bytes: &'b [u8],
    at: usize,
    depth: usize,
    path: Vec<Step>,
}

impl Parser<'_> {
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.path {
            pointer.push('/');
            match step {
                Step::Member(name) => {
                    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                }
                Step::Item(at) => pointer.push_str(&at.to_string()),
            }
        }
        pointer
    }

    fn whole(&mut self) -> Result<Json, Fault> {
        self.space();
        let value = self.value()?;
        self.space();
        if self.at < self.bytes.len() {
            return Err(self.wanted("结尾", "the end"));
        }
        Ok(value)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        self.at += spaces(&self.bytes[self.at..]);
    }

    /// What stands here, for a refusal.
    fn found(&self) -> (String, String) {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() {
            return ("文件结束".to_owned(), "the end".to_owned());
        }
        let shown: String = String::from_utf8_lossy(&rest[..rest.len().min(24)])
            .chars()
            .take_while(|c| !c.is_control())
            .take(12)
            .collect();
        (format!("{shown:?}"), format!("{shown:?}"))
    }

    fn wanted(&self, zh: &str, en: &str) -> Fault {
        let (found_zh, found_en) = self.found();
        fault(
            format!("此处是{found_zh}，应为{zh}"),
            format!("found {found_en}, wanted {en}"),
        )
    }

    fn value(&mut self) -> Result<Json, Fault> {
        match self.peek() {
            Some(b'"') => Ok(Json::Text(self.string()?)),
            Some(b'{' | b'[') if self.depth >= DEPTH_MAX => Err(fault(
                format!("嵌套超过 {DEPTH_MAX} 层"),
                format!("nested deeper than {DEPTH_MAX}, wanted at most that"),
            )),
            Some(b'{') => self.object(),
            Some(b'[') => self.list(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let literals = [
                    ("true", Json::Bool(true)),
                    ("false", Json::Bool(false)),
                    ("null", Json::Null),
                ];
                let rest = &self.bytes[self.at..];
                for (word, value) in literals {
                    if rest.starts_with(word.as_bytes()) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.wanted("JSON 的值", "a value of JSON"))
            }
        }
    }

    fn object(&mut self) -> Result<Json, Fault> {
        self.at += 1;
        self.depth += 1;
        let mut members = Members::default();
        let mut names: HashSet<String> = HashSet::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.depth -= 1;
            return Ok(members.into());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.wanted("成员名", "the name of a member"));
            }
            let start = self.at;
            let name = self.string()?;
            self.path.push(Step::Member(name.clone()));
            if !names.insert(name.clone()) {
                self.at = start;
                return Err(fault(
                    format!("成员 {name:?} 出现两次，不知以哪个为准"),
                    format!(
                        "member {name:?} stands twice, wanted once: which of them counts is not said"
                    ),
                ));
            }
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.wanted("冒号", "a colon"));
            }
            self.at += 1;
            self.space();
            let value = self.value()?;
            self.path.pop();
            members.0.push((name, value));
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.wanted("逗号或右花括号", "a comma or }")),
            }
            self.space();
        }
        self.at += 1;
        self.depth -= 1;
        Ok(members.into())
    }

    fn list(&mut self) -> Result<Json, Fault> {
        self.at += 1;
        self.depth += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            self.depth -= 1;
            return Ok(Json::List(items));
        }
        loop {
            self.path.push(Step::Item(items.len()));
            items.push(self.value()?);
            self.path.pop();
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.wanted("逗号或右方括号", "a comma or ]")),
            }
            self.space();
        }
        self.at += 1;
        self.depth -= 1;
        Ok(Json::List(items))
    }

    fn number(&mut self) -> Result<Json, Fault> {
        let rest = &self.bytes[self.at..];
        let end = rest
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .unwrap_or(rest.len());
        let digits = std::str::from_utf8(&rest[..end]).unwrap_or_default();
        if !is_number(digits) {
            return Err(self.wanted("JSON 的数", "a number of JSON"));
        }
        self.at += end;
        Ok(Json::Number(digits.to_owned()))
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.bytes[self.at..];
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
                .unwrap_or(rest.len());
            match std::str::from_utf8(&rest[..plain]) {
                Ok(piece) => {
                    if let Some((at, c)) = piece.char_indices().find(|(_, c)| is_noncharacter(*c)) {
                        self.at += at;
                        return Err(unholdable(c));
                    }
                    text.push_str(piece);
                }
                Err(error) => {
                    self.at += error.valid_up_to();
                    let byte = self.bytes[self.at];
                    return Err(fault(
                        format!("字节 0x{byte:02x} 不是 UTF-8"),
                        format!("byte 0x{byte:02x} is no UTF-8"),
                    ));
                }
            }
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => {
                    return Err(self.wanted(
                        "字符串的结尾（控制字符须转义）",
                        "the end of the text (controls are escaped)",
                    ));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let escaped = self.bytes.get(self.at + 1).copied();
        let plain = match escaped {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.wanted("JSON 的转义", "an escape of JSON")),
        };
        self.at += 2;
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, Fault> {
        let unit = |at: usize| {
            let four = self.bytes.get(at..at + 4)?;
            let all = four.iter().all(u8::is_ascii_hexdigit);
            u32::from_str_radix(std::str::from_utf8(four).ok().filter(|_| all)?, 16).ok()
        };
        let Some(first) = unit(self.at + 2) else {
            return Err(self.wanted("四位十六进制数", "four hex digits"));
        };
        let second = (self.bytes.get(self.at + 6..self.at + 8) == Some(b"\\u"))
            .then(|| unit(self.at + 8))
            .flatten();
        let (code, length) = match (first, second) {
            (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
                (0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00), 12)
            }
            _ => (first, 6),
        };
        match char::from_u32(code) {
            Some(c) if c != '\0' && !is_noncharacter(c) => {
                self.at += length;
                Ok(c)
            }
            Some(c) => Err(unholdable(c)),
            None => Err(fault(
                format!("\\u{first:04x} 是单独的代理项，不是字符"),
                format!("\\u{first:04x} is half of a surrogate pair, no character"),
            )),
        }
    }
}

fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
}

fn unholdable(c: char) -> Fault {
    let code = u32::from(c);
    fault(
        format!("字符 U+{code:04X} 不能写入记录"),
        format!("character U+{code:04X}, which no record can hold"),
    )
}

fn spaces(bytes: &[u8]) -> usize {
    let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    bytes.iter().take_while(is_space).count()
}

/// Where the string that begins at `at` ends. `None`: nowhere.
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    at += 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Where the value that begins at `at` ends, whatever bytes its texts have and whatever its words are. `None`: nowhere.
pub(super) fn end_of(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut open = Vec::new();
    loop {
        match *bytes.get(at)? {
            b'"' => at = end_of_string(bytes, at)?,
            bracket @ (b'{' | b'[') => {
                open.push(bracket);
                at += 1;
            }
            closing @ (b'}' | b']') => {
                let wanted = if closing == b'}' { b'{' } else { b'[' };
                if open.pop() != Some(wanted) {
                    return None;
                }
                at += 1;
            }
            b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' if !open.is_empty() => at += 1,
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => return None,
            _ => {
                let word = |byte: &&u8| {
                    !matches!(
                        byte,
                        b'"' | b'{'
                            | b'['
                            | b'}'
                            | b']'
                            | b','
                            | b':'
                            | b' '
                            | b'\t'
                            | b'\n'
                            | b'\r'
                    )
                };
                at += bytes[at..].iter().take_while(word).count();
            }
        }
        if open.is_empty() {
            return Some(at);
        }
    }
}

/// The facts of a part of a file, as [`Json::facts`] counts them, also where it cannot be read.
pub(super) fn facts(bytes: &[u8]) -> usize {
    let (mut count, mut at) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at = end_of_string(bytes, at).unwrap_or(bytes.len());
                let after = at + spaces(&bytes[at..]);
                count += usize::from(bytes.get(after) != Some(&b':'));
            }
            opening @ (b'{' | b'[') => {
                let after = at + 1 + spaces(&bytes[at + 1..]);
                let closing = if opening == b'{' { b'}' } else { b']' };
                if bytes.get(after) == Some(&closing) {
                    count += 1;
                    at = after;
                }
                at += 1;
            }
            b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            _ => {
                count += 1;
                let word = |byte: &&u8| {
                    !matches!(
                        byte,
                        b'"' | b'{'
                            | b'['
                            | b'}'
                            | b']'
                            | b','
                            | b':'
                            | b' '
                            | b'\t'
                            | b'\n'
                            | b'\r'
                    )
                };
                at += bytes[at..].iter().take_while(word).count();
            }
        }
    }
    count
}

/// The parts of an object or a list, by where they stand, and where it stops being one.
pub(super) struct Parts {
    /// Name (empty in a list) and value.
    pub parts: Vec<(Range<usize>, Range<usize>)>,
    /// The first byte that is neither in a part nor between two.
    pub broken: Option<usize>,
}

/// The members of the object at `range`.
pub(super) fn members(file: &[u8], range: Range<usize>) -> Parts {
    parts(&file[..range.end], range.start, b'}', true)
}

/// The items of the list at `range`.
pub(super) fn items(file: &[u8], range: Range<usize>) -> Parts {
    parts(&file[..range.end], range.start, b']', false)
}

fn parts(bytes: &[u8], start: usize, closing: u8, named: bool) -> Parts {
    let mut found = Parts {
        parts: Vec::new(),
        broken: None,
    };
    let mut at = start + 1;
    at += spaces(&bytes[at..]);
    if bytes.get(at) == Some(&closing) {
        return found;
    }
    loop {
        let begin = at;
        let mut name = at..at;
        if named {
            let end = (bytes.get(at) == Some(&b'"'))
                .then(|| end_of_string(bytes, at))
                .flatten();
            let Some(end) = end else {
                found.broken = Some(begin);
                return found;
            };
            name = at..end;
            at = end + spaces(&bytes[end..]);
            if bytes.get(at) != Some(&b':') {
                found.broken = Some(begin);
                return found;
            }
            at += 1;
            at += spaces(&bytes[at..]);
        }
        let Some(end) = end_of(bytes, at) else {
            // A part that does not end goes on to the end, and is refused there.
            found.parts.push((name, at..bytes.len()));
            return found;
        };
        found.parts.push((name, at..end));
        at = end + spaces(&bytes[end..]);
        match bytes.get(at) {
            Some(b',') => at += 1,
            Some(byte) if *byte == closing => return found,
            _ => {
                found.broken = Some(at);
                return found;
            }
        }
        at += spaces(&bytes[at..]);
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;

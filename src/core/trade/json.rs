//! The one door through which JSON becomes a statement: a strict, bounded parser of one JSON object on one line.
//!
//! Promises: what it accepts, every JSON parser in the world reads the same way (no duplicate or escaped member name, no
//! number that a double cannot hold, no lone surrogate, no noncharacter); it never panics, recurses at most
//! [`DEPTH_MAX`] deep, and takes time in proportion to the input. A refusal names the JSON pointer, the byte, what was
//! found, what was wanted and what to do.
//!
//! Does not canonicalise and does not re-encode what it read: the exact bytes are what was signed. [`encode`] exists for
//! drafts, before they are signed.
//!
//! The grammar (RFC 8259, narrowed; `docs/format.md` repeats it for outsiders):
//!
//! - UTF-8 without a byte order mark; the first byte is `{` and the last is `}`; between tokens only U+0020;
//! - member names are `[a-z][a-z0-9_]*`, written without escapes, none twice in one object;
//! - numbers are integers, `-?(0|[1-9][0-9]{0,15})`, not `-0`, absolute value below 2^53;
//! - strings hold no raw U+0000..U+001F; after their escapes are decoded, no U+0000, no lone surrogate, no noncharacter;
//! - the outer object is depth 1; nothing is deeper than 16.

mod error;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

pub use error::{JsonError, Rule};

/// How deep objects and arrays may nest; the outer object is depth 1.
pub const DEPTH_MAX: usize = 16;
/// The most bytes of a JSON pointer that is read: more than 16 levels of names of any sensible length.
pub const POINTER_BYTES_MAX: usize = 1_024;
/// The first integer too large: 2^53, beyond which a double no longer holds every integer (RFC 7493 §2.2).
pub const INTEGER_LIMIT: i64 = 1 << 53;

/// Reads one JSON object from `line`, which has no line feed at its end.
///
/// Memory: at most about 32 bytes a byte of input, so the caller limits `line` first
/// ([`TEXT_BYTES_MAX`](crate::trade::statement::TEXT_BYTES_MAX) for a statement).
///
/// ```
/// use mingzhang_core::trade::json;
/// let value = json::parse(br#"{"title":"\u97f6\u5c71","lots":["1","2"]}"#).unwrap();
/// assert_eq!(value.get("title").and_then(|v| v.as_str()), Some("韶山"));
///
/// // A fraction is refused, and the refusal says where and what to do instead.
/// let error = json::parse(br#"{"details":{"price":1.5}}"#).unwrap_err();
/// assert_eq!((error.pointer.as_str(), error.offset), ("/details/price", 20));
/// assert!(error.to_string().contains("write it as a string"));
/// ```
///
/// # Errors
/// [`JsonError`] for the first place where `line` leaves the grammar above.
pub fn parse(line: &[u8]) -> Result<Value<'_>, JsonError> {
    let text = std::str::from_utf8(line).map_err(|e| {
        let at = e.valid_up_to();
        Fault::new(at, format!("byte 0x{:02x}", line[at]), Rule::Utf8).finish()
    })?;
    let mut parser = Parser {
        text,
        bytes: line,
        at: 0,
    };
    if parser.peek() != Some(b'{') {
        return Err(parser.fault(Rule::FirstByte).finish());
    }
    let value = parser.value(1).map_err(|f| f.finish())?;
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(parser.fault(Rule::LastByte).finish()),
    }
}

/// A JSON value that borrows from the line it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer with absolute value below 2^53.
    Integer(i64),
    /// A string, its escapes decoded; borrowed where it had none.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object, its members in the order written.
    Object(Vec<(&'a str, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// The member called `name`, if this is an object that has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.members()
            .and_then(|m| m.iter().find(|(n, _)| *n == name))
            .map(|(_, v)| v)
    }

    /// The value at a JSON pointer (RFC 6901); `""` is this value itself. Member names need no `~` escapes here.
    ///
    /// ```
    /// let value = mingzhang_core::trade::json::parse(br#"{"a":[{"b":7}]}"#).unwrap();
    /// assert_eq!(value.pointer("/a/0/b").and_then(|v| v.as_integer()), Some(7));
    /// assert_eq!(value.pointer("/a/00/b"), None); // an array index has one spelling
    /// ```
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Value<'a>> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer
            .strip_prefix('/')?
            .split('/')
            .try_fold(self, |value, segment| match value {
                Value::Object(_) => value.get(segment),
                Value::Array(items) => {
                    let canonical = segment == "0" || !segment.starts_with(['0', '+']);
                    items.get(segment.parse::<usize>().ok().filter(|_| canonical)?)
                }
                _ => None,
            })
    }

    /// The string, if this is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(s) => Some(s),
            _ => None,
        }
    }

    /// The integer, if this is one.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(n) => Some(*n),
            _ => None,
        }
    }

    /// The truth value, if this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The items, if this is an array.
    #[must_use]
    pub fn items(&self) -> Option<&[Value<'a>]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members in the order written, if this is an object.
    #[must_use]
    pub fn members(&self) -> Option<&[(&'a str, Value<'a>)]> {
        match self {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// What this is, in a word for messages: `null`, `a string`, …
    #[must_use]
    pub fn what(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a truth value",
            Value::Integer(_) => "an integer",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(s: &'a str) -> Self {
        Value::String(Cow::Borrowed(s))
    }
}

impl From<String> for Value<'_> {
    fn from(s: String) -> Self {
        Value::String(Cow::Owned(s))
    }
}

impl From<bool> for Value<'_> {
    fn from(b: bool) -> Self {
        Value::Bool(b)
    }
}

impl<'a, T: Into<Value<'a>>> From<Vec<T>> for Value<'a> {
    fn from(items: Vec<T>) -> Self {
        Value::Array(items.into_iter().map(Into::into).collect())
    }
}

/// Writes a value on one line without spaces: the text of a draft that is about to be signed.
///
/// Encodes whatever tree it is given; that the result obeys the grammar is for [`parse`] to say.
///
/// ```
/// use mingzhang_core::trade::json::{encode, parse};
/// let value = parse(br#"{"a": "\u97f6\n", "b": [1, null]}"#).unwrap();
/// assert_eq!(encode(&value), "{\"a\":\"韶\\n\",\"b\":[1,null]}");
/// ```
#[must_use]
pub fn encode(value: &Value<'_>) -> String {
    let mut out = String::new();
    encode_into(value, &mut out);
    out
}

fn encode_into(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Integer(n) => out.push_str(&n.to_string()),
        Value::String(s) => encode_string(s, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                encode_into(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (i, (name, member)) in members.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                encode_string(name, out);
                out.push(':');
                encode_into(member, out);
            }
            out.push('}');
        }
    }
}

/// The escapes are those of RFC 8785 §3.2.2.2, the shortest forms.
fn encode_string(s: &str, out: &mut String) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, Box<Fault<'a>>> {
        match self.peek() {
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'{' | b'[') if depth > DEPTH_MAX => Err(self.fault(Rule::Depth)),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Null),
            _ => Err(self.fault(Rule::Value)),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, Box<Fault<'a>>> {
        self.at += 1; // `{`
        let mut members: Vec<(&'a str, Value<'a>)> = Vec::new();
        self.spaces()?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            let name = self.name()?;
            self.spaces()?;
            if self.peek() != Some(b':') {
                return Err(self.fault(Rule::Colon));
            }
            self.at += 1;
            self.spaces()?;
            let value = self
                .value(depth + 1)
                .map_err(|f| f.inside(Segment::Member(name)))?;
            members.push((name, value));
            self.spaces()?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.fault(Rule::ObjectNext)),
            }
            self.spaces()?;
        }
        self.at += 1; // `}`
        match second_of_two_equal(&members) {
            None => Ok(Value::Object(members)),
            Some(i) => {
                // A name is a slice of the text, so its address tells where it stands.
                let name = members[i].0;
                let at = name.as_ptr().addr() - self.text.as_ptr().addr() - 1;
                let found = format!("`{}` again", shorten(name));
                Err(Fault::new(at, found, Rule::NameTwice))
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, Box<Fault<'a>>> {
        self.at += 1; // `[`
        let mut items = Vec::new();
        self.spaces()?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            let item = self
                .value(depth + 1)
                .map_err(|f| f.inside(Segment::Index(items.len())))?;
            items.push(item);
            self.spaces()?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.fault(Rule::ArrayNext)),
            }
            self.spaces()?;
        }
        self.at += 1; // `]`
        Ok(Value::Array(items))
    }

    fn spaces(&mut self) -> Result<(), Box<Fault<'a>>> {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'\t' | b'\n' | b'\r') => Err(self.fault(Rule::Space)),
            _ => Ok(()),
        }
    }

    fn name(&mut self) -> Result<&'a str, Box<Fault<'a>>> {
        if self.peek() != Some(b'"') {
            return Err(self.fault(Rule::NameQuote));
        }
        let start = self.at + 1;
        let mut end = start;
        while matches!(self.bytes.get(end), Some(b'a'..=b'z' | b'0'..=b'9' | b'_')) {
            end += 1;
        }
        let begins_with_a_letter = matches!(self.bytes.get(start), Some(b'a'..=b'z'));
        if self.bytes.get(end) != Some(&b'"') || !begins_with_a_letter {
            return Err(self.fault(Rule::Name));
        }
        self.at = end + 1;
        Ok(&self.text[start..end])
    }

    fn integer(&mut self) -> Result<Value<'a>, Box<Fault<'a>>> {
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        let digits_from = start + usize::from(negative);
        let mut end = digits_from;
        let mut magnitude: i64 = 0;
        while let Some(&digit @ b'0'..=b'9') = self.bytes.get(end) {
            // Saturating, so that no run of digits can wrap round into the permitted range.
            magnitude = magnitude
                .saturating_mul(10)
                .saturating_add(i64::from(digit - b'0'));
            end += 1;
        }
        let digits = &self.bytes[digits_from..end];
        let one_spelling = match digits {
            [] => false,
            [b'0'] => !negative,
            [first, ..] => *first != b'0',
        };
        // A fraction, an exponent or any letter glued to the digits belongs to the same mistaken number.
        let glued = matches!(
            self.bytes.get(end),
            Some(b'.' | b'+' | b'-' | b'a'..=b'z' | b'A'..=b'Z')
        );
        if !one_spelling || glued {
            return Err(self.fault(Rule::Number));
        }
        if digits.len() > 16 || magnitude >= INTEGER_LIMIT {
            return Err(self.fault(Rule::NumberRange));
        }
        self.at = end;
        Ok(Value::Integer(if negative {
            -magnitude
        } else {
            magnitude
        }))
    }

    fn literal(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, Box<Fault<'a>>> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.fault(Rule::Value));
        }
        self.at += word.len();
        Ok(value)
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Box<Fault<'a>>> {
        let quote = self.at;
        let start = quote + 1;
        self.at = start;
        self.run()?;
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.text[start..self.at - 1]));
        }
        let mut decoded = String::from(&self.text[start..self.at]);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(decoded));
                }
                Some(b'\\') => decoded.push(self.escape()?),
                Some(_) => return Err(self.fault(Rule::Control)),
                None => {
                    self.at = quote;
                    return Err(self.fault(Rule::StringEnd));
                }
            }
            let from = self.at;
            self.run()?;
            decoded.push_str(&self.text[from..self.at]);
        }
    }

    /// Moves over characters that stand for themselves, up to a quotation mark, a backslash, a control or the end.
    fn run(&mut self) -> Result<(), Box<Fault<'a>>> {
        loop {
            let rest = &self.bytes[self.at..];
            self.at += rest
                .iter()
                .take_while(|byte| !STOPS[usize::from(**byte)])
                .count();
            match self.peek() {
                Some(0xef..) => {
                    let c = self.text[self.at..]
                        .chars()
                        .next()
                        .expect("a byte stands here");
                    if is_noncharacter(c) {
                        return Err(self.fault(Rule::Noncharacter));
                    }
                    self.at += c.len_utf8();
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<char, Box<Fault<'a>>> {
        let simple = match self.bytes.get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.fault(Rule::Escape)),
        };
        self.at += 2;
        Ok(simple)
    }

    fn unicode_escape(&mut self) -> Result<char, Box<Fault<'a>>> {
        let first = self.hex4(self.at).ok_or_else(|| self.fault(Rule::Escape))?;
        let (scalar, length) = match first {
            0xd800..=0xdbff => match self.hex4(self.at + 6) {
                Some(second @ 0xdc00..=0xdfff) => {
                    (0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12)
                }
                _ => return Err(self.fault(Rule::Surrogate)),
            },
            _ => (first, 6),
        };
        let c = char::from_u32(scalar).ok_or_else(|| self.fault(Rule::Surrogate))?;
        if c == '\0' {
            return Err(self.fault(Rule::Nul));
        }
        if is_noncharacter(c) {
            return Err(self.fault(Rule::Noncharacter));
        }
        self.at += length;
        Ok(c)
    }

    /// The value of `\uXXXX` at `at`, if that is what stands there.
    fn hex4(&self, at: usize) -> Option<u32> {
        let escape = self.bytes.get(at..at + 6)?;
        if !escape.starts_with(b"\\u") {
            return None;
        }
        escape[2..].iter().try_fold(0, |n, &digit| {
            Some(n << 4 | char::from(digit).to_digit(16)?)
        })
    }

    fn fault(&self, rule: Rule) -> Box<Fault<'a>> {
        Fault::new(self.at, excerpt(&self.text[self.at..]), rule)
    }
}

/// The bytes at which reading a string pauses: the end, an escape, a control, and the first byte of what may be a
/// noncharacter: U+FDD0..U+FDEF and U+FFFE, U+FFFF begin with EF, U+nFFFE and U+nFFFF with F0 to F4.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        stops[byte] = byte < 0x20 || byte >= 0xef;
        byte += 1;
    }
    stops[b'"' as usize] = true;
    stops[b'\\' as usize] = true;
    stops
};

/// U+FDD0..U+FDEF and the last two code points of each plane (Unicode §23.7).
fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

/// The index of a member whose name stands earlier too, the first such in the order written.
///
/// A few members are compared with each other; many are sorted, so that an object of thousands of members costs its
/// author more than us.
fn second_of_two_equal(members: &[(&str, Value<'_>)]) -> Option<usize> {
    if members.len() <= 16 {
        return (1..members.len())
            .find(|&i| members[..i].iter().any(|(name, _)| *name == members[i].0));
    }
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|&i| members[i].0); // Stable: of two equal names the earlier stays first.
    order
        .windows(2)
        .filter(|w| members[w[0]].0 == members[w[1]].0)
        .map(|w| w[1])
        .min()
}

/// What stands at the start of `rest`, for a message: a token, shortened, or the name of an invisible character.
fn excerpt(rest: &str) -> String {
    match rest.chars().next() {
        None => "the end of the line".to_owned(),
        Some(c) if c.is_control() || c.is_whitespace() || c == '\u{feff}' || is_noncharacter(c) => {
            format!("U+{:04X}", u32::from(c))
        }
        Some('"' | '\\') => format!("`{}`", shorten(rest)),
        Some(_) => {
            let ends =
                |c: char| matches!(c, ',' | ']' | '}' | ':') || c.is_whitespace() || c.is_control();
            let end = rest
                .char_indices()
                .skip(1)
                .find(|(_, c)| ends(*c))
                .map_or(rest.len(), |(i, _)| i);
            format!("`{}`", shorten(&rest[..end]))
        }
    }
}

/// At most 24 characters, with controls made visible.
fn shorten(s: &str) -> String {
    let mut short: String = s
        .chars()
        .take(24)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if s.chars().nth(24).is_some() {
        short.push('…');
    }
    short
}

/// An error on its way up: each level adds its segment, innermost first.
struct Fault<'a> {
    offset: usize,
    found: String,
    rule: Rule,
    path: Vec<Segment<'a>>,
}

enum Segment<'a> {
    Member(&'a str),
    Index(usize),
}

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Segment::Member(name) => write!(f, "/{name}"),
            Segment::Index(index) => write!(f, "/{index}"),
        }
    }
}

impl<'a> Fault<'a> {
    fn new(offset: usize, found: String, rule: Rule) -> Box<Self> {
        Box::new(Fault {
            offset,
            found,
            rule,
            path: Vec::new(),
        })
    }

    fn inside(mut self: Box<Self>, segment: Segment<'a>) -> Box<Self> {
        self.path.push(segment);
        self
    }

    fn finish(&self) -> JsonError {
        JsonError {
            pointer: self.path.iter().rev().map(ToString::to_string).collect(),
            offset: self.offset,
            found: self.found.clone(),
            rule: self.rule,
        }
    }
}

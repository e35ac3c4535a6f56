//! Files as other programs save them: with a byte order mark, with CRLF, as pretty JSON, as an array; or in another encoding.
//!
//! Promises: what is read is the same as if it had been saved plainly: one draft a line, its text kept byte for byte where it stood on one
//! line, and else without the spaces between its tokens, never re-encoded (numbers keep their digits, doubled members stay doubled, to be
//! refused by name). An encoding that is not UTF-8 is refused once, for the whole file, by its name.

use std::path::Path;

use serde_json::value::RawValue;

use super::out::Failure;
use crate::said;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// A draft and the line where it begins, 1-based.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Drafted {
    pub line: usize,
    pub text: String,
}

/// UTF-8 without a byte order mark.
pub(super) fn utf8(path: &Path, bytes: Vec<u8>) -> Result<String, Failure> {
    let is_marked = bytes.starts_with(BOM);
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let (shown, encoding) = (path.display(), encoding_of(error.as_bytes()));
        refused(
            &shown.to_string(),
            &format!("{encoding}; UTF-8 ends at byte {at}"),
        )
    })?;
    if text.contains('\0') {
        return Err(refused(
            &path.display().to_string(),
            encoding_of(text.as_bytes()),
        ));
    }
    Ok(if is_marked {
        text['\u{feff}'.len_utf8()..].to_owned()
    } else {
        text
    })
}

fn refused(shown: &str, encoding: &str) -> Failure {
    Failure::input(
        "not-utf8",
        said!(
            "{shown} 不是 UTF-8 文本，编码像是 {encoding}：请另存为 UTF-8 再用",
            "{shown} is not UTF-8 text; its encoding looks like {encoding}: save it as UTF-8"
        ),
    )
}

/// What bytes that are no UTF-8 are, as far as can be told.
fn encoding_of(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xfe, ..] => "UTF-16LE",
        [0xfe, 0xff, ..] => "UTF-16BE",
        [_, 0, ..] => "UTF-16LE without a byte order mark",
        [0, _, ..] => "UTF-16BE without a byte order mark",
        _ if is_gb18030(bytes) => "GB18030 (GBK)",
        _ => "none that is known here",
    }
}

/// GB 18030: bytes beyond ASCII come in pairs, or in fours with digits at the second and fourth place.
fn is_gb18030(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        rest = match rest {
            [] => return true,
            [0x00..=0x7f, rest @ ..] => rest,
            [
                0x81..=0xfe,
                0x30..=0x39,
                0x81..=0xfe,
                0x30..=0x39,
                rest @ ..,
            ]
            | [0x81..=0xfe, 0x40..=0x7e | 0x80..=0xfe, rest @ ..] => rest,
            _ => return false,
        }
    }
}

/// The drafts of a file: one a line; or pretty printed, one after another; or an array of them. A line that is no JSON stays one, to be
/// refused at its place, as long as another line is a draft; a file in which none is has one fault, at the place where reading stops.
pub(super) fn drafts(text: &str) -> Vec<Drafted> {
    let lines = || {
        let lines = text.lines().enumerate();
        lines.filter(|(_, line)| !line.trim().is_empty())
    };
    let is_object = |line: &str| {
        line.trim_start().starts_with('{') && serde_json::from_str::<&RawValue>(line).is_ok()
    };
    if !text.trim_start().starts_with('[') && lines().any(|(_, line)| is_object(line)) {
        let read = lines().map(|(at, line)| Drafted {
            line: at + 1,
            text: line.to_owned(),
        });
        return read.collect();
    }
    let mut found = Vec::new();
    let line_at = |part: &str| {
        let offset = part.as_ptr() as usize - text.as_ptr() as usize;
        text[..offset].matches('\n').count() + 1
    };
    let mut keep = |value: &RawValue| {
        found.push(Drafted {
            line: line_at(value.get()),
            text: compact(value.get()),
        });
    };
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        match value {
            Ok(value) if value.get().starts_with('[') => {
                match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
                    Ok(items) => items.into_iter().for_each(&mut keep),
                    Err(_) => keep(value),
                }
            }
            Ok(value) => keep(value),
            Err(error) => {
                // What does not go on is refused as one, at its place, with the reader's own words.
                let rest = text.lines().nth(error.line().saturating_sub(1));
                found.push(Drafted {
                    line: error.line().max(1),
                    text: rest.unwrap_or_default().to_owned(),
                });
                break;
            }
        }
    }
    found
}

/// JSON on one line: without what stands between tokens.
fn compact(json: &str) -> String {
    let (mut is_string, mut is_escaped) = (false, false);
    let kept = json.chars().filter(|c| {
        if is_string {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => is_string = false,
                _ => {}
            }
            return true;
        }
        is_string = *c == '"';
        !matches!(c, ' ' | '\n' | '\r' | '\t')
    });
    kept.collect()
}

/// The place of a member that stands twice in its object, as a JSON pointer: a reader of JSON keeps the last one in silence.
pub(super) fn twice(json: &str) -> Option<String> {
    let mut found = None;
    let look = Look {
        pointer: String::new(),
        found: &mut found,
    };
    let _ = serde::de::DeserializeSeed::deserialize(
        look,
        &mut serde_json::Deserializer::from_str(json),
    );
    found
}

struct Look<'f> {
    pointer: String,
    found: &'f mut Option<String>,
}

impl<'de> serde::de::DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> serde::de::Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = std::collections::HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let pointer = format!("{}/{name}", self.pointer);
            if !names.insert(name) && self.found.is_none() {
                *self.found = Some(pointer.clone());
            }
            map.next_value_seed(Look {
                pointer,
                found: self.found,
            })?;
        }
        Ok(())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut at = 0;
        loop {
            let look = Look {
                pointer: format!("{}/{at}", self.pointer),
                found: self.found,
            };
            if seq.next_element_seed(look)?.is_none() {
                return Ok(());
            }
            at += 1;
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &[(usize, &str)]) {
        let found = drafts(text);
        let found: Vec<(usize, &str)> = found.iter().map(|d| (d.line, d.text.as_str())).collect();
        assert_eq!(found, wanted, "{text:?}");
    }

    #[test]
    fn a_draft_is_the_same_however_it_was_saved() {
        check(
            "{\"a\": 1}\r\n\n{\"b\":2}",
            &[(1, "{\"a\": 1}"), (3, "{\"b\":2}")],
        );
        check(
            "[{\"a\":1},\n {\"b\": \"x y\"}]\n",
            &[(1, "{\"a\":1}"), (2, "{\"b\":\"x y\"}")],
        );
        check(
            "{\n  \"a\": \"q\\\" r\",\n  \"n\": 1.10\n}\n{\n\"b\": 2\n}\n",
            &[(1, "{\"a\":\"q\\\" r\",\"n\":1.10}"), (5, "{\"b\":2}")],
        );
        check(
            "{\"a\":1}\nnonsense\n",
            &[(1, "{\"a\":1}"), (2, "nonsense")],
        );
        check("{\n\"a\": 1,\n}\n", &[(3, "}")]);
        check("", &[]);
        check("[]", &[]);
    }

    #[test]
    fn an_encoding_is_told_by_its_name() {
        #[track_caller]
        fn check(bytes: &[u8], wanted: &str) {
            let failure = utf8(Path::new("d.jsonl"), bytes.to_vec()).unwrap_err();
            assert!(failure.said.en.contains(wanted), "{}", failure.said.en);
            assert!(failure.said.zh.contains(wanted), "{}", failure.said.zh);
        }
        check(b"{\"title\":\"\xca\xbe\xc0\xfd\"}", "GB18030");
        check(b"\xff\xfe{\0\"\0", "UTF-16LE");
        check(b"{\0\"\0", "UTF-16LE");
        check(b"\xfe\xff\0{", "UTF-16BE");
        check(b"\0{\0\"", "UTF-16BE");
        check(b"\xff\xff\xff", "none");
        let marked = utf8(Path::new("d"), b"\xef\xbb\xbf{}".to_vec());
        assert_eq!(marked.unwrap(), "{}");
    }

    #[test]
    fn a_member_that_stands_twice_is_told_by_its_place() {
        assert_eq!(twice(r#"{"a":[1,{"b":1,"c":{}}],"b":2}"#), None);
        assert_eq!(
            twice(r#"{"a":[1,{"b":1,"b":2}]}"#).as_deref(),
            Some("/a/1/b")
        );
        assert_eq!(twice("nonsense"), None);
    }
}

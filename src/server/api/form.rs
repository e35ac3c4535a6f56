//! The three forms in which a statement may come: the note; `{"note":…,"openings":…}`; the line with its signature in a
//! header. What they have in common comes out: the bytes of a note, and openings.

use axum::http::{HeaderMap, HeaderName};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::lang::{Bilingual, Said};
use crate::ledger::Terms;
use crate::said;
use crate::server::problem::{Problem, kinds};
use crate::server::request::shorten;
use crate::trade::commitment::Openings;

/// Carries `<key name> <base64(key ID ‖ signature)>`, once a signature line.
pub const MINGZHANG_SIGNATURE: HeaderName = HeaderName::from_static("mingzhang-signature");

/// What was posted, not judged yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub note: Bytes,
    pub openings: Option<Openings>,
    /// The signed note by which openings are added to a logged statement.
    pub disclosure: Option<String>,
}

impl Form {
    /// What came with the note.
    pub fn terms<'t>(&'t self, accepted: &'t [String]) -> Terms<'t> {
        Terms {
            openings: self.openings.as_ref(),
            accepted,
            disclosure: self.disclosure.as_deref().map(str::as_bytes),
        }
    }

    /// Reads the body of a post.
    pub fn parse(headers: &HeaderMap, body: Bytes) -> Result<Form, Problem> {
        if headers.contains_key(MINGZHANG_SIGNATURE) {
            return from_line(headers, &body);
        }
        // No JSON text has a line that begins with an em dash outside a string, and none has a raw line feed inside one.
        if body
            .split(|byte| *byte == b'\n')
            .skip(1)
            .any(|line| line.starts_with("— ".as_bytes()))
        {
            return Ok(Form {
                note: body,
                openings: None,
                disclosure: None,
            });
        }
        Form::parse_json(&body)
    }

    /// Reads `{"note":…,"openings":…}`, as in a line of a batch.
    pub fn parse_json(json: &[u8]) -> Result<Form, Problem> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Envelope<'a> {
            note: String,
            #[serde(borrow)]
            openings: Option<&'a RawValue>,
            disclosure: Option<String>,
        }
        let envelope: Envelope<'_> = serde_json::from_slice(json).map_err(|error| {
            let error = shorten(&error.to_string());
            let unsigned = json.starts_with(b"{\"type\"");
            Problem::new(
                &kinds::BODY_FORM,
                said!(
                    "正文既不是签名文本，也不是 {{\"note\":…,\"openings\":…}}：{error}",
                    "the body is no note and no {{\"note\":…,\"openings\":…}}: {error}"
                ),
            )
            .with(
                "hint",
                if unsigned {
                    "a bare statement needs its signature: use the header Mingzhang-Signature"
                } else {
                    "see /problems/body-form"
                },
            )
        })?;
        let openings = match envelope.openings {
            Some(openings) => Some(
                Openings::parse(openings.get().as_bytes())
                    .map_err(|error| Problem::new(&kinds::OPENINGS_MISMATCH, error.said()))?,
            ),
            None => None,
        };
        Ok(Form {
            note: Bytes::from(envelope.note),
            openings,
            disclosure: envelope.disclosure,
        })
    }
}

fn from_line(headers: &HeaderMap, body: &[u8]) -> Result<Form, Problem> {
    let refused = |why: &Said| {
        let header = said!("标头 Mingzhang-Signature", "header Mingzhang-Signature");
        Problem::new(&kinds::BODY_FORM, header.then(why))
            .with("wanted", "<key name> <base64(key ID ‖ signature)>")
    };
    let mut note = Vec::with_capacity(body.len() + 256);
    note.extend_from_slice(body);
    // Editors and HTTP libraries drop the last line feed; it is part of what was signed.
    if !body.ends_with(b"\n") {
        note.push(b'\n');
    }
    note.push(b'\n');
    for line in headers.get_all(MINGZHANG_SIGNATURE) {
        let line = line
            .to_str()
            .map_err(|_| refused(&said!("应为可见的 ASCII 字符", "wanted visible ASCII")))?;
        let (name, signature) = line
            .split_once(' ')
            .ok_or_else(|| refused(&said!("没有空格", "found no space")))?;
        if name.is_empty() || signature.is_empty() || signature.contains(' ') {
            return Err(refused(&said!(
                "应为一个名称和一个签名，中间一个空格",
                "wanted a name and a signature with one space between"
            )));
        }
        note.extend_from_slice(format!("— {name} {signature}\n").as_bytes());
    }
    Ok(Form {
        note: Bytes::from(note),
        openings: None,
        disclosure: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = "{\"type\":\"trade\",\"v\":1}\n\n— centre.example AAAA\n";

    #[track_caller]
    fn check(signatures: &[&str], body: &str, want: Result<&str, &str>) {
        let mut headers = HeaderMap::new();
        for signature in signatures {
            headers.append(MINGZHANG_SIGNATURE, signature.parse().unwrap());
        }
        let found = Form::parse(&headers, Bytes::copy_from_slice(body.as_bytes()));
        let found = found
            .as_ref()
            .map(|form| std::str::from_utf8(&form.note).unwrap())
            .map_err(|problem| problem.kind().code);
        assert_eq!(found, want, "{body:?}");
    }

    #[test]
    fn the_three_forms_give_the_same_note() {
        let json = serde_json::json!({ "note": NOTE }).to_string();
        check(&[], NOTE, Ok(NOTE));
        check(&[], &json, Ok(NOTE));
        check(
            &[],
            &format!(
                " {} \n",
                serde_json::json!({ "note": NOTE, "openings": {} })
            ),
            Ok(NOTE),
        );
        check(&[], &json.replace("centre", "\\u0063entre"), Ok(NOTE));
        check(
            &["centre.example AAAA"],
            "{\"type\":\"trade\",\"v\":1}\n",
            Ok(NOTE),
        );
        check(
            &["centre.example AAAA"],
            "{\"type\":\"trade\",\"v\":1}",
            Ok(NOTE),
        );
        check(
            &["a AAAA", "b BBBB"],
            "{}",
            Ok("{}\n\n— a AAAA\n— b BBBB\n"),
        );
        // A note with a fault stays one, so that the answer can say what the fault is.
        check(&[], "{}\r\n\r\n— a AAAA\r\n", Ok("{}\r\n\r\n— a AAAA\r\n"));

        check(&[], "", Err("body-form"));
        check(&[], "{\"type\":\"trade\",\"v\":1}\n", Err("body-form"));
        check(&[], "{\"note\":\"a\",\"nota\":1}", Err("body-form"));
        check(&[], "{\"note\":1}", Err("body-form"));
        check(&[], "{\"note\":\"a\",\"note\":\"b\"}", Err("body-form"));
        check(
            &[],
            "{\"note\":\"a\",\"openings\":{\"/a\":1}}",
            Err("openings-mismatch"),
        );
        check(&["nospace"], "{}", Err("body-form"));
        check(&[" AAAA"], "{}", Err("body-form"));
        check(&["a AAAA b"], "{}", Err("body-form"));
    }

    #[test]
    fn openings_come_with_the_note() {
        let json = format!(
            r#"{{"note":"n","openings":{{"/details/name":{{"salt":"{}","value":"张三"}}}}}}"#,
            "07".repeat(32)
        );
        let form = Form::parse(&HeaderMap::new(), Bytes::from(json)).unwrap();
        assert_eq!(
            form.openings.unwrap().get("/details/name").unwrap().value,
            "张三"
        );
    }
}

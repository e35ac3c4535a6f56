//! Files of notices: one JSON object a line, or a list of them. What kind of notice an object is, its members tell.

use std::ops::Range;

use serde_json::Value;

use super::json::{self, Lines};
use super::source::Source;
use super::{Fault, ITEM_BYTES_MAX, Import, Made, encoding, fault, national, yichang};
use crate::tlog::merkle::Hash;
use crate::trade::persons::{self, Day, What};

/// Reads a file of notices.
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
    if bytes.trim_ascii().is_empty() {
        let why = fault("文件是空的，应有公告", "the file is empty, wanted notices");
        import.refuse(String::new(), 0, why);
        return import;
    }
    let lines = Lines::new(&bytes);
    for (place, range) in items(&bytes) {
        let line = &bytes[range.clone()];
        let facts = json::facts(line);
        import.source += facts;
        match notice(line, range.start, &lines) {
            Ok((made, repeated)) => {
                let before = import.items.len();
                import.take(place, facts, Ok(made));
                if import.items.len() > before {
                    import.repeated += repeated;
                }
            }
            Err(why) => {
                import.note_encoding(&bytes, range);
                import.refuse(place, facts, why);
            }
        }
    }
    import.name_encoding(&bytes);
    import
}

/// The objects of a file: of a list if it is one, its only object, else its lines.
fn items(bytes: &[u8]) -> Vec<(String, Range<usize>)> {
    let end = bytes.trim_ascii_end().len();
    let start = bytes.len() - bytes.trim_ascii_start().len();
    if json::end_of(&bytes[..end], start) == Some(end) {
        if bytes[start] == b'[' {
            let parts = json::items(bytes, start..end).parts.into_iter().enumerate();
            return parts
                .map(|(at, (_, item))| (format!("/{at}"), item))
                .collect();
        }
        if bytes[start..end].contains(&b'\n') {
            return vec![(String::new(), start..end)];
        }
    }
    let (mut found, mut at) = (Vec::new(), 0);
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let trimmed = line.strip_suffix(b"\r").unwrap_or(line);
        if !trimmed.trim_ascii().is_empty() {
            found.push(((number + 1).to_string(), at..at + trimmed.len()));
        }
        at += line.len() + 1;
    }
    found
}

fn notice(line: &[u8], offset: usize, lines: &Lines) -> Result<(Made, usize), Fault> {
    if line.len() > ITEM_BYTES_MAX {
        let have = line.len();
        return Err(fault(
            format!("有 {have} 字节，最多 {ITEM_BYTES_MAX} 字节"),
            format!("{have} bytes, wanted at most {ITEM_BYTES_MAX}"),
        ));
    }
    let value = json::parse(line, offset).map_err(|why| {
        let (zh, en) = why.at(lines);
        fault(format!("不是 JSON：{zh}"), format!("no JSON: {en}"))
    })?;
    // The bytes that the source gave are what makes a second import harmless.
    let reference = Hash::sha256(line).to_string();
    let mut source = Source::new(value);
    let (draft, text) = if source.json.get("raw_data").is_some()
        && source.json.get("parsed_data").is_some()
    {
        yichang::draft(&mut source, &reference)?
    } else if source.json.get("stage_code").is_some() && source.json.get("record_id").is_some() {
        national::draft(&mut source, &reference)?
    } else {
        return Err(fault(
            "不是已知格式的公告：应有 raw_data 与 parsed_data，或 stage_code 与 record_id",
            "no notice of a known form, wanted members raw_data and parsed_data, or stage_code and record_id",
        ));
    };
    let repeated = source.repeated;
    let mut made = source.made(draft);
    let mut text: Vec<String> = text.into_iter().collect();
    made.move_people(&mut text);
    if !text.is_empty() {
        made.attach("text.txt", "text/plain", text.join("\n").into_bytes());
        made.remarks.push(fault(
            "全文存为文件 text.txt，声明中只有其摘要",
            "the full text is document text.txt, of which the statement has the digest",
        ));
    }
    // A price has words too, and a name of a file: what is left would stand in the clear for ever.
    if let Some(pointer) = number(&made.draft["details"], "/details") {
        return Err(fault(
            format!("{pointer} 含有手机号码或公民身份号码，应当隐去"),
            format!("{pointer} holds a mobile number or a citizen's number, wanted it masked"),
        ));
    }
    Ok((made, repeated))
}

impl Made {
    /// Texts that name people go into the document, which can be ordered away: a text of a field, and a fact that has no field.
    fn move_people(&mut self, text: &mut Vec<String>) {
        let issued = Day::of(self.draft["issued"].as_str().unwrap_or_default());
        let names = |value: &Value| {
            value
                .as_str()
                .is_some_and(|text| !persons::scan(text, issued).is_empty())
        };
        let mut moved = Vec::new();
        let Some(details) = self.draft["details"].as_object_mut() else {
            return;
        };
        details.retain(|name, value| {
            let goes = names(value);
            if goes {
                moved.push((name.clone(), value.take()));
                self.facts.fields -= 1;
            }
            !goes
        });
        if let Some(extra) = details.get_mut("extra").and_then(Value::as_object_mut) {
            extra.retain(|name, value| {
                let goes = names(value) && !is_address(name);
                if goes {
                    moved.push((name.clone(), value.take()));
                    self.facts.extra -= 1;
                }
                !goes
            });
            if let Some(Value::Array(fields)) = extra.get_mut("fields") {
                fields.retain_mut(|field| {
                    // The door takes one line of visible text here.
                    let lines = field["value"]
                        .as_str()
                        .is_some_and(|text| text.contains(char::is_control));
                    let goes = lines || names(&field["value"]);
                    if goes {
                        let name = field["name"].as_str().unwrap_or_default().to_owned();
                        moved.push((name, field["value"].take()));
                        self.facts.extra -= 1;
                        for (_, facts) in &mut self.parts {
                            *facts -= 1;
                        }
                    }
                    !goes
                });
            }
        }
        for (name, value) in moved {
            self.facts.documents += 1;
            text.push(format!("{name}：{}", value.as_str().unwrap_or_default()));
            self.remarks.push(fault(
                format!("{name} 涉及自然人或有多行，移入文件 text.txt"),
                format!(
                    "{name} names natural persons or has several lines and is in document text.txt"
                ),
            ));
        }
    }
}

/// The source's own addresses hold digits that are no numbers of people.
fn is_address(name: &str) -> bool {
    matches!(name, "source" | "url" | "original_link" | "full_page")
}

/// Where a mobile number or a citizen's number stands.
fn number(value: &Value, pointer: &str) -> Option<String> {
    match value {
        Value::String(text) => persons::scan(text, None)
            .iter()
            .any(|found| matches!(found.what, What::MobileNumber | What::CitizenNumber))
            .then(|| pointer.to_owned()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(at, item)| number(item, &format!("{pointer}/{at}"))),
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| !is_address(name) && *name != "$commit")
            .find_map(|(name, member)| number(member, &format!("{pointer}/{name}"))),
        _ => None,
    }
}

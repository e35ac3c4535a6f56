//! Titles, names and other texts of one line hold no character that commands: a title with line feeds writes lines that a reader takes for
//! the verdict's own, one with an escape sequence recolours a terminal, one with a bidi control reads otherwise than it is.
//!
//! What is shown is made visible anyhow ([`crate::trade::visible`]); this keeps such texts out of entries that nobody can change. Narrative
//! in `details` may have line feeds and tabs: it is no line.

use super::Problems;
use crate::trade::commitment;
use crate::trade::json::Value;
use crate::trade::visible::commands;

pub(super) fn check(value: &Value<'_>, problems: &mut Problems) {
    commitment::walk(value, &mut String::new(), &mut |pointer, value| {
        let Value::String(text) = value else {
            return;
        };
        let is_line = is_line(pointer);
        let found = text
            .chars()
            .find(|c| commands(*c) && (is_line || !matches!(c, '\n' | '\r' | '\t')));
        let Some(c) = found.map(u32::from) else {
            return;
        };
        let code = "control_character";
        let zh = format!(
            "{pointer} 含有控制字符 U+{c:04X}，它不显示而会改变旁边文字的显示；标题和名称应为一行可见文字，请删去该字符"
        );
        let en = format!(
            "{pointer} holds the control character U+{c:04X}, which is not seen and changes how the text around it is; wanted one line of visible text, take the character out"
        );
        if is_line {
            problems.error(code, pointer, zh, en);
        } else {
            problems.warning(code, pointer, zh, en);
        }
    });
}

/// Whether the text at `pointer` is one line by its nature: everything in the header, and in `details` what is called a name, a title, a
/// number or a code.
fn is_line(pointer: &str) -> bool {
    let Some(inside) = pointer.strip_prefix("/details/") else {
        return pointer != "/text";
    };
    let last = inside
        .rsplit('/')
        .find(|part| !part.bytes().all(|b| b.is_ascii_digit()));
    let last = last.unwrap_or_default();
    ["name", "title", "number", "code", "uscc", "scheme", "value"]
        .iter()
        .any(|word| last.ends_with(word))
}

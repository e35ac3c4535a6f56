//! Text of others, made so that nobody takes it for ours: every character that cannot be seen is shown by its number, `⟦U+202E⟧`.
//!
//! Promises: what comes out moves no cursor, turns no direction of writing and hides nothing; [`one_line`] begins no line either, so that
//! it can stand inside a sentence of ours. The one such function: portal, command line and reports call it. Does not judge what a text
//! says, nor escape for HTML (`server/portal/quoted.rs` does).

use std::borrow::Cow;

/// `text` with what cannot be seen made visible. Line feeds and tabs stay: for what is several lines by its nature.
///
/// ```
/// use mingzhang_core::trade::visible::{one_line, visible};
/// assert_eq!(visible("two\nlines"), "two\nlines");
/// assert_eq!(visible("\u{1b}[2J gpj\u{202e}.exe"), "⟦U+001B⟧[2J gpj⟦U+202E⟧.exe");
/// assert_eq!(one_line("x\n✔ witnessed"), "x⟦U+000A⟧✔ witnessed");
/// ```
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    shown(text, |c| is_unseen(c) && !matches!(c, '\n' | '\t'))
}

/// The same for what is one line by its nature, such as a title, a name or a refusal: its line feeds are shown too.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    shown(text, is_unseen)
}

fn shown(text: &str, is_shown: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is_shown) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_shown(c) {
            shown.push_str(&format!("⟦U+{:04X}⟧", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Controls, bidi controls, what has no width, tags: whatever makes a text look like another.
#[must_use]
pub(crate) fn is_unseen(c: char) -> bool {
    commands(c)
        || matches!(u32::from(c),
            0xAD | 0x34F | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F | 0x200B..=0x200D | 0x2060..=0x2065
            | 0x206A..=0x206F | 0x3164 | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0x1D173..=0x1D17A | 0xE0000..=0xE007F)
}

/// Controls (C0, DEL, C1), line and paragraph separators, and what turns the direction of writing: no title or name needs one.
#[must_use]
pub fn commands(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c), 0x61C | 0x200E | 0x200F | 0x2028..=0x202E | 0x2066..=0x2069)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_shown() {
        #[track_caller]
        fn check(text: &str, wanted: &str) {
            assert_eq!(one_line(text), wanted);
        }
        check("韶山市 A&B 👨 é", "韶山市 A&B 👨 é");
        check("a\u{1b}]0;x\u{7}", "a⟦U+001B⟧]0;x⟦U+0007⟧");
        check("a\r\nb\tc", "a⟦U+000D⟧⟦U+000A⟧b⟦U+0009⟧c");
        check("\u{9b}31m\u{85}\u{7f}", "⟦U+009B⟧31m⟦U+0085⟧⟦U+007F⟧");
        check("\u{202e}x\u{2066}\u{2028}", "⟦U+202E⟧x⟦U+2066⟧⟦U+2028⟧");
        check("\u{200b}\u{feff}\u{e0041}", "⟦U+200B⟧⟦U+FEFF⟧⟦U+E0041⟧");
        assert_eq!(visible("a\n\tb\r"), "a\n\tb⟦U+000D⟧");
    }
}

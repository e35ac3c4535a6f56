//! Text of others, shown so that it can do nothing: escaped, set apart from the text around it, and with every character that
//! cannot be seen made visible.
//!
//! Promises: a [`Quoted`] in a page opens no tag, ends no attribute, and cannot turn the text around it from right to left: it stands in
//! `<bdi>` (Unicode UAX #9, isolates). Does not judge what it says.

use std::fmt;

use askama::filters::HtmlSafe;

use crate::trade::visible::visible;

/// What a publisher, or whoever asked, has written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Quoted(String);

impl Quoted {
    /// `text` with what cannot be seen made visible.
    pub fn new(text: &str) -> Quoted {
        Quoted(visible(text).into_owned())
    }

    /// At most `characters` of it, with a mark where it was cut.
    pub fn short(text: &str, characters: usize) -> Quoted {
        let cut: String = text.chars().take(characters).collect();
        if cut.len() == text.len() {
            Quoted::new(text)
        } else {
            Quoted(visible(&cut).into_owned() + "…")
        }
    }

    /// For an attribute or a title, where no `<bdi>` may stand; the template escapes it.
    pub fn plain(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<bdi>")?;
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        f.write_str("</bdi>")
    }
}

/// Display writes nothing but `<bdi>` unescaped.
impl HtmlSafe for Quoted {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_write_stays_text() {
        #[track_caller]
        fn check(text: &str, shown: &str) {
            assert_eq!(Quoted::new(text).to_string(), format!("<bdi>{shown}</bdi>"));
        }
        check("韶山市 A&B", "韶山市 A&amp;B");
        check(
            "<script>alert(1)</script>",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
        );
        check("\" onclick='x", "&quot; onclick=&#39;x");
        check("a\u{202E}gpj.exe", "a⟦U+202E⟧gpj.exe");
        check("\u{200B}\u{FEFF}", "⟦U+200B⟧⟦U+FEFF⟧");
        check("two\nlines", "two\nlines");
        check("\u{1b}[2J", "⟦U+001B⟧[2J");
        assert_eq!(Quoted::short("韶山市教育局", 2).plain(), "韶山…");
        assert_eq!(Quoted::short("韶山", 2).plain(), "韶山");
    }
}

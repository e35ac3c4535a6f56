//! Text into words: letters and digits by runs, Chinese and kana by overlapping pairs, because they are written without spaces.
//!
//! ```text
//! 韶山市第一小学 2026年 A型   →   韶山 山市 市第 第一 一小 小学 | 2026 | 年 | a | 型
//! ```
//!
//! NFKC first (full-width figures, compatibility forms), then lower case. Places count on from run to run, so that a phrase is found as it
//! is written, and not across unrelated fields: each field begins [`FIELD_GAP`] places on.

use unicode_normalization::UnicodeNormalization;

/// Places between two fields: no phrase is as long.
pub(super) const FIELD_GAP: usize = 1_000;
/// A run of letters is cut here, in the index and in the query: an index of endless words serves nobody.
const WORD_CHARACTERS_MAX: usize = 64;

/// A word and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    pub place: usize,
}

/// One run of a text: characters that are searched for together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// Characters written without spaces.
    Characters(Vec<char>),
    /// Letters and digits.
    Letters(String),
}

/// The form in which words are compared.
pub(super) fn fold(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase()
}

/// The runs of a text, in order.
pub(super) fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut open = false;
    for c in fold(text).chars() {
        let (character, letter) = (is_character(c), c.is_alphanumeric());
        match runs.last_mut() {
            Some(Run::Characters(run)) if open && character => run.push(c),
            Some(Run::Letters(run)) if open && letter && !character => run.push(c),
            _ if character => runs.push(Run::Characters(vec![c])),
            _ if letter => runs.push(Run::Letters(c.to_string())),
            _ => {}
        }
        open = character || letter;
    }
    runs
}

/// The words of a text, from place `from` on; the place after the last.
pub(super) fn words(text: &str, from: usize, into: &mut Vec<Word>) -> usize {
    let mut place = from;
    for run in runs(text) {
        for text in words_of(&run) {
            into.push(Word { text, place });
            place += 1;
        }
    }
    place
}

/// The words of one run: pairs, or the one there is.
pub(super) fn words_of(run: &Run) -> Vec<String> {
    match run {
        Run::Letters(word) => vec![word.chars().take(WORD_CHARACTERS_MAX).collect()],
        Run::Characters(run) if run.len() == 1 => vec![run[0].to_string()],
        Run::Characters(run) => run.windows(2).map(|pair| pair.iter().collect()).collect(),
    }
}

/// The single characters of a text, each once: who looks for one character finds it within pairs too.
pub(super) fn characters(text: &str) -> std::collections::BTreeSet<char> {
    fold(text).chars().filter(|c| is_character(*c)).collect()
}

/// Han, kana, and the signs that repeat them.
fn is_character(c: char) -> bool {
    matches!(u32::from(c),
        0x3005..=0x3007 | 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &[&str]) {
        let mut found = Vec::new();
        let end = words(text, 7, &mut found);
        let texts: Vec<&str> = found.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, wanted, "{text}");
        assert!(found.iter().map(|word| word.place).eq(7..end));
    }

    #[test]
    fn texts_fall_into_words() {
        check(
            "韶山市第一小学",
            &["韶山", "山市", "市第", "第一", "一小", "小学"],
        );
        check("桥", &["桥"]);
        check("2026年 A型ＡＢＣ１２", &["2026", "年", "a", "型", "abc12"]);
        check("Acme, Ltd. (示例)公司", &["acme", "ltd", "示例", "公司"]);
        check("SSJS-2026-0001", &["ssjs", "2026", "0001"]);
        check("　 ,，。", &[]);
        check("", &[]);
        check(&"x".repeat(500), &[&"x".repeat(64)]);
        check("𠮷野家", &["𠮷野", "野家"]);
    }

    #[test]
    fn a_single_character_is_found_within_a_longer_run() {
        assert!(characters("韶山市 Acme").contains(&'山'));
        assert_eq!(characters("Acme 12").len(), 0);
    }
}

//! A text as a reader takes it in, with the way back to its bytes.
//!
//! Names and numbers are written in many forms that look alike: full width, with invisible characters between, spaced, with one of twenty
//! dots. The recogniser looks at one form of them all; what is signed and shown stays the bytes that were written.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// What stood before a character and is no character of the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    None,
    Space,
    Line,
}

/// One visible character.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    /// After NFKC; digits of every script as ASCII ones, dots of every kind as `·` or, where NFKC says so, `.`.
    pub(super) c: char,
    pub(super) gap: Gap,
    from: usize,
    to: usize,
}

/// The visible characters of a text, white space as a mark on the next.
pub(super) struct View(pub(super) Vec<Unit>);

impl View {
    pub(super) fn of(text: &str) -> View {
        let mut units: Vec<Unit> = Vec::with_capacity(text.len() / 2);
        let mut gap = Gap::None;
        let mut characters = text.char_indices().peekable();
        while let Some((from, c)) = characters.next() {
            let mut to = from + c.len_utf8();
            if is_ignorable(c) {
                continue;
            }
            if matches!(
                c,
                '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
            ) {
                gap = Gap::Line;
                continue;
            }
            if c.is_whitespace() {
                gap = gap.max(Gap::Space);
                continue;
            }
            if c.is_control() {
                continue;
            }
            let mut push = |c: char, from: usize, to: usize| {
                units.push(Unit { c, gap, from, to });
                gap = Gap::None;
            };
            if let Some(folded) = fold(c) {
                push(folded, from, to);
                continue;
            }
            // A letter and the marks on it are one; on a Han character or a digit, marks are there to hide it.
            let mut cluster = String::from(c);
            while let Some((at, mark)) = characters.peek().copied() {
                if fold(mark).is_some()
                    || canonical_combining_class(mark) == 0
                        && !matches!(mark, '\u{20dd}'..='\u{20e4}')
                {
                    break;
                }
                to = at + mark.len_utf8();
                if !is_han(c) && !c.is_numeric() {
                    cluster.push(mark);
                }
                characters.next();
            }
            for plain in cluster.nfkc() {
                let plain = fold(plain).unwrap_or(plain);
                if !plain.is_whitespace() && !is_ignorable(plain) {
                    push(plain, from, to);
                }
            }
        }
        View(units)
    }

    /// The bytes of the text that these units were read from.
    pub(super) fn place(&self, units: Range<usize>) -> Range<usize> {
        match (
            self.0.get(units.start),
            units.end.checked_sub(1).and_then(|last| self.0.get(last)),
        ) {
            (Some(first), Some(last)) => first.from..last.to,
            _ => 0..0,
        }
    }

    /// Whether the units from `at` on are `word`, whatever white space stands between them.
    pub(super) fn starts_with(&self, at: usize, word: &str) -> bool {
        let mut units = self.0[at..].iter();
        word.chars()
            .all(|c| units.next().is_some_and(|unit| unit.c == c))
    }
}

/// Han characters; the mark of repetition and the zero stand in names too.
pub(super) fn is_han(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// What stands for characters of a name that are not shown.
pub(super) fn is_mask(c: char) -> bool {
    matches!(
        c,
        '某' | '〇'
            | '*'
            | '×'
            | '╳'
            | '✕'
            | '✖'
            | '○'
            | '●'
            | '◯'
            | '□'
            | '■'
            | '☓'
            | '⚹'
            | '∗'
            | '⁎'
            | '※'
            | '◎'
            | '?'
            | '█'
            | '▇'
            | '▆'
    )
}

/// Dots, and what is written where a dot belongs between the parts of a name.
pub(super) fn is_joint(c: char) -> bool {
    matches!(c, '·' | '.' | '-' | '_' | '=' | '\'')
}

/// Unicode's Default_Ignorable_Code_Point, and the marks of interlinear annotation.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Decimal digits outside of ASCII that NFKC leaves as they are, by their zero.
const ZEROS: [u32; 49] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
    0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0,
    0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0,
    0x11730, 0x118e0, 0x1e950,
];
/// The same of signs that count from one: circled and negative circled ones.
const ONES: [u32; 4] = [0x24f5, 0x2776, 0x2780, 0x278a];

/// What looks like one of few signs, as that sign.
fn fold(c: char) -> Option<char> {
    Some(match c {
        '·' | '•' | '‧' | '∙' | '⋅' | '・' | '･' | '〮' | '〯' | 'ᐧ' | '\u{387}' | '\u{16eb}'
        | '\u{2d9}' | '\u{a78f}' | '\u{2e31}' | '\u{2e33}' | '\u{318d}' | '\u{119e}'
        | '\u{10101}' | '◦' | '⦁' | '⸰' | '⚬' | '▪' | '⸪' => '·',
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '﹘' | '﹣' | '－' | '⁃' | '˗' | '➖' | '─'
        | '━' | '⸺' => '-',
        '’' | '‘' | 'ʼ' | '＇' | '`' | '´' => '\'',
        'Х' | 'х' | 'Χ' | 'χ' => 'X',
        '⓪' | '⓿' | '🄋' | '🄌' => '0',
        _ if u32::from(c) < 0x660 => return None,
        _ => {
            let code = u32::from(c);
            let zero = ZEROS
                .iter()
                .find(|zero| (**zero..**zero + 10).contains(&code));
            let one = ONES.iter().find(|one| (**one..**one + 9).contains(&code));
            let digit = zero
                .map(|zero| code - zero)
                .or_else(|| one.map(|one| code - one + 1))?;
            return char::from_digit(digit, 10);
        }
    })
}

//! Chinese and English: every sentence that a person reads is written in both, side by side in the code, Chinese first.
//!
//! Promises: a [`Said`] has both languages; a cause that others worded begins no line, whatever it holds. Does not translate what it did
//! not write, but for the few reasons of the operating system that people meet ([`in_chinese`]).
//!
//! ```
//! use mingzhang_core::{lang::Lang, said};
//!
//! let path = "receipt";
//! let said = said!("找不到 {path}", "cannot find {path}");
//! assert_eq!(said.in_(Lang::Zh), "找不到 receipt");
//! assert_eq!(said.to_string(), "cannot find receipt");
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::visible::one_line;

/// The language a person is spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    /// Simplified Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The language of a tag (BCP 47) or a locale, by its first part.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Lang> {
        let tag = tag.to_ascii_lowercase();
        match tag.split(['-', '_', '.']).next() {
            Some("zh") => Some(Lang::Zh),
            Some("en") => Some(Lang::En),
            _ => None,
        }
    }

    /// One of two.
    pub fn say<T>(self, zh: T, en: T) -> T {
        match self {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    /// Its tag (BCP 47), for `lang=`, `hreflang=` and `Accept-Language`.
    #[must_use]
    pub fn tag(self) -> &'static str {
        self.say("zh-CN", "en")
    }

    /// The other of the two.
    #[must_use]
    pub fn other(self) -> Lang {
        self.say(Lang::En, Lang::Zh)
    }
}

/// One sentence in both languages; its `Display` is English, which logs and errors speak.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Said {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Said {
    /// Of two sentences that say the same.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Said {
        Said {
            zh: zh.into(),
            en: en.into(),
        }
    }

    /// In one language.
    #[must_use]
    pub fn in_(&self, lang: Lang) -> &str {
        lang.say(&self.zh, &self.en)
    }

    /// The sentence, a colon, and a cause that others worded: it begins no line, whatever it holds.
    #[must_use]
    pub fn because(self, cause: &impl fmt::Display) -> Said {
        let cause = cause.to_string();
        let cause = one_line(&cause);
        Said {
            zh: format!("{}：{}", self.zh, in_chinese(&cause)),
            en: format!("{}: {cause}", self.en),
        }
    }

    /// The sentence, a colon, and a second sentence.
    #[must_use]
    pub fn then(self, next: &Said) -> Said {
        Said {
            zh: format!("{}：{}", self.zh, next.zh),
            en: format!("{}: {}", self.en, next.en),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

/// A sentence may be all that there is to an error, as where clap asks a parser why it takes no value.
impl std::error::Error for Said {}

/// An error, or a word of a closed list, that can be said in both languages: `Display` is its English.
pub trait Bilingual: fmt::Display {
    /// In Chinese.
    fn zh(&self) -> String;

    /// In both.
    fn said(&self) -> Said {
        Said::new(self.zh(), self.to_string())
    }
}

impl Bilingual for Said {
    fn zh(&self) -> String {
        self.zh.clone()
    }
}

/// A sentence in both languages, formatted: `said!("找不到 {path}", "cannot find {path}")`.
#[macro_export]
macro_rules! said {
    ($zh:literal, $en:literal $(,)?) => {
        $crate::lang::Said {
            zh: format!($zh),
            en: format!($en),
        }
    };
}

/// The English noun for `count` things. (Chinese has one form.)
#[must_use]
pub fn plural<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// Several things in one sentence: 甲、乙 and "a, b".
pub fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> Said {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    Said::new(items.join("、"), items.join(", "))
}

/// Reasons that people meet when a file or an address is wrong, as this program and the operating system word them.
const REASONS: [(&str, &str); 22] = [
    (
        "it is a folder; wanted a regular file",
        "它是目录，应为普通文件",
    ),
    (
        "it is a pipe that nobody writes or reads; wanted a regular file",
        "它是管道，另一端没有程序，应为普通文件",
    ),
    (
        "it is a socket; wanted a regular file",
        "它是套接字，应为普通文件",
    ),
    (
        "it is a device; wanted a regular file",
        "它是设备，应为普通文件",
    ),
    ("No such file or directory", "没有此文件或目录"),
    ("Permission denied", "没有权限"),
    ("Operation not permitted", "系统不允许此操作"),
    ("File exists", "文件已存在"),
    ("Not a directory", "不是目录"),
    ("Is a directory", "是目录"),
    ("Directory not empty", "目录非空"),
    ("No space left on device", "磁盘已满"),
    ("Disk quota exceeded", "超出磁盘配额"),
    ("Read-only file system", "文件系统只读"),
    ("Input/output error", "输入输出错误"),
    ("Too many open files", "打开的文件过多"),
    ("File name too long", "文件名过长"),
    ("Connection refused", "连接被拒绝"),
    ("Connection reset by peer", "连接被对方中断"),
    ("Network is unreachable", "网络不可达"),
    ("Address already in use", "地址已被占用"),
    ("Broken pipe", "管道已断开"),
];

/// A cause with its known reasons in Chinese. A cause comes as text, through errors of every room; a reason is known by its words.
#[must_use]
pub fn in_chinese(cause: &str) -> String {
    let one = |cause: String, (en, zh): &(&str, &str)| cause.replace(en, zh);
    REASONS.iter().fold(cause.to_owned(), one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_follows_its_sentence_and_begins_no_line() {
        let path = "x";
        let said = said!("打不开 {path}", "cannot open {path}");
        let because = said
            .clone()
            .because(&"No such file or directory (os error 2)");
        assert_eq!(because.zh, "打不开 x：没有此文件或目录 (os error 2)");
        assert_eq!(
            because.in_(Lang::En),
            "cannot open x: No such file or directory (os error 2)"
        );
        let forged = said.because(&"x\n✔ all holds");
        assert!(!forged.zh.contains('\n') && !forged.en.contains('\n'));
    }

    #[test]
    fn a_tag_is_read_by_its_first_part() {
        assert_eq!(Lang::parse("zh_TW.UTF-8"), Some(Lang::Zh));
        assert_eq!(Lang::parse("EN-gb"), Some(Lang::En));
        assert_eq!(Lang::parse("de"), None);
    }

    #[test]
    fn lists_and_nouns_have_each_language_s_form() {
        assert_eq!(list([1, 2]), Said::new("1、2", "1, 2"));
        assert_eq!(plural(1, "record", "records"), "record");
        assert_eq!(plural(0, "record", "records"), "records");
    }
}

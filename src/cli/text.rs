//! Chinese and English: every sentence that a person reads is written in both, side by side in the code.
//!
//! Does not translate what it did not write: the words of the operating system and of other programs pass through.

use std::ffi::{OsStr, OsString};
use std::fmt;

use crate::store::named::in_chinese;
use crate::trade::visible::one_line;

/// The language a person is spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Simplified Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The language of this run: `--lang` if it is given, else the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that names a
    /// language. (`C`, `POSIX` and `C.UTF-8` name none: containers set them without meaning English.)
    ///
    /// Looks at the arguments before clap does, because clap's own answers (help, usage errors) have a language too.
    pub fn of_run(args: &[OsString], variable: impl Fn(&str) -> Option<String>) -> Lang {
        if let Some(lang) = lang_argument(args) {
            return lang;
        }
        let locales = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(variable);
        let named = |locale: &String| {
            let language = locale.split(['.', '@']).next().unwrap_or_default();
            !matches!(language, "" | "C" | "POSIX")
        };
        match locales.into_iter().find(named) {
            Some(locale) if locale.starts_with("zh") => Lang::Zh,
            _ => Lang::En,
        }
    }

    /// Reads the value of `--lang`.
    pub fn parse(tag: &str) -> Option<Lang> {
        let tag = tag.to_ascii_lowercase();
        match tag.split(['-', '_', '.']).next() {
            Some("zh") => Some(Lang::Zh),
            Some("en") => Some(Lang::En),
            _ => None,
        }
    }

    /// One of two texts.
    pub fn say<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    /// The value of `Accept-Language` that asks a server for this language.
    pub fn tag(self) -> &'static str {
        self.say("zh-CN", "en")
    }
}

fn lang_argument(args: &[OsString]) -> Option<Lang> {
    let mut args = args.iter().take_while(|arg| *arg != "--");
    while let Some(arg) = args.next() {
        let value = if arg == "--lang" {
            args.next().map(OsString::as_os_str)
        } else {
            arg.to_str()
                .and_then(|arg| arg.strip_prefix("--lang="))
                .map(OsStr::new)
        };
        if let Some(value) = value {
            // A value that is no language is for clap to refuse, which speaks English.
            return Some(value.to_str().and_then(Lang::parse).unwrap_or(Lang::En));
        }
    }
    None
}

/// One sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Said {
    /// In one language.
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

/// A sentence in both languages, formatted: `said!("找不到 {path}", "cannot find {path}")`.
macro_rules! said {
    ($zh:literal, $en:literal $(,)?) => {
        $crate::cli::text::Said {
            zh: format!($zh),
            en: format!($en),
        }
    };
}
pub(super) use said;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str], variables: &[(&str, &str)], wanted: Lang) {
        let os: Vec<OsString> = args.iter().map(OsString::from).collect();
        let variable = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(
            Lang::of_run(&os, variable),
            wanted,
            "{args:?} {variables:?}"
        );
    }

    #[test]
    fn the_language_is_as_asked_else_as_the_locale_says() {
        use Lang::{En, Zh};
        check(&[], &[], En);
        check(&["m", "--lang", "zh-CN"], &[("LANG", "en_US.UTF-8")], Zh);
        check(&["m", "--lang=en"], &[("LANG", "zh_CN.UTF-8")], En);
        check(&["m", "get", "--", "--lang=en"], &[("LANG", "zh_CN")], Zh);
        check(&[], &[("LANG", "zh_CN.UTF-8")], Zh);
        check(&[], &[("LC_ALL", "C.UTF-8"), ("LANG", "zh_CN.UTF-8")], Zh);
        check(
            &[],
            &[("LC_ALL", ""), ("LC_MESSAGES", "zh_TW"), ("LANG", "en_GB")],
            Zh,
        );
        check(
            &[],
            &[("LC_ALL", "en_GB.UTF-8"), ("LANG", "zh_CN.UTF-8")],
            En,
        );
        check(&[], &[("LANG", "de_DE.UTF-8")], En);
        // A value that is no language is clap's to refuse, in English.
        check(&["m", "--lang", "fr"], &[("LANG", "zh_CN")], En);
    }

    #[test]
    fn a_cause_follows_its_sentence() {
        let path = "x";
        let said = said!("打不开 {path}", "cannot open {path}").because(&"no such file");
        assert_eq!(said.zh, "打不开 x：no such file");
        assert_eq!(said.in_(Lang::En), "cannot open x: no such file");
    }
}

//! In which language a run speaks.

use std::ffi::{OsStr, OsString};

use crate::lang::Lang;

/// The language of this run: `--lang` if it is given, else the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that names a
/// language. (`C`, `POSIX` and `C.UTF-8` name none: containers set them without meaning English.)
///
/// Looks at the arguments before clap does, because clap's own answers (help, usage errors) have a language too.
pub(super) fn of_run(args: &[OsString], variable: impl Fn(&str) -> Option<String>) -> Lang {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str], variables: &[(&str, &str)], wanted: Lang) {
        let os: Vec<OsString> = args.iter().map(OsString::from).collect();
        let variable = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(of_run(&os, variable), wanted, "{args:?} {variables:?}");
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
}

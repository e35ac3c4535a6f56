//! What clap says of the command line, in the language of the run: help, and what is wrong with a line that cannot be meant so.
//!
//! Promises: each command, argument and value has its help in both languages, written once as `English / 中文` beside it; who is spoken to
//! in Chinese reads Chinese first, and headings and refusals in Chinese; who is spoken to in English gets what clap prints by itself.

use std::error::Error as _;
use std::io::{self, IsTerminal, Write};

use clap::builder::{PossibleValue, StyledStr};
use clap::error::{ContextKind, ErrorKind};
use clap::{Arg, Command};

use crate::lang::{Lang, Said};

/// Clap's own words, which it lets nobody choose.
const WORDS: [(&str, &str); 8] = [
    ("Usage:", "用法："),
    ("Commands:", "命令："),
    ("Arguments:", "参数："),
    ("Options:", "选项："),
    ("[OPTIONS]", "[选项]"),
    ("<COMMAND>", "<命令>"),
    ("[COMMAND]", "[命令]"),
    ("[default:", "[默认值："),
];

/// The command line of the program, with its help for readers of `lang`.
pub(super) fn command(command: Command, lang: Lang) -> Command {
    match lang {
        Lang::En => command,
        Lang::Zh => {
            let mut command = command;
            command.build(); // With what clap adds: `--help`, `--version` and `help`.
            in_chinese(command)
        }
    }
}

fn in_chinese(mut command: Command) -> Command {
    for (text, is_long) in [
        (command.get_about().cloned(), false),
        (command.get_long_about().cloned(), true),
    ] {
        let Some(text) = text.map(|text| chinese_first(&text)) else {
            continue;
        };
        command = if is_long {
            command.long_about(text)
        } else {
            command.about(text)
        };
    }
    if command.get_name() == "help" {
        command = command.about("显示帮助 / Print help");
    }
    command.mut_args(argument).mut_subcommands(in_chinese)
}

fn argument(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "help" => return arg.help("显示帮助 / Print help").long_help(None::<&str>),
        "version" => return arg.help("显示版本 / Print version").long_help(None::<&str>),
        _ => {}
    }
    let help = arg.get_help().map(chinese_first).unwrap_or_default();
    let long = arg.get_long_help().map(chinese_first);
    let values = values_of(&arg);
    if values.is_empty() {
        return match long {
            Some(long) => arg.help(help).long_help(long),
            None => arg.help(help),
        };
    }
    let names: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
    let each: String = values
        .iter()
        .map(|value| match value.get_help().map(chinese_first) {
            Some(help) => format!("\n- {}：{help}", value.get_name()),
            None => format!("\n- {}", value.get_name()),
        })
        .collect();
    let names = names.join("、");
    arg.hide_possible_values(true)
        .long_help(format!(
            "{}\n\n可选值：{each}\n",
            long.as_ref().unwrap_or(&help)
        ))
        .help(format!("{help} [可选值：{names}]"))
}

/// The values that an argument may have, where they are a closed list.
fn values_of(arg: &Arg) -> Vec<PossibleValue> {
    // A flag has two, which nobody writes.
    match arg.get_action().takes_values() {
        true => arg.get_possible_values(),
        false => Vec::new(),
    }
}

/// `English / 中文`, the other way round.
fn chinese_first(text: &StyledStr) -> String {
    let text = text.to_string();
    match both(&text) {
        Some((Said { zh, en }, between)) => format!("{zh}{between}{en}"),
        None => text,
    }
}

/// The halves of a help text in two languages, and what stands between them.
fn both(text: &str) -> Option<(Said, &'static str)> {
    [" / ", "\n"].into_iter().find_map(|between| {
        let (en, zh) = text.rsplit_once(between)?;
        is_chinese(zh).then(|| (Said::new(zh, en), between))
    })
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// Prints what clap answers instead of a command: help and version, or a refusal.
pub(super) fn print(error: &clap::Error, lang: Lang) {
    use ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    // Nobody may be listening, which is no reason to stop.
    let _ = match (lang, error.kind()) {
        (Lang::En, _) | (_, DisplayVersion) => error.print(),
        (Lang::Zh, DisplayHelp) => write(&mut io::stdout().lock(), &error.render()),
        (Lang::Zh, DisplayHelpOnMissingArgumentOrSubcommand) => {
            write(&mut io::stderr().lock(), &error.render())
        }
        (Lang::Zh, _) => {
            let usage = error.get(ContextKind::Usage);
            let usage = usage.map_or(String::new(), |usage| {
                format!("\n\n{}", worded(&usage.to_string()))
            });
            let refusal = refusal(error).zh;
            let told = format!("错误：{refusal}{usage}\n\n更多说明请加 --help。\n");
            let told = crate::trade::visible::visible(&told).into_owned();
            io::stderr().lock().write_all(told.as_bytes())
        }
    };
}

fn write(to: &mut (impl Write + IsTerminal), text: &StyledStr) -> io::Result<()> {
    let is_styled = to.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let text = if is_styled {
        text.ansi().to_string()
    } else {
        text.to_string()
    };
    to.write_all(worded(&text).as_bytes())
}

fn worded(text: &str) -> String {
    let word = |text: String, (en, zh): &(&str, &str)| text.replace(en, zh);
    WORDS.iter().fold(text.to_owned(), word)
}

/// Why the command line cannot be meant so: what was found, and what is wanted.
pub(super) fn refusal(error: &clap::Error) -> Said {
    let told = |kind| error.get(kind).map(ToString::to_string);
    let text = |kind| told(kind).unwrap_or_default();
    let (arg, value) = (
        text(ContextKind::InvalidArg),
        text(ContextKind::InvalidValue),
    );
    let instead = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ];
    let instead = instead.into_iter().find_map(told);
    let instead = instead.map_or(String::new(), |instead| format!("；想写的可能是 {instead}"));
    let among = |kind| told(kind).map_or(String::new(), |known| format!("，应为 {known} 之一"));
    let zh = match error.kind() {
        ErrorKind::UnknownArgument => format!("没有参数 {arg}{instead}"),
        ErrorKind::InvalidSubcommand => {
            format!("没有命令 {}{instead}", text(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingRequiredArgument => format!("缺少参数 {arg}"),
        ErrorKind::MissingSubcommand => format!("缺少命令{}", among(ContextKind::ValidSubcommand)),
        ErrorKind::ArgumentConflict => match text(ContextKind::PriorArg) {
            prior if prior.is_empty() || prior == arg => format!("{arg} 只能给出一次"),
            prior => format!("{arg} 不能与 {prior} 同时使用"),
        },
        ErrorKind::InvalidValue | ErrorKind::NoEquals if value.is_empty() => {
            format!("{arg} 缺少值{}", among(ContextKind::ValidValue))
        }
        ErrorKind::InvalidValue => {
            format!(
                "{arg} 的值 {value} 不可用{}{instead}",
                among(ContextKind::ValidValue)
            )
        }
        ErrorKind::ValueValidation => {
            let why = error
                .source()
                .map_or(String::new(), |why| format!("：{}", why_zh(why)));
            format!("{arg} 的值 {value} 不可用{why}")
        }
        ErrorKind::TooManyValues => format!("{arg} 的值过多，{value} 是多余的"),
        ErrorKind::TooFewValues => format!(
            "{arg} 有 {} 个值，至少应有 {} 个",
            text(ContextKind::ActualNumValues),
            text(ContextKind::MinValues)
        ),
        ErrorKind::WrongNumberOfValues => format!(
            "{arg} 有 {} 个值，应有 {} 个",
            text(ContextKind::ActualNumValues),
            text(ContextKind::ExpectedNumValues)
        ),
        ErrorKind::InvalidUtf8 => "有一个参数不是 UTF-8 文字".to_owned(),
        _ => error.to_string(),
    };
    Said::new(zh, error.to_string())
}

/// Why a value is not taken: by a parser of ours in both languages, by the standard library in English.
fn why_zh(why: &(dyn std::error::Error + 'static)) -> String {
    if let Some(said) = why.downcast_ref::<Said>() {
        return said.zh.clone();
    }
    let why = why.to_string();
    if let Some((_, range)) = why.split_once(" is not in ") {
        return format!("应在 {range} 之内");
    }
    let zh = match &*why {
        "invalid digit found in string" | "cannot parse integer from empty string" => "应为整数",
        "number too large to fit in target type" => "数过大",
        "number too small to fit in target type" => "数过小",
        "invalid socket address syntax" => "应为 IP 地址:端口，如 127.0.0.1:7878",
        "invalid IP address syntax" => "应为 IP 地址",
        _ => return why,
    };
    zh.to_owned()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    /// Danger: a command or an argument is added in one language, and half of its readers have no help.
    #[test]
    fn every_command_argument_and_value_has_its_help_in_both_languages() {
        #[track_caller]
        fn check(at: &str, help: Option<&StyledStr>) {
            let help = help.map(ToString::to_string).unwrap_or_default();
            let Some((Said { zh, en }, _)) = both(&help) else {
                panic!("{at}: {help:?} is not `English / 中文`");
            };
            assert!(!zh.trim().is_empty() && !en.trim().is_empty(), "{at}");
            // An example in it may be Chinese, as a centre's name is.
            let count = |is: fn(char) -> bool| en.chars().filter(|c| is(*c)).count();
            let latin = count(|c| c.is_ascii_alphabetic());
            assert!(
                latin > 2 * (en.chars().count() - count(|c| c.is_ascii())),
                "{at}: {en:?} is not English"
            );
        }
        fn walk(at: &str, command: &Command) {
            check(at, command.get_about());
            for arg in command.get_arguments() {
                let at = format!("{at} {}", arg.get_id());
                check(&at, arg.get_help());
                // A value that says itself has none.
                for value in values_of(arg)
                    .iter()
                    .filter(|value| value.get_help().is_some())
                {
                    check(&format!("{at}={}", value.get_name()), value.get_help());
                }
            }
            for below in command.get_subcommands() {
                walk(&format!("{at} {}", below.get_name()), below);
            }
        }
        walk("mingzhang", &Cli::command());
    }

    /// Danger: what clap words by itself stays English, in the midst of Chinese.
    #[test]
    fn help_in_chinese_has_no_word_of_clap_in_english() {
        fn walk(command: &mut Command) {
            for help in [command.render_help(), command.render_long_help()] {
                let help = worded(&help.to_string());
                for word in [
                    "Usage",
                    "Options:",
                    "Arguments:",
                    "Commands:",
                    "[OPTIONS]",
                    "[default:",
                    "ossible values",
                ] {
                    assert!(!help.contains(word), "{word}: {help}");
                }
                assert!(
                    is_chinese(help.lines().next().unwrap_or_default()),
                    "{help}"
                );
            }
            let below: Vec<String> = command
                .get_subcommands()
                .map(|one| one.get_name().to_owned())
                .collect();
            for name in below.iter().filter(|name| *name != "help") {
                walk(command.find_subcommand_mut(name).expect("it was listed"));
            }
        }
        walk(&mut super::command(Cli::command(), Lang::Zh));
    }

    #[test]
    fn a_wrong_command_line_is_told_in_chinese_with_what_is_wanted() {
        #[track_caller]
        fn check(line: &str, wanted: &[&str]) {
            let line = line.split(' ');
            let error = super::command(Cli::command(), Lang::Zh)
                .try_get_matches_from(line)
                .expect_err("it is wrong");
            let told = refusal(&error).zh;
            for wanted in wanted {
                assert!(told.contains(wanted), "{told}");
            }
            assert!(!told.contains("error"), "{told}");
        }
        check("m nonsense", &["没有命令 nonsense"]);
        check("m pots", &["没有命令 pots", "可能是 post"]);
        check("m post", &["缺少参数", "--ledger <URL>"]);
        check("m keygen --nam x", &["没有参数 --nam", "--name"]);
        check(
            "m --lang fr get --ledger x 1",
            &["--lang <TAG>", "fr", "应为 zh-CN 或 en"],
        );
        check(
            "m serve --data x --listen nowhere",
            &["nowhere", "应为 IP 地址:端口"],
        );
        check(
            "m serve --data x --connections 0",
            &["的值 0 不可用", "应为不小于 1 的整数"],
        );
        check("m serve --data x --fail-open-after 0", &["应在 1.."]);
        check(
            "m serve --data x --operator-word maybe",
            &["maybe", "应为 restored, clock 之一"],
        );
        check("m get --ledger", &["--ledger <URL> 缺少值"]);
        check("m restore a --from-mirror b --data c", &["不能与"]);
        check("m get --ledger a --ledger b 1", &["只能给出一次"]);
    }
}

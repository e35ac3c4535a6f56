//! `vocabulary`: the words of this program, and what each kind of notice needs, for clerks and for `docs/vocabulary.md`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::out::{Answer, Console, Failure};
use super::{plain, read_file};
use crate::lang::{Bilingual, Lang};
use crate::said;
use crate::trade::vocabulary::file::FILE_BYTES_MAX;
use crate::trade::vocabulary::{Field, Kind, Stage, Vocabulary};

/// What `vocabulary` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Show what this kind needs; without it, all stages with their kinds / 公告类型
    kind: Option<String>,
    /// A centre's own file of words, JSON, as `serve --vocabulary` takes it; may be given again / 中心自有词表
    #[arg(long, visible_alias = "vocabulary", value_name = "FILE")]
    extension: Vec<PathBuf>,
    /// Print docs/vocabulary.md / 输出 Markdown
    #[arg(long, conflicts_with = "kind")]
    markdown: bool,
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let words = &read_files(&arguments.extension)?;
    if arguments.markdown {
        let text = markdown(words);
        return Ok(plain("vocabulary", text.clone())
            .exact()
            .with("markdown", text));
    }
    let Some(id) = &arguments.kind else {
        let kinds: Vec<Value> = words.kinds.iter().map(head).collect();
        return Ok(plain("vocabulary", list(words, console.lang)).with("kinds", kinds));
    };
    let kind = words.kind(id).ok_or_else(|| {
        Failure::usage(
            "kind-unknown",
            said!(
                "没有公告类型 {id:?}；不带参数运行可列出全部",
                "no kind is called {id:?}; run this without it to see all"
            ),
        )
    })?;
    let shapes: Vec<Value> = shapes_of(words, kind)
        .into_iter()
        .map(|shape| {
            let fields: Vec<Value> = shape.fields.iter().map(field).collect();
            json!({"id": shape.id, "zh": shape.zh, "en": shape.en, "fields": fields})
        })
        .collect();
    let fields: Vec<Value> = kind.fields.iter().chain(&words.common).map(field).collect();
    Ok(plain("vocabulary", page(words, kind, console.lang))
        .with("kind", head(kind))
        .with("fields", fields)
        .with("shapes", shapes))
}

/// The words of this program with those of a centre's own files on top, in the order given.
pub(super) fn read_files(paths: &[PathBuf]) -> Result<Vocabulary, Failure> {
    let files = paths
        .iter()
        .map(|path| read_file(path, FILE_BYTES_MAX as u64))
        .collect::<Result<Vec<_>, _>>()?;
    let bytes: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    Vocabulary::with_files(&bytes).map_err(|(at, error)| {
        let (zh, shown) = (error.zh(), paths[at].display());
        let said = match error.line(&files[at]) {
            Some(line) => said!(
                "词表 {shown} 第 {line} 行不可用：{zh}",
                "{shown} line {line} is not taken: {error}"
            ),
            None => said!("词表 {shown} 不可用：{zh}", "{shown} is not taken: {error}"),
        };
        Failure::input("vocabulary-file", said)
    })
}

fn head(kind: &Kind) -> Value {
    json!({
        "id": kind.id,
        "stage": kind.stage.map(Stage::as_str),
        "zh": kind.zh,
        "en": kind.en,
        "platform_codes": kind.platform_codes,
        "source": kind.source,
        "ocds_tag": kind.ocds_tag,
        "ocds_section": kind.ocds_section,
    })
}

fn field(field: &Field) -> Value {
    json!({
        "name": field.name,
        "type": field.kind.to_string(),
        "need": field.need.as_str(),
        "class": field.class.as_str(),
        "zh": field.zh,
        "en": field.en,
        "source": field.source,
        "codes": field.codes,
        "or": field.or,
    })
}

/// The shapes that a kind's own fields name, and those that these name, each once.
fn shapes_of<'w>(words: &'w Vocabulary, kind: &Kind) -> Vec<&'w crate::trade::vocabulary::Shape> {
    let mut found: Vec<&crate::trade::vocabulary::Shape> = Vec::new();
    let mut wanted: Vec<&str> = kind.fields.iter().filter_map(|f| f.kind.shape()).collect();
    wanted.reverse();
    while let Some(id) = wanted.pop() {
        if let Some(shape) = words.shape(id).filter(|s| !found.contains(s)) {
            found.push(shape);
            wanted.extend(shape.fields.iter().filter_map(|f| f.kind.shape()));
        }
    }
    found
}

/// The stages, and last the kinds that take the stage of what they amend.
fn stages() -> impl Iterator<Item = Option<Stage>> {
    Stage::ALL.into_iter().map(Some).chain([None])
}

fn list(words: &Vocabulary, lang: Lang) -> String {
    let mut text = String::new();
    for stage in stages() {
        let (zh, en) = stage.map_or(
            ("随所更正的声明", "the stage of what it amends"),
            |stage| (stage.zh(), stage.as_str()),
        );
        text += &format!("{}\n", lang.say(zh, en));
        for kind in words.kinds.iter().filter(|kind| kind.stage == stage) {
            text += &format!("  {:<26}{}\n", kind.id, lang.say(&kind.zh, &kind.en));
        }
    }
    text
}

fn page(words: &Vocabulary, kind: &Kind, lang: Lang) -> String {
    let stage = kind.stage.map_or(
        lang.say("随所更正的声明", "the stage of what it amends"),
        |stage| lang.say(stage.zh(), stage.as_str()),
    );
    let mut text = format!("{}  {}  [{stage}]\n", kind.id, lang.say(&kind.zh, &kind.en));
    if !kind.source.is_empty() {
        text += &format!("{}{}\n", lang.say("依据：", "after: "), kind.source);
    }
    text += &table(&kind.fields, lang);
    for shape in shapes_of(words, kind) {
        text += &format!("\n{}  {}\n", shape.id, lang.say(&shape.zh, &shape.en));
        text += &table(&shape.fields, lang);
    }
    text += lang.say("\n各类型通用\n", "\nfields of every kind\n");
    text + &table(&words.common, lang)
}

/// Columns as wide as their widest cell; a Chinese character is two columns wide.
fn table(fields: &[Field], lang: Lang) -> String {
    let titles = match lang {
        Lang::Zh => ["字段", "类型", "填写", "公开", "名称", "依据"],
        Lang::En => ["field", "type", "need", "class", "label", "source"],
    };
    let mut rows = vec![titles.map(str::to_owned)];
    rows.extend(fields.iter().map(|field| match lang {
        Lang::Zh => [
            field.name.clone(),
            field.kind.zh(),
            field.need.zh().to_owned(),
            field.class.zh().to_owned(),
            label(field, &field.zh),
            field.source.clone(),
        ],
        Lang::En => [
            field.name.clone(),
            field.kind.to_string(),
            field.need.as_str().to_owned(),
            field.class.as_str().to_owned(),
            label(field, &field.en),
            field.source.clone(),
        ],
    }));
    let width =
        |text: &str| -> usize { text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum() };
    let widths: [usize; 6] = std::array::from_fn(|i| {
        rows.iter()
            .map(|row| width(&row[i]))
            .max()
            .unwrap_or_default()
    });
    let mut text = String::new();
    for row in rows {
        let mut line = String::from("  ");
        for (cell, wanted) in row.iter().zip(widths) {
            line += cell;
            line += &" ".repeat(wanted - width(cell) + 2);
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// The label, with the words that a code may be and what may stand instead.
fn label(field: &Field, label: &str) -> String {
    let mut label = label.to_owned();
    if !field.codes.is_empty() {
        label += &format!(" ({})", field.codes.join(" | "));
    }
    if let Some(other) = &field.or {
        label += &format!(" (or: {other})");
    }
    label
}

const MARKDOWN_HEAD: &str = "# Vocabulary 词表

Written by `mingzhang vocabulary --markdown`; a test compares. The words themselves are in `src/core/trade/vocabulary/table.json`.

*Need*: without an `error` field a statement is refused, without a `warn` field it is taken and flagged. Real notices have
gaps, so there are few of the first. *Class*: whatever is not `public` belongs into a commitment, and the door warns where it
stands in the clear. *Types*: `price` is `{form: amount|rate|unit_price|other, amount?, currency?, rate?, text?}` with decimal
strings; `party` is `{name, uscc?, codes?, members?}`; a `person` is a commitment, always; other words are shapes, listed below.
Fields of a centre's own go into `details.extra`, which is never looked into, or into a file of words.

**A centre's own file** (`serve --vocabulary FILE`, `vocabulary --vocabulary FILE`; several stand one on the other) is JSON with any of `common`, `shapes`, `kinds`, `categories` and `methods`, in the form
of `table.json`. It adds and never changes what an id here means: a kind that is here may get further fields (its row has
`id` and `fields` only, none of them `error`), everything else is new. `GET /api/v1/vocabulary` gives the words that a running ledger
checks by, and `post` asks for them before it checks a draft.

";

fn markdown(words: &Vocabulary) -> String {
    let mut text = MARKDOWN_HEAD.to_owned();
    for stage in stages() {
        let (zh, en) = stage.map_or(
            ("随所更正的声明", "stage of what is amended"),
            |stage| (stage.zh(), stage.as_str()),
        );
        text += &format!("## {zh} {en}\n\n");
        for kind in words.kinds.iter().filter(|kind| kind.stage == stage) {
            text += &format!("### `{}` {}\n\n{}.", kind.id, kind.zh, capital(&kind.en));
            let rows = [
                ("After", kind.source.clone()),
                ("National platform", kind.platform_codes.join(", ")),
                ("OCDS", [&*kind.ocds_tag, &*kind.ocds_section].join(": ")),
            ];
            for (what, value) in rows {
                if !value.trim_matches([':', ' ']).is_empty() {
                    let _ = write!(text, " {what}: {}.", value.trim_matches([':', ' ']));
                }
            }
            text += "\n\n";
            text += &markdown_table(&kind.fields);
        }
    }
    text += "## 通用字段 fields of every kind\n\n";
    text += &markdown_table(&words.common);
    text += "## 结构 shapes\n\n";
    for shape in &words.shapes {
        text += &format!(
            "### `{}` {}\n\n{}.\n\n",
            shape.id,
            shape.zh,
            capital(&shape.en)
        );
        text += &markdown_table(&shape.fields);
    }
    text += "## 交易类别 categories\n\n| id | | | side | platform | methods |\n| --- | --- | --- | --- | --- | --- |\n";
    for row in &words.categories {
        let methods = if row.methods.is_empty() {
            "any".to_owned()
        } else {
            row.methods.join(", ")
        };
        let (id, zh, en, side, code) = (
            &row.id,
            &row.zh,
            &row.en,
            row.side.as_str(),
            &row.platform_code,
        );
        let _ = writeln!(
            text,
            "| `{id}` | {zh} | {en} | {side} | {code} | {methods} |"
        );
    }
    text += "\nParties in these categories may be natural persons:";
    let persons = words.categories.iter().filter(|row| row.natural_persons);
    let persons: Vec<String> = persons.map(|row| format!(" `{}`", row.id)).collect();
    text += &format!("{}.\n\n", persons.join(","));
    text += "## 交易方式 methods\n\n| id | | | side | OCDS |\n| --- | --- | --- | --- | --- |\n";
    for row in &words.methods {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            row.id,
            row.zh,
            row.en,
            row.side.as_str(),
            row.ocds
        );
    }
    text += "\n## 时间 events\n\n| id | | |\n| --- | --- | --- |\n";
    for row in &words.events {
        let _ = writeln!(text, "| `{}` | {} | {} |", row.id, row.zh, row.en);
    }
    text
}

fn markdown_table(fields: &[Field]) -> String {
    let mut text = "| field | type | need | class | | | source |\n| --- | --- | --- | --- | --- | --- | --- |\n".to_owned();
    for field in fields {
        let (name, kind, need, class) = (
            &field.name,
            &field.kind,
            field.need.as_str(),
            field.class.as_str(),
        );
        let en = label(field, &field.en).replace('|', "\\|");
        let _ = writeln!(
            text,
            "| `{name}` | {kind} | {need} | {class} | {} | {en} | {} |",
            field.zh, field.source
        );
    }
    text.push('\n');
    text
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + characters.as_str()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_what_the_command_prints() {
        let page = include_str!("../../docs/vocabulary.md");
        assert!(
            page == markdown(Vocabulary::builtin()),
            "docs/vocabulary.md is old: write it with `mingzhang vocabulary --markdown`"
        );
    }

    #[test]
    fn a_kind_is_shown_with_its_shapes_in_both_languages() {
        let words = Vocabulary::builtin();
        let kind = words.kind("award_notice").unwrap();
        let shapes: Vec<&str> = shapes_of(words, kind).iter().map(|s| &*s.id).collect();
        assert_eq!(shapes, ["award", "goods", "parcel", "drug"]);
        let zh = page(words, kind, Lang::Zh);
        assert!(
            zh.contains("中标人") && zh.contains("应填") && zh.contains("政府采购法实施条例 43")
        );
        let en = page(words, kind, Lang::En);
        assert!(en.contains("  winner ") && en.contains("warn") && en.contains("(or: awards)"));
    }

    #[test]
    fn all_kinds_are_listed_under_their_stages() {
        let words = Vocabulary::builtin();
        let list = list(words, Lang::Zh);
        assert!(words.kinds.iter().all(|kind| list.contains(&*kind.id)));
        assert_eq!(
            list.lines().filter(|line| !line.starts_with(' ')).count(),
            6
        );
    }
}

//! The report as one page that an auditor can file and print: no script, nothing loaded from elsewhere, every text escaped.
//!
//! Promises: everything that came from the log stands in it as text, whatever it says; Chinese first, with the English title below it, or the
//! other way round. Does not judge: it shows a [`Report`].

use std::fmt::Write;

use super::report::{Fault, Report, SignatureLine, SignedShown, Step};
use crate::lang::Lang;

const STYLE: &str = "body{font:16px/1.6 'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei',sans-serif;max-width:60em;margin:2em auto;\
padding:0 1em;color:#111;background:#fff}h1{margin-bottom:0}h1+p{margin-top:0;color:#555}table{border-collapse:collapse;width:100%}\
th,td{border:1px solid #999;padding:.3em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}th{background:#eee}\
thead{display:table-header-group}tr{break-inside:avoid}pre{border:1px solid #999;padding:.5em;white-space:pre-wrap;overflow-wrap:anywhere;\
font-size:13px}.verdict{border:3px solid;padding:.5em 1em;font-size:1.2em}.ok{border-color:#176b2c}.bad{border-color:#a40000}\
.open{border-color:#8a5a00}@media print{body{margin:0;max-width:none}}";

impl Report {
    /// The report as a page.
    #[must_use]
    pub fn html(&self, lang: Lang) -> String {
        let mut page = String::new();
        write_page(&mut page, self, lang).expect("writing into a String does not fail");
        page
    }
}

fn write_page(out: &mut String, report: &Report, lang: Lang) -> std::fmt::Result {
    let (title, subtitle) = match lang {
        Lang::Zh => ("账本审计报告", "Audit report of a ledger"),
        Lang::En => ("Audit report of a ledger", "账本审计报告"),
    };
    let tag = lang.say("zh-CN", "en");
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>{title} {}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{subtitle}</p>\n",
        escape(&report.date)
    )?;
    verdict(out, report, lang)?;
    facts(out, report, lang)?;
    contradictions(out, report, lang)?;
    faults(out, report, lang)?;
    checked(out, report, lang)?;
    remarks(out, report, lang)?;
    list(
        out,
        lang.say(
            "未核对、核对不了的",
            "Not checked, or not to be checked here",
        ),
        |out| {
            for sentence in &report.not_checked {
                writeln!(
                    out,
                    "<li>{}</li>",
                    escape(lang.say(&sentence.zh, &sentence.en))
                )?;
            }
            Ok(())
        },
    )?;
    erased(out, report, lang)?;
    signature_lines(out, report, lang)?;
    if !report.strays.is_empty() {
        list(
            out,
            lang.say(
                "操作系统留下的文件（不属于账本）",
                "Files of the operating system, no part of the log",
            ),
            |out| {
                for name in &report.strays {
                    writeln!(out, "<li>{}</li>", escape(name))?;
                }
                Ok(())
            },
        )?;
    }
    for (signed, title) in [
        (&report.checkpoint, lang.say("检查点全文", "The checkpoint")),
        (&report.head, lang.say("head 全文", "head")),
    ] {
        if let Some(signed) = signed {
            writeln!(out, "<h2>{title}</h2>\n<pre>{}</pre>", escape(&signed.note))?;
        }
    }
    if let Some(policy) = &report.policy {
        writeln!(
            out,
            "<h2>{}</h2>\n<pre>{}</pre>",
            lang.say("所用策略", "The policy used"),
            escape(policy)
        )?;
    }
    out.write_str("</body>\n</html>\n")
}

fn verdict(out: &mut String, report: &Report, lang: Lang) -> std::fmt::Result {
    let count = report.faults.len() as u64 + report.faults_more;
    let (class, zh, en) = match report.exit_code {
        0 => (
            "ok",
            "未发现问题。".to_owned(),
            "No fault was found.".to_owned(),
        ),
        5 if report.is_unjudged() => (
            "open",
            "无法判断：所给策略都不适用于这个账本，账本未核。".to_owned(),
            "Cannot be judged: no policy given is for this log, which was not looked at further."
                .to_owned(),
        ),
        5 => (
            "open",
            "未发现问题，但检查点的见证未达到策略要求。".to_owned(),
            "No fault was found, but the checkpoint has fewer witnesses than the policy asks for."
                .to_owned(),
        ),
        6 => (
            "bad",
            format!(
                "发现账本签名的两份检查点互相矛盾；另有问题 {count} 处。请保存两份检查点全文。"
            ),
            format!(
                "The log has signed checkpoints that contradict each other; {count} faults. Keep both notes."
            ),
        ),
        _ => (
            "bad",
            format!("发现问题 {count} 处。"),
            format!("{count} faults were found."),
        ),
    };
    writeln!(
        out,
        "<p class=\"verdict {class}\">{}</p>",
        escape(lang.say(&zh, &en))
    )
}

fn facts(out: &mut String, report: &Report, lang: Lang) -> std::fmt::Result {
    writeln!(out, "<table>")?;
    let mut row = |zh: &str, en: &str, value: &str| {
        writeln!(
            out,
            "<tr><th>{}</th><td>{}</td></tr>",
            lang.say(zh, en),
            escape(value)
        )
    };
    row("审计时间", "Date", &report.date)?;
    row("审计对象", "Audited", &report.source)?;
    row(
        "程序版本",
        "Program",
        &format!("mingzhang {}", report.version),
    )?;
    if let Some(signed) = &report.checkpoint {
        row("账本", "Ledger", &signed.origin)?;
    }
    if let Some(genesis) = &report.genesis {
        row("创世编号", "Genesis", genesis)?;
    }
    for (signed, zh, en) in [
        (&report.checkpoint, "检查点", "Checkpoint"),
        (&report.head, "head", "head"),
    ] {
        if let Some(signed) = signed {
            row(zh, en, &signed_line(signed, lang))?;
        }
    }
    if let Some(state) = &report.state {
        let last = match lang {
            Lang::Zh => format!("{} 条，根摘要 {}", state.size, state.root_hash),
            Lang::En => format!("{} records, root hash {}", state.size, state.root_hash),
        };
        row("上次所见", "Seen the last time", &last)?;
    }
    let audited = &report.audited;
    row(
        "由条目算得",
        "From the entries",
        &match lang {
            Lang::Zh => format!("{} 条，根摘要 {}", audited.size, audited.root_hash),
            Lang::En => format!("{} records, root hash {}", audited.size, audited.root_hash),
        },
    )?;
    writeln!(out, "</table>")
}

fn signed_line(signed: &SignedShown, lang: Lang) -> String {
    let witnesses = match (lang, signed.need) {
        (Lang::Zh, 0) => "策略不要求见证".to_owned(),
        (Lang::En, 0) => "the policy asks for no witness".to_owned(),
        (Lang::Zh, need) => format!(
            "见证 {}，要求 {need}（{}）",
            signed.have,
            if signed.met { "已达到" } else { "未达到" }
        ),
        (Lang::En, need) => format!(
            "{} of {need} witnesses wanted ({})",
            signed.have,
            if signed.met { "met" } else { "not met" }
        ),
    };
    match lang {
        Lang::Zh => format!(
            "{} 条，根摘要 {}，{witnesses}",
            signed.tree.size, signed.tree.root_hash
        ),
        Lang::En => format!(
            "{} records, root hash {}, {witnesses}",
            signed.tree.size, signed.tree.root_hash
        ),
    }
}

fn contradictions(out: &mut String, report: &Report, lang: Lang) -> std::fmt::Result {
    if report.contradictions.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>{}</h2>",
        lang.say("互相矛盾的检查点", "Checkpoints that contradict each other")
    )?;
    for contradiction in &report.contradictions {
        writeln!(
            out,
            "<p>{}</p>",
            escape(lang.say(&contradiction.zh, &contradiction.en))
        )?;
        for evidence in [&contradiction.one, &contradiction.other] {
            writeln!(
                out,
                "<p>{}</p>\n<pre>{}</pre>",
                escape(&evidence.object),
                escape(&evidence.note)
            )?;
        }
    }
    Ok(())
}

fn faults(out: &mut String, report: &Report, lang: Lang) -> std::fmt::Result {
    if report.faults.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>{}</h2>\n<table>\n<thead><tr><th>{}</th><th>{}</th><th>{}</th><th>{}</th></tr></thead>",
        lang.say("问题", "Faults"),
        lang.say("文件", "Object"),
        lang.say("记录", "Record"),
        lang.say("核对项", "Step"),
        lang.say("所见与应有", "Found and wanted"),
    )?;
    for Fault {
        object,
        record,
        step,
        en,
        zh,
        ..
    } in &report.faults
    {
        writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(object),
            record.map(|record| record.to_string()).unwrap_or_default(),
            lang.say(step.zh(), step.en()),
            escape(lang.say(zh, en)),
        )?;
    }
    out.write_str("</table>\n")?;
    if report.faults_more > 0 {
        let more = report.faults_more;
        let text = match lang {
            Lang::Zh => format!("另有 {more} 处未列出。"),
            Lang::En => format!("{more} more are not listed."),
        };
        writeln!(out, "<p>{text}</p>")?;
    }
    Ok(())
}

fn checked(out: &mut String, report: &Report, lang: Lang) -> std::fmt::Result {
    list(out, lang.say("已核对", "What was checked"), |out| {
        for step in Step::ALL {
            let faults = report
                .faults
                .iter()
                .filter(|fault| fault.step == step)
                .count();
            let outcome = match (faults, lang) {
                (0, _) => String::new(),
                (_, Lang::Zh) => format!("：<strong>{faults} 处问题</strong>"),
                (_, Lang::En) => format!(": <strong>{faults} faults</strong>"),
            };
            let skipped = match step {
                Step::State => report.state.is_none(),
                Step::Commit | Step::Opening => report.counts.commits == 0 && faults == 0,
                Step::Head => report.head.is_none() && faults == 0,
                Step::Kept => report.counts.kept == 0 && faults == 0,
                _ => false,
            };
            if !skipped {
                writeln!(out, "<li>{}{outcome}</li>", lang.say(step.zh(), step.en()))?;
            }
        }
        Ok(())
    })?;
    let counts = &report.counts;
    writeln!(out, "<table>")?;
    let mut row = |zh: &str, en: &str, count: u64| {
        writeln!(
            out,
            "<tr><th>{}</th><td>{count}</td></tr>",
            lang.say(zh, en)
        )
    };
    row("记录", "Records", counts.records)?;
    row("项目", "Projects", counts.projects)?;
    row(
        "本次验证的签名",
        "Signatures verified now",
        counts.signatures,
    )?;
    row(
        "此前已验证、字节未变的签名",
        "Signatures verified before, bytes unchanged",
        counts.signatures_before,
    )?;
    row("条目包与摘要块", "Bundles and hash tiles", counts.tiles)?;
    row("留存检查点", "Kept checkpoints", counts.kept)?;
    row("提交文件", "Commit objects", counts.commits)?;
    row(
        "已提交、尚未签名的记录",
        "Records committed, not signed yet",
        counts.unsigned,
    )?;
    row(
        "有公开原值的声明",
        "Statements with openings",
        counts.openings,
    )?;
    row("依令清除的条目", "Entries erased by order", counts.erased)?;
    row(
        "本程序不懂的声明",
        "Statements not understood",
        counts.not_understood,
    )?;
    row("读不到的记录", "Records that cannot be read", counts.unread)?;
    for (name, count) in &counts.types {
        writeln!(
            out,
            "<tr><th>{} <code>{}</code></th><td>{count}</td></tr>",
            lang.say("声明", "Statements"),
            escape(name)
        )?;
    }
    writeln!(out, "</table>")
}

fn erased(out: &mut String, report: &Report, lang: Lang) -> std::fmt::Result {
    if report.erased.is_empty() {
        return Ok(());
    }
    list(
        out,
        lang.say("依令清除的条目", "Entries erased by order"),
        |out| {
            for erased in &report.erased {
                let line = match lang {
                    Lang::Zh => format!(
                        "第 {} 号：依第 {} 号记录的命令清除",
                        erased.record, erased.ordered_by
                    ),
                    Lang::En => format!(
                        "{}: erased by order, record {}",
                        erased.record, erased.ordered_by
                    ),
                };
                writeln!(out, "<li>{line}</li>")?;
            }
            Ok(())
        },
    )
}

fn remarks(out: &mut String, report: &Report, lang: Lang) -> std::fmt::Result {
    if report.remarks.is_empty() {
        return Ok(());
    }
    list(
        out,
        lang.say(
            "应予注意（不违反账本规则）",
            "Remarkable, though no rule of the log is broken",
        ),
        |out| {
            for remark in &report.remarks {
                let said = lang.say(&remark.zh, &remark.en);
                writeln!(out, "<li>{} ({})</li>", escape(said), remark.code)?;
            }
            Ok(())
        },
    )
}

fn signature_lines(out: &mut String, report: &Report, lang: Lang) -> std::fmt::Result {
    let signed = [&report.checkpoint, &report.head];
    let counted: Vec<(&str, &SignatureLine)> = signed
        .into_iter()
        .flatten()
        .flat_map(|signed| signed.lines.iter().map(|line| (&*signed.object, line)))
        .filter(|(_, line)| line.counted)
        .collect();
    let not_counted = report.not_counted.iter();
    let not_counted: Vec<_> = not_counted
        .map(|line| (&*line.object, &line.line))
        .collect();
    for (title, lines) in [
        (
            lang.say("计入的签名行", "Signature lines that are counted"),
            counted,
        ),
        (
            lang.say("不计入的签名行", "Signature lines that are not counted"),
            not_counted,
        ),
    ] {
        if lines.is_empty() {
            continue;
        }
        list(out, title, |out| {
            for (object, line) in lines {
                writeln!(
                    out,
                    "<li>{}: {}: {}</li>",
                    escape(object),
                    escape(&line.key),
                    escape(lang.say(&line.zh, &line.en))
                )?;
            }
            Ok(())
        })?;
    }
    match report.not_counted_more {
        0 => Ok(()),
        more => writeln!(out, "<p>{} {more}</p>", lang.say("另有", "More:")),
    }
}

fn list(
    out: &mut String,
    title: &str,
    items: impl FnOnce(&mut String) -> std::fmt::Result,
) -> std::fmt::Result {
    writeln!(out, "<h2>{title}</h2>\n<ul>")?;
    items(out)?;
    writeln!(out, "</ul>")
}

/// Text as text, in an element or a quoted attribute. Control characters, which some browsers would act on, become visible.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(character),
            // Bidirectional controls could turn a line round on paper.
            '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{61c}' => {
                let _ = write!(escaped, "[U+{:04X}]", u32::from(character));
            }
            control if control.is_control() => {
                let _ = write!(escaped, "[U+{:04X}]", u32::from(control));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        for (text, shown) in [
            (
                "<script>alert(1)</script>",
                "&lt;script&gt;alert(1)&lt;/script&gt;",
            ),
            ("a\" onload='x'", "a&quot; onload=&#39;x&#39;"),
            ("&amp;", "&amp;amp;"),
            ("甲\u{202e}乙\u{0}", "甲[U+202E]乙[U+0000]"),
            ("two\nlines", "two\nlines"),
        ] {
            assert_eq!(escape(text), shown);
        }
    }
}

//! The figures for people, in either language: rates, times, and each ratio beside its limit and its aim.

use super::Results;
use super::generator::Run;
use super::scale;
use super::stages::Posting;
use mingzhang::lang::Lang;

/// The whole table.
pub(crate) fn render(results: &Results, lang: Lang) -> String {
    let mut table = Table {
        lang,
        lines: Vec::new(),
    };
    machine(&mut table, results);
    limits(&mut table, results);
    posts(&mut table, results);
    reads(&mut table, results);
    index(&mut table, results);
    aims(&mut table, results);
    table.lines.join("\n") + "\n"
}

/// The table of `--scale`.
pub(crate) fn render_scale(results: &scale::Results, lang: Lang) -> String {
    let mut table = Table {
        lang,
        lines: Vec::new(),
    };
    let records = rate(results.records as f64);
    let [before, after] = results.verify_per_s;
    table.say(
        &format!("账本有 {records} 条记录，各属一个项目；发生器与服务共用处理器：请看与空路由之比。"),
        &format!("a ledger of {records} records, each of a project of its own; the generator shares the cores: trust the ratios to the empty route."),
    );
    let filled = &results.filled;
    table.row(
        "verify_strict，全部核，前与后（极限）",
        "verify_strict, all cores, before and after (limit)",
        &[rate(before), rate(after)],
    );
    let of_verify = 200.0 * filled.per_s / (before + after);
    table.row(
        "批量发布，每秒，与极限之比",
        "batches, records a second, ratio to the limit",
        &[rate(filled.per_s), format!("{of_verify:.0} %")],
    );
    let imported = &results.imported;
    table.row(
        "import：每秒草稿（一个核），每秒到回执",
        "import: drafts a second (one core), to receipts",
        &[rate(imported.drafts_per_s), rate(imported.per_s)],
    );
    table.row(
        "最后一条后索引追上，秒",
        "both indexes complete after the last, s",
        &[format!("{:.1}", filled.indexed_after_seconds)],
    );
    table.row(
        "查询索引、搜索索引（磁盘）、内存，MiB",
        "query index, search index (disk), RSS, MiB",
        &[
            mib(filled.index_bytes),
            mib(filled.search_bytes),
            optional(filled.resident_bytes, mib),
        ],
    );
    let columns = [
        ("命中", "hits"),
        ("p50 ms", "p50 ms"),
        ("p99 ms", "p99 ms"),
        ("÷空路由", "÷ empty"),
        ("每秒", "a second"),
        ("p50 ms", "p50 ms"),
        ("p99 ms", "p99 ms"),
    ];
    table.lines.push(String::new());
    let many = results
        .reads
        .first()
        .map_or(0, |read| read.many.connections);
    table.row(
        &format!("1 个连接；后三列 {many} 个连接"),
        &format!("1 connection; the last three: {many}"),
        &columns.map(|(zh, en)| lang.say(zh, en).to_owned()),
    );
    let empty = results
        .reads
        .first()
        .map_or(f64::NAN, |read| read.one.p50_ms);
    for read in &results.reads {
        let figures = [
            optional(read.hits, |hits| rate(hits as f64)),
            format!("{:.2}", read.one.p50_ms),
            format!("{:.2}", read.one.p99_ms),
            format!("{:.1}", read.one.p50_ms / empty),
            rate(read.many.per_s),
            format!("{:.2}", read.many.p50_ms),
            format!("{:.2}", read.many.p99_ms),
        ];
        table.row(read.zh, read.en, &figures);
    }
    table.lines.join("\n") + "\n"
}

struct Table {
    lang: Lang,
    lines: Vec<String>,
}

impl Table {
    /// A line of text.
    fn say(&mut self, zh: &str, en: &str) {
        self.lines.push(self.lang.say(zh, en).to_owned());
    }

    fn heading(&mut self, zh: &str, en: &str) {
        self.lines.push(String::new());
        self.say(zh, en);
    }

    /// A name, a figure, and what else there is to say.
    fn row(&mut self, zh: &str, en: &str, figures: &[String]) {
        let mut line = format!("  {}", pad(self.lang.say(zh, en), 46));
        for figure in figures {
            line.push_str(&" ".repeat(11_usize.saturating_sub(width(figure))));
            line.push_str(figure);
        }
        self.lines.push(line.trim_end().to_owned());
    }

    fn row_of_run(&mut self, zh: &str, en: &str, run: &Run) {
        let figures = [
            rate(run.per_s),
            format!("{:.2}", run.p50_ms),
            format!("{:.2}", run.p99_ms),
            optional(run.generator_share, |share| {
                format!("{:.0} %", share * 100.0)
            }),
            optional(run.server_us, |us| format!("{us:.0}")),
            optional(run.cores_busy, |cores| format!("{cores:.2}")),
            optional(run.resident_after, mib),
        ];
        self.row(zh, en, &figures);
    }

    fn columns(&mut self, what: (&str, &str)) {
        let lang = self.lang;
        let columns = [
            ("每秒", "a second"),
            ("p50 ms", "p50 ms"),
            ("p99 ms", "p99 ms"),
            ("发生器占", "generator"),
            ("服务 µs/条", "server µs"),
            ("忙核数", "cores busy"),
            ("内存 MiB", "RSS MiB"),
        ];
        self.lines.push(String::new());
        self.row(
            what.0,
            what.1,
            &columns.map(|(zh, en)| lang.say(zh, en).to_owned()),
        );
    }
}

fn machine(table: &mut Table, results: &Results) {
    let cores = results.machine.cores;
    let model = results.machine.model.as_deref().unwrap_or("?");
    let (ifma_zh, ifma_en) = match results.machine.avx512ifma {
        Some(true) => ("有 avx512ifma", "with avx512ifma"),
        Some(false) => (
            "无 avx512ifma（验签约慢一半）",
            "without avx512ifma (signature checks take about twice as long)",
        ),
        None => ("avx512ifma 未知", "avx512ifma not known"),
    };
    table.say(
        &format!("本机：{cores} 核，{model}，{ifma_zh}。声明约 {} 字节，计时前已签好。", results.note_bytes),
        &format!("this machine: {cores} cores, {model}, {ifma_en}. Statements of {} bytes, signed before the clock starts.", results.note_bytes),
    );
    table.say(
        "这类机器波动很大（相隔数秒可差四分之一以上），发生器与服务共用处理器：请看比值，不要看绝对值。",
        "Such machines are noisy (a quarter and more between runs seconds apart), and the generator shares the cores: trust ratios, not figures.",
    );
}

fn limits(table: &mut Table, results: &Results) {
    let limits = &results.limits;
    table.heading("本次运行的极限", "limits of this run");
    let verify: Vec<String> = limits
        .verify_per_s
        .iter()
        .map(|per_s| rate(*per_s))
        .collect();
    table.row(
        "verify_strict，全部核，测了数次",
        "verify_strict, all cores, measured again and again",
        &verify,
    );
    table.row(
        "SHA-256，1 KB，一个核 / 全部核",
        "SHA-256 of 1 KB, one core / all cores",
        &[
            rate(limits.sha256_one_core_per_s),
            rate(limits.sha256_per_s),
        ],
    );
    table.row(
        "建文件 + fsync + 目录 fsync；p50、p99 ms",
        "create + fsync + folder fsync; p50, p99 ms",
        &[
            rate(limits.fsync_per_s),
            format!("{:.2}", limits.fsync_p50_ms),
            format!("{:.2}", limits.fsync_p99_ms),
        ],
    );
}

fn posts(table: &mut Table, results: &Results) {
    table.columns(("经 HTTP", "over HTTP"));
    table.row_of_run(
        "空路由，64 个连接（极限）",
        "an empty route, 64 connections (limit)",
        &results.limits.empty_route,
    );
    for posting in &results.posts {
        let connections = posting.run.connections;
        let (zh, en) = match (posting.batch, posting.index_follows) {
            (false, true) => (
                format!("发布至回执，{connections} 个连接"),
                format!("post to receipt, {connections} connections"),
            ),
            (false, false) => (
                format!("同上，{connections} 个连接，不带索引"),
                format!("the same, {connections} connections, no index"),
            ),
            (true, true) => (
                format!("批量发布，{connections} 个连接（时间按窗口）"),
                format!("batches, {connections} connections (times of a window)"),
            ),
            (true, false) => (
                "批量发布，不带索引".to_owned(),
                "batches, no index".to_owned(),
            ),
        };
        table.row_of_run(&zh, &en, &posting.run);
    }
}

fn reads(table: &mut Table, results: &Results) {
    table.row_of_run(
        "取回执，64 个连接",
        "GET a receipt, 64 connections",
        &results.receipts,
    );
    table.row_of_run(
        "取散列瓦片（8 KiB），64 个连接",
        "GET a hash tile (8 KiB), 64 connections",
        &results.hash_tiles,
    );
    table.row_of_run(
        "取记录包（256 条），64 个连接",
        "GET a bundle (256 records), 64 connections",
        &results.bundles,
    );
    table.heading("不经 HTTP，全部核", "without HTTP, all cores");
    table.row(
        "回执离线验证（七步）",
        "receipts verified offline (seven steps)",
        &[rate(results.proofs_per_s)],
    );
    table.row("审计记录", "records audited", &[rate(results.audit_per_s)]);
}

fn index(table: &mut Table, results: &Results) {
    let caught = &results.catch_up;
    table.heading("查询索引", "the query index");
    for posting in results
        .posts
        .iter()
        .filter(|posting| posting.index_follows && posting.index_behind > 0)
    {
        let (connections, behind, done) = (
            posting.run.connections,
            posting.index_behind,
            posting.run.done,
        );
        let (zh, en) = if posting.batch {
            ("批量", "batches")
        } else {
            ("发布", "posts")
        };
        table.row(
            &format!("{zh}（{connections} 个连接，{done} 条）末尾落后"),
            &format!("behind after {done} {en}, {connections} connections"),
            &[behind.to_string()],
        );
    }
    table.row(
        &format!("{} 条追赶", caught.records),
        &format!("catching up {} records", caught.records),
        &[rate(caught.per_s)],
    );
    table.row(
        "磁盘 MiB／百万条（外推）",
        "MiB on disk a million records (extrapolated)",
        &[mib_a_million(caught.disk_bytes_a_record)],
    );
    table.row(
        "内存 MiB／百万条（外推）",
        "RSS, MiB a million records (extrapolated)",
        &[optional(caught.resident_bytes_a_record, mib_a_million)],
    );
}

fn aims(table: &mut Table, results: &Results) {
    table.heading(
        "与极限之比，及目标（只列出，不判定）",
        "ratios to the limits, and aims (shown, never judged)",
    );
    let limit = results.limits.verify();
    let of_verify = |per_s: f64| format!("{:.0} %", 100.0 * per_s / limit);
    let posting = |wanted: &dyn Fn(&&Posting) -> bool| {
        results
            .posts
            .iter()
            .filter(|posting| posting.index_follows)
            .find(wanted)
    };
    if let Some(batch) = posting(&|posting| posting.batch) {
        table.row(
            "批量发布 ÷ verify_strict",
            "batches ÷ verify_strict",
            &[of_verify(batch.run.per_s), table.aim("≥ 60 %")],
        );
    }
    table.row(
        "审计 ÷ verify_strict",
        "audit ÷ verify_strict",
        &[of_verify(results.audit_per_s), table.aim("≥ 85 %")],
    );
    let single = |connections: usize| {
        posting(&move |posting| !posting.batch && posting.run.connections == connections)
    };
    if let Some(most) = single(256) {
        table.row(
            "256 个连接发布 ÷ verify_strict",
            "posts at 256 connections ÷ verify_strict",
            &[of_verify(most.run.per_s), table.aim("≥ 50 %")],
        );
        let of_route = 100.0 * most.run.per_s / results.limits.empty_route.per_s;
        table.row(
            "256 个连接发布 ÷ 空路由",
            "posts at 256 connections ÷ empty route",
            &[format!("{of_route:.0} %")],
        );
    }
    for (connections, aim) in [(64, "≤ 20 ms"), (16, "≤ 8 ms")] {
        if let Some(found) = single(connections) {
            table.row(
                &format!("回执 p50，{connections} 个连接"),
                &format!("receipt p50 at {connections} connections"),
                &[format!("{:.2} ms", found.run.p50_ms), table.aim(aim)],
            );
        }
    }
}

impl Table {
    fn aim(&self, aim: &str) -> String {
        format!("{} {aim}", self.lang.say("   目标", "   aim"))
    }
}

/// A rate with its thousands apart.
fn rate(per_s: f64) -> String {
    let digits = format!("{per_s:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0
            && (digits.len() - at).is_multiple_of(3)
            && digits.starts_with(|c: char| c.is_ascii_digit())
            && per_s.is_finite()
        {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn optional<T>(figure: Option<T>, show: impl Fn(T) -> String) -> String {
    figure.map_or_else(|| "–".to_owned(), show)
}

fn mib(bytes: u64) -> String {
    rate((bytes >> 20) as f64)
}

fn mib_a_million(bytes_a_record: f64) -> String {
    rate(bytes_a_record * 1e6 / f64::from(1 << 20))
}

fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Columns of a terminal that a text takes: Chinese characters and their punctuation take two.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| {
            if matches!(c, '\u{2e80}'..='\u{ffef}') {
                2
            } else {
                1
            }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_grouped_and_columns_meet() {
        for (per_s, wanted) in [
            (0.0, "0"),
            (999.4, "999"),
            (999.6, "1,000"),
            (71_234.0, "71,234"),
            (1_234_567.0, "1,234,567"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(rate(per_s), wanted);
        }
        assert_eq!(width("ab 明账，"), 9);
        assert_eq!(width(&pad("明账", 10)), 10);
        assert_eq!(pad("longer", 3), "longer");
        assert_eq!(mib_a_million(1_048.576), "1,000");
    }
}

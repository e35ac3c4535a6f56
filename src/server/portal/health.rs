//! How the ledger is, in words: its last record, its checkpoint, its witnesses, and whether it takes posts.

use super::Page;
use super::names::beijing;
use crate::lang::{Bilingual, Lang};
use crate::server::Api;

/// A cosignature older than this is stale: witnesses cosign the same size again every ten minutes.
const STALE_S: i64 = 30 * 60;

#[derive(Debug)]
pub(super) struct Health {
    pub size: u64,
    pub root: String,
    pub last: Option<(u64, String)>,
    pub writing: bool,
    /// Size of the newest checkpoint that meets the policy.
    pub checkpoint: Option<u64>,
    /// Records of the head that it does not cover yet.
    pub behind: u64,
    pub quorum: Option<Quorum>,
    pub witnesses: Vec<Witness>,
    /// The state in one sentence, and its class in the style sheet.
    pub verdict: String,
    pub state: &'static str,
}

#[derive(Debug)]
pub(super) struct Quorum {
    pub is_met: bool,
    pub have: usize,
    pub need: usize,
}

/// A witness of the policy, and what it last said of the checkpoint shown.
#[derive(Debug)]
pub(super) struct Witness {
    pub name: String,
    pub key: String,
    /// How it stands, in words.
    pub said: String,
    /// The newest tree that it has cosigned.
    pub size: Option<u64>,
    pub at: Option<String>,
    pub age: Option<String>,
    pub is_stale: bool,
}

pub(super) fn health(api: &Api, p: &Page) -> Health {
    let (lang, head) = (p.lang, api.ledger.head());
    let writing = api.ledger.ready().is_ok();
    let covered = api
        .ledger
        .checkpoint()
        .map(|checkpoint| checkpoint.tree.size);
    let now = api.ledger.wall_time();
    let standing = api.ledger.witnesses();
    let witnesses: Vec<Witness> = standing
        .witnesses
        .iter()
        .map(|witness| {
            let age_s = witness
                .time
                .map(|time| (now.as_ms() - time.as_ms()).max(0) / 1_000);
            Witness {
                name: witness.name.clone(),
                key: witness.vkey.clone(),
                said: lang.say(&witness.zh, &witness.en).clone(),
                size: witness.size,
                at: witness.time.map(beijing),
                age: age_s.map(|seconds| age(seconds, lang)),
                is_stale: age_s.is_none_or(|seconds| seconds > STALE_S),
            }
        })
        .collect();
    let quorum = (standing.need > 0).then_some(Quorum {
        is_met: standing.met_size.is_some() && !standing.failing_open,
        have: standing.have,
        need: standing.need,
    });
    let size = head.tree.size;
    let behind = size.saturating_sub(covered.unwrap_or(0));
    let (state, verdict) = match standing.lag_s.filter(|_| standing.overdue && writing) {
        Some(lag_s) => ("warn", overdue(lang, lag_s, standing.witnesses_answer)),
        None => verdict(lang, writing, quorum.as_ref(), standing.met_size, size),
    };
    let warning = api.ledger.clock_warning();
    let (state, verdict) = match &warning {
        Some(warning) => {
            let clock = lang.say(
                format!("{verdict} 时钟告警：{}。", warning.zh()),
                format!("{verdict} Clock: {warning}."),
            );
            ("warn", clock)
        }
        None => (state, verdict),
    };
    Health {
        size,
        root: head.tree.root_hash.to_base64(),
        last: head
            .time
            .map(|time| (size.saturating_sub(1), beijing(time))),
        writing,
        checkpoint: covered,
        behind,
        quorum,
        witnesses,
        verdict,
        state,
    }
}

/// The newest records wait for cosignatures longer than witnesses that answer would take: not all is well, whatever else is.
fn overdue(lang: Lang, lag_s: i64, witnesses_answer: bool) -> String {
    match witnesses_answer {
        true => lang.say(
            format!("最新记录已 {lag_s} 秒没有得到见证联署，尽管见证在答复：请运行者检查账本。"),
            format!("The newest records have waited for cosignatures for {lag_s} s although the witnesses answer: the operator should look at the ledger."),
        ),
        false => lang.say(
            format!("最新记录已 {lag_s} 秒没有得到足够的见证联署：答复的见证不足。"),
            format!("The newest records have lacked cosignatures for {lag_s} s: too few witnesses answer."),
        ),
    }
}

/// The state in one sentence. Never calls witnessed what no quorum has cosigned.
fn verdict(
    lang: Lang,
    writing: bool,
    quorum: Option<&Quorum>,
    met_size: Option<u64>,
    size: u64,
) -> (&'static str, String) {
    if !writing {
        return (
            "warn",
            lang.say(
                "账本暂不接受登记；查询和核对照常。",
                "The ledger takes no posts at present; reading and checking go on.",
            )
            .to_owned(),
        );
    }
    let Some(quorum) = quorum else {
        return (
            "good",
            lang.say(
                "账本运行正常。尚未设置独立见证：检查点只有账本自己的签名。",
                "The ledger runs. No independent witness is configured: checkpoints bear the ledger's signature alone.",
            )
            .to_owned(),
        );
    };
    let need = quorum.need;
    match met_size {
        Some(met) if quorum.is_met => {
            let behind = size.saturating_sub(met);
            (
                "good",
                lang.say(
                    format!("账本运行正常。前 {met} 条已由要求的 {need} 家机构见证；其后 {behind} 条待下一次见证。"),
                    format!("The ledger runs. The first {met} records are witnessed by the {need} bodies required; the {behind} after them await the next cosignatures."),
                ),
            )
        }
        _ => (
            "warn",
            lang.say(
                format!("账本在登记，但检查点没有达到见证要求（已有 {}／要求 {need}）。", quorum.have),
                format!("The ledger takes posts, but no checkpoint meets the quorum of witnesses ({} of {need}).", quorum.have),
            ),
        ),
    }
}

/// How long ago, in round figures.
fn age(seconds: i64, lang: Lang) -> String {
    match seconds {
        0..60 => lang.say(format!("{seconds} 秒前"), format!("{seconds} s ago")),
        60..3_600 => lang.say(
            format!("{} 分钟前", seconds / 60),
            format!("{} min ago", seconds / 60),
        ),
        3_600..172_800 => lang.say(
            format!("{} 小时前", seconds / 3_600),
            format!("{} h ago", seconds / 3_600),
        ),
        _ => lang.say(
            format!("{} 天前", seconds / 86_400),
            format!("{} days ago", seconds / 86_400),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_round_figures() {
        for (seconds, zh, en) in [
            (0, "0 秒前", "0 s ago"),
            (59, "59 秒前", "59 s ago"),
            (60, "1 分钟前", "1 min ago"),
            (7_199, "1 小时前", "1 h ago"),
            (172_800, "2 天前", "2 days ago"),
        ] {
            assert_eq!(
                (
                    age(seconds, Lang::Zh).as_str(),
                    age(seconds, Lang::En).as_str()
                ),
                (zh, en)
            );
        }
    }

    #[test]
    fn the_verdict_never_calls_an_unwitnessed_ledger_witnessed() {
        let unmet = Quorum {
            is_met: false,
            have: 1,
            need: 2,
        };
        let (state, said) = verdict(Lang::En, true, Some(&unmet), Some(3), 3);
        assert!(state == "warn" && said.contains("1 of 2"), "{said}");
        let (_, said) = verdict(Lang::En, true, None, None, 3);
        assert!(said.contains("No independent witness"), "{said}");
        let met = Quorum {
            is_met: true,
            have: 2,
            need: 2,
        };
        let (state, said) = verdict(Lang::En, true, Some(&met), Some(3), 5);
        assert!(state == "good" && said.contains("the 2 after"), "{said}");
        assert_eq!(verdict(Lang::Zh, false, Some(&met), Some(3), 3).0, "warn");
    }
}

//! How the ledger is, in words: its last record, its checkpoint, its witnesses, and whether it takes posts.

use super::Page;
use super::names::beijing;
use super::policy;
use super::words::Lang;
use crate::ledger::Writing;
use crate::server::Api;
use crate::trade::time::Time;

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
    pub at: Option<String>,
    pub age: Option<String>,
    pub is_stale: bool,
}

pub(super) fn health(api: &Api, p: &Page) -> Health {
    let (lang, head) = (p.lang, api.ledger.head());
    let writing = api.ledger.writing() == Writing::Yes;
    let checkpoint = api.ledger.checkpoint();
    let now = api.ledger.wall_time();
    let policy = policy(api);
    let shown = checkpoint
        .as_ref()
        .map_or(&head.note, |checkpoint| &checkpoint.note);
    let opened = policy.open(shown.as_bytes()).ok();
    let witnesses: Vec<Witness> = policy
        .witnesses()
        .iter()
        .map(|witness| {
            let cosigned = opened.iter().flat_map(|opened| opened.cosignatures());
            let newest = cosigned
                .filter(|one| one.name == witness.name)
                .map(|one| one.timestamp)
                .max();
            let time = newest.and_then(|seconds| {
                Time::from_ms(i64::try_from(seconds).ok()?.checked_mul(1_000)?)
            });
            let age_s = time.map(|time| (now.as_ms() - time.as_ms()).max(0) / 1_000);
            Witness {
                name: witness.name.clone(),
                key: witness.vkey.name().to_owned(),
                at: time.map(beijing),
                age: age_s.map(|seconds| age(seconds, lang)),
                is_stale: age_s.is_none_or(|seconds| seconds > STALE_S),
            }
        })
        .collect();
    let quorum = opened
        .as_ref()
        .filter(|_| !witnesses.is_empty())
        .map(|opened| {
            let quorum = opened.quorum();
            Quorum {
                is_met: quorum.met,
                have: quorum.have,
                need: quorum.need,
            }
        });
    let size = head.tree.size;
    let covered = checkpoint.as_ref().map(|checkpoint| checkpoint.tree.size);
    let behind = size.saturating_sub(covered.unwrap_or(0));
    let (state, verdict) = verdict(lang, writing, quorum.as_ref(), covered, behind);
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

fn verdict(
    lang: Lang,
    writing: bool,
    quorum: Option<&Quorum>,
    covered: Option<u64>,
    behind: u64,
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
    match (quorum, covered) {
        (Some(quorum), None) => (
            "warn",
            lang.say(
                format!("账本在登记，但还没有检查点达到见证要求（{}/{}）。", quorum.have, quorum.need),
                format!("The ledger takes posts; no checkpoint has met the witnesses' quorum yet ({}/{}).", quorum.have, quorum.need),
            ),
        ),
        (Some(quorum), Some(_)) => (
            "good",
            lang.say(
                format!("账本运行正常，检查点已由 {} 家见证（要求 {} 家）；最新 {behind} 条待下一次见证。", quorum.have, quorum.need),
                format!("The ledger runs; its checkpoint has {} cosignatures of the {} required; the newest {behind} records await the next.", quorum.have, quorum.need),
            ),
        ),
        (None, _) => (
            "good",
            lang.say(
                "账本运行正常。尚未设置独立见证：检查点只有账本自己的签名。",
                "The ledger runs. No independent witness is configured: checkpoints bear the ledger's signature alone.",
            )
            .to_owned(),
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
        let quorum = Quorum {
            is_met: false,
            have: 1,
            need: 2,
        };
        let (state, said) = verdict(Lang::En, true, Some(&quorum), None, 3);
        assert!(state == "warn" && said.contains("1/2"), "{said}");
        let (_, said) = verdict(Lang::En, true, None, Some(3), 0);
        assert!(said.contains("No independent witness"), "{said}");
        assert_eq!(
            verdict(Lang::Zh, false, Some(&quorum), Some(3), 0).0,
            "warn"
        );
    }
}

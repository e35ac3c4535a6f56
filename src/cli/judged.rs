//! Why a step of `verify` failed, in both languages. The errors of rooms 1 to 3 speak English only; their Chinese is here, or where the same
//! error is told elsewhere.

use crate::audit::{note_zh, open_zh, record_zh};
use crate::lang::{Bilingual, Said};
use crate::receipt::{ITEMS_MAX, RECEIPT_BYTES_MAX, ReceiptError};
use crate::tlog::merkle::ProofError;
use crate::tlog::policy::JudgeError;
use crate::tlog::proof::TlogProofError;
use crate::trade::keys::KeyError;
use crate::trade::record::ENTRY_BYTES_MAX;
use crate::trade::statement::StatementError;
use crate::verify::VerifyError;

/// What failed, and why.
pub(super) fn of(error: &VerifyError) -> Said {
    Said {
        zh: zh(error),
        en: crate::chain_of(error),
    }
}

/// The same of a checkpoint.
pub(super) fn of_checkpoint(error: &JudgeError) -> Said {
    Said {
        zh: judged(error),
        en: crate::chain_of(error),
    }
}

fn zh(error: &VerifyError) -> String {
    match error {
        VerifyError::Form(error) => receipt(error),
        VerifyError::NoPolicy(error) => format!("没有适用于这份回执的策略：{}", judged(error)),
        VerifyError::NoGenesis => {
            "策略没有“# mingzhang genesis <64 位十六进制>”一行：没有它，任何密钥都可以冒充交易中心的".to_owned()
        }
        VerifyError::Checkpoint(error) => format!("策略不认可这个检查点：{}", open_zh(error)),
        VerifyError::Inclusion { index, source } => {
            format!("条目不在检查点的树中第 {index} 位：{}", proof(source))
        }
        VerifyError::OtherEntry { found, wanted } => {
            format!("所给条目的叶散列为 {found}，回执中的为 {wanted}：不是同一条记录")
        }
        VerifyError::Record(error) => format!("条目不是记录：{}", record_zh(error)),
        VerifyError::Index { found, wanted } => {
            format!("条目自称第 {found} 条，回执证明的是第 {wanted} 条")
        }
        VerifyError::Statement(error) => format!("记录中没有合格的声明：{}", statement(error)),
        VerifyError::Keys { genesis_id, source } => {
            let why = match source {
                KeyError::Evidence { item, source } => {
                    format!("证据第 {item} 项不是声明：{}", statement(source))
                }
                other => other.zh(),
            };
            format!("密钥不能由固定的创世编号 {genesis_id} 推出：{why}")
        }
        VerifyError::Ledger { found, wanted } => {
            format!("这属于账本 {found:?}，检查点属于账本 {wanted:?}")
        }
        VerifyError::Signature(error) => {
            format!("声明不是由有权的密钥签名：{}", error.zh())
        }
    }
}

fn statement(error: &StatementError) -> String {
    match error {
        StatementError::Note(error) => format!("不是签名文本：{}", note_zh(error)),
        other => other.zh(),
    }
}

fn judged(error: &JudgeError) -> String {
    match error {
        JudgeError::NoneFits {
            origin,
            size,
            given,
        } => {
            let given = match given.as_str() {
                "none" => "无".to_owned(),
                given => given
                    .replace(" and ", "、")
                    .replace(" until ", "，适用至 ")
                    .replace(" records", " 条"),
            };
            format!(
                "检查点属于账本 {origin:?}，{size} 条；所给策略：{given}。请取该账本当时的策略，或现行的策略"
            )
        }
        JudgeError::Form(error) | JudgeError::Refused { source: error, .. } => open_zh(error),
    }
}

fn receipt(error: &ReceiptError) -> String {
    match error {
        ReceiptError::TooLarge { bytes } => {
            format!("文件有 {bytes} 字节，回执最多 {RECEIPT_BYTES_MAX} 字节")
        }
        ReceiptError::Form(error) => format!("这不是 tlog-proof 文件：{}", tlog_proof(error)),
        ReceiptError::NoExtra => {
            "文件没有 extra 行，其中应有条目和密钥声明；若这是别的工具做的证明，请用 --entry 给出条目".to_owned()
        }
        ReceiptError::Item { item } => {
            format!("extra 的第 {item} 项中断，或超过 {ENTRY_BYTES_MAX} 字节")
        }
        ReceiptError::Items { found } => {
            format!("extra 有 {found} 项，应为 2 至 {ITEMS_MAX} 项：条目、创世声明……")
        }
    }
}

fn tlog_proof(error: &TlogProofError) -> String {
    match error {
        TlogProofError::TooLong { have, max } => format!("有 {have} 字节，最多读 {max} 字节"),
        TlogProofError::Utf8 { at } => format!("自第 {at} 字节起不是 UTF-8"),
        TlogProofError::Header { have } => {
            format!("首行为 {have:?}，应为“c2sp.org/tlog-proof@v1”")
        }
        TlogProofError::Extra => "第 2 行不是“extra”加至少一字节的 base64".to_owned(),
        TlogProofError::Index { line, have } => {
            format!("第 {line} 行为 {have:?}，应为“index”加不带前导零的十进制数")
        }
        TlogProofError::Hash { line, have } => {
            format!("第 {line} 行为 {have:?}，应为 32 字节的 base64 或空行")
        }
        TlogProofError::Hashes { max } => format!("散列多于 {max} 个"),
        TlogProofError::Second => {
            "第一份之后又有一份：一个文件只放一份回执，请分成两个文件".to_owned()
        }
        TlogProofError::Cut => "在检查点之前中断".to_owned(),
        TlogProofError::Note(error) => format!("其中的检查点不是签名文本：{}", note_zh(error)),
    }
}

fn proof(error: &ProofError) -> String {
    match error {
        ProofError::Index { index, size } => format!("{size} 条的树中没有第 {index} 位"),
        ProofError::Size { size } => format!("{size} 条的树大于 2^63"),
        ProofError::Shrinks { old, new } => format!("树由 {old} 条减为 {new} 条"),
        ProofError::Length { have, want } => format!("证明有 {have} 个散列，应有 {want} 个"),
        ProofError::Root { size, have, want } => {
            format!("由证明算得 {size} 条的根为 {have}，应为 {want}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::Receipt;
    use crate::tlog::checkpoint::OpenError;
    use crate::tlog::merkle::Hash;
    use crate::tlog::policy::open_by;
    use crate::tlog::proof::TlogProof;
    use crate::trade::record::parse_entry;
    use crate::trade::statement::Statement;
    use crate::verify::Step;

    /// Danger: somebody who reads Chinese is told in English why a receipt does not hold.
    #[test]
    fn every_step_that_fails_is_told_in_chinese() {
        let form = |bytes: &[u8]| VerifyError::Form(Receipt::parse(bytes).unwrap_err());
        let tlog = |bytes: &[u8]| {
            VerifyError::Form(ReceiptError::Form(TlogProof::parse(bytes).unwrap_err()))
        };
        let (origin, wanted) = ("a.example".to_owned(), "b.example".to_owned());
        let unsigned = || KeyError::Unknown {
            name: "a.example".to_owned(),
            key_id: 7,
        };
        let note =
            "a.example\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— a.example AAAAAQE=\n";
        let proof = |source| VerifyError::Inclusion { index: 3, source };
        let hash = Hash::sha256(b"x");
        let rows = [
            form(b"hello"),
            form(&vec![b' '; RECEIPT_BYTES_MAX + 1]),
            form(format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{note}").as_bytes()),
            form(format!("c2sp.org/tlog-proof@v1\nextra AAA=\nindex 0\n\n{note}").as_bytes()),
            form(format!("c2sp.org/tlog-proof@v1\nextra AAlh\nindex 0\n\n{note}").as_bytes()),
            tlog(
                format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{note}")
                    .repeat(2)
                    .as_bytes(),
            ),
            tlog(b"c2sp.org/tlog-proof@v1\nextra !\n"),
            tlog(b"c2sp.org/tlog-proof@v1\nindex 01\n"),
            tlog(b"c2sp.org/tlog-proof@v1\nindex 1\nAA==\n"),
            tlog(b"c2sp.org/tlog-proof@v1\nindex 1\n\nno note\n"),
            tlog(b"\xff"),
            VerifyError::NoPolicy(open_by(&[], note.as_bytes()).unwrap_err()),
            VerifyError::NoGenesis,
            VerifyError::Checkpoint(OpenError::Unsigned {
                origin: origin.clone(),
            }),
            proof(ProofError::Index { index: 3, size: 2 }),
            proof(ProofError::Length { have: 1, want: 2 }),
            proof(ProofError::Root {
                size: 4,
                have: hash,
                want: hash,
            }),
            VerifyError::OtherEntry {
                found: hash,
                wanted: hash,
            },
            VerifyError::Record(parse_entry(b"hello").unwrap_err()),
            VerifyError::Index {
                found: 1,
                wanted: 2,
            },
            VerifyError::Statement(Statement::parse(b"{}\n").unwrap_err()),
            VerifyError::Keys {
                genesis_id: hash,
                source: unsigned(),
            },
            VerifyError::Ledger {
                found: origin,
                wanted,
            },
            VerifyError::Signature(unsigned()),
        ];
        let mut steps = std::collections::BTreeSet::new();
        for error in &rows {
            let Said { zh, en } = of(error);
            let han = |text: &str| {
                text.chars()
                    .filter(|c| ('\u{4e00}'..='\u{9fff}').contains(c))
                    .count()
            };
            assert!(han(&zh) >= 4 && han(&en) == 0, "{zh} | {en}");
            // No run of English words: names, numbers and quoted bytes are all there is besides.
            let words: Vec<&str> = zh
                .split(|c: char| !c.is_ascii_lowercase() && c != ' ')
                .collect();
            let run = words.iter().find(|run| run.split_whitespace().count() >= 3);
            assert_eq!(run, None, "{zh}");
            steps.insert(error.step());
        }
        assert_eq!(steps.into_iter().collect::<Vec<_>>(), Step::ALL);
    }
}

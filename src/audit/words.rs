//! Faults in words, Chinese and English: found, then wanted. The errors of rooms 1 and 4 speak English only; their Chinese is here.

use crate::lang::Said;
use crate::store::commit::CommitFormError;
use crate::tlog::checkpoint::{CheckpointError, OpenError};
use crate::tlog::note::NoteError;
use crate::tlog::policy::{LineShown, LineWord};
use crate::tlog::tile::BundleError;
use crate::trade::record::RecordError;

pub(super) fn missing() -> Said {
    Said::new(
        "文件缺失；已签名的记录数意味着应有此文件",
        "it is missing, although the signed size implies it",
    )
}

/// What a signature line of a checkpoint counts for, or why for nothing: a stable word, then the sentence.
pub(super) fn of_line(line: &LineShown) -> (&'static str, Said) {
    match &line.word {
        LineWord::Log => ("log", Said::new("账本的签名", "the log's signature")),
        LineWord::Witness { name, .. } => (
            "witness",
            Said::new(
                format!("见证 {name} 的联署"),
                format!("cosignature of the witness {name}"),
            ),
        ),
        LineWord::Twice => (
            "twice",
            Said::new(
                "不计：前面已有同一密钥的签名行",
                "not counted: an earlier line is by the same key",
            ),
        ),
        LineWord::Unsupported { algorithm } => (
            "unsupported",
            Said::new(
                format!("不计：此密钥的签名类型为 0x{algorithm:02x}，本程序不能验证"),
                format!(
                    "not counted: the key's signature type 0x{algorithm:02x} is not one that this program can verify"
                ),
            ),
        ),
        LineWord::Unknown {
            name_is_known: false,
        } => (
            "unknown",
            Said::new(
                "不计：策略不认识此密钥",
                "not counted: the policy does not know this key",
            ),
        ),
        LineWord::Unknown {
            name_is_known: true,
        } => (
            "unknown",
            Said::new(
                "不计：策略中此名称的密钥编号不同，该行可能被改动",
                "not counted: the policy knows this name, but with another key ID; the line may have been changed",
            ),
        ),
    }
}

pub(super) fn of_open(error: &OpenError) -> Said {
    Said::new(open_zh(error), crate::chain_of(error))
}

/// Why a note is not a checkpoint that may be believed, in Chinese.
pub fn open_zh(error: &OpenError) -> String {
    match error {
        OpenError::Note(error) => format!("不是签名文件：{}", note_zh(error)),
        OpenError::Checkpoint(error) => format!("不是检查点：{}", of_checkpoint(error)),
        OpenError::Origin { have, want } => format!("是账本 {have:?} 的检查点，应为 {want}"),
        OpenError::Unsigned { origin } => format!("没有账本 {origin:?} 的已知密钥的签名"),
        OpenError::Signature { name, key_id } => {
            format!("{name}（密钥编号 {key_id:08x}）的签名验证不通过")
        }
        OpenError::Retired { size, until } => {
            format!("策略止于 {until} 条记录，检查点有 {size} 条")
        }
    }
}

/// Why bytes are not a signed note, in Chinese.
pub fn note_zh(error: &NoteError) -> String {
    match error {
        NoteError::TooLong { have, max } => format!("有 {have} 字节，最多读 {max} 字节"),
        NoteError::Utf8 { at } => format!("自第 {at} 字节起不是 UTF-8"),
        NoteError::Control { byte, at } => {
            format!("第 {at} 字节是控制字符 U+{byte:04X}，只允许换行")
        }
        NoteError::Unsigned => "签名之前没有空行".to_owned(),
        NoteError::Unfinished => "末尾不是以换行结束的签名行".to_owned(),
        NoteError::Signatures { max } => format!("签名行多于 {max} 行"),
        NoteError::Line { line } => format!("第 {line} 个签名行不是“— 密钥名 base64”的形式"),
        NoteError::Name { line, name } => {
            format!("第 {line} 个签名行的密钥名 {name:?} 含空格、加号或控制字符")
        }
        NoteError::Base64 { line } => format!("第 {line} 个签名行不是严格的 base64"),
        NoteError::Short { line, have } => {
            format!("第 {line} 个签名行只有 {have} 字节，应为 4 字节密钥编号加签名")
        }
        NoteError::NotCanonical => "写法不是唯一的标准写法".to_owned(),
    }
}

fn of_checkpoint(error: &CheckpointError) -> String {
    match error {
        CheckpointError::Lines => "应有三行以上非空行，各以换行结束".to_owned(),
        CheckpointError::Origin { have, max } => format!("账本名有 {have} 字节，最多 {max} 字节"),
        CheckpointError::Size { size } => format!("记录数 {size:?} 不是 0 至 2^63 的十进制数"),
        CheckpointError::RootHash { root_hash } => {
            format!("根摘要 {root_hash:?} 不是 32 字节的 base64")
        }
        CheckpointError::NotEmpty { root_hash } => format!("记录数为 0 而根摘要为 {root_hash}"),
        CheckpointError::Extensions { max } => format!("扩展行多于 {max} 行"),
    }
}

pub(super) fn of_bundle(error: &BundleError) -> Said {
    let zh = match error {
        BundleError::Cut { entry } => format!("包内第 {entry} 个条目超出文件末尾"),
        BundleError::Width { have, want } => format!("包内有 {have} 个条目，应有 {want} 个"),
    };
    Said::new(zh, error.to_string())
}

pub(super) fn of_record(error: &RecordError) -> Said {
    Said::new(record_zh(error), crate::chain_of(error))
}

/// Why an entry is not a record, in Chinese.
pub fn record_zh(error: &RecordError) -> String {
    match error {
        RecordError::EntryBytes { have, max } => format!("条目有 {have} 字节，最多 {max} 字节"),
        RecordError::NoHeader => "条目没有首行".to_owned(),
        RecordError::Header { found } => {
            format!("首行 {found:?} 不是“序号 64位十六进制摘要 时间”的形式")
        }
        RecordError::Time { index, .. } => format!("第 {index} 号条目的首行没有合格的时间"),
        RecordError::NoStatement { index } => format!("第 {index} 号条目只有首行，没有声明"),
    }
}

pub(super) fn of_commit(error: &CommitFormError) -> Said {
    let zh = match error {
        CommitFormError::Line { line, found, .. } => {
            format!("提交文件第 {line} 行为 {found:?}，不合格式")
        }
        CommitFormError::Sizes { old, new } => {
            format!("提交文件由 {old} 条到 {new} 条，不是一批可有的数目")
        }
        CommitFormError::Entries { found, wanted } => {
            format!("提交文件应有 {wanted} 个条目，在第 {found} 个之后中断或多出内容")
        }
    };
    Said::new(zh, error.to_string())
}

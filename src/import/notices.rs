//! Files of notices: one JSON object a line. What kind of notice a line is, its members tell.

use serde_json::Value;

use super::{Fault, ITEM_BYTES_MAX, Import, Made, fault, national, phone, yichang};
use crate::tlog::merkle::Hash;

/// Reads a file of notices.
#[must_use]
pub fn read(file: &[u8]) -> Import {
    let mut import = Import::default();
    for (at, line) in file.split(|byte| *byte == b'\n').enumerate() {
        if !line.trim_ascii().is_empty() {
            import.take(format!("{}", at + 1), notice(line));
        }
    }
    import
}

fn notice(line: &[u8]) -> Result<Made, Fault> {
    if line.len() > ITEM_BYTES_MAX {
        let have = line.len();
        return Err(fault(
            format!("有 {have} 字节，最多 {ITEM_BYTES_MAX} 字节"),
            format!("{have} bytes, wanted at most {ITEM_BYTES_MAX}"),
        ));
    }
    let value: Value = serde_json::from_slice(line)
        .map_err(|error| fault(format!("不是 JSON：{error}"), format!("no JSON: {error}")))?;
    // The bytes that the source gave are what makes a second import harmless.
    let reference = Hash::sha256(line).to_string();
    let draft = if value.get("raw_data").is_some() && value.get("parsed_data").is_some() {
        yichang::draft(&value, &reference)?
    } else if value.get("stage_code").is_some() && value.get("record_id").is_some() {
        national::draft(&value, &reference)?
    } else {
        return Err(fault(
            "不是已知格式的公告：应有 raw_data 与 parsed_data，或 stage_code 与 record_id",
            "no notice of a known form, wanted members raw_data and parsed_data, or stage_code and record_id",
        ));
    };
    if let Some(pointer) = phone(&draft["details"], "/details") {
        return Err(fault(
            format!("{pointer} 含有手机号码，应当隐去"),
            format!("{pointer} holds a mobile number, wanted it masked"),
        ));
    }
    Ok(draft.into())
}

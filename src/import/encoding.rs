//! Which bytes a file is written in: UTF-8, or UTF-16 and UTF-32 where that is certain. Other encodings are named, not guessed at: the same
//! bytes are good text in several of them, and a wrong guess would be signed.

use std::borrow::Cow;

use super::{Fault, fault};

/// The file in UTF-8 without a byte order mark. What of UTF-16 is no text stays no UTF-8, and is refused where it stands.
pub(super) fn utf8(file: &[u8]) -> Result<Cow<'_, [u8]>, Fault> {
    // No JSON begins with U+0000, so zeros beside its first character tell the width.
    match file {
        [0xef, 0xbb, 0xbf, rest @ ..] => Ok(rest.into()),
        [0xff, 0xfe, 0, 0, rest @ ..] => wide(rest, u32::from_le_bytes, "UTF-32LE"),
        [0, 0, 0xfe, 0xff, rest @ ..] => wide(rest, u32::from_be_bytes, "UTF-32BE"),
        [1..=0x7f, 0, 0, 0, ..] => wide(file, u32::from_le_bytes, "UTF-32LE"),
        [0, 0, 0, 1..=0x7f, ..] => wide(file, u32::from_be_bytes, "UTF-32BE"),
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes, "UTF-16LE"),
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes, "UTF-16BE"),
        [1..=0x7f, 0, ..] => units(file, u16::from_le_bytes, "UTF-16LE"),
        [0, 1..=0x7f, ..] => units(file, u16::from_be_bytes, "UTF-16BE"),
        _ => Ok(file.into()),
    }
}

fn torn(name: &str) -> Fault {
    fault(
        format!("文件编码像是 {name}，但字节数不完整；请重新取得文件或转为 UTF-8"),
        format!(
            "the file looks like {name} but ends within a character: get it again, or convert it to UTF-8"
        ),
    )
}

fn units<'f>(bytes: &[u8], unit: fn([u8; 2]) -> u16, name: &str) -> Result<Cow<'f, [u8]>, Fault> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(torn(name));
    }
    let mut text = Vec::with_capacity(bytes.len());
    let mut room = [0; 4];
    for read in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match read {
            Ok(c) => text.extend_from_slice(c.encode_utf8(&mut room).as_bytes()),
            // The reader refuses this byte, by its place.
            Err(_) => text.push(0xff),
        }
    }
    Ok(text.into())
}

fn wide<'f>(bytes: &[u8], unit: fn([u8; 4]) -> u32, name: &str) -> Result<Cow<'f, [u8]>, Fault> {
    let (fours, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(torn(name));
    }
    let mut text = Vec::with_capacity(bytes.len() / 2);
    let mut room = [0; 4];
    for four in fours {
        match char::from_u32(unit(*four)) {
            Some(c) => text.extend_from_slice(c.encode_utf8(&mut room).as_bytes()),
            None => text.push(0xff),
        }
    }
    Ok(text.into())
}

/// What to call bytes that are no UTF-8, in Chinese and English.
pub(super) fn name_of(bytes: &[u8]) -> (&'static str, &'static str) {
    let (mut pairs, mut common, mut at) = (0_usize, 0_usize, 0);
    let mut fits = true;
    while let Some(&byte) = bytes.get(at) {
        if byte < 0x80 {
            at += 1;
            continue;
        }
        match (byte, bytes.get(at + 1)) {
            (0x81..=0xfe, Some(0x30..=0x39)) => at += 4,
            (0x81..=0xfe, Some(&second @ (0x40..=0x7e | 0x80..=0xfe))) => {
                pairs += 1;
                common += usize::from(byte >= 0xa1 && second >= 0xa1);
                at += 2;
            }
            _ => {
                fits = false;
                at += 1;
            }
        }
    }
    if fits && pairs >= 2 && common * 10 >= pairs * 7 {
        (
            "像是 GB18030（GBK）编码，不是 UTF-8；请用 iconv -f GB18030 -t UTF-8 转换后再导入",
            "looks like GB18030 (GBK), wanted UTF-8: convert it with iconv -f GB18030 -t UTF-8",
        )
    } else {
        (
            "编码不是 UTF-8；请以 UTF-8 另存后再导入",
            "the encoding is not UTF-8: save it as UTF-8 and import it again",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_encodings_are_read_with_and_without_a_mark() {
        let text = "{\"a\":\"桥𠮷\"}";
        let le = |text: &str| {
            text.encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<_>>()
        };
        let be = |text: &str| {
            text.encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect::<Vec<_>>()
        };
        let wide = |text: &str| {
            text.chars()
                .flat_map(|c| u32::from(c).to_le_bytes())
                .collect::<Vec<_>>()
        };
        let marked = format!("\u{feff}{text}");
        for file in [
            text.as_bytes().to_vec(),
            marked.as_bytes().to_vec(),
            le(text),
            le(&marked),
            be(text),
            be(&marked),
            wide(text),
            wide(&marked),
        ] {
            assert_eq!(
                utf8(&file).ok().as_deref(),
                Some(text.as_bytes()),
                "{file:x?}"
            );
        }
        assert!(utf8(&le(text)[..7]).is_err());
        let mut lone = le("{\"a\":\"");
        lone.extend([0x00, 0xd8]);
        lone.extend(le("\"}"));
        assert_eq!(utf8(&lone).ok().as_deref(), Some(&b"{\"a\":\"\xff\"}"[..]));
    }

    #[test]
    fn what_is_no_utf8_is_named() {
        // 道路工程 in GBK; é in Latin-1; half a character.
        assert!(
            name_of(b"\"\xb5\xc0\xc2\xb7\xb9\xa4\xb3\xcc\"")
                .1
                .contains("GB18030")
        );
        for other in [&b"\"licitaci\xf3n\""[..], b"\"\xe2\x80 \"", b"\"\xe9\""] {
            assert!(!name_of(other).1.contains("GB18030"), "{other:x?}");
        }
    }
}

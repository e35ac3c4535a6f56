//! Check characters of the numbers that notices carry: social credit codes, citizens' numbers, trading codes, bank cards.
//!
//! Promises: pure arithmetic on text, each against its standard. Says whether a number is well formed, never whether it
//! was issued, and never whose it is.

/// Whether `code` is a unified social credit code (GB 32100-2015): 18 characters, its own check character right, and
/// that of the organisation code inside (GB 11714) too. All 1,542 codes of real notices that we hold pass both.
///
/// ```
/// use mingzhang_core::trade::identifiers::uscc_is_valid;
/// assert!(uscc_is_valid("12500000745322928L"));
/// assert!(!uscc_is_valid("12500000745322929L"));
/// ```
#[must_use]
pub fn uscc_is_valid(code: &str) -> bool {
    const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY"; // without I O S V Z
    const WEIGHTS: [usize; 17] = [
        1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28,
    ];
    let value = |byte: &u8| ALPHABET.iter().position(|a| a == byte);
    let Some(values) = code
        .as_bytes()
        .iter()
        .map(value)
        .collect::<Option<Vec<_>>>()
    else {
        return false;
    };
    if values.len() != 18 {
        return false;
    }
    let sum: usize = values
        .iter()
        .zip(WEIGHTS)
        .map(|(value, weight)| value * weight)
        .sum();
    (31 - sum % 31) % 31 == values[17] && organisation_code_is_valid(&code.as_bytes()[8..17])
}

/// Whether `code` is an organisation code (GB 11714), written without a hyphen: eight characters and a check character, which is `X` for 10.
#[must_use]
pub fn organisation_code_is_valid(code: &[u8]) -> bool {
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = code
        .iter()
        .zip(WEIGHTS)
        .filter_map(|(b, w)| Some(char::from(*b).to_digit(36)? * w))
        .sum();
    let check = match (11 - sum % 11) % 11 {
        10 => b'X',
        digit => b"0123456789"[usize::try_from(digit).expect("below ten")],
    };
    code.get(8) == Some(&check)
}

/// Whether `number` is a citizen's identity number (GB 11643-1999): 17 digits that begin with a province and hold a day
/// of a calendar of 1850 or later, and the check character of ISO 7064 MOD 11-2.
///
/// A social credit code that is all digits can look like one; ask [`uscc_is_valid`] first.
#[must_use]
pub fn citizen_number_is_valid(number: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let bytes = number.as_bytes();
    if bytes.len() != 18 || !bytes[..17].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let read = |range: std::ops::Range<usize>| {
        bytes[range]
            .iter()
            .fold(0, |n, b| n * 10 + u32::from(b - b'0'))
    };
    let (province, year, month, day) = (read(0..2), read(6..10), read(10..12), read(12..14));
    let plausible = is_province(province)
        && (1850..=2100).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day);
    let sum: u32 = bytes
        .iter()
        .zip(WEIGHTS)
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum();
    let check = b"10X98765432"[usize::try_from(sum % 11).expect("below eleven")];
    plausible && bytes[17].to_ascii_uppercase() == check
}

/// Whether `number` has the form of a citizen's number of before 1999: 15 digits, a province and a day of the 20th century, no check
/// character. One in fifty numbers of 15 digits looks like one.
#[must_use]
pub(crate) fn old_citizen_number_is_valid(number: &str) -> bool {
    let bytes = number.as_bytes();
    if bytes.len() != 15 || !bytes.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let two = |at: usize| u32::from(bytes[at] - b'0') * 10 + u32::from(bytes[at + 1] - b'0');
    // Nobody is registered with a whole province or city; numbers of licences begin so.
    let is_county = two(2) > 0 && two(4) > 0;
    is_province(two(0)) && is_county && (1..=12).contains(&two(8)) && (1..=31).contains(&two(10))
}

/// 11 to 65 with gaps, 71 81 82 for Taiwan, Hong Kong, Macao; 91 for residence cards of foreigners, and 83 likewise.
fn is_province(digits: u32) -> bool {
    matches!(digits, 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83 | 91)
}

/// Whether `code` is a trading code (统一交易标识码): `TTT-UUUUUUUUUUUUUUUUUU-YYYYMMDD-NNNNNN-C`, 40 characters, its
/// last by ISO 7064 MOD 37-2 (GB/T 17710) over the 35 before without hyphens.
///
/// One provincial implementation computes it with an overflow, so a wrong check character is no proof of a false code.
///
/// ```
/// use mingzhang_core::trade::identifiers::trading_code_is_valid;
/// assert!(trading_code_is_valid("A01-11430382006000001K-20260302-000001-P"));
/// assert!(!trading_code_is_valid("A01-11430382006000001K-20260302-000001-Q"));
/// ```
#[must_use]
pub fn trading_code_is_valid(code: &str) -> bool {
    let lengths = code.split('-').map(str::len);
    if !code.is_ascii() || !lengths.eq([3, 18, 8, 6, 1]) {
        return false;
    }
    let characters: Vec<u8> = code.bytes().filter(|byte| *byte != b'-').collect();
    mod_37_2(&characters[..35]) == Some(characters[35])
}

/// The check character of ISO 7064 MOD 37-2; `None` if a character is not `0-9 A-Z`.
fn mod_37_2(characters: &[u8]) -> Option<u8> {
    const ALPHABET: &[u8; 37] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*";
    let value = |byte: u8| ALPHABET[..36].iter().position(|a| *a == byte);
    let sum = characters
        .iter()
        .try_fold(0, |sum, byte| Some((sum + value(*byte)?) * 2 % 37))?;
    Some(ALPHABET[(38 - sum) % 37])
}

/// Whether `number` is 11 digits of a mainland mobile number.
#[must_use]
pub(crate) fn mobile_number_is_valid(number: &str) -> bool {
    matches!(number.as_bytes(), [b'1', b'3'..=b'9', rest @ ..] if rest.len() == 9 && rest.iter().all(u8::is_ascii_digit))
}

/// Whether `number` is 16 to 19 digits with the check digit of ISO/IEC 7812-1 (Luhn), as bank cards have.
#[must_use]
pub(crate) fn card_number_is_valid(number: &str) -> bool {
    let digits = number.as_bytes();
    if !(16..=19).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let doubled = |n: u32| if n > 4 { 2 * n - 9 } else { 2 * n };
    let value = |(i, byte): (usize, &u8)| {
        let n = u32::from(byte - b'0');
        if i % 2 == 1 { doubled(n) } else { n }
    };
    digits.iter().rev().enumerate().map(value).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(is_valid: fn(&str) -> bool, number: &str, expected: bool) {
        assert_eq!(is_valid(number), expected, "{number}");
    }

    /// A citizen's number that nobody has: the year is outside of what was ever issued. The check character is computed
    /// here by the other method of ISO 7064, from left to right.
    fn citizen_number(first_17: &str) -> String {
        let p = first_17
            .bytes()
            .fold(0, |p, byte| (p + u32::from(byte - b'0')) * 2 % 11);
        format!(
            "{first_17}{}",
            ["1", "0", "X", "9", "8", "7", "6", "5", "4", "3", "2"][p as usize]
        )
    }

    #[test]
    fn social_credit_codes_of_real_notices_and_their_neighbours() {
        // Legal persons named in notices of the national platform, March 2026.
        for code in [
            "11410423005487188A",
            "12500000745322928L",
            "911410315710923245",
            "91350111570987820X",
        ] {
            check(uscc_is_valid, code, true);
            for i in 0..18 {
                let mut other = code.to_owned().into_bytes();
                other[i] = if other[i] == b'3' { b'4' } else { b'3' };
                check(uscc_is_valid, &String::from_utf8(other).unwrap(), false);
            }
        }
        for code in [
            "",
            "11410423005487188a",
            "1141042300548718",
            "11410423005487188AA",
            "I1410423005487188A",
            "１１",
        ] {
            check(uscc_is_valid, code, false);
        }
    }

    #[test]
    fn citizens_numbers_by_province_date_and_check() {
        check(
            citizen_number_is_valid,
            &citizen_number("43038218500228001"),
            true,
        );
        check(
            citizen_number_is_valid,
            &citizen_number("11010118991231999"),
            true,
        );
        let with_x = (0..1_000)
            .map(|i| citizen_number(&format!("43038218500101{i:03}")))
            .find(|n| n.ends_with('X'));
        check(citizen_number_is_valid, &with_x.clone().unwrap(), true);
        check(
            citizen_number_is_valid,
            &with_x.unwrap().to_lowercase(),
            true,
        );
        let wrong_check = citizen_number("43038218500228001").replace("8001", "8002");
        check(citizen_number_is_valid, &wrong_check, false);
        check(
            citizen_number_is_valid,
            &citizen_number("99038218500228001"),
            false,
        );
        check(
            citizen_number_is_valid,
            &citizen_number("43038218501328001"),
            false,
        );
        check(
            citizen_number_is_valid,
            &citizen_number("43038218500232001"),
            false,
        );
        check(
            citizen_number_is_valid,
            &citizen_number("43038212340228001"),
            false,
        );
        check(citizen_number_is_valid, "43038218500228001", false);
        check(citizen_number_is_valid, "911410315710923245", false); // a social credit code
    }

    #[test]
    fn trading_codes_by_their_check_character() {
        check(
            trading_code_is_valid,
            "A01-11430382006000001K-20260302-000001-P",
            true,
        );
        check(
            trading_code_is_valid,
            "D02-11430382006000001K-20260302-000001-S",
            true,
        );
        check(
            trading_code_is_valid,
            "D02-11430382006000001K-20260302-000001-3",
            false,
        ); // with the overflow
        check(
            trading_code_is_valid,
            "A01-11430382006000001K-20260302-000001",
            false,
        );
        check(
            trading_code_is_valid,
            "A0111430382006000001K20260302000001P",
            false,
        );
        check(
            trading_code_is_valid,
            "a01-11430382006000001K-20260302-000001-P",
            false,
        );
        assert_eq!(mod_37_2(b"G123498654321"), Some(b'H')); // ISBT 128
    }

    #[test]
    fn telephone_and_card_numbers() {
        check(mobile_number_is_valid, "13800000000", true);
        check(mobile_number_is_valid, "12800000000", false);
        check(mobile_number_is_valid, "1380000000", false);
        check(mobile_number_is_valid, "1380000000a", false);
        check(card_number_is_valid, "4111111111111111", true); // a card number made for tests
        check(card_number_is_valid, "4111111111111112", false);
        check(card_number_is_valid, "411111111111111", false);
    }
}

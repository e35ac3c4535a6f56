//! What stands in a party's place: a body, a natural person, or a narrative that a parser of others put there.

use super::{Fault, amounts, fault};
use crate::trade::persons::{self, Named};

/// The longest name of a body, or of a consortium of several.
const NAME_CHARS_MAX: usize = 200;
/// What a sentence has and a name has not.
const SENTENCES: [&str; 12] = [
    "。",
    "公示期",
    "评标情况",
    "评标委员会",
    "招标人代表",
    "工作人员",
    "开标",
    "如下",
    "第一中标",
    "评审",
    "异议",
    "投诉",
];

/// What a text in a party's place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Body,
    Person,
    Narrative,
}

impl Party {
    /// People first: what may be a natural person's name is not published in the clear.
    pub fn read(name: &str) -> Result<Party, Fault> {
        if amounts::says_nothing(name) {
            return Err(fault("有一方没有名称", "a party has no name, wanted one"));
        }
        if is_narrative(name) {
            return Ok(Party::Narrative);
        }
        Ok(match persons::party(name) {
            Named::Person => Party::Person,
            Named::Text => Party::Narrative,
            Named::Body => Party::Body,
        })
    }
}

fn is_narrative(text: &str) -> bool {
    let count = text.chars().count();
    let sentences = SENTENCES
        .iter()
        .filter(|word| text.contains(**word))
        .count();
    count > NAME_CHARS_MAX || text.contains('。') || sentences >= 2 || count > 40 && sentences >= 1
}

/// 「第2次」, 「第二次招标」, 「二次」 in a title: the same project again, not another one. `2`.
pub(super) fn round(title: &str) -> Option<String> {
    let rest = title
        .rsplit_once('第')
        .and_then(|(_, rest)| rest.split_once('次'));
    let number = rest.map(|(number, _)| number).or_else(|| {
        let (before, _) = title
            .split_once("次)")
            .or_else(|| title.split_once("次）"))?;
        before.rsplit(['(', '（']).next()
    })?;
    number_of(number)
}

fn number_of(text: &str) -> Option<String> {
    number(text).filter(|digits| digits.len() <= 2)
}

/// 「2」, 「二」, 「十二」 in digits.
pub(super) fn number(text: &str) -> Option<String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.to_owned());
    }
    let digit = |c: char| "零一二三四五六七八九".chars().position(|known| known == c);
    let one = |part: &str, none: usize| {
        let mut chars = part.chars();
        match (chars.next(), chars.next()) {
            (None, _) => Some(none),
            (Some(c), None) => digit(c),
            _ => None,
        }
    };
    let read = match text.split_once('十') {
        Some((tens, ones)) => one(tens, 1)? * 10 + one(ones, 0)?,
        None if text.is_empty() => return None,
        None => one(text, 0)?,
    };
    Some(read.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_partys_place() {
        let narrative = "一、评标情况：2025年06月12日在示例市公共资源交易中心开标，共有3家投标人按时递交投标文件";
        for (name, wanted) in [
            ("示例建设有限公司", Party::Body),
            (
                "湖北示例建设集团有限公司、宜昌示例建筑设计有限公司联合体",
                Party::Body,
            ),
            ("示例局", Party::Body),
            ("张示例", Party::Person),
            (narrative, Party::Narrative),
            ("评标结束。招标人代表：龚示例", Party::Narrative),
        ] {
            assert_eq!(Party::read(name).ok(), Some(wanted), "{name}");
        }
        assert!(Party::read(" / ").is_err());
    }

    #[test]
    fn a_round_is_marked() {
        for (title, wanted) in [
            ("示例工程(第2次招标)", Some("2")),
            ("示例工程（第二次）", Some("2")),
            ("示例工程（二次）", Some("2")),
            ("示例工程", None),
            ("第十四届运动会", None),
            ("示例工程第14次会议", Some("14")),
        ] {
            assert_eq!(round(title).as_deref(), wanted, "{title}");
        }
    }
}

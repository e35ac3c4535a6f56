//! Where and why a line is not in the grammar, in words for the person who has to mend it.

use crate::lang::Bilingual;

/// Where and why a line is not in the grammar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} at byte {offset}: found {found}, wanted {}; {}", place(pointer), rule.wanted(), rule.advice())]
pub struct JsonError {
    /// JSON pointer (RFC 6901) of the value that was being read; `""` is the outer object.
    pub pointer: String,
    /// Offset in bytes from the start of the line.
    pub offset: usize,
    /// What stands there, shortened.
    pub found: String,
    /// The rule that it breaks.
    pub rule: Rule,
}

impl Bilingual for JsonError {
    fn zh(&self) -> String {
        let place = if self.pointer.is_empty() {
            "最外层对象"
        } else {
            &self.pointer
        };
        format!(
            "{place}，第 {} 字节：见到 {}，{}",
            self.offset,
            self.found,
            self.rule.zh()
        )
    }
}

fn place(pointer: &str) -> &str {
    if pointer.is_empty() {
        "the outer object"
    } else {
        pointer
    }
}

/// The rules of the grammar, one variant a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The line is UTF-8.
    Utf8,
    /// The first byte is `{`.
    FirstByte,
    /// The last byte is the `}` that closes the outer object.
    LastByte,
    /// Between tokens only U+0020.
    Space,
    /// A value stands here.
    Value,
    /// A comma or the closing bracket of an array stands here.
    ArrayNext,
    /// A comma or the closing brace of an object stands here.
    ObjectNext,
    /// A member name in quotes stands here.
    NameQuote,
    /// A colon stands after a member name.
    Colon,
    /// Member names are `[a-z][a-z0-9_]*`, unescaped.
    Name,
    /// No member name stands twice in one object.
    NameTwice,
    /// Numbers are integers in one spelling.
    Number,
    /// The absolute value of a number is below 2^53.
    NumberRange,
    /// A string ends with a quotation mark on the same line.
    StringEnd,
    /// Control characters in strings are escaped.
    Control,
    /// Escapes are those of RFC 8259 §7.
    Escape,
    /// No U+0000 in a string.
    Nul,
    /// Surrogates come in pairs.
    Surrogate,
    /// No noncharacter in a string (Unicode §23.7).
    Noncharacter,
    /// Nothing is nested deeper than 16 levels.
    Depth,
}

impl Rule {
    /// What was wanted, in English.
    #[must_use]
    pub fn wanted(self) -> &'static str {
        match self {
            Rule::Utf8 => "UTF-8",
            Rule::FirstByte => "`{` as the first byte",
            Rule::LastByte => "nothing after the `}` that closes the outer object",
            Rule::Space => "only spaces (U+0020) between tokens",
            Rule::Value => "a value",
            Rule::ArrayNext => "`,` or `]`",
            Rule::ObjectNext => "`,` or `}`",
            Rule::NameQuote => "a member name in quotation marks",
            Rule::Colon => "`:` after the member name",
            Rule::Name => "a member name of the form [a-z][a-z0-9_]*, without escapes",
            Rule::NameTwice => "each member name once in an object",
            Rule::Number => "an integer of the form -?(0|[1-9][0-9]{0,15}), not -0",
            Rule::NumberRange => "an integer between -9007199254740991 and 9007199254740991",
            Rule::StringEnd => "a quotation mark that ends the string",
            Rule::Control => "control characters written as escapes",
            Rule::Escape => r#"one of \" \\ \/ \b \f \n \r \t or \u and four hexadecimal digits"#,
            Rule::Nul => "a string without U+0000",
            Rule::Surrogate => "a high surrogate followed by a low one, both as \\u escapes",
            Rule::Noncharacter => "a string without Unicode noncharacters",
            Rule::Depth => "at most 16 levels of objects and arrays",
        }
    }

    /// What the author of the statement can do about it, in English.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Rule::Utf8 => "encode the text as UTF-8 before signing",
            Rule::FirstByte => {
                "send one JSON object, without a byte order mark or spaces before it"
            }
            Rule::LastByte => "send one object only, without spaces or text after it",
            Rule::Space => {
                "write the object on one line, without tabs or line breaks between tokens"
            }
            Rule::Value => "write a string, an integer, true, false, null, an array or an object",
            Rule::ArrayNext | Rule::ObjectNext => {
                "look for a missing or superfluous comma just before this place"
            }
            Rule::NameQuote => "look for a superfluous comma or an unquoted name",
            Rule::Colon => "put a colon between name and value",
            Rule::Name => {
                "rename the member in lower case with underscores, or put the name into a string value"
            }
            Rule::NameTwice => "remove one of the two members",
            Rule::Number => "write it as a string, as amounts and identifiers are",
            Rule::NumberRange => "write it as a string",
            Rule::StringEnd => "close the string, and escape quotation marks inside it",
            Rule::Control => "write a line break as \\n and a tab as \\t",
            Rule::Escape => "double the backslash if one is meant",
            Rule::Nul | Rule::Noncharacter => "remove the character",
            Rule::Surrogate => "write the character itself in UTF-8",
            Rule::Depth => "flatten the innermost levels",
        }
    }

    /// What was wanted and what to do, in Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Rule::Utf8 => "要求为 UTF-8；请在签名前将文本编码为 UTF-8",
            Rule::FirstByte => "首字节应为 `{`；请只发送一个 JSON 对象，前面不带 BOM 或空格",
            Rule::LastByte => "最外层 `}` 之后不应再有内容；请只发送一个对象",
            Rule::Space => "记号之间只允许空格（U+0020）；请把对象写在一行内，不含制表符和换行",
            Rule::Value => "此处应为一个值；请写字符串、整数、true、false、null、数组或对象",
            Rule::ArrayNext => "应为 `,` 或 `]`；请检查此前是否缺少或多出逗号",
            Rule::ObjectNext => "应为 `,` 或 `}`；请检查此前是否缺少或多出逗号",
            Rule::NameQuote => "应为带引号的成员名；请检查是否有多余的逗号或未加引号的名称",
            Rule::Colon => "成员名后应为 `:`；请在名称与值之间加冒号",
            Rule::Name => {
                "成员名应为 [a-z][a-z0-9_]* 且不用转义；请改为小写加下划线，或把名称写入字符串值"
            }
            Rule::NameTwice => "同一对象中每个成员名只能出现一次；请删去其中一个",
            Rule::Number => {
                "数字应为整数 -?(0|[1-9][0-9]{0,15})，且不是 -0；请写成字符串，金额与编号均如此"
            }
            Rule::NumberRange => "整数绝对值应小于 2^53；请写成字符串",
            Rule::StringEnd => "字符串应以引号结束；请补上引号，内部的引号须转义",
            Rule::Control => "控制字符须转义；换行写作 \\n，制表符写作 \\t",
            Rule::Escape => {
                "转义应为 \\\" \\\\ \\/ \\b \\f \\n \\r \\t 或 \\u 加四位十六进制；若要写反斜杠请写两个"
            }
            Rule::Nul => "字符串不得含 U+0000；请删去该字符",
            Rule::Surrogate => "代理项须成对并都写成 \\u 转义；请直接用 UTF-8 写该字符",
            Rule::Noncharacter => "字符串不得含 Unicode 非字符；请删去该字符",
            Rule::Depth => "对象与数组最多嵌套 16 层；请减少最内层的嵌套",
        }
    }
}

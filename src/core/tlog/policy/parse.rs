//! Reading and writing a policy file, line by line.

use super::super::checkpoint::parse_decimal;
use super::super::merkle::{Hash, SIZE_MAX};
use super::super::note::{Algorithm, UnsupportedVkey, Vkey, VkeyError, shorten};
use super::{
    GROUPS_MAX, Group, LOGS_MAX, Log, Member, POLICY_BYTES_MAX, Policy, Threshold, Unsupported,
    WITNESSES_MAX, Witness,
};

/// The predefined name of the quorum that wants nobody.
pub(super) const NOBODY: &str = "none";

/// Why bytes are not a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Larger than we read.
    #[error("policy has {have} bytes, at most {max} are read")]
    TooLong {
        /// Bytes found.
        have: usize,
        /// The limit.
        max: usize,
    },
    /// A line is wrong.
    #[error("line {line} of the policy is wrong")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        #[source]
        error: LineError,
    },
    /// No `quorum` line, of which there must be exactly one.
    #[error("policy has no quorum line (\"quorum none\" if no witness is wanted)")]
    NoQuorum,
    /// Log lines, but none by whose key a checkpoint could be verified.
    #[error(
        "every log line of the policy has a key of a signature type that this program cannot verify, the first ({name}) 0x{algorithm:02x}: wanted one of type 0x01 (Ed25519) too"
    )]
    NoUsableLog {
        /// The name of the first key.
        name: String,
        /// Its signature type.
        algorithm: u8,
    },
}

/// What is wrong with a line of a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A control character other than tab.
    #[error("has control character 0x{byte:02x}, only tab and LF are allowed")]
    Control {
        /// The character; 0x0d is the end of a line as Windows writes it.
        byte: u8,
    },
    /// The last line has no LF, so that it may have been cut.
    #[error("is not ended by LF")]
    Unfinished,
    /// Not UTF-8, outside a comment.
    #[error("is not UTF-8")]
    Utf8,
    /// Another first word.
    #[error("begins with {keyword:?}, wanted \"log\", \"witness\", \"group\" or \"quorum\"")]
    Keyword {
        /// The word found, shortened.
        keyword: String,
    },
    /// Too few or too many words.
    #[error("has {have} words, wanted \"{want}\"")]
    Words {
        /// Words found.
        have: usize,
        /// The form of the line.
        want: &'static str,
    },
    /// Not a vkey that we can use.
    #[error("has a vkey that cannot be used")]
    Vkey(#[from] VkeyError),
    /// A key for another purpose.
    #[error("has a key of signature type 0x{have:02x}, wanted 0x{want:02x}")]
    Algorithm {
        /// The type found.
        have: u8,
        /// The type that such a line has.
        want: u8,
    },
    /// The public key of an earlier line of the same kind, under whatever name.
    #[error("has the same public key as {first}")]
    DuplicateKey {
        /// The name on the earlier line.
        first: String,
    },
    /// A name that is taken, or predefined.
    #[error("defines {name:?}, which is defined already")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A name that no earlier line defines.
    #[error("refers to {name:?}, which no earlier line defines")]
    UnknownName {
        /// The name.
        name: String,
    },
    /// A member that an earlier member list (or this one) has already.
    #[error("lists {name:?}, which is a member already and may be one only once")]
    MemberTwice {
        /// The name.
        name: String,
    },
    /// A threshold that is no number from 1 to the number of members.
    #[error("has threshold {have:?}, wanted \"all\", \"any\" or a number from 1 to {members}")]
    Threshold {
        /// The text found, shortened.
        have: String,
        /// How many members the group has.
        members: usize,
    },
    /// A second `quorum` line.
    #[error("is a second quorum line")]
    SecondQuorum,
    /// More of a kind than we read.
    #[error("is more than the {max} of its kind that are read")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// A comment that begins with our name and says nothing that we know.
    #[error(
        "is a \"# mingzhang\" comment, wanted \"# mingzhang genesis <64 lower-case hex digits>\" \
         or \"# mingzhang until <tree size>\", each at most once"
    )]
    Mingzhang,
}

impl Policy {
    /// Reads a policy file.
    pub fn parse(bytes: &[u8]) -> Result<Policy, PolicyError> {
        if bytes.len() > POLICY_BYTES_MAX {
            return Err(PolicyError::TooLong {
                have: bytes.len(),
                max: POLICY_BYTES_MAX,
            });
        }
        let mut reader = Reader::default();
        for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
            reader.line(line).map_err(|error| PolicyError::Line {
                line: number,
                error,
            })?;
        }
        let quorum = reader.quorum.ok_or(PolicyError::NoQuorum)?;
        if let Some(first) = reader.unsupported_logs.first()
            && reader.logs.is_empty()
        {
            return Err(PolicyError::NoUsableLog {
                name: first.name.clone(),
                algorithm: first.vkey.algorithm(),
            });
        }
        Ok(Policy {
            genesis: reader.genesis,
            until: reader.until,
            logs: reader.logs,
            witnesses: reader.witnesses,
            unsupported_logs: reader.unsupported_logs,
            unsupported_witnesses: reader.unsupported_witnesses,
            groups: reader.groups,
            quorum,
        })
    }

    /// The policy as a file: our comments, logs, witnesses, groups, quorum. Other comments of a
    /// file that was read are gone.
    pub fn encode(&self) -> String {
        let mut lines = Vec::new();
        lines.extend(
            self.genesis
                .map(|genesis| format!("# mingzhang genesis {genesis}")),
        );
        lines.extend(self.until.map(|until| format!("# mingzhang until {until}")));
        let url = |url: &Option<String>| {
            url.as_ref()
                .map(|url| format!(" {url}"))
                .unwrap_or_default()
        };
        for log in &self.logs {
            lines.push(format!("log {}{}", log.vkey, url(&log.url)));
        }
        for log in &self.unsupported_logs {
            lines.push(format!("log {}{}", log.vkey, url(&log.url)));
        }
        for witness in &self.witnesses {
            let Witness { name, vkey, .. } = witness;
            lines.push(format!("witness {name} {vkey}{}", url(&witness.url)));
        }
        for witness in &self.unsupported_witnesses {
            let Unsupported { name, vkey, .. } = witness;
            lines.push(format!("witness {name} {vkey}{}", url(&witness.url)));
        }
        for Group {
            name,
            threshold,
            members,
        } in &self.groups
        {
            let threshold = match threshold {
                Threshold::All => "all".to_owned(),
                Threshold::Any => "any".to_owned(),
                Threshold::AtLeast(count) => count.to_string(),
            };
            let members: Vec<&str> = members.iter().map(|member| self.name(*member)).collect();
            lines.push(format!("group {name} {threshold} {}", members.join(" ")));
        }
        lines.push(format!("quorum {}\n", self.name(self.quorum)));
        lines.join("\n")
    }
}

/// What the lines so far say.
#[derive(Default)]
struct Reader {
    genesis: Option<Hash>,
    until: Option<u64>,
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    unsupported_logs: Vec<Unsupported>,
    unsupported_witnesses: Vec<Unsupported>,
    groups: Vec<Group>,
    quorum: Option<Member>,
    /// Members of any group.
    members: Vec<Member>,
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Result<(), LineError> {
        let line = line.strip_suffix(b"\n").ok_or(LineError::Unfinished)?;
        if let Some(&byte) = line
            .iter()
            .find(|byte| byte.is_ascii_control() && **byte != b'\t')
        {
            return Err(LineError::Control { byte });
        }
        let is_space = |byte: &u8| matches!(*byte, b' ' | b'\t');
        match line.iter().find(|byte| !is_space(byte)) {
            None => return Ok(()),
            // A comment may be in any encoding. All that is ours is ASCII.
            Some(b'#') => return self.comment(&String::from_utf8_lossy(line)),
            Some(_) => {}
        }
        let line = std::str::from_utf8(line).map_err(|_| LineError::Utf8)?;
        let words: Vec<&str> = words(line).collect();
        let have = words.len();
        match words[..] {
            ["log", vkey] => self.log(vkey, None),
            ["log", vkey, url] => self.log(vkey, Some(url)),
            ["log", ..] => Err(LineError::Words {
                have,
                want: "log <vkey> [<url>]",
            }),
            ["witness", name, vkey] => self.witness(name, vkey, None),
            ["witness", name, vkey, url] => self.witness(name, vkey, Some(url)),
            ["witness", ..] => Err(LineError::Words {
                have,
                want: "witness <name> <vkey> [<url>]",
            }),
            ["group", name, threshold, ref members @ ..] if !members.is_empty() => {
                self.group(name, threshold, members)
            }
            ["group", ..] => Err(LineError::Words {
                have,
                want: "group <name> all|any|<k> <member>…",
            }),
            ["quorum", name] => self.quorum(name),
            ["quorum", ..] => Err(LineError::Words {
                have,
                want: "quorum <name>|none",
            }),
            _ => Err(LineError::Keyword {
                keyword: shorten(words[0]),
            }),
        }
    }

    fn comment(&mut self, line: &str) -> Result<(), LineError> {
        // One "#" only: "## mingzhang until 7" is a line that somebody has put out of use.
        let text = line
            .trim_start_matches([' ', '\t'])
            .strip_prefix('#')
            .unwrap_or_default();
        let words: Vec<&str> = words(text).collect();
        match words[..] {
            ["mingzhang", "genesis", genesis] if self.genesis.is_none() => {
                self.genesis = Some(Hash::from_hex(genesis).ok_or(LineError::Mingzhang)?);
            }
            ["mingzhang", "until", until] if self.until.is_none() => {
                let until = parse_decimal(until).filter(|until| *until <= SIZE_MAX);
                self.until = Some(until.ok_or(LineError::Mingzhang)?);
            }
            ["mingzhang", ..] => return Err(LineError::Mingzhang),
            _ => {}
        }
        Ok(())
    }

    fn log(&mut self, vkey: &str, url: Option<&str>) -> Result<(), LineError> {
        let (vkey, url) = (
            parse_vkey(vkey, Algorithm::Ed25519)?,
            url.map(str::to_owned),
        );
        let others = self.unsupported_logs.len();
        let vkey = match vkey {
            AnyVkey::Supported(vkey) => vkey,
            AnyVkey::Unsupported(vkey) => {
                check_new_key(&self.unsupported_logs, &vkey)?;
                let name = vkey.name().to_owned();
                let log = Unsupported { name, vkey, url };
                let room = LOGS_MAX - self.logs.len();
                return push(&mut self.unsupported_logs, log, room, LOGS_MAX);
            }
        };
        let same = self
            .logs
            .iter()
            .find(|log| log.vkey.public_key() == vkey.public_key());
        if let Some(same) = same {
            return Err(LineError::DuplicateKey {
                first: same.vkey.name().to_owned(),
            });
        }
        let log = Log { vkey, url };
        push(&mut self.logs, log, LOGS_MAX - others, LOGS_MAX)
    }

    fn witness(&mut self, name: &str, vkey: &str, url: Option<&str>) -> Result<(), LineError> {
        let url = url.map(str::to_owned);
        let others = self.unsupported_witnesses.len();
        let vkey = match parse_vkey(vkey, Algorithm::CosignatureV1)? {
            AnyVkey::Supported(vkey) => vkey,
            AnyVkey::Unsupported(vkey) => {
                check_new_key(&self.unsupported_witnesses, &vkey)?;
                let name = self.new_name(name)?;
                let witness = Unsupported { name, vkey, url };
                let room = WITNESSES_MAX - self.witnesses.len();
                return push(
                    &mut self.unsupported_witnesses,
                    witness,
                    room,
                    WITNESSES_MAX,
                );
            }
        };
        let same = self
            .witnesses
            .iter()
            .find(|w| w.vkey.public_key() == vkey.public_key());
        if let Some(same) = same {
            return Err(LineError::DuplicateKey {
                first: same.name.clone(),
            });
        }
        let name = self.new_name(name)?;
        let witness = Witness { name, vkey, url };
        let room = WITNESSES_MAX - others;
        push(&mut self.witnesses, witness, room, WITNESSES_MAX)
    }

    fn group(&mut self, name: &str, threshold: &str, names: &[&str]) -> Result<(), LineError> {
        let mut members = Vec::new();
        for &name in names {
            let member = self.find(name).filter(|member| *member != Member::Nobody);
            let member = member.ok_or_else(|| LineError::UnknownName {
                name: shorten(name),
            })?;
            // Each witness then counts in one way only.
            if self.members.contains(&member) {
                return Err(LineError::MemberTwice {
                    name: shorten(name),
                });
            }
            self.members.push(member);
            members.push(member);
        }
        let at_least = |have| {
            let count = parse_decimal(have).and_then(|count| usize::try_from(count).ok());
            count
                .filter(|count| (1..=names.len()).contains(count))
                .map(Threshold::AtLeast)
        };
        let threshold = match threshold {
            "all" => Threshold::All,
            "any" => Threshold::Any,
            have => at_least(have).ok_or_else(|| LineError::Threshold {
                have: shorten(have),
                members: names.len(),
            })?,
        };
        let name = self.new_name(name)?;
        push(
            &mut self.groups,
            Group {
                name,
                threshold,
                members,
            },
            GROUPS_MAX,
            GROUPS_MAX,
        )
    }

    fn quorum(&mut self, name: &str) -> Result<(), LineError> {
        if self.quorum.is_some() {
            return Err(LineError::SecondQuorum);
        }
        let member = self.find(name);
        self.quorum = Some(member.ok_or_else(|| LineError::UnknownName {
            name: shorten(name),
        })?);
        Ok(())
    }

    fn new_name(&self, name: &str) -> Result<String, LineError> {
        match self.find(name) {
            None => Ok(name.to_owned()),
            Some(_) => Err(LineError::DuplicateName {
                name: shorten(name),
            }),
        }
    }

    fn find(&self, name: &str) -> Option<Member> {
        if name == NOBODY {
            return Some(Member::Nobody);
        }
        let witness = self
            .witnesses
            .iter()
            .position(|witness| witness.name == name);
        let unsupported = || {
            let mut lines = self.unsupported_witnesses.iter();
            lines.position(|witness| witness.name == name)
        };
        let group = || self.groups.iter().position(|group| group.name == name);
        witness
            .map(Member::Witness)
            .or_else(|| unsupported().map(Member::Unsupported))
            .or_else(|| group().map(Member::Group))
    }
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split([' ', '\t']).filter(|word| !word.is_empty())
}

enum AnyVkey {
    Supported(Vkey),
    Unsupported(UnsupportedVkey),
}

/// A key of the type that such a line has, or of one that we know nothing of. One that we know to be for another purpose is refused: it is
/// a mistake of whoever wrote the policy, and would never count anywhere.
fn parse_vkey(text: &str, want: Algorithm) -> Result<AnyVkey, LineError> {
    let vkey = match Vkey::parse(text) {
        Err(VkeyError::UnknownAlgorithm { .. }) => {
            return Ok(AnyVkey::Unsupported(UnsupportedVkey::parse(text)?));
        }
        vkey => vkey?,
    };
    if vkey.algorithm() == want {
        Ok(AnyVkey::Supported(vkey))
    } else {
        Err(LineError::Algorithm {
            have: vkey.algorithm().byte(),
            want: want.byte(),
        })
    }
}

fn check_new_key(there: &[Unsupported], vkey: &UnsupportedVkey) -> Result<(), LineError> {
    let is_same = |other: &&Unsupported| {
        other.vkey.algorithm() == vkey.algorithm() && other.vkey.public_key() == vkey.public_key()
    };
    match there.iter().find(is_same) {
        None => Ok(()),
        Some(same) => Err(LineError::DuplicateKey {
            first: same.name.clone(),
        }),
    }
}

/// Adds to a list that has `room` for so many; `max` is how many there may be of the kind, those in another list included.
fn push<T>(list: &mut Vec<T>, item: T, room: usize, max: usize) -> Result<(), LineError> {
    if list.len() >= room {
        return Err(LineError::TooMany { max });
    }
    list.push(item);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::cosignature::Cosigner;
    use crate::tlog::note::Signer;
    use proptest::prelude::*;

    fn log(seed: u8) -> String {
        Signer::from_seed("example.com/log", &[seed; 32])
            .unwrap()
            .vkey()
            .to_string()
    }

    fn witness(seed: u8) -> String {
        Cosigner::from_seed("w.example/x", &[seed; 32])
            .unwrap()
            .vkey()
            .to_string()
    }

    #[test]
    fn policies_are_read() {
        let genesis = Hash::sha256(b"genesis");
        let many: String = (0..32)
            .map(|i| {
                let members = if i == 0 {
                    "W0".into()
                } else {
                    format!("W{i} G{}", i - 1)
                };
                let (log, witness) = (log(i + 1), witness(i + 1));
                format!("log {log}\nwitness W{i} {witness}\ngroup G{i} any {members}\n")
            })
            .collect();
        let rows = [
            "quorum none\n".to_owned(),
            "\n \t\n# 任何 comment\n\t#another\n quorum\t none \n".to_owned(),
            "## mingzhang until 7\n# Mingzhang policy\n# of mingzhang\nquorum none\n".to_owned(),
            format!("#  mingzhang\tgenesis {genesis} \n#mingzhang until 0\nquorum none\n"),
            format!("log {} http://127.0.0.1/#x\nquorum none\n", log(1)),
            format!(
                "witness 见证 {} https://w.example/账\nquorum 见证\n",
                witness(1)
            ),
            format!(
                "witness K {}\nwitness \u{212a} {}\nquorum K\n",
                witness(1),
                witness(2)
            ),
            format!(
                "witness any {}\ngroup all all any\nquorum all\n",
                witness(1)
            ),
            // A witness's key and a log's are two things even if they are one key.
            format!("log {}\nwitness W {}\nquorum W\n", log(1), witness(1)),
            // Lines may follow the quorum.
            format!("quorum none\nwitness W {}\n", witness(1)),
            format!("{many}quorum G31\n"),
        ];
        for text in rows {
            let policy = Policy::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            assert_eq!(Policy::parse(policy.encode().as_bytes()), Ok(policy));
        }
        let text =
            format!("#  mingzhang genesis {genesis}\n# mingzhang until 70000\nquorum none\n");
        let policy = Policy::parse(text.as_bytes()).unwrap();
        assert_eq!(
            (policy.genesis(), policy.until()),
            (Some(genesis), Some(70_000))
        );
        assert!(Policy::parse(b"# \xc3\xf7\xd5\xcb in GBK\nquorum none\n").is_ok());
    }

    #[test]
    fn other_files_are_refused_with_their_line() {
        let (w1, w2, l1) = (witness(1), witness(2), log(1));
        let check = |text: &str, line: usize, want: LineError| {
            let want = Err(PolicyError::Line { line, error: want });
            assert_eq!(Policy::parse(text.as_bytes()), want, "{text:?}");
        };
        let name = |name: &str| name.to_owned();
        assert_eq!(Policy::parse(b""), Err(PolicyError::NoQuorum));
        assert_eq!(
            Policy::parse(format!("log {l1}\n").as_bytes()),
            Err(PolicyError::NoQuorum)
        );
        let long = vec![b'\n'; POLICY_BYTES_MAX + 1];
        let too_long = PolicyError::TooLong {
            have: long.len(),
            max: POLICY_BYTES_MAX,
        };
        assert_eq!(Policy::parse(&long), Err(too_long));

        check("quorum none", 1, LineError::Unfinished);
        check("quorum none\n#", 2, LineError::Unfinished);
        check("quorum none\r\n", 1, LineError::Control { byte: b'\r' });
        check("\nquorum\0none\n", 2, LineError::Control { byte: 0 });
        check("# \u{7f}\n", 1, LineError::Control { byte: 0x7f });
        check(
            "Quorum none\n",
            1,
            LineError::Keyword {
                keyword: name("Quorum"),
            },
        );
        check(
            "\u{feff}quorum none\n",
            1,
            LineError::Keyword {
                keyword: name("\u{feff}quorum"),
            },
        );
        check(
            "quorum\u{a0}none\n",
            1,
            LineError::Keyword {
                keyword: name("quorum\u{a0}none"),
            },
        );
        let utf8 = PolicyError::Line {
            line: 1,
            error: LineError::Utf8,
        };
        assert_eq!(Policy::parse(b"quorum \xff\n"), Err(utf8));
        check("quorum none\nquorum none\n", 2, LineError::SecondQuorum);
        check("quorum W\n", 1, LineError::UnknownName { name: name("W") });
        check(
            &format!("quorum W\nwitness W {w1}\n"),
            1,
            LineError::UnknownName { name: name("W") },
        );
        for (line, have) in [
            ("log", 1),
            ("log a b c", 4),
            ("witness W", 2),
            ("witness a b c d", 5),
        ] {
            let Err(PolicyError::Line {
                line: 1,
                error: LineError::Words { have: found, .. },
            }) = Policy::parse(format!("{line}\n").as_bytes())
            else {
                panic!("{line}")
            };
            assert_eq!(found, have);
        }
        for line in ["group", "group G", "group G any", "quorum", "quorum a b"] {
            let error = Policy::parse(format!("{line}\n").as_bytes()).unwrap_err();
            assert!(matches!(
                error,
                PolicyError::Line {
                    line: 1,
                    error: LineError::Words { .. }
                }
            ));
        }
        assert!(matches!(
            Policy::parse(b"log example.com/log\n"),
            Err(PolicyError::Line {
                line: 1,
                error: LineError::Vkey(VkeyError::Form { .. })
            })
        ));
        check(
            &format!("log {w1}\n"),
            1,
            LineError::Algorithm { have: 4, want: 1 },
        );
        check(
            &format!("witness W {l1}\n"),
            1,
            LineError::Algorithm { have: 1, want: 4 },
        );

        let first = name("example.com/log");
        check(
            &format!("log {l1}\nlog {l1}\n"),
            2,
            LineError::DuplicateKey { first },
        );
        let other = Signer::from_seed("other.example/log", &[1; 32]).unwrap();
        let first = name("example.com/log");
        check(
            &format!("log {l1}\nlog {}\n", other.vkey()),
            2,
            LineError::DuplicateKey { first },
        );
        check(
            &format!("witness V {w1}\nwitness W {w1}\n"),
            2,
            LineError::DuplicateKey { first: name("V") },
        );
        let taken = |n: &str| LineError::DuplicateName { name: name(n) };
        check(&format!("witness W {w1}\nwitness W {w2}\n"), 2, taken("W"));
        check(&format!("witness none {w1}\n"), 1, taken("none"));
        check(&format!("witness W {w1}\ngroup W any W\n"), 2, taken("W"));
        check(
            &format!("witness W {w1}\ngroup none any W\n"),
            2,
            taken("none"),
        );

        let head = format!("witness V {w1}\nwitness W {w2}\n");
        let unknown = |n: &str| LineError::UnknownName { name: name(n) };
        check(&format!("{head}group G any X\n"), 3, unknown("X"));
        check(&format!("{head}group G any G\n"), 3, unknown("G"));
        check(&format!("{head}group G any none\n"), 3, unknown("none"));
        let twice = |n: &str| LineError::MemberTwice { name: name(n) };
        check(&format!("{head}group G any V V\n"), 3, twice("V"));
        check(
            &format!("{head}group G any V W\ngroup H any W\n"),
            4,
            twice("W"),
        );
        check(
            &format!("{head}group G any V\ngroup H any G\ngroup I any G\n"),
            5,
            twice("G"),
        );
        for have in [
            "0",
            "3",
            "01",
            "-1",
            "+1",
            "1.0",
            "ALL",
            "most",
            "99999999999999999999",
        ] {
            let want = LineError::Threshold {
                have: name(have),
                members: 2,
            };
            check(&format!("{head}group G {have} V W\n"), 3, want);
        }

        let genesis = Hash::sha256(b"genesis").to_string();
        for comment in [
            "mingzhang".to_owned(),
            "mingzhang policy of Shaoshan".to_owned(),
            "mingzhang genesis".to_owned(),
            format!("mingzhang genesis {}", &genesis[1..]),
            format!("mingzhang genesis {}", genesis.to_uppercase()),
            format!("mingzhang genesis {genesis} {genesis}"),
            format!("mingzhang genisis {genesis}"),
            "mingzhang until".to_owned(),
            "mingzhang until 07".to_owned(),
            "mingzhang until 9223372036854775809".to_owned(),
        ] {
            check(
                &format!("quorum none\n# {comment}\n"),
                2,
                LineError::Mingzhang,
            );
        }
        check(
            &format!("# mingzhang genesis {genesis}\n").repeat(2),
            2,
            LineError::Mingzhang,
        );
        check(
            "# mingzhang until 7\n# mingzhang until 7\n",
            2,
            LineError::Mingzhang,
        );

        let logs: String = (0..=64).map(|i| format!("log {}\n", log(i + 1))).collect();
        check(&logs, 65, LineError::TooMany { max: LOGS_MAX });
        let witnesses = |count| -> String {
            (0..count)
                .map(|i| format!("witness W{i} {}\n", witness(i + 1)))
                .collect()
        };
        check(
            &witnesses(65),
            65,
            LineError::TooMany { max: WITNESSES_MAX },
        );
        let groups: String = (0..=64)
            .map(|i| match i {
                0 => "group G0 any W0\n".to_owned(),
                _ => format!("group G{i} any G{}\n", i - 1),
            })
            .collect();
        check(
            &format!("{}{groups}", witnesses(1)),
            66,
            LineError::TooMany { max: GROUPS_MAX },
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Policy::parse(&bytes);
        }

        #[test]
        fn what_is_read_can_be_written_and_read_again(
            lines in prop::collection::vec("(group [A-C] (all|any|[0-3])( [A-D]){1,3}|quorum [A-D])\n", 0..6),
        ) {
            let text = format!("witness D {}\nwitness E {}\n{}", witness(1), witness(2), lines.concat());
            if let Ok(policy) = Policy::parse(text.as_bytes()) {
                prop_assert_eq!(Policy::parse(policy.encode().as_bytes()), Ok(policy));
            }
        }
    }
}

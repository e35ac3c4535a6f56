//! Changed receipts, notes, statements and policies with the verdict of this library, as JSON lines, for another implementation to be held to:
//!
//! ```text
//! cargo run -p mingzhang-fuzz --bin mutants -- 100000 1 | node tests/js/lib/agree.mjs
//! ```
//!
//! `file` is a receipt as it was saved, `receipt` one as it was given. A line is `{"kind","input","verdict"}`: `input` is base64, `verdict` is `ok` and what was read, or the step and the variants of the errors from
//! the outside in (`3 Checkpoint.Signature`). The same seed gives the same lines. Half of the changes are made below the signatures and
//! then signed again by the right keys, so that every rule behind a signature is reached too.

use std::error::Error;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mingzhang::receipt::{Receipt, unix};
use mingzhang::tlog::checkpoint::Checkpoint;
use mingzhang::tlog::cosignature::Cosigner;
use mingzhang::tlog::merkle::{Hash, Tree, leaf_hash, node_hash, prove_inclusion};
use mingzhang::tlog::note::{Note, Signer};
use mingzhang::tlog::policy::{LineWord, Policy};
use mingzhang::trade::keys::KeyState;
use mingzhang::trade::record::{RecordHeader, encode_entry};
use mingzhang::trade::statement::{Statement, sign_statement};
use mingzhang::trade::time::Time;
use mingzhang::verify::{VerifyError, verify};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let count: u64 = arguments.next().map_or(Ok(1_000), |n| n.parse())?;
    let seed: u64 = arguments.next().map_or(Ok(1), |n| n.parse())?;
    let world = World::new();
    let policies = world.policies();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let given: Vec<String> = policies.iter().map(Policy::encode).collect();
    writeln!(
        out,
        "{}",
        serde_json::json!({ "policies": given, "count": count, "seed": seed })
    )?;
    let long = world.long_policy();
    let mut dice = Dice(seed);
    for n in 0..count {
        // Every fourth kind in turn; the first of each unchanged, so that "ok" is compared as well.
        let (kind, input) = match n % 8 {
            0 => ("receipt", world.changed_receipt(&mut dice)),
            1 => ("file", saved(world.changed_receipt(&mut dice), &mut dice)),
            2 | 3 => ("receipt", world.signed_receipt(&mut dice)),
            4 => ("note", world.changed_note(&mut dice)),
            5 => {
                let text = [&given[1], &long][dice.below(2)];
                ("policy", changed(text.as_bytes(), &mut dice, POLICY_WORDS))
            }
            6 => ("statement", world.changed_statement(&mut dice)),
            _ => ("statement", world.signed_statement(&mut dice)),
        };
        let verdict = match kind {
            "receipt" => judge_receipt(&input, &policies),
            "file" => judge_receipt(&unix(&input), &policies),
            "note" => judge_note(&input, &policies[1]),
            "policy" => judge_policy(&input),
            _ => judge_statement(&input),
        };
        let input = STANDARD.encode(&input);
        writeln!(
            out,
            r#"{{"kind":"{kind}","input":"{input}","verdict":{}}}"#,
            serde_json::Value::from(verdict)
        )?;
    }
    Ok(out.flush()?)
}

fn judge_receipt(input: &[u8], policies: &[Policy]) -> String {
    match verify(input, policies) {
        Ok(record) => {
            let checkpoint = record.checkpoint();
            let cosigned: Vec<String> = checkpoint
                .cosignatures()
                .iter()
                .map(|one| format!("{}@{}", one.name, one.timestamp))
                .collect();
            format!(
                "ok {} {} {} {} {} [{}] {}",
                record.policy(),
                record.header().index,
                record.header().time,
                record.statement().id(),
                checkpoint.quorum().met,
                cosigned.join(","),
                record.signers().join(",")
            )
        }
        Err(error) => format!("{} {}", error.step() as u8, path(&error)),
    }
}

fn judge_note(input: &[u8], policy: &Policy) -> String {
    match policy.open(input) {
        Ok(opened) => {
            let quorum = opened.quorum();
            let lines: Vec<String> = opened
                .lines()
                .iter()
                .map(|line| match &line.word {
                    LineWord::Log => "log".to_owned(),
                    LineWord::Witness { name, timestamp } => format!("{name}@{timestamp}"),
                    LineWord::Twice => "twice".to_owned(),
                    LineWord::Unsupported { algorithm } => format!("unsupported {algorithm}"),
                    LineWord::Unknown { name_is_known } => format!("unknown {name_is_known}"),
                })
                .collect();
            format!(
                "ok {} {} {} {} {}/{} [{}]",
                opened.tree().size,
                opened.log(),
                opened.cosignatures().len(),
                opened.missing().join(","),
                quorum.have,
                quorum.need,
                lines.join(",")
            )
        }
        Err(error) => path(&error),
    }
}

fn judge_policy(input: &[u8]) -> String {
    match Policy::parse(input) {
        Ok(policy) => {
            let until = policy
                .until()
                .map_or_else(|| "-".to_owned(), |until| until.to_string());
            let genesis = policy
                .genesis()
                .map_or_else(|| "-".to_owned(), |genesis| genesis.to_string());
            format!(
                "ok {genesis} {until} {} {} {} {}",
                policy.logs().len(),
                policy.witnesses().len(),
                policy.unsupported_logs().len(),
                policy.unsupported().len()
            )
        }
        Err(error) => path(&error),
    }
}

fn judge_statement(input: &[u8]) -> String {
    match Statement::parse(input) {
        Ok(statement) => {
            let issued = statement
                .issued()
                .map_or_else(|| "-".to_owned(), |time| time.time.as_ms().to_string());
            format!(
                "ok {} {} {} {issued}",
                statement.id(),
                statement.chain(),
                statement.signatures().len()
            )
        }
        Err(error) => {
            let place = match &error {
                mingzhang::trade::statement::StatementError::Json(json) => {
                    format!(" at {}", json.offset)
                }
                _ => String::new(),
            };
            format!(
                "{} {}{place} {}",
                path(&error),
                error.code(),
                error.pointer().unwrap_or("-")
            )
        }
    }
}

/// The variants of an error and its causes, from the outside in.
fn path(error: &(dyn Error + 'static)) -> String {
    let mut variants = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let mut shown = format!("{error:?}");
        // The one error that is no enum names its variant in a member.
        if let Some(at) = shown
            .starts_with("JsonError")
            .then(|| shown.find("rule: "))
            .flatten()
        {
            shown = shown.split_off(at + "rule: ".len());
        }
        // A transparent variant passes over its cause: its own cause is wanted.
        if let Some(VerifyError::Form(inner)) = error.downcast_ref::<VerifyError>() {
            next = Some(inner);
            continue;
        }
        let end = shown
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(shown.len());
        variants.push(shown[..end].to_owned());
        next = error.source();
    }
    variants.join(".")
}

/// A receipt as an editor or a mail program saves it: a byte order mark, CRs at some or all ends of lines, a file behind the file.
fn saved(receipt: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    let mut saved = Vec::new();
    let (mark, ends, files) = (dice.below(3), dice.below(4), 1 + dice.below(8) / 7);
    for _ in 0..files {
        if mark > 0 {
            saved.extend_from_slice(b"\xef\xbb\xbf");
        }
        for byte in &receipt {
            if *byte == b'\n' && (ends == 1 || ends == 2 && dice.below(2) == 0) {
                saved.push(b'\r');
            }
            saved.push(*byte);
        }
    }
    saved
}

/// Deterministic chance (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).expect("a length fits");
        usize::try_from(self.next() % limit).expect("below a length")
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// One to three small changes: a bit, a byte, a stretch doubled or cut, a word put in, two lines swapped.
fn changed(base: &[u8], dice: &mut Dice, words: &[&str]) -> Vec<u8> {
    let mut bytes = base.to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len());
        let end = (at + 1 + dice.below(12)).min(bytes.len());
        match dice.below(9) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = *dice.of(&[
                        &b'0', &b'9', &b'a', &b'A', &b' ', &b'\n', &b'=', &b'+', &b'"', &b'{',
                        &0xef, &0x80, &0,
                    ]);
                }
            }
            2 => drop(bytes.drain(at.min(bytes.len())..end)),
            3 => {
                let piece = bytes[at.min(bytes.len())..end].to_vec();
                bytes.splice(at..at, piece);
            }
            4 | 5 => {
                let word = dice.of(words).as_bytes().to_vec();
                bytes.splice(at..at, word);
            }
            6 => {
                // A word where a word of that kind stood.
                let word = dice.of(words).as_bytes().to_vec();
                let stands = dice.of(words).as_bytes();
                let places: Vec<usize> = bytes
                    .windows(stands.len())
                    .enumerate()
                    .filter(|(_, window)| *window == stands)
                    .map(|(at, _)| at)
                    .collect();
                if !places.is_empty() {
                    let at = places[dice.below(places.len())];
                    bytes.splice(at..at + stands.len(), word);
                }
            }
            7 => {
                let mut lines: Vec<Vec<u8>> = bytes
                    .split_inclusive(|b| *b == b'\n')
                    .map(<[u8]>::to_vec)
                    .collect();
                let (a, b) = (dice.below(lines.len()), dice.below(lines.len()));
                if a < lines.len() && b < lines.len() {
                    lines.swap(a, b);
                }
                bytes = lines.concat();
            }
            _ => {
                if dice.below(4) == 0 {
                    bytes.truncate(at);
                }
            }
        }
    }
    bytes
}

const WORDS: &[&str] = &[
    "null",
    "true",
    "0",
    "-0",
    "1",
    "2",
    "3",
    "17",
    "1.5",
    "1e3",
    "9007199254740991",
    "9007199254740992",
    "18446744073709551616",
    "\"\"",
    "\"a\"",
    "{}",
    "[]",
    "\\u0000",
    "\\ud800",
    "\\ud83d\\ude00",
    "\\uffff",
    "\\n",
    "\u{fdd0}",
    "\u{1fffe}",
    "\u{feff}",
    "\u{a0}",
    "韶",
    "\"type\":",
    "\"v\":1",
    "\"follows\":null",
    "\"ledger\":",
    "\"publisher\":",
    "\"project\":",
    "\"issued\":",
    "\"amends\":",
    "\"changes\":",
    "\"op\":",
    "\"role\":",
    "\"vkey\":",
    "\"threshold\":",
    "\"vkeys\":",
    "\"uscc\":",
    "\"name\":",
    "trade",
    "genesis",
    "key",
    "notice",
    "order",
    "endorse",
    "admit",
    "revoke",
    "authority",
    "erase_entry",
    "publisher",
    "supervisor",
    "operator",
    "log",
    "correct",
    "replace",
    "withdraw",
    "2026-11-23T09:00:00+08:00",
    "2026-02-29T00:00:00Z",
    "2026-11-23T09:00:60Z",
    "1948-01-01T00:00:00Z",
    "-00:00",
    "Z",
    ".5",
    "log.example/2026",
    "..",
    "A",
    ",",
    ":",
    " ",
    "\t",
    "\n",
    "\n\n",
    "— ",
    "index ",
    "extra ",
    "index 0",
    "c2sp.org/tlog-proof@v1",
    "+",
    "=",
    "AAAA",
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
];

const POLICY_WORDS: &[&str] = &[
    "log",
    "witness",
    "group",
    "quorum",
    "none",
    "all",
    "any",
    "0",
    "1",
    "2",
    "3",
    "01",
    "W1",
    "W2",
    "G",
    "# mingzhang genesis ",
    "# mingzhang until ",
    "# mingzhang",
    "#",
    "70000",
    "9223372036854775809",
    " ",
    "\t",
    "\n",
    "\r",
    "+",
    "AQ",
    "\u{7f}",
    "韶",
];

/// A small ledger whose keys everybody knows, with what is needed to sign anything again.
struct World {
    log: Signer,
    signers: Vec<Signer>,
    witnesses: [Cosigner; 2],
    entries: Vec<Vec<u8>>,
    statements: Vec<Statement>,
    /// The notes from which the key of each record follows.
    evidence: Vec<Vec<Vec<u8>>>,
    genesis_id: Hash,
}

const LEDGER: &str = "log.example/2026";

impl World {
    fn new() -> World {
        let signer = |name: &str, seed: u8| {
            Signer::from_seed(name, &[seed; 32]).expect("a name that keys may have")
        };
        let log = signer(LEDGER, 1);
        let names = [
            "authority-a.example",
            "authority-b.example",
            "authority-c.example",
            "authority-d.example",
        ];
        let authorities: Vec<Signer> = (2..)
            .zip(names)
            .map(|(seed, name)| signer(name, seed))
            .collect();
        let [centre, second, supervisor, operator] = [
            signer("ggzy.shaoshan.example", 33),
            signer("ggzy.shaoshan.example", 34),
            signer("jiandu.shaoshan.example", 35),
            signer("ops.example", 36),
        ];
        let quoted = |list: &[&Signer]| -> String {
            let texts: Vec<String> = list.iter().map(|s| format!("\"{}\"", s.vkey())).collect();
            format!("[{}]", texts.join(","))
        };
        let [a, b, c, d] = [
            &authorities[0],
            &authorities[1],
            &authorities[2],
            &authorities[3],
        ];
        let genesis = format!(
            "{{\"type\":\"genesis\",\"v\":1,\"ledger\":\"{LEDGER}\",\"follows\":null,\"hash\":\"sha-256\",\"log\":{},\"authority\":{{\"threshold\":2,\"vkeys\":{}}},\"operator\":{{\"name\":\"示例运营单位\",\"uscc\":null}}}}\n",
            quoted(&[&log]),
            quoted(&[a, b, c])
        );
        let admit = |role: &str, who: &Signer| {
            format!(
                "{{\"op\":\"admit\",\"role\":\"{role}\",\"vkey\":\"{}\",\"name\":\"示例单位\",\"uscc\":\"11430382DEM000014B\"}}",
                who.vkey()
            )
        };
        let mut world = World {
            log: log.clone(),
            signers: Vec::new(),
            witnesses: [1, 2].map(|seed| {
                Cosigner::from_seed("w.example/x", &[100 + seed; 32]).expect("a good name")
            }),
            entries: Vec::new(),
            statements: Vec::new(),
            evidence: Vec::new(),
            genesis_id: Hash::sha256(genesis.as_bytes()),
        };
        let mut keys: Option<KeyState> = None;
        let mut heads: std::collections::HashMap<String, Hash> = Default::default();
        let key = |changes: &str| {
            format!(
                "{{\"type\":\"key\",\"v\":1,\"ledger\":\"{LEDGER}\",\"follows\":FOLLOWS,\"changes\":[{changes}]}}\n"
            )
        };
        let trade = |more: &str| {
            format!(
                "{{\"type\":\"trade\",\"v\":1,\"ledger\":\"{LEDGER}\",\"publisher\":\"ggzy.shaoshan.example\",\"follows\":FOLLOWS,\"project\":\"SS-2026-001\",\"issued\":\"2026-11-23T09:00:00.25+08:00\"{more}}}\n"
            )
        };
        let other = |kind: &str, who: &str, more: &str| {
            format!(
                "{{\"type\":\"{kind}\",\"v\":1,\"ledger\":\"{LEDGER}\",\"publisher\":\"{who}\",\"follows\":FOLLOWS{more}}}\n"
            )
        };
        let new_set = format!(
            "{{\"op\":\"authority\",\"threshold\":2,\"vkeys\":{}}}",
            quoted(&[b, c, d])
        );
        let rows: Vec<(String, Vec<&Signer>)> = vec![
            (genesis, vec![a, b]),
            (
                key(&format!(
                    "{},{}",
                    admit("publisher", &centre),
                    admit("supervisor", &supervisor)
                )),
                vec![b, c],
            ),
            (
                trade(
                    ",\"title\":\"韶山市某道路改造工程招标公告\",\"documents\":[{\"name\":\"公告.pdf\",\"media_type\":\"application/pdf\",\"size\":7,\"sha256\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}]",
                ),
                vec![&centre],
            ),
            (key(&new_set), vec![a, b, d]),
            (key(&admit("operator", &operator)), vec![c, d]),
            (key(&admit("publisher", &second)), vec![d, b]),
            (
                trade(
                    ",\"amends\":{\"statement\":\"HEAD\",\"effect\":\"correct\"},\"details\":{\"manager\":{\"commitment\":\"0d2b5beb029fed606a29f56af3ae792a7e7ca7493acbe475477cc559376706d0\",\"class\":\"person\"}}",
                ),
                vec![&second],
            ),
            (
                other(
                    "notice",
                    "ops.example",
                    ",\"text\":\"转义 \\\"\\\\\\u97f6\\ud83d\\ude00\"",
                ),
                vec![&operator],
            ),
            (
                other("endorse", "jiandu.shaoshan.example", ""),
                vec![&supervisor],
            ),
            (
                other(
                    "something_new",
                    "ggzy.shaoshan.example",
                    ",\"deep\":[[[[1,-2,true,null]]]]",
                ),
                vec![&second],
            ),
            (
                key(&format!(
                    "{{\"op\":\"revoke\",\"vkey\":\"{}\",\"reason\":\"更换\",\"suspect_since\":\"2026-11-23T09:00:00+08:00\"}}",
                    centre.vkey()
                )),
                vec![b, c, d],
            ),
        ];
        for (index, (text, by)) in (0..).zip(rows) {
            let text_of =
                |follows: &str, head: &str| text.replace("FOLLOWS", follows).replace("HEAD", head);
            // Which chain it is shows once it is parsed; what it follows stands in it.
            let chain = sign_statement(&text_of("null", &"0".repeat(64)), &by)
                .expect("rows are statements")
                .chain()
                .to_string();
            let head = heads.get(&chain).copied();
            let quoted = head.map_or("null".to_owned(), |id| format!("\"{id}\""));
            let text = text_of(&quoted, &head.unwrap_or(Hash::ZERO).to_string());
            let statement = sign_statement(&text, &by).expect("rows are statements");
            heads.insert(chain, statement.id());
            match &mut keys {
                None => {
                    keys =
                        Some(KeyState::from_genesis(&statement).expect("signed by its threshold"))
                }
                Some(keys) => {
                    keys.verify(&statement).expect("rows are signed by who may");
                    keys.apply(index, &statement).expect("rows are possible");
                }
            }
            let link = world
                .entries
                .last()
                .map_or(Hash::ZERO, |entry| leaf_hash(entry));
            let time =
                Time::from_ms(1_795_395_723_456 + i64::try_from(index).expect("small") * 1_000)
                    .expect("a year that is used");
            world.entries.push(encode_entry(
                &RecordHeader { index, link, time },
                statement.note(),
            ));
            world.statements.push(statement);
        }
        let keys = keys.expect("the first row is the genesis");
        world.evidence = world
            .statements
            .iter()
            .map(|statement| {
                keys.evidence(statement)
                    .expect("keys were admitted")
                    .into_iter()
                    .map(|note| note.to_vec())
                    .collect()
            })
            .collect();
        world.signers = [authorities, vec![centre, second, supervisor, operator, log]].concat();
        world
    }

    /// With two witnesses of which one must be; the same, retired at 9 records; one that pins nothing; and one of another log.
    fn policies(&self) -> Vec<Policy> {
        let log = self.log.vkey();
        let witnesses: String = ["W1", "W2"]
            .iter()
            .zip(&self.witnesses)
            .map(|(name, w)| format!("witness {name} {}\n", w.vkey()))
            .collect();
        let genesis = self.genesis_id;
        [
            format!("# mingzhang genesis {genesis}\n# mingzhang until 9\nlog {log}\nquorum none\n"),
            format!(
                "# mingzhang genesis {genesis}\nlog {log}\nlog {}\n{witnesses}witness P {}\ngroup G 1 W1 W2 P\nquorum G\n",
                other_vkey(LEDGER, 0x02, 65).0,
                other_vkey("pq.example", 0x07, 40).0
            ),
        ]
        .iter()
        .map(|text| Policy::parse(text.as_bytes()).expect("written above"))
        .collect()
    }

    /// A policy that could not be read once: a witness with an ML-DSA-44 key, whose length and key ID are checked.
    fn long_policy(&self) -> String {
        let pq = other_vkey("pq.example", 0x06, 1_312).0;
        let [one, _] = &self.witnesses;
        format!(
            "log {}\nwitness W {}\nwitness P {pq}\ngroup G 1 W P\nquorum G\n",
            self.log.vkey(),
            one.vkey()
        )
    }

    fn checkpoint(&self, leaves: &[Hash], cosigners: usize) -> String {
        let root_hash = root(leaves);
        let size = u64::try_from(leaves.len()).expect("small");
        let text = Checkpoint::new(LEDGER, Tree { size, root_hash }).encode();
        let mut note = self.log.sign_note(text.clone());
        note.signatures.extend(
            self.witnesses[..cosigners]
                .iter()
                .map(|w| w.sign(&text, 1_795_400_000)),
        );
        note.encode()
    }

    fn receipt(
        &self,
        index: usize,
        entry: Vec<u8>,
        evidence: Vec<Vec<u8>>,
        size: usize,
        cosigners: usize,
    ) -> Vec<u8> {
        let mut leaves: Vec<Hash> = self.entries[..size]
            .iter()
            .map(|entry| leaf_hash(entry))
            .collect();
        leaves[index] = leaf_hash(&entry);
        let proof = prove_inclusion(index as u64, size as u64, |range| {
            let place = |n: u64| usize::try_from(n).expect("a place in a list");
            root(&leaves[place(range.start)..place(range.end)])
        });
        Receipt {
            index: index as u64,
            proof,
            checkpoint: self.checkpoint(&leaves, cosigners),
            entry: entry.into(),
            evidence: evidence.into_iter().map(Into::into).collect(),
        }
        .encode()
        .into_bytes()
    }

    /// Bytes of the file changed: most of these fail at their form, their root or the log's signature.
    fn changed_receipt(&self, dice: &mut Dice) -> Vec<u8> {
        let index = dice.below(self.entries.len());
        let size = index + 1 + dice.below(self.entries.len() - index);
        let good = self.receipt(
            index,
            self.entries[index].clone(),
            self.evidence[index].clone(),
            size,
            dice.below(3),
        );
        if dice.below(8) == 0 {
            good
        } else {
            changed(&good, dice, WORDS)
        }
    }

    /// Entry or evidence changed, then the tree made anew and signed: these fail at the rules behind.
    fn signed_receipt(&self, dice: &mut Dice) -> Vec<u8> {
        let index = dice.below(self.entries.len());
        let (mut entry, mut evidence) = (self.entries[index].clone(), self.evidence[index].clone());
        match dice.below(6) {
            0 => entry = changed(&entry, dice, WORDS),
            1 | 2 => {
                let header = entry
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .expect("a header line")
                    + 1;
                let note = self.signed_again(&entry[header..], dice);
                entry.splice(header.., note);
            }
            3 => {
                let at = dice.below(evidence.len());
                evidence[at] = changed(&evidence[at], dice, WORDS);
            }
            4 => {
                let at = dice.below(evidence.len());
                evidence[at] = self.signed_again(&evidence[at], dice);
            }
            _ => {
                let other = &self.evidence[dice.below(self.evidence.len())];
                let at = dice.below(evidence.len());
                match dice.below(4) {
                    0 => drop(evidence.remove(at)),
                    1 => evidence.insert(at, other[dice.below(other.len())].clone()),
                    2 => evidence[at] = other[dice.below(other.len())].clone(),
                    _ => evidence.swap(at, 0),
                }
            }
        }
        let size = self.entries.len() - dice.below(self.entries.len() - index);
        entry.truncate(65_000);
        self.receipt(index, entry, evidence, size.max(index + 1), 1)
    }

    fn changed_note(&self, dice: &mut Dice) -> Vec<u8> {
        let leaves: Vec<Hash> = self.entries.iter().map(|entry| leaf_hash(entry)).collect();
        let mut good = self.checkpoint(&leaves[..1 + dice.below(leaves.len())], dice.below(3));
        // Lines that count for nothing: of an algorithm that is not verified, by a stranger, and one that stands there twice.
        match dice.below(4) {
            0 => good.push_str(&other_vkey("pq.example", 0x07, 40).1),
            1 => good.push_str(&other_vkey(LEDGER, 0x02, 65).1),
            2 => {
                let lines: Vec<&str> = good.split_inclusive('\n').skip(4).collect();
                let again = lines[dice.below(lines.len())].to_owned();
                good.push_str(&again);
            }
            _ => good.push_str(&other_vkey("w.example/x", 0x07, 40).1),
        }
        if dice.below(4) == 0 {
            good.into_bytes()
        } else {
            changed(good.as_bytes(), dice, WORDS)
        }
    }

    fn changed_statement(&self, dice: &mut Dice) -> Vec<u8> {
        let note = self.statements[dice.below(self.statements.len())].note();
        changed(note, dice, WORDS)
    }

    fn signed_statement(&self, dice: &mut Dice) -> Vec<u8> {
        let note = self.statements[dice.below(self.statements.len())].note();
        self.signed_again(note, dice)
    }

    /// The text changed and every line signed again by the key it names, now and then one line more or less.
    fn signed_again(&self, note: &[u8], dice: &mut Dice) -> Vec<u8> {
        let Ok(note) = Note::parse(note) else {
            return note.to_vec();
        };
        let text = changed(note.text.trim_end().as_bytes(), dice, WORDS);
        let Ok(mut text) = String::from_utf8(text) else {
            return changed(note.encode().as_bytes(), dice, WORDS);
        };
        text.retain(|c| c >= ' ');
        text.push('\n');
        let mut by: Vec<&Signer> = note
            .signatures
            .iter()
            .filter_map(|line| self.signers.iter().find(|signer| line.names(signer.vkey())))
            .collect();
        match dice.below(6) {
            0 => by.push(&self.signers[dice.below(self.signers.len())]),
            1 if by.len() > 1 => drop(by.remove(0)),
            _ => {}
        }
        let signatures = by.iter().map(|signer| signer.sign(&text)).collect();
        Note { text, signatures }.encode().into_bytes()
    }
}

/// A vkey of a type that this library does not verify, and a signature line by that key.
fn other_vkey(name: &str, algorithm: u8, key_bytes: usize) -> (String, String) {
    let key = [&[algorithm][..], &vec![9; key_bytes]].concat();
    let id = &Hash::sha256(&[name.as_bytes(), b"\n", &key].concat()).0[..4];
    let line = STANDARD.encode([id, &[5; 70][..]].concat());
    let digits: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    (
        format!("{name}+{digits}+{}", STANDARD.encode(key)),
        format!("— {name} {line}\n"),
    )
}

/// RFC 6962 section 2.1 as it is written.
fn root(leaves: &[Hash]) -> Hash {
    match leaves.len() {
        1 => leaves[0],
        n => {
            let k = n.next_power_of_two() / 2;
            node_hash(&root(&leaves[..k]), &root(&leaves[k..]))
        }
    }
}

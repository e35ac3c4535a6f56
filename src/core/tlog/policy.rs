//! Trust policies: which logs, which witnesses, and how many of them (c2sp.org/tlog-policy as of
//! 2026-07-22).
//!
//! ```text
//! # mingzhang genesis 9f3c…                          ours: the id of the ledger's first record
//! # mingzhang until 70000                            ours: a retired policy, for trees up to here
//! log <vkey> [<url>]
//! witness <name> <vkey> [<url>]
//! group <name> all|any|<k> <member>…
//! quorum <name>|none
//! ```
//!
//! Promises: [`Policy::open`] is the one place where a checkpoint's origin, log signature,
//! cosignatures and quorum are judged together, and its result cannot be made otherwise. A quorum
//! that is not met is data, not an error: a caller may show a checkpoint as "signed, not yet
//! witnessed", and cannot overlook which it is.
//!
//! A `witness` or `log` line with a key of a type that we cannot verify (ML-DSA-44, 0x06) is read: the witness is one that has not
//! cosigned, whatever lines it left, and everything made of the policy says so ([`Policy::unsupported`], [`LineWord::Unsupported`]). A
//! policy none of whose log keys can be verified is refused.
//!
//! Stricter than the document: names and URLs are UTF-8, the last line is ended by LF, and a key that is for another purpose (a log's in a
//! `witness` line) is refused. A comment whose first word is `mingzhang` is ours, and refused if it is misspelt.
//!
//! Does not judge times, and fetches nothing: URLs are for others to use.

mod over_time;
mod parse;
mod shown;

use std::collections::HashSet;

pub use over_time::{ConflictError, JudgeError, Judged, PassedOver, check_together, open_by};
pub use parse::{LineError, PolicyError};
pub use shown::{Lack, LineShown, LineWord, WitnessShown};

use super::checkpoint::{self, Checkpoint, OpenError, SignedCheckpoint};
use super::cosignature;
use super::merkle::{Hash, SIZE_MAX, Tree};
use super::note::{Note, Signature, UnsupportedVkey, Vkey};

/// The most bytes of a policy file.
pub const POLICY_BYTES_MAX: usize = 131_072;

/// The most logs; the document wants at least 32 of each kind.
pub(crate) const LOGS_MAX: usize = 64;

/// The most witnesses.
pub(crate) const WITNESSES_MAX: usize = 64;

/// The most groups.
pub(crate) const GROUPS_MAX: usize = 64;

/// A policy, as its file says.
///
/// ```
/// use mingzhang_core::tlog::{merkle::Hash, note::Vkey, policy::{Policy, PolicyError}};
/// let log = Vkey::parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k").unwrap();
/// let policy = Policy::new(log, None)?.with_genesis(Hash::sha256(b"{}\n"));
/// assert_eq!(Policy::parse(policy.encode().as_bytes())?, policy);
/// assert!(Policy::parse(b"quorum all-of-them\n").is_err());
/// # Ok::<(), PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    genesis: Option<Hash>,
    until: Option<u64>,
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    unsupported_logs: Vec<Unsupported>,
    unsupported_witnesses: Vec<Unsupported>,
    groups: Vec<Group>,
    quorum: Member,
}

/// A `log` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The log's key, whose name is its origin.
    pub vkey: Vkey,
    /// Where it is, for whoever wants to read it.
    pub url: Option<String>,
}

/// A `witness` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its name within the policy, which means nothing elsewhere.
    pub name: String,
    /// Its key, of signature type 0x04.
    pub vkey: Vkey,
    /// Its submission prefix, for whoever wants cosignatures.
    pub url: Option<String>,
}

/// A `witness` or `log` line whose key is of a type that we cannot verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The witness's name within the policy; of a log that of its key.
    pub name: String,
    /// Its key.
    pub vkey: UnsupportedVkey,
    /// Where it is.
    pub url: Option<String>,
}

/// A `group` line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    name: String,
    /// As written, so that it is written again so.
    threshold: Threshold,
    members: Vec<Member>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Threshold {
    All,
    Any,
    AtLeast(usize),
}

/// What a quorum or a group is made of, by index; groups refer to earlier ones only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Nobody,
    Witness(usize),
    /// One whose cosignatures we cannot verify, and that therefore never has cosigned.
    Unsupported(usize),
    Group(usize),
}

/// Whether enough witnesses have cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// The name on the `quorum` line.
    pub name: String,
    /// Whether the checkpoint is valid by the policy.
    pub met: bool,
    /// How many members of the quorum have cosigned, groups counted as one each.
    pub have: usize,
    /// How many must have; 0 with `quorum none`.
    pub need: usize,
}

/// One verified cosignature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// The witness's name within the policy.
    pub name: String,
    /// When it signed, in POSIX seconds by its own clock. A witness may have several lines.
    pub timestamp: u64,
}

/// A checkpoint that a log of the policy has signed, with what its witnesses say of it. Only
/// [`Policy::open`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    signed: SignedCheckpoint,
    logs: Vec<Vkey>,
    witnesses: Vec<WitnessShown>,
    lacks: Vec<Lack>,
    cosignatures: Vec<Cosigned>,
    missing: Vec<String>,
    lines: Vec<LineShown>,
    quorum: Quorum,
}

impl Policy {
    /// A policy of one log without witnesses (`quorum none`). Refused is what no `log` line may
    /// say.
    pub fn new(log: Vkey, url: Option<&str>) -> Result<Policy, PolicyError> {
        let url = url.map(|url| format!(" {url}")).unwrap_or_default();
        Policy::parse(format!("log {log}{url}\nquorum none\n").as_bytes())
    }

    /// The same with the id of the ledger's genesis statement, which our verifiers pin.
    pub fn with_genesis(self, genesis: Hash) -> Policy {
        Policy {
            genesis: Some(genesis),
            ..self
        }
    }

    /// The same, retired: for trees of at most `size` leaves.
    ///
    /// # Panics
    /// If `size` is above [`SIZE_MAX`].
    pub fn with_until(self, size: u64) -> Policy {
        assert!(size <= SIZE_MAX, "no tree has {size} leaves");
        Policy {
            until: Some(size),
            ..self
        }
    }

    /// The id of the ledger's genesis statement, from `# mingzhang genesis <64 hex>`.
    pub fn genesis(&self) -> Option<Hash> {
        self.genesis
    }

    /// The largest tree that the policy judges, from `# mingzhang until <tree size>`.
    pub fn until(&self) -> Option<u64> {
        self.until
    }

    /// The logs, in their order in the file.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses, in their order in the file, needed or not.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// The witnesses whose keys we cannot verify, in their order in the file. Nobody asks them, and the quorum counts them as witnesses
    /// that have not cosigned.
    pub fn unsupported(&self) -> &[Unsupported] {
        &self.unsupported_witnesses
    }

    /// The log keys that we cannot verify with. A checkpoint needs a line by another one.
    pub fn unsupported_logs(&self) -> &[Unsupported] {
        &self.unsupported_logs
    }

    /// Parses a checkpoint and judges it:
    ///
    /// 1. its origin is the key name of a log of the policy,
    /// 2. that log's key has signed it, and every line by one of its keys verifies,
    /// 3. its size is not past [`until`](Policy::until),
    /// 4. every line by a witness of the policy verifies,
    /// 5. the quorum is met or not: see [`VerifiedCheckpoint::quorum`].
    ///
    /// Every line is named, counted or not and why: see [`VerifiedCheckpoint::lines`].
    pub fn open(&self, note: &[u8]) -> Result<VerifiedCheckpoint, OpenError> {
        let note = Note::parse(note)?;
        let checkpoint = Checkpoint::parse(&note.text)?;
        let keys = self.logs.iter().map(|log| &log.vkey);
        let keys: Vec<&Vkey> = keys
            .filter(|vkey| vkey.name() == checkpoint.origin)
            .collect();
        if keys.is_empty() {
            let origins: Vec<&str> = self.logs.iter().map(|log| log.vkey.name()).collect();
            let want = format!("a log of the policy ({})", origins.join(", "));
            return Err(OpenError::Origin {
                have: checkpoint.origin,
                want,
            });
        }
        self.judge(checkpoint::verify(note, checkpoint, &keys)?, &keys)
    }

    /// What the quorum would be if these witnesses had cosigned, by their place in [`witnesses`](Policy::witnesses): for a log that plans
    /// whom to ask, or asks whether those who did not answer could be enough. Proves nothing of any checkpoint.
    ///
    /// ```
    /// # use mingzhang_core::tlog::{note::Vkey, policy::{Policy, PolicyError}};
    /// # let log = Vkey::parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k").unwrap();
    /// let policy = Policy::new(log, None)?;
    /// assert!(policy.quorum_if(|_| false).met, "with quorum none nobody is needed");
    /// # Ok::<(), PolicyError>(())
    /// ```
    pub fn quorum_if(&self, cosigned: impl Fn(usize) -> bool) -> Quorum {
        self.quorum(
            &(0..self.witnesses.len())
                .filter(|at| cosigned(*at))
                .collect(),
        )
    }

    fn judge(
        &self,
        signed: SignedCheckpoint,
        logs: &[&Vkey],
    ) -> Result<VerifiedCheckpoint, OpenError> {
        let size = signed.tree().size;
        if let Some(until) = self.until.filter(|until| size > *until) {
            return Err(OpenError::Retired { size, until });
        }
        let (mut cosignatures, mut lines) = (Vec::new(), Vec::new());
        let mut signers: Vec<&Vkey> = Vec::new();
        let mut cosigned = HashSet::new();
        for signature in &signed.note().signatures {
            let witness = self.witnesses.iter().position(|w| signature.names(&w.vkey));
            if let Some(at) = witness {
                let Witness { name, vkey, .. } = &self.witnesses[at];
                let timestamp = cosignature::verify(vkey, &signed.note().text, &signature.bytes);
                let timestamp = timestamp.ok_or_else(|| OpenError::Signature {
                    name: signature.name.clone(),
                    key_id: signature.key_id,
                })?;
                let name = name.clone();
                lines.push(if cosigned.insert(at) {
                    LineWord::Witness { name, timestamp }
                } else {
                    LineWord::Twice
                });
                let name = self.witnesses[at].name.clone();
                cosignatures.push(Cosigned { name, timestamp });
            } else if let Some(log) = logs.iter().find(|log| signature.names(log)) {
                // It verifies, or the checkpoint would not be signed.
                lines.push(if signers.contains(log) {
                    LineWord::Twice
                } else {
                    signers.push(log);
                    LineWord::Log
                });
            } else {
                lines.push(self.word_on(signature, logs));
            }
        }
        let signatures = signed.note().signatures.iter();
        let lines = signatures.zip(lines).map(|(line, word)| LineShown {
            name: line.name.clone(),
            key_id: line.key_id,
            word,
        });
        let lines = lines.collect();
        let missing = (0..self.witnesses.len()).filter(|at| !cosigned.contains(at));
        let missing = missing.map(|at| &self.witnesses[at].name);
        let unsupported = self.unsupported_witnesses.iter();
        let missing = missing.chain(unsupported.clone().map(|witness| &witness.name));
        let missing = missing.cloned().collect();
        let quorum = self.quorum(&cosigned);
        let witnesses = self.witnesses.iter().enumerate();
        let witnesses = witnesses.map(|(at, witness)| {
            let times = cosignatures.iter().filter(|one| one.name == witness.name);
            WitnessShown {
                name: witness.name.clone(),
                key_name: witness.vkey.name().to_owned(),
                vkey: witness.vkey.to_string(),
                cosigned: times.map(|one| one.timestamp).max(),
                counted: self.counts(Member::Witness(at)),
                unsupported: None,
            }
        });
        let others = unsupported.enumerate().map(|(at, witness)| WitnessShown {
            name: witness.name.clone(),
            key_name: witness.vkey.name().to_owned(),
            vkey: witness.vkey.to_string(),
            cosigned: None,
            counted: self.counts(Member::Unsupported(at)),
            unsupported: Some(witness.vkey.algorithm()),
        });
        // Each line by one of these keys has been verified.
        let signers = logs.iter().filter(|log| signers.contains(log));
        Ok(VerifiedCheckpoint {
            logs: signers.map(|log| (*log).clone()).collect(),
            witnesses: witnesses.chain(others).collect(),
            lacks: self.lacks(&cosigned),
            signed,
            cosignatures,
            missing,
            lines,
            quorum,
        })
    }

    /// What there is to say of a line by no key that we can verify with.
    fn word_on(&self, line: &Signature, logs: &[&Vkey]) -> LineWord {
        let of_this_log = |other: &&Unsupported| logs.iter().any(|log| log.name() == other.name);
        let unsupported = self.unsupported_witnesses.iter();
        let unsupported = unsupported.chain(self.unsupported_logs.iter().filter(of_this_log));
        let mut names = logs
            .iter()
            .map(|log| log.name())
            .chain(self.witnesses.iter().map(|witness| witness.vkey.name()))
            .chain(unsupported.clone().map(|other| other.vkey.name()));
        match unsupported
            .clone()
            .find(|other| line.names_unsupported(&other.vkey))
        {
            Some(other) => LineWord::Unsupported {
                algorithm: other.vkey.algorithm(),
            },
            None => LineWord::Unknown {
                name_is_known: names.any(|name| name == line.name),
            },
        }
    }

    fn quorum(&self, cosigned: &HashSet<usize>) -> Quorum {
        // Each group is judged after those that it can refer to.
        let mut groups: Vec<bool> = Vec::new();
        let count = |group: &Group, groups: &[bool]| {
            let members = group.members.iter();
            members
                .filter(|member| witnessed(**member, cosigned, groups))
                .count()
        };
        for group in &self.groups {
            groups.push(count(group, &groups) >= group.need());
        }
        let (have, need) = match self.quorum {
            Member::Nobody => (0, 0),
            Member::Witness(at) => (usize::from(cosigned.contains(&at)), 1),
            Member::Unsupported(_) => (0, 1),
            Member::Group(at) => (count(&self.groups[at], &groups), self.groups[at].need()),
        };
        Quorum {
            name: self.name(self.quorum).to_owned(),
            met: have >= need,
            have,
            need,
        }
    }

    fn name(&self, member: Member) -> &str {
        match member {
            Member::Nobody => parse::NOBODY,
            Member::Witness(at) => &self.witnesses[at].name,
            Member::Unsupported(at) => &self.unsupported_witnesses[at].name,
            Member::Group(at) => &self.groups[at].name,
        }
    }
}

fn witnessed(member: Member, cosigned: &HashSet<usize>, groups: &[bool]) -> bool {
    match member {
        Member::Nobody => unreachable!("parse refuses \"none\" as a member"),
        Member::Witness(at) => cosigned.contains(&at),
        Member::Unsupported(_) => false,
        Member::Group(at) => groups[at],
    }
}

impl Group {
    fn need(&self) -> usize {
        match self.threshold {
            Threshold::All => self.members.len(),
            Threshold::Any => 1,
            Threshold::AtLeast(count) => count,
        }
    }
}

impl VerifiedCheckpoint {
    /// What the log has signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        self.signed.checkpoint()
    }

    /// Size and root hash.
    pub fn tree(&self) -> Tree {
        self.signed.tree()
    }

    /// The note, with all its lines.
    pub fn note(&self) -> &Note {
        self.signed.note()
    }

    /// The log's key that has signed it.
    pub fn log(&self) -> &Vkey {
        self.signed.log()
    }

    /// All keys of the log that have signed it: two while one takes over from the other.
    pub fn logs(&self) -> &[Vkey] {
        &self.logs
    }

    /// Every witness of the policy, in its order, with the time of its cosignature if there is one.
    pub fn witnesses(&self) -> &[WitnessShown] {
        &self.witnesses
    }

    /// What is missing to the quorum; empty if it is met.
    pub fn lacks(&self) -> &[Lack] {
        &self.lacks
    }

    /// The verified cosignatures, in the order of their lines.
    pub fn cosignatures(&self) -> &[Cosigned] {
        &self.cosignatures
    }

    /// The witnesses of the policy without a cosignature here, in the order of the policy. The
    /// quorum may well be met without them.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Every signature line in its order, with what it counts for or why it does not count. A line by a key of the policy that does not
    /// verify is not among them: it condemns the whole note.
    pub fn lines(&self) -> &[LineShown] {
        &self.lines
    }

    /// Those of them that count for nothing.
    pub fn not_counted(&self) -> Vec<&LineShown> {
        let lines = self.lines.iter();
        lines.filter(|line| !line.counts()).collect()
    }

    /// Whether enough witnesses have cosigned.
    pub fn quorum(&self) -> &Quorum {
        &self.quorum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::checkpoint::CheckpointError;
    use crate::tlog::cosignature::Cosigner;
    use crate::tlog::note::{NoteError, Signer};

    const ORIGIN: &str = "example.com/log";

    fn log(seed: u8) -> Signer {
        Signer::from_seed(ORIGIN, &[seed; 32]).unwrap()
    }

    fn witness(seed: u8) -> Cosigner {
        Cosigner::from_seed("w.example/x", &[100 + seed; 32]).unwrap()
    }

    /// The example of the document: witnesses X1, X2, X3, Y1, Y2, Y3 have seeds 1 to 6.
    fn example() -> String {
        let witnesses: String = ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
            .iter()
            .zip(1..)
            .map(|(name, seed)| format!("witness {name} {}\n", witness(seed).vkey()))
            .collect();
        format!(
            "log {}\n{witnesses}group X-witnesses 2 X1 X2 X3\ngroup Y-witnesses any Y1 Y2 Y3\n\
             group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n",
            log(1).vkey()
        )
    }

    fn policy(text: &str) -> Policy {
        let policy = Policy::parse(text.as_bytes()).unwrap();
        assert_eq!(
            Policy::parse(policy.encode().as_bytes()),
            Ok(policy.clone())
        );
        policy
    }

    fn tree(size: u64) -> Tree {
        Tree {
            size,
            root_hash: Hash::sha256(&size.to_be_bytes()),
        }
    }

    fn note(size: u64, signers: &[&Signer], cosigners: &[u8]) -> Note {
        let text = Checkpoint::new(ORIGIN, tree(size)).encode();
        let mut signatures: Vec<Signature> = signers.iter().map(|s| s.sign(&text)).collect();
        let cosigned = cosigners
            .iter()
            .map(|seed| witness(*seed).sign(&text, 1000 + u64::from(*seed)));
        signatures.extend(cosigned);
        Note { text, signatures }
    }

    fn open(policy: &Policy, note: &Note) -> Result<VerifiedCheckpoint, OpenError> {
        policy.open(note.encode().as_bytes())
    }

    #[test]
    fn a_quorum_is_counted_group_by_group() {
        let example = policy(&example());
        let rows: &[(&[u8], bool, usize)] = &[
            (&[], false, 0),
            (&[1], false, 0),
            (&[4], false, 1),
            (&[1, 2], false, 1),
            (&[1, 4], false, 1),
            (&[1, 1, 4], false, 1), // One witness twice is one witness, the second line counts for nothing.
            (&[1, 2, 4], true, 2),
            (&[3, 2, 6], true, 2),
            (&[4, 5, 6], false, 1),
            (&[1, 2, 3, 4, 5, 6], true, 2),
            (&[1, 7, 4], false, 1), // 7 is a stranger.
        ];
        for (cosigners, met, have) in rows {
            let opened = open(&example, &note(7, &[&log(1)], cosigners)).unwrap();
            let want = Quorum {
                name: "X-and-Y".into(),
                met: *met,
                have: *have,
                need: 2,
            };
            assert_eq!(opened.quorum(), &want, "{cosigners:?}");
            let known = cosigners.iter().filter(|seed| **seed < 7).count();
            assert_eq!(opened.cosignatures().len(), known);
            let counted: HashSet<u8> = cosigners.iter().copied().filter(|seed| *seed < 7).collect();
            assert_eq!(opened.not_counted().len(), cosigners.len() - counted.len());
        }
        let opened = open(&example, &note(7, &[&log(1)], &[6, 2])).unwrap();
        let cosigned = |name: &str, timestamp| Cosigned {
            name: name.into(),
            timestamp,
        };
        assert_eq!(
            opened.cosignatures(),
            [cosigned("Y3", 1006), cosigned("X2", 1002)]
        );
        assert_eq!(opened.missing(), ["X1", "X3", "Y1", "Y2"]);
        assert_eq!((opened.tree(), opened.log()), (tree(7), log(1).vkey()));
        assert_eq!(opened.checkpoint().origin, ORIGIN);
    }

    #[test]
    fn a_quorum_of_one_or_of_none_is_counted_too() {
        let head = format!("log {}\nwitness W {}\n", log(1).vkey(), witness(1).vkey());
        let rows: &[(&str, &[u8], bool, usize, usize)] = &[
            ("quorum none\n", &[], true, 0, 0),
            ("quorum none\n", &[1], true, 0, 0),
            ("quorum W\n", &[], false, 0, 1),
            ("quorum W\n", &[1], true, 1, 1),
            ("quorum W\n", &[2], false, 0, 1),
            ("group G 1 W\nquorum G\n", &[1], true, 1, 1),
        ];
        for (tail, cosigners, met, have, need) in rows {
            let policy = policy(&format!("{head}{tail}"));
            let opened = open(&policy, &note(7, &[&log(1)], cosigners)).unwrap();
            let Quorum {
                met: m,
                have: h,
                need: n,
                ..
            } = opened.quorum();
            assert_eq!((m, h, n), (met, have, need), "{tail}{cosigners:?}");
        }
    }

    /// Each binding is broken by itself, and each time the checkpoint is refused.
    #[test]
    fn a_checkpoint_is_believed_only_with_all_its_bindings() {
        let example = policy(&format!("# mingzhang until 7\n{}", example()));
        let good = note(7, &[&log(1)], &[1, 2, 4]);
        assert!(open(&example, &good).is_ok());

        assert!(matches!(
            open(&example, &note(8, &[&log(1)], &[])),
            Err(OpenError::Retired { size: 8, until: 7 })
        ));
        let unsigned = OpenError::Unsigned {
            origin: ORIGIN.into(),
        };
        assert_eq!(
            open(&example, &note(7, &[&log(2)], &[1, 2, 4])),
            Err(unsigned.clone())
        );
        assert_eq!(open(&example, &note(7, &[], &[1, 2, 4])), Err(unsigned));
        for at in 0..good.signatures.len() {
            for byte in [0, 8, 40, 63] {
                let mut bad = good.clone();
                bad.signatures[at].bytes[byte] ^= 1;
                let Signature { name, key_id, .. } = bad.signatures[at].clone();
                assert_eq!(
                    open(&example, &bad),
                    Err(OpenError::Signature { name, key_id })
                );
            }
        }
        for (find, put) in [
            ("\n7\n", "\n6\n"),
            ("=\n", "=\nextension\n"),
            (ORIGIN, "example.com/other"),
        ] {
            let mut bad = good.clone();
            bad.text = bad.text.replacen(find, put, 1);
            assert_ne!(bad.text, good.text);
            assert!(open(&example, &bad).is_err(), "{put:?}");
        }
        let other = Signer::from_seed("example.com/other", &[1; 32]).unwrap();
        let text = Checkpoint::new("example.com/other", tree(7)).encode();
        let error = open(&example, &other.sign_note(text)).unwrap_err();
        assert!(
            matches!(error, OpenError::Origin { .. }),
            "the same key under another name: {error}"
        );
        assert_eq!(
            open(&example, &log(1).sign_note("hello\n".into())),
            Err(CheckpointError::Lines.into())
        );
        assert_eq!(example.open(b"hello\n"), Err(NoteError::Unsigned.into()));
        // The log's own key does not make a witness, nor a witness's a log.
        let both = witness(1);
        let as_log = Signer::from_seed(ORIGIN, &[101; 32]).unwrap();
        assert_eq!(as_log.vkey().public_key(), both.vkey().public_key());
        assert!(open(&example, &note(7, &[&as_log], &[1, 2, 4])).is_err());
    }

    /// A vkey of a type that we cannot verify, with the key ID that signed-note gives it, and a line by it.
    fn foreign(name: &str, algorithm: u8, bytes: usize) -> (String, Signature) {
        let key = [&[algorithm][..], &vec![7; bytes]].concat();
        let [a, b, c, d, ..] = Hash::sha256(&[name.as_bytes(), b"\n", &key].concat()).0;
        let key_id = u32::from_be_bytes([a, b, c, d]);
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key);
        let line = Signature {
            name: name.to_owned(),
            key_id,
            bytes: vec![1; 2_420],
        };
        (format!("{name}+{key_id:08x}+{base64}"), line)
    }

    /// Danger: one line of an algorithm of tomorrow makes the policy of a whole network unreadable, or counts without being verified.
    #[test]
    fn a_witness_of_an_unknown_algorithm_is_one_that_has_not_cosigned() {
        for (algorithm, bytes) in [
            (0x06, 1_312),
            (0x02, 91),
            (0x05, 32),
            (0x07, 1_952),
            (0xff, 60),
        ] {
            let (vkey, line) = foreign("pq.example", algorithm, bytes);
            let head = format!(
                "log {}\nwitness A {}\nwitness B {}\nwitness P {vkey} https://pq.example/\n",
                log(1).vkey(),
                witness(1).vkey(),
                witness(2).vkey()
            );
            for (tail, met, have, need) in [
                ("group G 2 A B P\nquorum G\n", true, 2, 2),
                ("group G all A P\nquorum G\n", false, 1, 2),
                ("group H any P\ngroup G any H B\nquorum G\n", true, 1, 1),
                ("quorum P\n", false, 0, 1),
                ("quorum none\n", true, 0, 0),
            ] {
                let policy = policy(&format!("{head}{tail}"));
                let mut note = note(7, &[&log(1)], &[1, 2]);
                note.signatures.push(line.clone());
                let opened = open(&policy, &note).unwrap();
                let quorum = opened.quorum();
                assert_eq!(
                    (quorum.met, quorum.have, quorum.need),
                    (met, have, need),
                    "{tail}"
                );
                assert_eq!(opened.missing(), ["P"]);
                let shown = opened.witnesses().last().unwrap();
                assert_eq!((shown.cosigned, shown.unsupported), (None, Some(algorithm)));
                assert_eq!(shown.counted, tail.contains('P'), "{tail}");
                assert_eq!(
                    opened.not_counted()[0].word,
                    LineWord::Unsupported { algorithm }
                );
                let lacks = opened
                    .lacks()
                    .iter()
                    .any(|lack| lack.of.contains(&"P".to_owned()));
                assert_eq!(lacks, !met, "{tail}");
            }
        }
    }

    /// Danger: a line that counts for nothing is overlooked, since nobody says so.
    #[test]
    fn every_line_is_named_with_what_it_counts_for() {
        let (pq_log, pq_log_line) = foreign(ORIGIN, 0x06, 1_312);
        let (pq, pq_line) = foreign("pq.example", 0x06, 1_312);
        let text = format!(
            "log {}\nlog {pq_log}\nwitness A {}\nwitness P {pq}\nquorum A\n",
            log(1).vkey(),
            witness(1).vkey()
        );
        let policy = policy(&text);
        let mut note = note(7, &[&log(1), &log(1), &log(2)], &[1, 1, 2]);
        note.signatures.extend([pq_line, pq_log_line]);
        let stranger = Signer::from_seed("stranger.example", &[9; 32]).unwrap();
        note.signatures.push(stranger.sign(&note.text));
        let opened = open(&policy, &note).unwrap();
        let words: Vec<&LineWord> = opened.lines().iter().map(|line| &line.word).collect();
        let unsupported = LineWord::Unsupported { algorithm: 6 };
        let unknown = |name_is_known| LineWord::Unknown { name_is_known };
        let (name, timestamp) = ("A".to_owned(), 1_001);
        assert_eq!(
            words,
            [
                &LineWord::Log,
                &LineWord::Twice,
                &unknown(true),
                &LineWord::Witness { name, timestamp },
                &LineWord::Twice,
                &unknown(true),
                &unsupported,
                &unsupported,
                &unknown(false),
            ]
        );
        assert_eq!(opened.not_counted().len(), 7);
        // Without a log key that can be verified there is nothing to judge by.
        let text = format!("log {pq_log}\nquorum none\n");
        let refused = Policy::parse(text.as_bytes()).unwrap_err();
        let name = ORIGIN.to_owned();
        assert_eq!(refused, PolicyError::NoUsableLog { name, algorithm: 6 });
    }

    #[test]
    fn a_rotated_log_is_known_by_either_key() {
        let text = format!(
            "log {}\nlog {}\nquorum none\n",
            log(1).vkey(),
            log(2).vkey()
        );
        let both = policy(&text);
        for (signers, first) in [(&[1][..], 1), (&[2], 2), (&[2, 1], 1), (&[2, 3], 2)] {
            let signers: Vec<Signer> = signers.iter().map(|seed| log(*seed)).collect();
            let opened = open(&both, &note(7, &signers.iter().collect::<Vec<_>>(), &[])).unwrap();
            assert_eq!(opened.log(), log(first).vkey());
        }
        assert!(open(&both, &note(7, &[&log(3)], &[])).is_err());
    }

    #[test]
    fn a_ready_policy_is_written() {
        let genesis = Hash::sha256(b"genesis");
        let made = Policy::new(log(1).vkey().clone(), Some("http://127.0.0.1:7878/")).unwrap();
        let made = made.with_genesis(genesis).with_until(9);
        let text = format!(
            "# mingzhang genesis {genesis}\n# mingzhang until 9\nlog {} http://127.0.0.1:7878/\nquorum none\n",
            log(1).vkey()
        );
        assert_eq!(made.encode(), text);
        assert_eq!(policy(&text), made);
        assert_eq!((made.genesis(), made.until()), (Some(genesis), Some(9)));
        assert!(Policy::new(log(1).vkey().clone(), Some("two words")).is_err());
        assert!(Policy::new(witness(1).vkey().clone(), None).is_err());
    }
}

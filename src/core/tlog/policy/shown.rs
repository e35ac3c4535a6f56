//! What a policy says of a checkpoint in detail, for whoever has to show it: each witness with its time, and what the quorum still lacks.

use std::collections::HashSet;

use super::{Member, Policy};

/// A witness of the policy and its word on one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessShown {
    /// Its name within the policy.
    pub name: String,
    /// The name of its key.
    pub key_name: String,
    /// Its key.
    pub vkey: String,
    /// When it cosigned last, in POSIX seconds by its own clock; `None`: it did not.
    pub cosigned: Option<u64>,
    /// Whether the quorum can count it; a policy may name witnesses that no group has.
    pub counted: bool,
    /// Its key's signature type, where we cannot verify that: it then has not cosigned, whatever lines there are.
    pub unsupported: Option<u8>,
}

/// A signature line of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineShown {
    /// The key name.
    pub name: String,
    /// The key ID.
    pub key_id: u32,
    /// What it counts for.
    pub word: LineWord,
}

/// What a signature line counts for. One by a key of the policy that does not verify is none of these: it condemns the whole note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineWord {
    /// The log's signature.
    Log,
    /// A cosignature of a witness of the policy.
    Witness {
        /// The witness's name within the policy.
        name: String,
        /// When it signed, in POSIX seconds by its own clock.
        timestamp: u64,
    },
    /// Nothing: an earlier line is by the same key.
    Twice,
    /// Nothing: the policy names the key, whose algorithm we cannot verify.
    Unsupported {
        /// The signature type.
        algorithm: u8,
    },
    /// Nothing: the policy does not know the key.
    Unknown {
        /// Whether it knows another key of this name: the line may have been changed, or the key.
        name_is_known: bool,
    },
}

impl LineShown {
    /// Whether it counts for anything.
    pub fn counts(&self) -> bool {
        matches!(self.word, LineWord::Log | LineWord::Witness { .. })
    }
}

/// What a part of the quorum lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The group, or the witness where the quorum is one.
    pub name: String,
    /// How many more of `of` must cosign.
    pub missing: usize,
    /// The members that have not; groups by their names, which have a lack of their own.
    pub of: Vec<String>,
}

impl Policy {
    /// What is missing to the quorum, outermost first; empty if it is met.
    pub(super) fn lacks(&self, cosigned: &HashSet<usize>) -> Vec<Lack> {
        let mut found = Vec::new();
        self.lacks_of(self.quorum, cosigned, &mut found);
        found
    }

    fn lacks_of(&self, member: Member, cosigned: &HashSet<usize>, found: &mut Vec<Lack>) {
        if self.is_witnessed(member, cosigned) {
            return;
        }
        match member {
            Member::Nobody => {}
            Member::Witness(_) | Member::Unsupported(_) => found.push(Lack {
                name: self.name(member).to_owned(),
                missing: 1,
                of: vec![self.name(member).to_owned()],
            }),
            Member::Group(at) => {
                let group = &self.groups[at];
                let absent: Vec<Member> = group
                    .members
                    .iter()
                    .copied()
                    .filter(|member| !self.is_witnessed(*member, cosigned))
                    .collect();
                let have = group.members.len() - absent.len();
                found.push(Lack {
                    name: group.name.clone(),
                    missing: group.need() - have,
                    of: absent
                        .iter()
                        .map(|member| self.name(*member).to_owned())
                        .collect(),
                });
                for member in absent {
                    if matches!(member, Member::Group(_)) {
                        self.lacks_of(member, cosigned, found);
                    }
                }
            }
        }
    }

    /// Groups refer to earlier ones only, so that this ends.
    fn is_witnessed(&self, member: Member, cosigned: &HashSet<usize>) -> bool {
        match member {
            Member::Nobody => true,
            Member::Witness(at) => cosigned.contains(&at),
            Member::Unsupported(_) => false,
            Member::Group(at) => {
                let group = &self.groups[at];
                let members = group.members.iter();
                members
                    .filter(|member| self.is_witnessed(**member, cosigned))
                    .count()
                    >= group.need()
            }
        }
    }

    /// Whether a witness is a member of what the quorum is made of.
    pub(super) fn counts(&self, witness: Member) -> bool {
        self.reaches(self.quorum, witness)
    }

    fn reaches(&self, member: Member, witness: Member) -> bool {
        match member {
            Member::Nobody => false,
            Member::Witness(_) | Member::Unsupported(_) => member == witness,
            Member::Group(at) => {
                let members = self.groups[at].members.iter();
                members.copied().any(|member| self.reaches(member, witness))
            }
        }
    }
}

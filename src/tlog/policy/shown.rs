//! What a policy says of a checkpoint in detail, for whoever has to show it: each witness with its time, and what the quorum still lacks.

use std::collections::HashSet;

use super::super::note::Vkey;
use super::{Member, Policy};

/// A witness of the policy and its word on one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessShown {
    /// Its name within the policy.
    pub name: String,
    /// Its key.
    pub vkey: Vkey,
    /// When it cosigned last, in POSIX seconds by its own clock; `None`: it did not.
    pub cosigned: Option<u64>,
    /// Whether the quorum can count it; a policy may name witnesses that no group has.
    pub counted: bool,
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
            Member::Witness(_) => found.push(Lack {
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
    pub(super) fn counts(&self, witness: usize) -> bool {
        self.reaches(self.quorum, witness)
    }

    fn reaches(&self, member: Member, witness: usize) -> bool {
        match member {
            Member::Nobody => false,
            Member::Witness(at) => at == witness,
            Member::Group(at) => {
                let members = self.groups[at].members.iter();
                members.copied().any(|member| self.reaches(member, witness))
            }
        }
    }
}

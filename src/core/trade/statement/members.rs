//! Typed reading of the members of one object: each refusal names the pointer, what was found and what was wanted.

use super::StatementError;
use crate::tlog::merkle::Hash;
use crate::tlog::note::{Algorithm, Vkey};
use crate::trade::json::Value;
use crate::trade::names::{self, NameError};
use crate::trade::time::OffsetTime;

/// An object and where it stands.
pub(super) struct Members<'v, 'a> {
    value: &'v Value<'a>,
    pointer: String,
}

impl<'v, 'a> Members<'v, 'a> {
    /// The outer object.
    pub(super) fn outer(value: &'v Value<'a>) -> Result<Self, StatementError> {
        Members::at(value, String::new())
    }

    fn at(value: &'v Value<'a>, pointer: String) -> Result<Self, StatementError> {
        match value {
            Value::Object(_) => Ok(Members { value, pointer }),
            _ => Err(StatementError::Member {
                pointer,
                found: value.what().to_owned(),
                wanted: "an object",
            }),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'v Value<'a>> {
        self.value.get(name)
    }

    /// Where a member stands.
    pub(super) fn pointer(&self, name: &str) -> String {
        format!("{}/{name}", self.pointer)
    }

    /// Refuses members that are not among `names`.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), StatementError> {
        let members = self.value.members().expect("at() took an object");
        match members.iter().find(|(name, _)| !names.contains(name)) {
            None => Ok(()),
            Some((name, _)) => Err(StatementError::UnknownMember {
                pointer: self.pointer(name),
                wanted: names.join(", "),
            }),
        }
    }

    pub(super) fn wrong(&self, name: &str, found: &str, wanted: &'static str) -> StatementError {
        StatementError::Member {
            pointer: self.pointer(name),
            found: format!("{:?}", shorten(found)),
            wanted,
        }
    }

    fn required(&self, name: &str, wanted: &'static str) -> Result<&'v Value<'a>, StatementError> {
        self.get(name).ok_or_else(|| StatementError::Missing {
            pointer: self.pointer(name),
            wanted,
        })
    }

    fn mistyped(&self, name: &str, value: &Value<'_>, wanted: &'static str) -> StatementError {
        StatementError::Member {
            pointer: self.pointer(name),
            found: value.what().to_owned(),
            wanted,
        }
    }

    fn string(&self, name: &str, wanted: &'static str) -> Result<&'v str, StatementError> {
        let value = self.required(name, wanted)?;
        value
            .as_str()
            .ok_or_else(|| self.mistyped(name, value, wanted))
    }

    /// A string.
    pub(super) fn text(&self, name: &str) -> Result<&'v str, StatementError> {
        self.string(name, "a string")
    }

    /// A string of 1 to `bytes_max` bytes for people to read.
    pub(super) fn words(
        &self,
        name: &str,
        bytes_max: usize,
        wanted: &'static str,
    ) -> Result<&'v str, StatementError> {
        let text = self.string(name, wanted)?;
        if (1..=bytes_max).contains(&text.len()) {
            Ok(text)
        } else {
            Err(self.wrong(name, text, wanted))
        }
    }

    /// A string in the form that `check` admits.
    pub(super) fn named(
        &self,
        name: &str,
        check: fn(&str) -> Result<(), NameError>,
    ) -> Result<&'v str, StatementError> {
        let text = self.text(name)?;
        check(text).map_err(|source| StatementError::Name {
            pointer: self.pointer(name),
            source,
        })?;
        Ok(text)
    }

    /// An integer of at least `min`.
    pub(super) fn count(
        &self,
        name: &str,
        min: u64,
        wanted: &'static str,
    ) -> Result<u64, StatementError> {
        let value = self.required(name, wanted)?;
        let integer = value
            .as_integer()
            .ok_or_else(|| self.mistyped(name, value, wanted))?;
        let count = u64::try_from(integer).ok().filter(|n| *n >= min);
        count.ok_or_else(|| StatementError::Member {
            pointer: self.pointer(name),
            found: integer.to_string(),
            wanted,
        })
    }

    /// The member `v`.
    pub(super) fn version(&self) -> Result<u64, StatementError> {
        self.count("v", 1, "an integer of at least 1")
    }

    /// A SHA-256 in hexadecimal.
    pub(super) fn hash(&self, name: &str) -> Result<Hash, StatementError> {
        let text = self.string(name, "a SHA-256 in 64 lower-case hexadecimal digits")?;
        names::parse_hash(text).map_err(|source| StatementError::Name {
            pointer: self.pointer(name),
            source,
        })
    }

    /// A SHA-256 in hexadecimal, or `null`; not to be left out.
    pub(super) fn hash_or_null(&self, name: &str) -> Result<Option<Hash>, StatementError> {
        let wanted = "null for the first statement of the chain, else the id of the one before";
        match self.required(name, wanted)? {
            Value::Null => Ok(None),
            Value::String(_) => self.hash(name).map(Some),
            other => Err(self.mistyped(name, other, wanted)),
        }
    }

    /// An RFC 3339 time.
    pub(super) fn time(&self, name: &str) -> Result<OffsetTime, StatementError> {
        let text = self.string(
            name,
            "an RFC 3339 time with offset, such as \"2026-11-23T09:02:03+08:00\"",
        )?;
        OffsetTime::parse(text).map_err(|source| StatementError::Time {
            pointer: self.pointer(name),
            source,
        })
    }

    /// An RFC 3339 time that may be left out.
    pub(super) fn optional_time(&self, name: &str) -> Result<Option<OffsetTime>, StatementError> {
        self.get(name).map(|_| self.time(name)).transpose()
    }

    /// An object that may be left out.
    pub(super) fn object(&self, name: &str) -> Result<Option<Members<'v, 'a>>, StatementError> {
        self.get(name)
            .map(|value| Members::at(value, self.pointer(name)))
            .transpose()
    }

    /// An object that may not be left out.
    pub(super) fn required_object(&self, name: &str) -> Result<Members<'v, 'a>, StatementError> {
        Members::at(self.required(name, "an object")?, self.pointer(name))
    }

    /// An array of 1 to `max` objects.
    pub(super) fn objects(
        &self,
        name: &str,
        max: usize,
        wanted: &'static str,
    ) -> Result<Vec<Members<'v, 'a>>, StatementError> {
        let items = self.items(name, max, wanted)?;
        let at = |(i, item)| Members::at(item, format!("{}/{i}", self.pointer(name)));
        items.iter().enumerate().map(at).collect()
    }

    fn items(
        &self,
        name: &str,
        max: usize,
        wanted: &'static str,
    ) -> Result<&'v [Value<'a>], StatementError> {
        let value = self.required(name, wanted)?;
        let items = value
            .items()
            .ok_or_else(|| self.mistyped(name, value, wanted))?;
        if (1..=max).contains(&items.len()) {
            return Ok(items);
        }
        let found = format!("an array of {}", items.len());
        Err(StatementError::Member {
            pointer: self.pointer(name),
            found,
            wanted,
        })
    }

    /// An Ed25519 vkey whose name the ledger admits.
    pub(super) fn vkey(&self, name: &str) -> Result<Vkey, StatementError> {
        parse_vkey(self.string(name, "a vkey")?, || self.pointer(name))
    }

    /// An array of 1 to `max` such vkeys, no two with the same public key, nor the same name and key ID.
    pub(super) fn vkeys(
        &self,
        name: &str,
        max: usize,
        wanted: &'static str,
    ) -> Result<Vec<Vkey>, StatementError> {
        let mut vkeys: Vec<Vkey> = Vec::new();
        for (i, item) in self.items(name, max, wanted)?.iter().enumerate() {
            let pointer = || format!("{}/{i}", self.pointer(name));
            let text = item.as_str().ok_or_else(|| StatementError::Member {
                pointer: pointer(),
                found: item.what().to_owned(),
                wanted: "a vkey",
            })?;
            let vkey = parse_vkey(text, pointer)?;
            let same = |other: &Vkey| {
                other.public_key() == vkey.public_key()
                    || (other.name() == vkey.name() && other.key_id() == vkey.key_id())
            };
            if vkeys.iter().any(same) {
                return Err(StatementError::KeyTwice { pointer: pointer() });
            }
            vkeys.push(vkey);
        }
        Ok(vkeys)
    }
}

fn parse_vkey(text: &str, pointer: impl Fn() -> String) -> Result<Vkey, StatementError> {
    let vkey = Vkey::parse(text).map_err(|source| StatementError::Vkey {
        pointer: pointer(),
        source,
    })?;
    if vkey.algorithm() != Algorithm::Ed25519 {
        return Err(StatementError::Algorithm {
            pointer: pointer(),
            found: vkey.algorithm().byte(),
        });
    }
    names::check_name(vkey.name()).map_err(|source| StatementError::Name {
        pointer: pointer(),
        source,
    })?;
    Ok(vkey)
}

/// At most 80 characters, for messages.
fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

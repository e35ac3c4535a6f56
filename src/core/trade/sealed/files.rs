//! The files that centre and bidder exchange: the receipt (a signed note), the path and the opening (JSON lines, in the
//! grammar of statements, so that one strict reader serves).

use std::fmt::Write as _;

use crate::tlog::merkle::Hash;
use crate::tlog::note::{Note, NoteError, Signer, Vkey};
use crate::trade::json::{self, JsonError, Value};
use crate::trade::names;
use crate::trade::time::OffsetTime;

use super::{BIDDER_BYTES_MAX, Bid, BidReceipt, Lot, Opening, Path, SLOTS_MAX, slots_are_valid};

/// The most bytes of a bid receipt or a path.
pub const RECEIPT_BYTES_MAX: usize = 16 << 10;

/// The most bytes of an opening. A line of a bid is some 300 bytes, at most 4 KiB with every character of the bidder escaped.
pub const OPENING_BYTES_MAX: usize = SLOTS_MAX as usize * 1_024;

const RECEIPT_PREFIX: &str = "mingzhang-bid-receipt-v1";

/// Why a file is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Larger than is read.
    #[error("{have} bytes, at most {max} are read")]
    TooLong {
        /// Its size.
        have: usize,
        /// The limit.
        max: usize,
    },
    /// Not a signed note.
    #[error("not a signed note")]
    Note(#[from] NoteError),
    /// No signature by a key of the centre verifies.
    #[error("not signed by {wanted}")]
    Signature {
        /// The keys that would do.
        wanted: String,
    },
    /// A line that is not there or not what it should be.
    #[error("line {line} should be {wanted}")]
    Line {
        /// From 1.
        line: usize,
        /// What belongs there.
        wanted: &'static str,
    },
    /// A line that is not in the grammar.
    #[error("line {line}")]
    Json {
        /// From 1.
        line: usize,
        /// What is wrong.
        source: JsonError,
    },
}

impl BidReceipt {
    /// The text that the centre signs: eleven lines.
    fn text(&self) -> String {
        let (lot, bid) = (&self.lot, &self.bid);
        format!(
            "{RECEIPT_PREFIX}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n",
            lot.ledger,
            lot.publisher,
            lot.project,
            lot.lot,
            self.slots,
            bid.slot,
            hex::encode(bid.salt),
            bid.bidder,
            bid.file,
            bid.received_at
        )
    }

    /// The receipt as a note signed by the centre.
    #[must_use]
    pub fn sign(&self, centre: &Signer) -> String {
        centre.sign_note(self.text()).encode()
    }

    /// Reads a receipt and checks that one of the centre's `keys` signed it.
    ///
    /// # Errors
    /// [`FileError`]: too long, not a note, no such signature, or another text.
    pub fn verify(bytes: &[u8], keys: &[Vkey]) -> Result<BidReceipt, FileError> {
        check_length(bytes, RECEIPT_BYTES_MAX)?;
        let note = Note::parse(bytes)?;
        let receipt = BidReceipt::parse(&note.text)?;
        let signed = keys.iter().any(|key| {
            key.name() == receipt.lot.publisher
                && note
                    .signatures_of(key)
                    .any(|signature| key.verify(note.text.as_bytes(), &signature.bytes))
        });
        if signed {
            Ok(receipt)
        } else {
            let names: Vec<String> = keys.iter().map(Vkey::to_string).collect();
            Err(FileError::Signature {
                wanted: names.join(", "),
            })
        }
    }

    fn parse(text: &str) -> Result<BidReceipt, FileError> {
        let lines: Vec<&str> = text.lines().collect();
        let line = |at: usize, wanted| {
            lines.get(at).copied().ok_or(FileError::Line {
                line: at + 1,
                wanted,
            })
        };
        let wrong = |at: usize, wanted| FileError::Line {
            line: at + 1,
            wanted,
        };
        if line(0, RECEIPT_PREFIX)? != RECEIPT_PREFIX {
            return Err(wrong(0, RECEIPT_PREFIX));
        }
        if lines.len() != 11 {
            return Err(wrong(11, "the end: a bid receipt has eleven lines"));
        }
        let name = |at: usize| {
            let text = line(at, "a name")?;
            names::check_name(text).map_err(|_| wrong(at, "a name"))?;
            Ok::<String, FileError>(text.to_owned())
        };
        let id = |at: usize, wanted| {
            let text = line(at, wanted)?;
            names::check_project(text).map_err(|_| wrong(at, wanted))?;
            Ok::<String, FileError>(text.to_owned())
        };
        let lot = Lot {
            ledger: name(1)?,
            publisher: name(2)?,
            project: id(3, "a project id")?,
            lot: id(4, "a lot id")?,
        };
        let slots = number(line(5, "a width")?)
            .filter(|slots| slots_are_valid(*slots))
            .ok_or_else(|| wrong(5, "a power of two, 2 to 65536"))?;
        let slot = number(line(6, "a slot")?)
            .filter(|slot| *slot < slots)
            .ok_or_else(|| wrong(6, "a slot below the width"))?;
        let hash =
            |at: usize, wanted| names::parse_hash(line(at, wanted)?).map_err(|_| wrong(at, wanted));
        let salt = hash(7, "a salt of 64 lower-case hexadecimal digits")?.0;
        let file = hash(9, "a digest of 64 lower-case hexadecimal digits")?;
        let (bidder, received_at) = (line(8, "a bidder")?, line(10, "a time")?);
        check_bidder(bidder).map_err(|wanted| wrong(8, wanted))?;
        OffsetTime::parse(received_at)
            .map_err(|_| wrong(10, "a time such as 2026-11-24T09:00:00+08:00"))?;
        let receipt = BidReceipt {
            lot,
            slots,
            bid: Bid {
                slot,
                salt,
                bidder: bidder.to_owned(),
                file,
                received_at: received_at.to_owned(),
            },
        };
        // One text for one receipt: `\r\n` and the like are another text.
        if receipt.text() == text {
            Ok(receipt)
        } else {
            Err(wrong(11, "lines that end in LF alone"))
        }
    }
}

/// Whether a bidder can stand on one line of what is hashed.
///
/// # Errors
/// What is wanted instead.
pub fn check_bidder(bidder: &str) -> Result<(), &'static str> {
    if bidder.is_empty() || bidder.len() > BIDDER_BYTES_MAX {
        return Err("a bidder's name or code of 1 to 512 bytes");
    }
    if bidder.chars().any(char::is_control) || bidder.trim() != bidder {
        return Err("a bidder's name or code on one line, without spaces around it");
    }
    Ok(())
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|n: &u32| n.to_string() == text)
}

fn check_length(bytes: &[u8], max: usize) -> Result<(), FileError> {
    if bytes.len() > max {
        return Err(FileError::TooLong {
            have: bytes.len(),
            max,
        });
    }
    Ok(())
}

impl Bid {
    /// The bid as one line of JSON, without its line feed.
    #[must_use]
    pub fn line(&self) -> String {
        let (bidder, received) = (
            Value::String(self.bidder.as_str().into()),
            Value::String(self.received_at.as_str().into()),
        );
        format!(
            "{{\"slot\":{},\"salt\":\"{}\",\"bidder\":{},\"file\":\"{}\",\"received_at\":{}}}",
            self.slot,
            hex::encode(self.salt),
            json::encode(&bidder),
            self.file,
            json::encode(&received)
        )
    }

    /// Reads [`Bid::line`].
    ///
    /// # Errors
    /// [`FileError`] with `line` as its number.
    pub fn from_line(text: &str, line: usize) -> Result<Bid, FileError> {
        let value =
            json::parse(text.as_bytes()).map_err(|source| FileError::Json { line, source })?;
        Bid::from_value(&value, line)
    }

    fn from_value(value: &Value<'_>, line: usize) -> Result<Bid, FileError> {
        let wrong = |wanted| FileError::Line { line, wanted };
        let string = |name: &str| value.get(name).and_then(Value::as_str);
        let bidder = string("bidder").ok_or_else(|| wrong("a bid with `bidder`"))?;
        check_bidder(bidder).map_err(wrong)?;
        let received_at = string("received_at")
            .filter(|time| OffsetTime::parse(time).is_ok())
            .ok_or_else(|| wrong("a bid with `received_at`, RFC 3339"))?;
        Ok(Bid {
            slot: slot_of(value).ok_or_else(|| wrong("a bid with `slot`, below 65536"))?,
            salt: hash_of(value, "salt")
                .ok_or_else(|| wrong("a bid with `salt`, 64 hexadecimal digits"))?
                .0,
            bidder: bidder.to_owned(),
            file: hash_of(value, "file")
                .ok_or_else(|| wrong("a bid with `file`, the SHA-256 of the bid file"))?,
            received_at: received_at.to_owned(),
        })
    }
}

fn slot_of(value: &Value<'_>) -> Option<u32> {
    let slot = value.get("slot")?.as_integer()?;
    u32::try_from(slot).ok().filter(|slot| *slot < SLOTS_MAX)
}

fn hash_of(value: &Value<'_>, name: &str) -> Option<Hash> {
    names::parse_hash(value.get(name)?.as_str()?).ok()
}

impl Path {
    /// The path as one line of JSON with its line feed.
    #[must_use]
    pub fn encode(&self) -> String {
        let proof: Vec<String> = self
            .proof
            .iter()
            .map(|hash| format!("\"{hash}\""))
            .collect();
        format!(
            "{{\"register\":\"{}\",\"slot\":{},\"proof\":[{}]}}\n",
            self.register,
            self.slot,
            proof.join(",")
        )
    }

    /// Reads [`Path::encode`].
    ///
    /// # Errors
    /// [`FileError`] if it is anything else.
    pub fn parse(bytes: &[u8]) -> Result<Path, FileError> {
        check_length(bytes, RECEIPT_BYTES_MAX)?;
        let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let value = json::parse(line).map_err(|source| FileError::Json { line: 1, source })?;
        let wrong = |wanted| FileError::Line { line: 1, wanted };
        let proof = value
            .get("proof")
            .and_then(Value::items)
            .ok_or_else(|| wrong("a path with `proof`"))?;
        let proof: Option<Vec<Hash>> = proof
            .iter()
            .map(|hash| names::parse_hash(hash.as_str()?).ok())
            .collect();
        Ok(Path {
            register: hash_of(&value, "register").ok_or_else(|| wrong("a path with `register`"))?,
            slot: slot_of(&value).ok_or_else(|| wrong("a path with `slot`"))?,
            proof: proof.ok_or_else(|| wrong("a path whose `proof` are digests"))?,
        })
    }
}

impl Opening {
    /// The opening as JSON lines: the register and its seed first, then a line a bid, in the order of slots.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = format!(
            "{{\"register\":\"{}\",\"seed\":\"{}\",\"seed_salt\":\"{}\"}}\n",
            self.register,
            hex::encode(self.seed),
            hex::encode(self.seed_salt)
        );
        let mut lines: Vec<(u32, String)> =
            self.bids.iter().map(|bid| (bid.slot, bid.line())).collect();
        lines.extend(self.not_decrypted.iter().map(|(slot, leaf)| {
            (
                *slot,
                format!("{{\"slot\":{slot},\"leaf\":\"{leaf}\",\"decrypted\":false}}"),
            )
        }));
        lines.sort();
        for (_, line) in lines {
            let _ = writeln!(text, "{line}"); // A String takes it.
        }
        text
    }

    /// Reads [`Opening::encode`]; the lines of bids in any order.
    ///
    /// # Errors
    /// [`FileError`] with the number of the line.
    pub fn parse(bytes: &[u8]) -> Result<Opening, FileError> {
        check_length(bytes, OPENING_BYTES_MAX)?;
        let mut lines = bytes
            .split(|byte| *byte == b'\n')
            .enumerate()
            .filter(|(_, line)| !line.is_empty())
            .map(|(at, line)| {
                let line_number = at + 1;
                json::parse(line)
                    .map(|value| (line_number, value))
                    .map_err(|source| FileError::Json {
                        line: line_number,
                        source,
                    })
            });
        let (line, head) = lines.next().ok_or(FileError::Line {
            line: 1,
            wanted: "the register and its seed",
        })??;
        let wrong = |wanted| FileError::Line { line, wanted };
        let mut opening = Opening {
            register: hash_of(&head, "register")
                .ok_or_else(|| wrong("an opening with `register`"))?,
            seed: hash_of(&head, "seed")
                .ok_or_else(|| wrong("an opening with `seed`"))?
                .0,
            seed_salt: hash_of(&head, "seed_salt")
                .ok_or_else(|| wrong("an opening with `seed_salt`"))?
                .0,
            bids: Vec::new(),
            not_decrypted: Vec::new(),
        };
        for next in lines {
            let (line, value) = next?;
            if value.get("decrypted").and_then(Value::as_bool) == Some(false) {
                let found = slot_of(&value).zip(hash_of(&value, "leaf"));
                opening.not_decrypted.push(found.ok_or(FileError::Line {
                    line,
                    wanted: "a bid that was not decrypted, with `slot` and `leaf`",
                })?);
            } else {
                opening.bids.push(Bid::from_value(&value, line)?);
            }
        }
        Ok(opening)
    }
}

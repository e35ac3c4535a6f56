//! `verify`: receipts against policies, offline, step by step, and what that does not show; and evidence files, which show that a log has
//! two histories.

mod verdict;

use std::path::{Path, PathBuf};

use clap::Args;

use super::out::{Answer, Console, Exit, Failure};
use super::policies::Policies;
use super::text::said;
use super::{plain, read_file};
use crate::audit::{FIRST_LINE, ForkEvidence, Shown};
use crate::receipt::RECEIPT_BYTES_MAX;
use crate::verify::{VerifiedRecord, VerifyError, verify};
use verdict::{Endorsements, Verdict};

pub(super) use verdict::shown_words;

/// What `verify` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Receipts (.tlog-proof), or evidence of two histories as `monitor` writes it / 回执，或监测所得证据
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Whom to trust: policy files or folders of them, retired ones too / 信任策略
    #[arg(long, required = true, value_name = "FILE|DIR", num_args = 1)]
    policy: Vec<PathBuf>,
    /// A file you hold: is it one that the statement names? / 核对所持文件
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
}

/// What was in a file, checked.
enum Checked {
    Receipt(Box<Result<VerifiedRecord, VerifyError>>),
    Evidence(Result<Shown, String>),
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let policies = Policies::read(&arguments.policy)?;
    let document = arguments.document.as_deref().map(digest_of).transpose()?;
    // All of them first: one may hold the countersignature of another.
    let (mut checked, mut endorsements) = (Vec::new(), Endorsements::default());
    for file in &arguments.files {
        let bytes = read_file(file, RECEIPT_BYTES_MAX as u64 + 1)?;
        let one = if bytes.starts_with(FIRST_LINE.as_bytes()) {
            let text = String::from_utf8_lossy(&bytes);
            let shown = ForkEvidence::parse(&text).and_then(|found| found.check(&policies));
            Checked::Evidence(shown.map_err(|error| crate::chain_of(&error)))
        } else {
            Checked::Receipt(Box::new(verify(&bytes, &policies)))
        };
        if let Checked::Receipt(outcome) = &one
            && let Ok(record) = &**outcome
        {
            endorsements.add(record);
        }
        checked.push((file.display().to_string(), one));
    }
    let (mut text, mut verdicts, mut worst) = (String::new(), Vec::new(), Exit::Ok);
    for (file, checked) in checked {
        let verdict = match checked {
            Checked::Receipt(outcome) => Verdict::of(
                file,
                &outcome,
                &policies,
                document.as_deref(),
                &endorsements,
            ),
            Checked::Evidence(shown) => Verdict::of_evidence(file, shown),
        };
        text.push_str(&verdict.text(console.lang));
        worst = worse(worst, verdict.exit);
        verdicts.push(verdict.json());
    }
    let code = match worst {
        Exit::Ok => "verified",
        Exit::Policy => "not-yet-witnessed",
        Exit::Input => "unreadable",
        Exit::Contradiction => "contradiction",
        _ => "verification-failed",
    };
    Ok(plain(code, text).exit(worst).with("verdicts", verdicts))
}

/// Proof of a fork outranks a failed check, that an unreadable file, that an unmet policy.
fn worse(a: Exit, b: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Ok => 0,
        Exit::Policy => 1,
        Exit::Input => 2,
        Exit::Contradiction => 4,
        _ => 3,
    };
    if rank(b) > rank(a) { b } else { a }
}

/// The SHA-256 of a file as hexadecimal digits. Of the whole file, however large: it is read a piece at a time.
pub(super) fn digest_of(path: &Path) -> Result<String, Failure> {
    use sha2::{Digest, Sha256};
    use std::io::Read;
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        Failure::input(
            "document",
            said!("读不了 {shown}", "cannot read {shown}").because(&error),
        )
    };
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    let (mut sha256, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => return Ok(hex::encode(sha256.finalize())),
            read => sha256.update(&buffer[..read]),
        }
    }
}

//! A ledger in memory: make it, post one notice, verify the receipt offline. The whole library in one page.
//!
//! Run with: `cargo run --example post_and_verify`

use std::error::Error;

use mingzhang::ledger::clock::system_clock;
use mingzhang::ledger::{Config, Ledger, Wait};
use mingzhang::store::Store;
use mingzhang::tlog::merkle::Hash;
use mingzhang::tlog::note::Signer;
use mingzhang::tlog::policy::Policy;
use mingzhang::trade::statement::{Draft, sign_statement};
use mingzhang::verify::verify;

const ORIGIN: &str = "ledger.example";
const DRAFT: &str = include_str!("../tests/data/yichang/drafts.jsonl");

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Keys of everybody: fixed seeds, for an example only. In earnest each key stays with whoever signs with it.
    let log = Signer::from_seed(ORIGIN, &[1; 32])?;
    let log_vkey = log.vkey().clone();
    let authority = Signer::from_seed("authority.example", &[2; 32])?;
    let centre = Signer::from_seed("centre.example", &[3; 32])?;

    // Record 0 names the log and its authorities; record 1, signed by them, admits the centre.
    let genesis = format!(
        r#"{{"type":"genesis","v":1,"ledger":"{ORIGIN}","follows":null,"hash":"sha-256","log":["{log_vkey}"],"authority":{{"threshold":1,"vkeys":["{}"]}},"operator":{{"name":"operator.example","uscc":null}}}}"#,
        authority.vkey()
    ) + "\n";
    let genesis_id = Hash::sha256(genesis.as_bytes());
    let admit = format!(
        r#"{{"type":"key","v":1,"ledger":"{ORIGIN}","follows":"{genesis_id}","changes":[{{"op":"admit","role":"publisher","vkey":"{}","name":"Example Centre","uscc":null}}]}}"#,
        centre.vkey()
    ) + "\n";
    let genesis = sign_statement(&genesis, &[&authority])?.note().to_vec();
    let admit = sign_statement(&admit, &[&authority])?.note().to_vec();
    let keys_folder = tempfile::tempdir()?; // last-signed lies there.
    let config = Config::new(log, keys_folder.path().to_owned());
    let ledger = Ledger::create(Store::memory(), config, system_clock(), &[genesis, admit]).await?;

    // The centre fills in and signs a draft, and posts it; the answer comes when it is durable and signed.
    let line = DRAFT.lines().next().ok_or("a draft is wanted")?;
    let mut draft = Draft::parse(line.as_bytes())?;
    draft.fill(ORIGIN, centre.name(), None)?;
    let statement = sign_statement(&draft.text()?, &[&centre])?;
    let note = statement.note().to_vec();
    let posted = ledger.post(note.into(), None, Wait::Signed).await?;

    // Anybody, anywhere, with the receipt and the policy alone.
    let policy = Policy::new(log_vkey, None)?.with_genesis(genesis_id);
    let record = verify(posted.receipt.as_bytes(), &[policy])?;
    println!("record {}, statement {}", record.header().index, posted.id);
    print!("{}", record.statement().text());
    Ok(())
}

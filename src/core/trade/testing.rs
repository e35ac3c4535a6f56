//! Keys and statements for unit tests. The seeds are 32 equal bytes: everybody knows these keys, and no real ledger may
//! admit them.

use super::keys::KeyState;
use super::statement::{Statement, sign_statement};
use crate::tlog::merkle::Hash;
use crate::tlog::note::Signer;

pub(crate) const LEDGER: &str = "log.example/2026";

pub(crate) fn signer(name: &str, seed: u8) -> Signer {
    Signer::from_seed(name, &[seed; 32]).unwrap()
}

pub(crate) fn log() -> Signer {
    signer(LEDGER, 1)
}

/// The authorities `a`, `b`, `c` of the genesis; `d` and on are none of them yet.
pub(crate) fn authority(letter: char) -> Signer {
    signer(
        &format!("authority-{letter}.example"),
        2 + u8::try_from(letter).unwrap() - b'a',
    )
}

pub(crate) fn centre() -> Signer {
    signer("ggzy.shaoshan.example", 0x21)
}

pub(crate) fn supervisor() -> Signer {
    signer("jiandu.shaoshan.example", 0x22)
}

pub(crate) fn operator() -> Signer {
    signer("ops.example", 0x23)
}

pub(crate) fn vkeys(signers: &[&Signer]) -> String {
    let quoted: Vec<String> = signers
        .iter()
        .map(|signer| format!("\"{}\"", signer.vkey()))
        .collect();
    format!("[{}]", quoted.join(","))
}

pub(crate) fn genesis_text() -> String {
    format!(
        r#"{{"type":"genesis","v":1,"ledger":"{LEDGER}","follows":null,"hash":"sha-256","log":{},"authority":{{"threshold":2,"vkeys":{}}},"operator":{{"name":"示例运营单位","uscc":null}}}}"#,
        vkeys(&[&log()]),
        vkeys(&[&authority('a'), &authority('b'), &authority('c')])
    ) + "\n"
}

pub(crate) fn genesis() -> Statement {
    sign_statement(&genesis_text(), &[&authority('a'), &authority('b')]).unwrap()
}

pub(crate) fn id_or_null(follows: Option<Hash>) -> String {
    follows.map_or("null".to_owned(), |id| format!("\"{id}\""))
}

pub(crate) fn key_text(follows: Hash, changes: &[String]) -> String {
    let changes = changes.join(",");
    format!(
        r#"{{"type":"key","v":1,"ledger":"{LEDGER}","follows":"{follows}","changes":[{changes}]}}"#
    ) + "\n"
}

/// A key statement signed by the authorities `a` and `b`.
pub(crate) fn key(follows: Hash, changes: &[String]) -> Statement {
    sign_statement(
        &key_text(follows, changes),
        &[&authority('a'), &authority('b')],
    )
    .unwrap()
}

pub(crate) fn admit(role: &str, signer: &Signer) -> String {
    format!(
        r#"{{"op":"admit","role":"{role}","vkey":"{}","name":"示例机构","uscc":null}}"#,
        signer.vkey()
    )
}

pub(crate) fn revoke(signer: &Signer) -> String {
    format!(
        r#"{{"op":"revoke","vkey":"{}","reason":"轮换"}}"#,
        signer.vkey()
    )
}

pub(crate) fn authorities(threshold: usize, signers: &[&Signer]) -> String {
    format!(
        r#"{{"op":"authority","threshold":{threshold},"vkeys":{}}}"#,
        vkeys(signers)
    )
}

pub(crate) fn trade_text(project: &str, follows: Option<Hash>, more: &str) -> String {
    let follows = id_or_null(follows);
    format!(
        r#"{{"type":"trade","v":1,"ledger":"{LEDGER}","publisher":"ggzy.shaoshan.example","follows":{follows},"project":"{project}","stage":"award","kind":"award_notice","category":"construction","title":"中标结果公告","region":"430382","issued":"2026-11-23T09:00:00+08:00"{more}}}"#
    ) + "\n"
}

pub(crate) fn trade(project: &str, follows: Option<Hash>, more: &str) -> Statement {
    sign_statement(&trade_text(project, follows, more), &[&centre()]).unwrap()
}

/// A statement of any other type.
pub(crate) fn other(statement_type: &str, version: u64, by: &Signer) -> Statement {
    let text = format!(
        r#"{{"type":"{statement_type}","v":{version},"ledger":"{LEDGER}","publisher":"{}","follows":null}}"#,
        by.name()
    ) + "\n";
    sign_statement(&text, &[by]).unwrap()
}

/// Genesis at 0 and one key statement at 1 that admits centre, supervisor and operator; and the latter's id.
pub(crate) fn keys_of_three() -> (KeyState, Hash) {
    let genesis = genesis();
    let admits = [
        admit("publisher", &centre()),
        admit("supervisor", &supervisor()),
        admit("operator", &operator()),
    ];
    let key = key(genesis.id(), &admits);
    let mut state = KeyState::from_genesis(&genesis).unwrap();
    state.apply(1, &key).unwrap();
    (state, key.id())
}

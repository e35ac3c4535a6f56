//! `init`: a new ledger. Alone it is a trial set-up with all keys on one machine, and says so; with `--authority` it makes no authority or
//! centre key and leaves the genesis text to be signed where those keys are.

use std::path::{Path, PathBuf};

use clap::Args;

use super::keys::holder::open_key;
use super::keys::{self, Generated, KeyFile};
use super::out::{Answer, Console, Failure};
use super::{plain, read_file, runtime};
use crate::lang::{Bilingual, Said};
use crate::ledger::clock::system_clock;
use crate::ledger::last_signed::LastSignedError;
use crate::ledger::{Config, Ledger, OpenError};
use crate::said;
use crate::store::Store;
use crate::tlog::merkle::Hash;
use crate::tlog::note::{Signer, Vkey};
use crate::tlog::policy::Policy;
use crate::trade::names;
use crate::trade::statement::{GENESIS_NOTE_BYTES_MAX, Statement, sign_statement};

/// What `init` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder of the ledger / 数据目录
    #[arg(long)]
    data: PathBuf,
    /// The ledger's name for ever, such as ledger.city.example/2026 / 账本名称
    #[arg(long, value_name = "NAME")]
    origin: String,
    /// Where the log key and last-signed lie; in earnest outside the data folder / 密钥目录
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Vkeys of the authorities: then no authority or centre key is made here / 管理机构公钥
    #[arg(long, value_name = "VKEY", num_args = 1.., requires = "threshold")]
    authority: Vec<String>,
    /// How many authorities must sign / 须几家签名
    #[arg(long, value_name = "N", requires = "authority")]
    threshold: Option<usize>,
    /// A genesis that the authorities have signed / 已签的创世声明
    #[arg(long, value_name = "FILE", conflicts_with = "authority")]
    genesis: Option<PathBuf>,
    /// Name of the trial trading centre's key / 试用交易中心名称
    #[arg(long, value_name = "NAME")]
    publisher: Option<String>,
}

/// The files of a ledger's folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub data: PathBuf,
    pub keys: PathBuf,
}

impl Folder {
    pub fn new(data: &Path, keys: Option<&Path>) -> Folder {
        Folder {
            data: data.to_owned(),
            keys: keys.map_or_else(|| data.join("keys"), Path::to_owned),
        }
    }

    pub fn log_key(&self) -> PathBuf {
        self.keys.join("log.key")
    }

    pub fn policy(&self) -> PathBuf {
        self.data.join("policy")
    }

    pub fn centre_key(&self) -> PathBuf {
        self.keys.join("centre.key")
    }

    /// The log key and everything that follows from it.
    pub fn config(&self) -> Result<Config, Failure> {
        self.config_with(None)
    }

    /// The same; where the log key is under a passphrase it is in this file, or asked for at the terminal.
    pub fn config_with(&self, passphrase_file: Option<&Path>) -> Result<Config, Failure> {
        let signer = open_key(&self.log_key(), passphrase_file)?.signer(None)?;
        let index_folder = Some(self.data.join("index"));
        let policy = self.read_policy()?;
        Ok(Config {
            index_folder,
            genesis: policy.genesis(),
            policy: Some(policy),
            ..Config::new(signer, self.keys.clone())
        })
    }

    pub fn read_policy(&self) -> Result<Policy, Failure> {
        super::policies::read_policy(&self.policy())
    }

    pub fn store(&self) -> Result<Store, Failure> {
        Store::folder(&self.data).map_err(|error| {
            let (data, cause) = (self.data.display(), crate::chain_of(&error));
            Failure::input(
                "data-folder",
                said!(
                    "打不开数据目录 {data}",
                    "cannot open the data folder {data}"
                )
                .because(&cause),
            )
        })
    }
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    names::check_name(&arguments.origin).map_err(|error| {
        let zh = error.zh();
        Failure::usage(
            "origin",
            Said {
                zh: format!("账本名称有误：{zh}"),
                en: format!("--origin: {error}"),
            },
        )
    })?;
    let folder = Folder::new(&arguments.data, arguments.keys.as_deref());
    make_folder(&folder.data)?;
    make_folder(&folder.keys)?;
    if let Some(warning) = keys::warning_of(&folder.log_key()) {
        console.talk(&warning);
    }
    if folder.data.join("commit").exists() || folder.policy().exists() {
        let data = folder.data.display();
        return Err(Failure::input(
            "exists",
            said!(
                "{data} 里已有账本；请换一个目录，或用 serve 运行它",
                "there is a ledger in {data} already; choose another folder, or serve this one"
            ),
        ));
    }
    if !arguments.authority.is_empty() {
        return begin_in_earnest(console, arguments, &folder);
    }
    match &arguments.genesis {
        Some(file) => {
            let note = read_file(file, GENESIS_NOTE_BYTES_MAX as u64)?;
            create(&folder, &arguments.origin, &[note])?;
            Ok(done(console, &folder, &arguments.origin, false))
        }
        None => {
            trial(
                &folder,
                &arguments.origin,
                arguments.publisher.as_deref(),
                None,
            )?;
            Ok(done(console, &folder, &arguments.origin, true))
        }
    }
}

/// What the authorities say of a trial's trading centre.
#[derive(Clone, Copy)]
pub(super) struct Centre<'a> {
    /// For display.
    pub name: &'a str,
    /// RFC 3339.
    pub live_from: &'a str,
}

/// All keys on one machine: good for a try, worth nothing as evidence against its operator. A centre of which nothing is said is called as its key.
pub(super) fn trial(
    folder: &Folder,
    origin: &str,
    publisher: Option<&str>,
    said_of: Option<Centre<'_>>,
) -> Result<(), Failure> {
    let host = origin.split('/').next().unwrap_or(origin);
    let publisher = publisher.map_or_else(|| format!("centre.{host}"), str::to_owned);
    let make = |name: &str, file: &str| -> Result<Signer, Failure> {
        let generated: Generated = keys::generate(name)?;
        generated.write(&folder.keys.join(file))?;
        link(folder, file);
        Ok(generated.signer)
    };
    let log = log_signer(folder, origin)?;
    link(folder, "log.key");
    let authorities = (1..=3)
        .map(|at| {
            make(
                &format!("authority-{at}.{host}"),
                &format!("authority-{at}.key"),
            )
        })
        .collect::<Result<Vec<_>, _>>()?;
    let centre = make(&publisher, "centre.key")?;
    let operator = make(&format!("operator.{host}"), "operator.key")?;

    let vkeys: Vec<&Vkey> = authorities.iter().map(Signer::vkey).collect();
    let genesis = genesis_text(origin, log.vkey(), &vkeys, 2, operator.name());
    let genesis_id = Hash::sha256(genesis.as_bytes());
    let admit = |role: &str, signer: &Signer, said_of: Option<Centre<'_>>| {
        let name = said_of.map_or(signer.name(), |centre| centre.name);
        let live = said_of.map_or(String::new(), |centre| {
            format!(",\"live_from\":\"{}\"", centre.live_from)
        });
        format!(
            "{{\"op\":\"admit\",\"role\":\"{role}\",\"vkey\":\"{}\",\"name\":\"{name}\",\"uscc\":null{live}}}",
            signer.vkey(),
        )
    };
    let key = format!(
        "{{\"type\":\"key\",\"v\":1,\"ledger\":\"{origin}\",\"follows\":\"{genesis_id}\",\"changes\":[{},{}]}}\n",
        admit("publisher", &centre, said_of),
        admit("operator", &operator, None)
    );
    let signed = |text: &str| {
        let statement = sign_statement(text, &[&authorities[0], &authorities[1]]);
        statement
            .map(|statement: Statement| statement.note().to_vec())
            .map_err(|error| {
                let cause = crate::chain_of(&error);
                Failure::usage(
                    "genesis",
                    said!("做不成创世声明", "the genesis cannot be made").because(&cause),
                )
            })
    };
    create(folder, origin, &[signed(&genesis)?, signed(&key)?])
}

/// Leaves a genesis text that the authorities sign with their own keys, elsewhere.
fn begin_in_earnest(
    console: &Console,
    arguments: &Arguments,
    folder: &Folder,
) -> Result<Answer, Failure> {
    let vkeys = arguments.authority.iter().map(|text| {
        text.parse::<Vkey>().map_err(|error| {
            let cause = crate::chain_of(&error);
            Failure::usage(
                "vkey",
                said!("{text} 不是 vkey", "{text} is not a vkey").because(&cause),
            )
        })
    });
    let vkeys = vkeys.collect::<Result<Vec<_>, _>>()?;
    let (threshold, count) = (arguments.threshold.unwrap_or(0), vkeys.len());
    if threshold == 0 || threshold > count {
        return Err(Failure::usage(
            "threshold",
            said!(
                "--threshold 为 {threshold}，应在 1 与 {count} 之间",
                "--threshold is {threshold}, wanted 1 to {count}"
            ),
        ));
    }
    let host = arguments
        .origin
        .split('/')
        .next()
        .unwrap_or(&arguments.origin);
    let log = log_signer(folder, &arguments.origin)?;
    let text = genesis_text(
        &arguments.origin,
        log.vkey(),
        &vkeys.iter().collect::<Vec<_>>(),
        threshold,
        &format!("operator.{host}"),
    );
    let path = folder.data.join("genesis.json");
    keys::create(&path, text.as_bytes(), 0o644)?;
    let (id, shown, origin) = (
        Hash::sha256(text.as_bytes()),
        path.display(),
        &arguments.origin,
    );
    let (data, keys) = (folder.data.display(), folder.keys.display());
    let said = said!(
        "已生成日志密钥，没有生成管理机构或交易中心的密钥。\n创世声明在 {shown}，其编号为 {id}\n下一步：至少 {threshold} 家管理机构各自核对后签名：\n  mingzhang sign --key 机构.key {shown} > genesis.note   （其余机构对 genesis.note 继续 sign）\n然后：\n  mingzhang init --data {data} --keys {keys} --origin {origin} --genesis genesis.note\n",
        "a log key was made, no authority or centre key.\nthe genesis text is in {shown}, its id is {id}\nnext, at least {threshold} authorities read it and sign it, each with its own key:\n  mingzhang sign --key AUTHORITY.key {shown} > genesis.note   (the others sign genesis.note)\nthen:\n  mingzhang init --data {data} --keys {keys} --origin {origin} --genesis genesis.note\n"
    );
    Ok(plain("genesis-to-sign", said.in_(console.lang))
        .with("genesis_id", id.to_string())
        .with("file", path.display().to_string()))
}

fn genesis_text(
    origin: &str,
    log: &Vkey,
    authorities: &[&Vkey],
    threshold: usize,
    operator: &str,
) -> String {
    let vkeys: Vec<String> = authorities
        .iter()
        .map(|vkey| format!("\"{vkey}\""))
        .collect();
    format!(
        "{{\"type\":\"genesis\",\"v\":1,\"ledger\":\"{origin}\",\"follows\":null,\"hash\":\"sha-256\",\"log\":[\"{log}\"],\"authority\":{{\"threshold\":{threshold},\"vkeys\":[{}]}},\"operator\":{{\"name\":\"{operator}\",\"uscc\":null}}}}\n",
        vkeys.join(",")
    )
}

/// The log key, made now unless `init` made it in an earlier step.
fn log_signer(folder: &Folder, origin: &str) -> Result<Signer, Failure> {
    let path = folder.log_key();
    if path.exists() {
        let signer = KeyFile::read(&path)?.signer(Some(origin))?;
        // One that was put there by hand has no vkey beside it, which `serve` takes the key's name from.
        let vkey = path.with_extension("vkey");
        if !vkey.exists() {
            keys::create(&vkey, format!("{}\n", signer.vkey()).as_bytes(), 0o644)?;
        }
        return Ok(signer);
    }
    let generated = keys::generate(origin)?;
    generated.write(&path)?;
    Ok(generated.signer)
}

/// Keys of a trial lie in `keys/`; links beside the data make them easy to name.
fn link(folder: &Folder, file: &str) {
    if folder.keys == folder.data.join("keys") {
        let _ = std::os::unix::fs::symlink(Path::new("keys").join(file), folder.data.join(file));
    }
}

fn create(folder: &Folder, origin: &str, notes: &[Vec<u8>]) -> Result<(), Failure> {
    let signer = log_signer(folder, origin)?;
    let log_vkey = signer.vkey().clone();
    let genesis = Statement::parse(&notes[0]).map_err(|error| {
        Failure::input(
            "genesis",
            Said {
                zh: format!("创世声明有误：{}", error.zh()),
                en: format!("the genesis: {}", crate::chain_of(&error)),
            },
        )
    })?;
    let config = Config {
        index_folder: Some(folder.data.join("index")),
        genesis: Some(genesis.id()),
        ..Config::new(signer, folder.keys.clone())
    };
    let store = folder.store()?;
    let ledger = runtime().block_on(async {
        let ledger = Ledger::create(store, config, system_clock(), notes).await?;
        // Whoever opens it next, in this process too, finds its lock free.
        ledger.close().await;
        Ok(())
    });
    ledger.map_err(|error| opening_failed(&error))?;
    let policy = Policy::new(log_vkey, None).map_err(|error| {
        let cause = crate::chain_of(&error);
        Failure::input(
            "policy",
            said!("写不成策略文件", "the policy cannot be made").because(&cause),
        )
    })?;
    let policy = policy.with_genesis(genesis.id()).encode();
    Ok(keys::create(&folder.policy(), policy.as_bytes(), 0o644)?)
}

/// A ledger that does not open: which exit code, and its own words, which say what to do.
pub(super) fn opening_failed(error: &OpenError) -> Failure {
    let cause = crate::chain_of(error);
    let zh = error.zh().unwrap_or_else(|| cause.clone());
    let said = Said {
        zh: format!("打不开账本：{zh}"),
        en: format!("the ledger does not open: {cause}"),
    };
    let is_busy = matches!(
        error,
        OpenError::Lock(_) | OpenError::LastSigned(LastSignedError::Lock(_))
    );
    if error.may_pass() || is_busy {
        Failure::temporary("ledger-busy", said)
    } else {
        Failure::input("ledger-refused", said)
    }
}

fn make_folder(path: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(path).map_err(|error| {
        let shown = path.display();
        Failure::input(
            "folder",
            said!("建不了目录 {shown}", "cannot make the folder {shown}").because(&error),
        )
    })
}

fn done(console: &Console, folder: &Folder, origin: &str, trial: bool) -> Answer {
    let (data, policy, keys) = (
        folder.data.display(),
        folder.policy().display().to_string(),
        folder.keys.display(),
    );
    let centre = folder.centre_key().display().to_string();
    let elsewhere = match folder.keys == folder.data.join("keys") {
        true => String::new(),
        false => format!(" --keys {keys}"),
    };
    let said = if trial {
        said!(
            "账本 {origin} 已建立，数据在 {data}。\n这是试用设置：日志、管理机构和交易中心的密钥都在这一台机器的 {keys}，因此它对运行者本人不构成证据。\n正式使用请用 --authority 与 --threshold，让各机构的密钥留在各机构，并用 --keys 把日志密钥放到数据目录之外。\n策略文件（验证者需要它）：{policy}\n下一步：\n  mingzhang serve --data {data}{elsewhere}\n  mingzhang post --ledger http://127.0.0.1:7878 --key {centre} 草稿.jsonl\n",
            "the ledger {origin} stands in {data}.\nThis is a trial set-up: the keys of the log, the authorities and the trading centre all lie on this machine, in {keys}, so it proves nothing against its operator.\nIn earnest use --authority and --threshold, so that each body keeps its own key, and --keys to put the log key outside the data folder.\npolicy file, which verifiers need: {policy}\nnext:\n  mingzhang serve --data {data}{elsewhere}\n  mingzhang post --ledger http://127.0.0.1:7878 --key {centre} DRAFTS.jsonl\n"
        )
    } else {
        said!(
            "账本 {origin} 已建立，数据在 {data}。策略文件：{policy}\n下一步：mingzhang serve --data {data} --keys {keys}，再发布由管理机构签名的 key 声明，接纳交易中心的密钥。\n",
            "the ledger {origin} stands in {data}. policy file: {policy}\nnext: mingzhang serve --data {data} --keys {keys}, then post a key statement, signed by the authorities, that admits the trading centre's key.\n"
        )
    };
    plain("ledger-made", said.in_(console.lang))
        .with("origin", origin)
        .with("policy", policy)
        .with("trial", trial)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The query index of a ledger just made has a thread of its own, which outlived the making and held the lock.
    #[test]
    fn a_ledger_just_made_opens_at_once() {
        for _ in 0..20 {
            let place = tempfile::tempdir().unwrap();
            let folder = Folder::new(place.path(), None);
            std::fs::create_dir_all(&folder.keys).unwrap();
            trial(&folder, "opens.mingzhang.example", None, None).unwrap();

            let opened = runtime().block_on(Ledger::open(
                folder.store().unwrap(),
                folder.config().unwrap(),
                system_clock(),
            ));
            assert_eq!(opened.unwrap().head().tree.size, 2);
        }
    }
}

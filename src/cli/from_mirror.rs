//! `restore --from-mirror`: a mirror has the records, and not what makes a writer of them: the commits, `head`, openings and documents.
//!
//! Promises: the mirror is replayed as an audit does before a byte of it is used, and what was built once more; the folder that results goes
//! on exactly where the mirror ends, and only if that is where the log key has signed to (last-signed), or nobody here knows (then `serve`
//! asks the witnesses or the operator). Everything that a mirror cannot have is taken from the backup, and what is not there is named.
//!
//! One commit is built, of the newest record: what lies before it is under `head`, and no writer needs its batches any more.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::copied::{audit, check_sums, copy_failed, copy_file, list, write_file};
use super::init::Folder;
use super::out::{Answer, Console, Exit, Failure};
use super::restore::{
    Held, RestoreArguments, hold, must_be_empty, newest_size, next_step, put_in_place,
    restored_policies,
};
use super::{plain, runtime};
use crate::audit::open_by;
use crate::lang::Said;
use crate::said;
use crate::store::commit::Commit;
use crate::store::{LogReader, ReadError, Source, Store};
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::note::{NOTE_BYTES_MAX, Note};
use crate::tlog::policy::{Policy, VerifiedCheckpoint};
use crate::tlog::tile::{Edge, Tile};
use crate::trade::commitment;
use crate::trade::record::parse_entry;
use crate::trade::statement::Statement;

/// Of what is missing, so much is named on the terminal; `--json` has all.
const NAMED: usize = 20;

pub(super) fn restore(
    console: &Console,
    arguments: &RestoreArguments,
    mirror: &Path,
) -> Result<Answer, Failure> {
    let folder = Folder::new(&arguments.data, arguments.keys.as_deref());
    must_be_empty(&folder)?;
    let backup = arguments.backup.as_deref();
    // 1. The backup's files are those that were backed up.
    let of_backup = match backup {
        Some(backup) => check_sums(backup)?,
        None => Default::default(),
    };
    let policies = restored_policies(console, arguments, backup)?;
    // 2. The mirror is a whole log, by the policy that the restorer trusts; nobody signs with its key meanwhile.
    let signed = checkpoint(mirror, &policies)?;
    let held = hold(&folder, &policies)?;
    let tree = signed.tree();
    let records = audit(mirror, &policies).map_err(|mut fault| {
        let damaged = said!(
            "镜像已损坏或不是所信任的账本，没有恢复任何文件",
            "the mirror is damaged, or not of the log that is trusted; nothing was restored"
        );
        fault.said = damaged.then(&fault.said);
        fault
    })?;
    let store = Store::folder(mirror).map_err(|error| unreadable(&crate::chain_of(&error)))?;
    let reader = LogReader::new(Source::Store(store));
    // 3. It reaches as far as the key has signed, with the same records; and no backup has more.
    let agrees = against_last_signed(&held, &reader, &tree, &policies)?;
    let backed_up = backup.map_or(0, |backup| newest_size(backup, 0));
    if backed_up > records {
        return Err(Failure::input(
            "backup-newer",
            said!(
                "备份有 {backed_up} 条，比镜像的 {records} 条新：请直接用备份恢复（mingzhang restore 备份目录）",
                "the backup has {backed_up} records, more than the mirror's {records}: restore from the backup alone (mingzhang restore BACKUP)"
            ),
        ));
    }
    // 4. All of it is built beside its place.
    let begun = folder.data.join(".restoring");
    let built = build(&begun, mirror, &reader, &signed, &policies).and_then(|()| {
        let wanted = |name: &&String| {
            ["openings/", "documents/", "log/checkpoints/"]
                .iter()
                .any(|part| name.starts_with(part))
        };
        for name in of_backup.keys().filter(wanted) {
            let from = backup.expect("files of a backup come from one");
            if !begun.join(name).exists() {
                copy_file(from, &begun, name).map_err(|error| copy_failed(&folder.data, &error))?;
            }
        }
        audit(&begun, &policies)?;
        missing(&begun, &reader, &tree, backed_up)
    });
    let missing = built.inspect_err(|_| drop(std::fs::remove_dir_all(&begun)))?;
    put_in_place(&begun, &folder)?;
    drop(held);

    let Said { zh, en } = next_step(&folder, records, agrees);
    let data = folder.data.display();
    let Said {
        zh: gaps_zh,
        en: gaps_en,
    } = missing.said(backed_up);
    let Said { zh, en } = said!(
        "已由镜像恢复到 {data}：{records} 条记录，使用前已全部验证；提交文件和 head 已重建。\n{gaps_zh}{zh}\n",
        "restored to {data} from the mirror: {records} records, all verified before use; commit and head were rebuilt.\n{gaps_en}{en}\n"
    );
    Ok(plain("restored", console.lang.say(&zh, &en))
        .with("records", records)
        .with("last_signed", agrees)
        .with("documents_missing", missing.documents_json())
        .with("openings_unknown", missing.openings.clone()))
}

fn unreadable(why: &str) -> Failure {
    Failure::input(
        "mirror",
        said!("镜像读不了", "the mirror cannot be read").because(&why),
    )
}

/// What the mirror shows, if it is a mirror and of the log that the policy names.
fn checkpoint(mirror: &Path, policies: &[Policy]) -> Result<VerifiedCheckpoint, Failure> {
    let path = mirror.join("checkpoint");
    if !path.exists() {
        let shown = mirror.display();
        return Err(Failure::input(
            "no-mirror",
            said!(
                "{shown} 里没有 checkpoint：这不是镜像（mingzhang mirror 的输出目录）",
                "there is no checkpoint in {shown}: it is no mirror (the folder that `mingzhang mirror` writes)"
            ),
        ));
    }
    let note = super::read_file(&path, NOTE_BYTES_MAX as u64)?;
    open_by(&note, policies).map_err(|why| {
        let origins = policies.iter().flat_map(Policy::logs);
        let origins: BTreeSet<&str> = origins.map(|log| log.vkey.name()).collect();
        let wanted = origins.into_iter().collect::<Vec<_>>().join(", ");
        Failure::new(
            Exit::Failed,
            "other-log",
            said!(
                "镜像的检查点不是所信任账本（{wanted}）签的：可能是另一个账本的镜像，或策略不对，没有恢复任何文件",
                "the mirror's checkpoint is not signed by the log that is trusted ({wanted}): it is another log's mirror, or the wrong policy; nothing was restored"
            )
            .because(&why),
        )
    })
}

/// Whether last-signed is there and says exactly what the mirror has.
fn against_last_signed(
    held: &Held,
    reader: &LogReader,
    tree: &Tree,
    policies: &[Policy],
) -> Result<bool, Failure> {
    let Some(signed) = held.newest() else {
        return Ok(false);
    };
    let (have, want) = (tree.size, signed.size);
    if have < want {
        let lacking = want - have;
        let behind = said!(
            "日志密钥已签到 {want} 条，镜像只有 {have} 条，还缺 {lacking} 条：由此写下去会有两份历史。没有恢复任何文件。请找更新的镜像或备份",
            "the log key has signed {want} records, the mirror has {have}, {lacking} are missing: going on from it would make a second history. Nothing was restored. Look for a newer mirror or backup"
        );
        let needs_witnesses = |policy: &Policy| policy.quorum_if(|_| false).need > 0;
        let uncosigned = said!(
            "策略要求见证，镜像只有已联署的记录：已签名而未联署的，任何镜像都没有，只能来自备份或原来的磁盘（见 docs/operations.md 第 6 节）",
            "by the policy a mirror has what a quorum has cosigned: what was signed and not cosigned yet is in no mirror, only in a backup or on the old disk (docs/operations.md, section 6)"
        );
        return Err(Failure::new(
            Exit::Failed,
            "behind-last-signed",
            match policies.iter().any(needs_witnesses) {
                true => behind.then(&uncosigned),
                false => behind,
            },
        ));
    }
    let there = runtime()
        .block_on(reader.tree_at(want, tree))
        .map_err(|error| unreadable(&crate::chain_of(&error)))?;
    if there != signed {
        let (found, wanted) = (there.root_hash, signed.root_hash);
        return Err(Failure::new(
            Exit::Failed,
            "beside-last-signed",
            said!(
                "镜像与 last-signed 矛盾：前 {want} 条的根摘要，镜像为 {found}，日志密钥签的是 {wanted}。这是两份历史，没有恢复任何文件；请保留镜像作为证据，见 docs/operations.md",
                "the mirror contradicts last-signed: the first {want} records have root {found} in the mirror, the log key has signed {wanted}. These are two histories; nothing was restored. Keep the mirror as evidence; see docs/operations.md"
            ),
        ));
    }
    Ok(have == want)
}

/// `log/` from the mirror's verified tiles, `head`, the commit of the newest record, and the policy.
fn build(
    begun: &Path,
    mirror: &Path,
    reader: &LogReader,
    signed: &VerifiedCheckpoint,
    policies: &[Policy],
) -> Result<(), Failure> {
    let tree = signed.tree();
    let written = |name: &str, bytes: &[u8]| {
        write_file(begun, name, bytes).map_err(|error| copy_failed(begun, &error))
    };
    let read = |error: ReadError| unreadable(&crate::chain_of(&error));
    // 1. The public objects, as the tree implies them and no others.
    let runtime = runtime();
    for tile in Tile::implied(tree.size) {
        let (_, bytes) = runtime
            .block_on(reader.tile_bytes(&tree, tile))
            .map_err(read)?;
        written(&format!("log/{}", tile.path()), &bytes)?;
    }
    // What the writer's edge is read from where the commit begins: the beginnings of what is there.
    let Some(last) = tree.size.checked_sub(1) else {
        return Err(unreadable("there is no record in it"));
    };
    for tile in Edge::needed(last) {
        let whole = match tile {
            Tile::Hashes { level, index, .. } => Tile::hashes(level, index, tree.size),
            Tile::Entries { index, .. } => Tile::entries(index, tree.size),
        };
        let whole = whole.expect("a larger tree has all of a smaller one");
        let (name, bytes) = runtime
            .block_on(reader.tile_bytes(&tree, whole))
            .map_err(read)?;
        let cut = tile
            .cut(&bytes)
            .map_err(|source| read(ReadError::Tile { name, source }))?;
        written(&format!("log/{}", tile.path()), cut)?;
    }
    let mut kept = Vec::new();
    list(mirror, "checkpoints", &mut kept).map_err(|error| copy_failed(begun, &error))?;
    for name in kept.iter().map(String::as_str).chain(["checkpoint"]) {
        let bytes = super::read_file(&mirror.join(name), NOTE_BYTES_MAX as u64)?;
        written(&format!("log/{name}"), &bytes)?;
    }
    // 2. What the log alone has signed of it.
    let log_lines = signed.note().signatures.iter().filter(|line| {
        let keys = policies.iter().flat_map(Policy::logs);
        keys.into_iter().any(|log| line.names(&log.vkey))
    });
    let head = Note {
        text: signed.note().text.clone(),
        signatures: log_lines.cloned().collect(),
    };
    written("log/head", head.encode().as_bytes())?;
    // 3. The newest record was never erased: an order to erase is a later record than what it erases.
    let entry = runtime.block_on(reader.entry(&tree, last)).map_err(read)?;
    let commit = Commit {
        origin: signed.checkpoint().origin.clone(),
        old: runtime
            .block_on(reader.tree_at(last, &tree))
            .map_err(read)?,
        new: tree,
        previous: Hash::ZERO,
        entries: vec![entry],
    };
    written(&Commit::name(last), &commit.encode())?;
    let in_force = policies.iter().find(|policy| policy.until().is_none());
    let policy = in_force.ok_or_else(|| {
        Failure::usage(
            "policy",
            said!(
                "给出的策略都已停用：账本需要现行的一份",
                "every policy given is retired: a ledger runs by the one in force"
            ),
        )
    })?;
    written("policy", policy.encode().as_bytes())
}

/// What neither the mirror nor the backup has.
#[derive(Default)]
struct Missing {
    /// Documents that the log names: digest, name, and the first record that names it.
    documents: Vec<(Hash, String, u64)>,
    /// Records with commitments, newer than the backup, of which no opening is there: whether any was shown is not known.
    openings: Vec<u64>,
}

fn missing(
    begun: &Path,
    reader: &LogReader,
    tree: &Tree,
    backed_up: u64,
) -> Result<Missing, Failure> {
    let (mut missing, mut seen) = (Missing::default(), BTreeSet::new());
    let runtime = runtime();
    for number in 0..tree.size.div_ceil(256) {
        let entries = runtime.block_on(reader.bundle(tree, number));
        let entries = entries.map_err(|error| unreadable(&crate::chain_of(&error)))?;
        for (index, entry) in (number * 256..).zip(&entries) {
            // Erased ones are empty, and want nothing; the audit has said what cannot be read.
            let statement = parse_entry(entry).ok();
            let Some(statement) = statement.and_then(|(_, note)| Statement::parse(note).ok())
            else {
                continue;
            };
            for document in statement.fields().documents() {
                let name = format!("documents/{}", document.sha256);
                if seen.insert(document.sha256) && !begun.join(name).exists() {
                    let name = document.name.to_owned();
                    missing.documents.push((document.sha256, name, index));
                }
            }
            let opened = begun.join(format!("openings/{}", statement.id())).exists();
            let fields = statement.fields();
            if index >= backed_up && !opened && !commitment::find(fields.value()).is_empty() {
                missing.openings.push(index);
            }
        }
    }
    Ok(missing)
}

impl Missing {
    fn documents_json(&self) -> serde_json::Value {
        let each = self.documents.iter().map(
            |(sha256, name, record)| json!({"sha256": sha256.to_string(), "name": name, "record": record}),
        );
        each.collect()
    }

    fn said(&self, backed_up: u64) -> Said {
        let mut all = Said::default();
        let mut add = |line: Said| {
            all.zh.push_str(&line.zh);
            all.zh.push('\n');
            all.en.push_str(&line.en);
            all.en.push('\n');
        };
        if !self.documents.is_empty() {
            let count = self.documents.len();
            add(said!(
                "缺少 {count} 个文件（账本中有其摘要，谁有原件都可以再上传）：",
                "{count} documents are missing (the log has their digests; whoever has one can upload it again):"
            ));
            for (sha256, name, record) in self.documents.iter().take(NAMED) {
                let name = name.replace(char::is_control, "?");
                add(said!(
                    "  第 {record} 号记录：{name}，SHA-256 {sha256}",
                    "  record {record}: {name}, SHA-256 {sha256}"
                ));
            }
            rest(count, &mut add);
        }
        if !self.openings.is_empty() {
            let count = self.openings.len();
            add(said!(
                "备份之后（自第 {backed_up} 号起）有 {count} 条记录含承诺值而没有原值：是否曾公开过，账本中看不出，请向发布方索取：",
                "{count} records newer than the backup (from record {backed_up} on) have commitments and no opening here: whether any was shown the log does not say; ask their publishers:"
            ));
            for record in self.openings.iter().take(NAMED) {
                add(said!("  第 {record} 号记录", "  record {record}"));
            }
            rest(count, &mut add);
        }
        all
    }
}

fn rest(count: usize, add: &mut impl FnMut(Said)) {
    let more = count.saturating_sub(NAMED);
    if more > 0 {
        add(said!(
            "  另有 {more} 项，见 --json",
            "  and {more} more, see --json"
        ));
    }
}

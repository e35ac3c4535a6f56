//! `seal` and `bid`: sealed bids (`docs/sealed-bids.md`). The centre keeps a [`book`] a lot; what is published is an ordinary
//! draft, which `post` posts; what a bidder needs to prove his bid are files.

mod book;
mod check;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::out::{Answer, Console, Failure};
use super::{KeyArguments, fetch, plain, read_file};
use crate::receipt::RECEIPT_BYTES_MAX;
use crate::said;
use crate::tlog::merkle::Hash;
use crate::trade::commitment::Place;
use crate::trade::names;
use crate::trade::sealed::{
    self, Bid, BidReceipt, Opening, Register, SLOTS, Sealed, check_bidder, draw_slot, seed_opening,
    slots_are_valid,
};
use crate::trade::statement::Statement;
use crate::trade::time::OffsetTime;

use book::{Book, Head, Made};

/// The time in China, which is the time of every notice here.
const OFFSET_MINUTES: i16 = 480;

/// What `seal` is told.
#[derive(Debug, Args)]
pub(super) struct SealArguments {
    /// The lot's book / 投标登记簿
    #[arg(long, value_name = "FILE")]
    book: PathBuf,
    #[command(flatten)]
    key: KeyArguments,
    /// Its unified social credit code (统一社会信用代码), or its name / 投标人代码或名称
    #[arg(long, value_name = "CODE|NAME")]
    bidder: String,
    /// Where the bidder's receipt goes; nothing: standard output / 投标回执
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The bid as handed in, encrypted or sealed; only its SHA-256 is kept / 投标文件
    file: PathBuf,
}

/// What `bid` is told.
#[derive(Debug, Subcommand)]
pub(super) enum Bidding {
    /// Begin the book of a lot / 建立标段的投标登记簿
    Book(BookArguments),
    /// Make the draft of a register of all bids so far / 生成密封登记草稿
    Register(RegisterArguments),
    /// Make each bidder's path to a register that was logged / 生成各投标人的路径
    Paths(PathsArguments),
    /// Open a register: the list of slots, and the draft of the opening record / 启封
    Open(OpenArguments),
    /// As a bidder or anybody: check a register, a receipt, an opening / 核对
    Check(check::Arguments),
}

/// What `bid book` is told.
#[derive(Debug, Args)]
pub(super) struct BookArguments {
    /// The ledger's origin, the first line of its checkpoints / 账本名
    #[arg(long, value_name = "ORIGIN")]
    ledger: String,
    /// The centre's key name, which its statements are signed under / 交易中心密钥名
    #[arg(long, value_name = "NAME")]
    publisher: String,
    /// The project's id / 项目编号
    #[arg(long)]
    project: String,
    /// The lot's id / 标段编号
    #[arg(long, default_value = "1")]
    lot: String,
    /// The project's category, such as construction / 类别
    #[arg(long)]
    category: String,
    /// Code of its administrative division (行政区划代码), 6 digits / 行政区划代码，6 位
    #[arg(long)]
    region: Option<String>,
    /// The project's name, for titles / 项目名称
    #[arg(long)]
    title: String,
    /// The width that was announced: a power of two, half of which can be bids / 槽位数
    #[arg(long, default_value_t = SLOTS)]
    slots: u32,
    /// The new book, private to you / 登记簿文件
    file: PathBuf,
}

/// What `bid register` is told.
#[derive(Debug, Args)]
pub(super) struct RegisterArguments {
    /// The lot's book / 投标登记簿
    #[arg(long, value_name = "FILE")]
    book: PathBuf,
    /// Where the draft goes, for `post` / 草稿文件
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// What `bid paths` is told.
#[derive(Debug, Args)]
pub(super) struct PathsArguments {
    /// The lot's book / 投标登记簿
    #[arg(long, value_name = "FILE")]
    book: PathBuf,
    /// The record's receipt that `post --receipts` wrote / 登记记录的回执
    #[arg(long, value_name = "RECEIPT")]
    register: PathBuf,
    /// Where the paths go, a file a bidder / 输出目录
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

/// What `bid open` is told.
#[derive(Debug, Args)]
pub(super) struct OpenArguments {
    /// The lot's book / 投标登记簿
    #[arg(long, value_name = "FILE")]
    book: PathBuf,
    /// The receipt of the last register before the opening / 开标前最后一次登记的回执
    #[arg(long, value_name = "RECEIPT")]
    register: PathBuf,
    /// A slot whose bid was not decrypted; may be repeated / 未解密的槽位
    #[arg(long, value_name = "SLOT")]
    not_decrypted: Vec<u32>,
    /// Where the list and the draft go / 输出目录
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

pub(super) fn run(console: &Console, bidding: &Bidding) -> Result<Answer, Failure> {
    match bidding {
        Bidding::Book(arguments) => begin(console, arguments),
        Bidding::Register(arguments) => register(console, arguments),
        Bidding::Paths(arguments) => paths(console, arguments),
        Bidding::Open(arguments) => open(console, arguments),
        Bidding::Check(arguments) => check::run(console, arguments),
    }
}

fn begin(console: &Console, arguments: &BookArguments) -> Result<Answer, Failure> {
    let wrong =
        |what: &str, wanted: &str| Failure::usage("book", said!("{what} 有误", "{what}: {wanted}"));
    for (what, name) in [
        ("--ledger", &arguments.ledger),
        ("--publisher", &arguments.publisher),
    ] {
        names::check_name(name).map_err(|error| wrong(what, &error.to_string()))?;
    }
    for (what, id) in [("--project", &arguments.project), ("--lot", &arguments.lot)] {
        names::check_project(id).map_err(|error| wrong(what, &error.to_string()))?;
    }
    let slots = arguments.slots;
    if !slots_are_valid(slots) {
        let wanted = sealed::SealError::Slots(slots).to_string();
        return Err(wrong("--slots", &wanted));
    }
    let head = Head {
        book: 1,
        ledger: arguments.ledger.clone(),
        publisher: arguments.publisher.clone(),
        project: arguments.project.clone(),
        lot: arguments.lot.clone(),
        slots,
        title: arguments.title.clone(),
        category: arguments.category.clone(),
        region: arguments.region.clone(),
    };
    Book::create(&arguments.file, &head)?;
    let (shown, lot, most) = (arguments.file.display(), head.lot(), slots / 2);
    let said = said!(
        "投标登记簿已建立：{shown}（{lot}），最多 {most} 份投标。开标前任何人不得翻看；请备份。\n",
        "the book {shown} is for {lot} and takes up to {most} bids. Nobody may look into it before the opening; back it up.\n"
    );
    Ok(plain("book-made", said.in_(console.lang)).with("file", shown.to_string()))
}

pub(super) fn seal(console: &Console, arguments: &SealArguments) -> Result<Answer, Failure> {
    let key = super::keys::KeyFile::read(&arguments.key.key)?;
    if let Some(warning) = key.warning() {
        console.talk(&warning);
    }
    let signer = key.signer(arguments.key.name.as_deref())?;
    check_bidder(&arguments.bidder).map_err(|wanted| {
        let found = &arguments.bidder;
        Failure::usage(
            "bidder",
            said!(
                "投标人 {found:?} 有误：须为一行文字",
                "{found:?}: wanted {wanted}"
            ),
        )
    })?;
    let file = super::files::digest_of(&arguments.file)?;
    let file = Hash::from_hex(&file).expect("a digest just made");
    let mut book = Book::open(&arguments.book)?;
    let (found, wanted) = (signer.name(), &book.head.publisher);
    if found != wanted {
        return Err(Failure::input(
            "other-publisher",
            said!(
                "登记簿属于 {wanted}，密钥属于 {found}",
                "the book is of {wanted}, the key of {found}"
            ),
        ));
    }
    // The same file of the same bidder again: a receipt that was lost, not a second bid.
    let known = book
        .bids
        .iter()
        .find(|bid| bid.bidder == arguments.bidder && bid.file == file)
        .cloned();
    let bid = match known {
        Some(bid) => bid,
        None => {
            let slot = draw_slot(book.head.slots, &book.bids, u64::from_be_bytes(random()))
                .map_err(|error| {
                    let cause = error.to_string();
                    Failure::input(
                        "book-full",
                        said!("登记簿已满", "the book is full").because(&cause),
                    )
                })?;
            let bid = Bid {
                slot,
                salt: random(),
                bidder: arguments.bidder.clone(),
                file,
                received_at: now(),
            };
            book.add_bid(bid.clone())?;
            bid
        }
    };
    let receipt = BidReceipt {
        lot: book.head.lot(),
        slots: book.head.slots,
        bid,
    };
    let note = receipt.sign(&signer);
    let (received, slot) = (&receipt.bid.received_at, receipt.bid.slot);
    let answer = match &arguments.output {
        None => plain("sealed", note.clone()).exact().with("receipt", note),
        Some(path) => {
            fetch::write_new(path, note.as_bytes())?;
            let shown = path.display();
            let said = said!(
                "已收 {received}，投标回执在 {shown}：请交给投标人，由其自行保管，开标前勿外传\n",
                "received {received}; the receipt is in {shown}: give it to the bidder, who keeps it to himself until the opening\n"
            );
            plain("sealed", said.in_(console.lang)).with("file", shown.to_string())
        }
    };
    Ok(answer
        .with("slot", slot)
        .with("received_at", received.clone()))
}

fn register(console: &Console, arguments: &RegisterArguments) -> Result<Answer, Failure> {
    let mut book = Book::open(&arguments.book)?;
    let (seed, salt): ([u8; 32], [u8; 32]) = (random(), random());
    let lot = book.head.lot();
    let root = Sealed::new(&lot, book.head.slots, &seed, &book.bids)
        .expect("a book is checked when it is opened")
        .root();
    let commitment = seed_opening(&seed, &salt).commit(&Place {
        ledger: &lot.ledger,
        publisher: &lot.publisher,
        project: &lot.project,
        pointer: "/details/sealed/0/seed",
    });
    let made_at = now();
    let title = format!("{}投标文件密封登记", book.head.title);
    let mut draft = draft_of(&book.head, "bid_register", &title, &made_at);
    draft["ref"] = format!("bid-register-{}", &root.to_string()[..32]).into();
    draft["details"] = json!({
        "sealed": [{
            "lot": lot.lot,
            "slots": book.head.slots,
            "root": root.to_string(),
            "seed": { "commitment": commitment.to_string(), "class": "not_yet" },
        }],
        "sealed_at": made_at,
    });
    // Kept before it can be posted: a register without its seed could never be opened.
    book.add_made(Made {
        root: root.to_string(),
        seed: hex::encode(seed),
        seed_salt: hex::encode(salt),
        bids: book.bids.len(),
        made_at,
    })?;
    super::keys::create(&arguments.output, format!("{draft}\n").as_bytes(), 0o644)?;
    let shown = arguments.output.display();
    let said = said!(
        "密封登记草稿在 {shown}。接下来：mingzhang post --receipts DIR {shown}，再用 bid paths 给投标人路径\n",
        "the draft of the register is in {shown}. Next: mingzhang post --receipts DIR {shown}, then bid paths\n"
    );
    Ok(plain("register-made", said.in_(console.lang))
        .with("file", shown.to_string())
        .with("root", root.to_string()))
}

fn draft_of(head: &Head, kind: &str, title: &str, issued: &str) -> serde_json::Value {
    let mut draft = json!({
        "type": "trade", "v": 1, "project": head.project, "lots": [head.lot], "stage": "process", "kind": kind,
        "category": head.category, "title": title, "issued": issued,
    });
    if let Some(region) = &head.region {
        draft["region"] = region.clone().into();
    }
    draft
}

/// The register in a record's receipt. The centre reads its own: nothing is verified here, [`Book::registered`] recomputes it.
fn own_register(path: &Path, lot: &str) -> Result<Register, Failure> {
    let bytes = read_file(path, RECEIPT_BYTES_MAX as u64 + 1)?;
    let shown = path.display();
    let failed = |cause: String| {
        Failure::input(
            "register",
            said!(
                "{shown} 不是密封登记的回执",
                "{shown} is not the receipt of a register of sealed bids"
            )
            .because(&cause),
        )
    };
    let receipt =
        crate::receipt::Receipt::parse(&bytes).map_err(|error| failed(crate::chain_of(&error)))?;
    let (_, note) = crate::trade::record::parse_entry(&receipt.entry)
        .map_err(|error| failed(crate::chain_of(&error)))?;
    let statement = Statement::parse(note).map_err(|error| failed(crate::chain_of(&error)))?;
    Register::read(&statement, lot).map_err(|error| failed(error.to_string()))
}

fn paths(console: &Console, arguments: &PathsArguments) -> Result<Answer, Failure> {
    let book = Book::open(&arguments.book)?;
    let register = own_register(&arguments.register, &book.head.lot)?;
    let (_, bids, sealed) = book.registered(&register)?;
    make_folder(&arguments.output)?;
    for bid in bids {
        let path = sealed::Path {
            register: register.statement,
            slot: bid.slot,
            proof: sealed.path(bid.slot),
        };
        let name = format!("{}-{}.path.json", book.head.lot, bid.slot);
        fetch::write_new(&arguments.output.join(name), path.encode().as_bytes())?;
    }
    let (shown, count) = (arguments.output.display(), bids.len());
    let said = said!(
        "{count} 份路径在 {shown}，文件名为「标段-槽位」：逐一交给对应的投标人，不要公开\n",
        "{count} paths are in {shown}, named LOT-SLOT: give each to its own bidder, publish none\n"
    );
    Ok(plain("paths-made", said.in_(console.lang)).with("paths", count))
}

fn open(console: &Console, arguments: &OpenArguments) -> Result<Answer, Failure> {
    let book = Book::open(&arguments.book)?;
    let register = own_register(&arguments.register, &book.head.lot)?;
    let (made, bids, _) = book.registered(&register)?;
    let (seed, seed_salt) = made.secrets().expect("checked by `registered`");
    if let Some(slot) = arguments
        .not_decrypted
        .iter()
        .find(|slot| bids.iter().all(|bid| bid.slot != **slot))
    {
        return Err(Failure::usage(
            "slot",
            said!(
                "登记中没有第 {slot} 槽的投标",
                "no bid of the register has slot {slot}"
            ),
        ));
    }
    let (closed, opened): (Vec<Bid>, Vec<Bid>) = bids
        .iter()
        .cloned()
        .partition(|bid| arguments.not_decrypted.contains(&bid.slot));
    let opening = Opening {
        register: register.statement,
        seed,
        seed_salt,
        not_decrypted: closed
            .iter()
            .map(|bid| (bid.slot, bid.leaf(&register.lot)))
            .collect(),
        bids: opened,
    };
    let list = opening.encode();
    let document = json!({ "name": "启封清单.jsonl", "media_type": "application/x-ndjson", "size": list.len(), "sha256": Hash::sha256(list.as_bytes()).to_string() });
    let issued = now();
    let title = format!("{}开标记录", book.head.title);
    let mut draft = draft_of(&book.head, "bid_opening", &title, &issued);
    draft["events"] = json!({ "opening": issued });
    draft["documents"] = json!([document]);
    draft["details"] = json!({
        "unsealed": [{
            "lot": book.head.lot,
            "register": register.statement.to_string(),
            "seed": hex::encode(seed),
            "seed_salt": hex::encode(seed_salt),
            "opening": document,
        }],
        "bids": opening.bids.iter().map(read_out).collect::<Vec<_>>(),
    });
    make_folder(&arguments.output)?;
    let (list_path, draft_path) = (
        arguments.output.join("opening.jsonl"),
        arguments.output.join("opening.draft.jsonl"),
    );
    fetch::write_new(&list_path, list.as_bytes())?;
    fetch::write_new(&draft_path, format!("{draft}\n").as_bytes())?;
    let (list, draft) = (list_path.display(), draft_path.display());
    let (shown, after) = (opening.bids.len(), book.bids.len() - bids.len());
    let said = said!(
        "启封 {shown} 份；{after} 份在该次登记之后收到，未列入。清单 {list} 要作为文件上传；草稿 {draft} 请补上唱标内容（报价等），再用 post 发布\n",
        "{shown} bids opened; {after} came after that register and are not in it. Upload the list {list} as a document; add what was read out (prices and so on) to the draft {draft}, then post it\n"
    );
    Ok(plain("opened", said.in_(console.lang))
        .with("opening", list.to_string())
        .with("draft", draft.to_string())
        .with("bids", shown)
        .with("after", after))
}

/// A bid as it stands in the opening record, before the clerk adds what was read out.
fn read_out(bid: &Bid) -> serde_json::Value {
    let party = if crate::trade::identifiers::uscc_is_valid(&bid.bidder) {
        json!({ "name": bid.bidder, "uscc": bid.bidder })
    } else {
        json!({ "name": bid.bidder })
    };
    json!({ "party": party, "received_at": bid.received_at, "decrypted": true })
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

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("no bid is sealed without the system's randomness");
    bytes
}

fn now() -> String {
    OffsetTime {
        time: crate::ledger::clock::system_clock()().wall,
        offset_minutes: OFFSET_MINUTES,
    }
    .to_string()
}

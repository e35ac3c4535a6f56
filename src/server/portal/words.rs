//! The words of the pages in both languages: one table, so that neither language can lack what the other has.
//!
//! Promises nothing about what publishers write: that is shown in the language in which it was signed.

use crate::lang::Lang;

/// What the paths of a language's pages begin with: Chinese is at `/`, English at `/en/`.
pub(super) fn prefix(lang: Lang) -> &'static str {
    lang.say("", "/en")
}

/// The language that a path is in.
pub(super) fn lang_of(path: &str) -> Lang {
    if path == "/en" || path.starts_with("/en/") {
        Lang::En
    } else {
        Lang::Zh
    }
}

/// The table.
pub(super) fn words(lang: Lang) -> &'static Words {
    lang.say(&ZH, &EN)
}

macro_rules! words {
    ($($name:ident: $zh:literal, $en:literal;)*) => {
        /// Every fixed sentence of the pages.
        #[derive(Debug)]
        pub(super) struct Words {
            $(pub $name: &'static str,)*
        }
        static ZH: Words = Words { $($name: $zh,)* };
        static EN: Words = Words { $($name: $en,)* };
    };
}

words! {
    site: "明账", "mingzhang";
    site_long: "公共资源交易公开账本", "public account book of public-resource trading";
    skip: "跳到正文", "skip to content";
    other_language: "English", "中文";
    nav: "主要页面", "main pages";
    home: "首页", "Home";
    search: "检索", "Search";
    check: "核对", "Check";
    ledger: "账本", "Ledger";
    data: "数据接口", "Data";
    crumbs: "所在位置", "you are here";
    foot_trust: "不必相信本页：每条记录旁都有回执和核对命令，任何人都可离线复核。", "You need not believe this page: beside each record stand its receipt and the commands to check it offline.";
    foot_time: "时间均为北京时间（UTC+8）。", "Times are Beijing time (UTC+8).";
    foot_ledger: "账本", "ledger";
    foot_withheld: "不予公开清单", "what is withheld";
    foot_problems: "错误代码", "error codes";
    none: "无", "none";
    records: "条记录", "records";

    col_title: "标题", "Title";
    col_date: "发布时间", "Issued";
    col_region: "省份／地区", "Region";
    col_source: "来源平台", "Source";
    col_category: "业务类型", "Category";
    col_kind: "信息类型", "Kind";
    col_stage: "环节", "Stage";
    col_number: "登记序号", "Record";
    col_project: "项目编号", "Project";
    col_lots: "标段", "Lots";

    entry_title: "第 {} 号记录", "Record {}";
    summary: "公告概要", "Summary";
    body: "公告内容", "Content";
    documents: "附件", "Documents";
    documents_none: "本公告没有附件。", "This notice names no document.";
    logged: "登记与签名", "Logging and signature";
    original: "签名原文", "The signed text";
    original_note: "下面是发布者签署的原文（一行 JSON），逐字节登记，未经改写；此处只为阅读而折行。", "This is the text that the publisher signed, one line of JSON, logged byte for byte; lines are only folded for reading.";
    codes: "外部编号", "Other numbers";
    reference: "发布者编号", "Publisher's reference";
    method: "交易方式", "Method";
    mandatory: "依法必须招标", "Tender required by law";
    yes: "是", "yes";
    no: "否", "no";
    issued: "发布时间（发布者自述）", "Issued (as the publisher says)";
    effect_correct: "更正", "corrects";
    effect_replace: "取代", "replaces";
    effect_withdraw: "撤回", "withdraws";
    about: "所涉声明", "About";
    statement_id: "声明编号", "Statement id";
    statement_type: "声明类型", "Statement type";
    record_index: "账本序号", "Record";
    record_time: "登记时间（账本时钟）", "Logged (the ledger's clock)";
    leaf_hash: "叶哈希", "Leaf hash";
    link: "前一记录的叶哈希", "Leaf hash of the record before";
    signed_by: "签名密钥", "Signed by";
    key_role: "身份", "Role";
    admitted_in: "准入记录", "Admitted in record";
    revoked_in: "撤销于记录", "Revoked in record";
    in_force: "现行有效", "in force";
    covering: "所在检查点", "Checkpoint that covers it";
    covering_size: "树大小", "tree size";
    witnesses: "见证", "Witnesses";
    witnesses_none: "策略未要求见证；本检查点只有账本自己的签名。", "The policy asks for no witness; this checkpoint has the ledger's signature alone.";
    witness_time: "见证时间", "cosigned at";
    quorum_met: "达到策略要求", "meets the policy";
    quorum_unmet: "尚未达到策略要求", "does not meet the policy yet";
    project_page: "项目全过程", "The whole project";

    doc_name: "文件名", "Name";
    doc_size: "大小", "Size";
    doc_sha: "SHA-256 摘要", "SHA-256";
    doc_get: "下载", "Download";
    doc_absent: "此处未保存", "not kept here";
    doc_check: "核对我手中的文件", "check a file that I have";

    shown: "已公开", "shown";
    withheld: "不予公开", "withheld";
    erased: "已清除", "erased";
    sealed: "未公开原值", "not opened";
    commitment: "承诺值", "commitment";
    by_order: "依第 {} 号记录的命令", "by order, record {}";
    basis: "依据", "Basis";
    approver: "批准", "Approved by";
    review_at: "复核时间", "To be reviewed";
    class: "理由", "Reason";
    ordered_by: "命令机关", "Ordered by";

    verify_here: "在此核对", "Verify here";
    verify_here_intro: "下面七步由您的浏览器自己计算，不采信服务器的结论。", "These seven steps are computed by your own browser; the server's word is not taken.";
    verify_noscript: "浏览器未启用脚本：请用下方命令核对，结论相同。", "Scripts are off: use the commands below; they come to the same verdict.";
    step_1: "回执完整：是一份回执，各部分在限度之内", "Form: the file is a receipt, each part within its limits";
    step_2: "策略适用：策略属于本账本，并固定了创世编号", "Policy: it is this ledger's and pins the genesis id";
    step_3: "检查点：由策略所列账本密钥签署；清点见证签名", "Checkpoint: signed by the policy's log key; cosignatures counted";
    step_4: "包含：本条是该检查点之树中这一序号的叶子", "Inclusion: the entry is the leaf at this index of that tree";
    step_5: "记录：条目自述的序号、声明与回执一致", "Record: the entry says the same index and statement";
    step_6: "密钥：签名密钥由固定的创世记录一路准入", "Keys: the signer's key follows from the pinned genesis";
    step_7: "签名：发布者的密钥签署了这份声明", "Signature: by a key that may say this";
    not_shown: "回执不能证明：公告内容属实；此后没有更正；该密钥此前未被撤销。", "A receipt does not show: that the notice is true; that nothing corrects it later; that the key had not been revoked before.";
    receipt: "下载回执", "Download receipt";
    policy: "信任策略", "Trust policy";
    print_hint: "打印本页可留存：二维码含本条网址和声明编号。", "Print this page to file it: the code holds its address and statement id.";
    qr_label: "本条网址与声明编号的二维码", "QR code of this record's address and statement id";
    without_us: "脱离本站核对", "Check without us";
    without_us_intro: "在任何装有 sha256sum、openssl、curl 的电脑上，逐条复制执行。策略文件请从其他途径取得，与本站给出的比较。", "On any computer with sha256sum, openssl and curl, copy line by line. Get the policy by another way and compare it with the one given here.";
    by_program: "用本项目的程序（七步全做）", "With this project's program (all seven steps)";
    by_tools: "只用通用工具", "With standard tools only";
    should_be: "应为", "should be";

    amended_banner: "本条之后有更正：", "Amended later:";
    amends_banner: "本条更正了先前的声明：", "This amends an earlier statement:";
    as_of: "截至第 {} 条记录", "as of record {}";
    not_amended: "未见更正、取代或撤回", "no correction, replacement or withdrawal is seen";

    check_title: "核对文件或回执", "Check a document or a receipt";
    check_intro: "把收到的文件（例如 PDF）或回执（.tlog-proof）放到这里。摘要在您的电脑上计算，文件不会上传。", "Put here the file that you were sent (a PDF, say) or a receipt (.tlog-proof). Its digest is computed on your computer; the file is not uploaded.";
    check_noscript: "浏览器未启用脚本。可在命令行核对：", "Scripts are off. On a command line:";
    check_noscript_search: "算出摘要后在此检索，也能看到哪些公告提到这个文件：", "With the digest, search for the notices that name this file:";
    check_offline: "离线核对页", "The verifier as one file";
    check_offline_note: "保存后断网也能用，不依赖任何服务器。SHA-256：", "Works from your disk without any server. SHA-256:";
    digest_label: "文件的 SHA-256（64 位十六进制）", "SHA-256 of the file (64 hex digits)";

    error_home: "回到首页", "back to the home page";
    request_id: "请求编号", "request id";
    what_to_do: "怎么办", "What to do";
    still_checkable: "仍可核对的内容", "What can still be checked";
    proof: "包含证明（base64，自叶向根）", "Inclusion proof (base64, from leaf to root)";
    checkpoint: "检查点", "Checkpoint";
    mismatch: "链接与账本不符", "The link does not fit the ledger";
    mismatch_text: "您的链接或二维码所指的声明，不是账本第 {} 号记录中的声明。请核对来源；如系打印件，请交监督部门。", "The statement that your link or code names is not the one in record {} of this ledger. Check where it came from; if it is a printed notice, show it to the supervising authority.";
    mismatch_wanted: "链接所指声明", "named by the link";
    mismatch_found: "账本中的声明", "in the ledger";

    home_lead: "公告由交易中心用自己的密钥签署，按次序登记、编链、公布。任何人都可以核对：没有一条被改动、漏掉或倒签。", "Trading centres sign their notices with their own keys; the ledger chains and publishes them in order. Anyone can check that none was altered, dropped or back-dated.";
    box_label: "检索", "Search";
    box_hint: "项目名称、编号、单位、声明编号、文件摘要、登记序号", "title, project or code, party, statement id, document digest, record number";
    filters: "筛选", "filters";
    any: "不限", "any";
    all: "全部", "all";
    date_from: "发布自", "Issued from";
    date_to: "至", "to";
    latest: "最新公告", "Latest notices";
    latest_none: "还没有公告。", "There is no notice yet.";
    all_notices: "全部公告", "all notices";
    feed: "Atom 订阅", "Atom feed";
    figures: "公开数据", "Figures";
    figures_note: "按发布时间计。已编入索引：", "By the time of issue. Indexed so far:";
    figures_none: "本服务器没有检索索引，暂无统计。", "This server keeps no search index, so there are no figures.";
    today: "今日", "today";
    week: "近七日", "7 days";
    health: "账本状况", "The ledger";
    health_size: "记录数", "Records";
    health_last: "最近登记", "Last record";
    health_more: "检查点、见证、密钥", "checkpoint, witnesses, keys";
    covers: "覆盖 {} 条记录", "covers {} records";
    never: "未见证", "none";
    found: "共 {} 条", "{} found";
    found_more: "本页起还有 {} 条", "{} from this page on";
    found_none: "没有符合全部条件的公告。条件之间是“且”的关系；可减少条件再试。", "No notice meets all conditions. Conditions are combined with AND; try fewer.";
    read_as_hash: "按声明编号或文件摘要查找。", "Read as a statement id or the digest of a document.";
    read_as_party: "按统一社会信用代码查找当事单位。", "Read as the credit code of a party.";
    read_as_id: "按编号查找（项目编号、外部编号或发布者编号）。", "Read as a number: project, code or reference.";
    read_as_words: "改按词语检索", "search for it as words";
    read_as_record: "也是登记序号：", "It is also a record number:";
    pages: "翻页", "pages";
    page_first: "回到第一页", "first page";
    page_next: "下一页", "next page";
    this_list: "本页所列：", "Exactly this list:";
    indexed: "索引已编入记录：", "Records indexed:";
    indexed_lag: "（其余稍后即可检索到）", "(the rest will be found shortly)";

    data_title: "数据与接口", "Data and interfaces";
    data_intro: "页面上的一切都可以成批取得，并离线核对。账本本身是 C2SP tlog-tiles 格式的静态文件，任何人都可以整本镜像。", "Everything on these pages can be had in bulk and checked offline. The log itself is static files in C2SP's tlog-tiles format; anyone may mirror it.";
    data_path: "路径", "Path";
    data_what: "内容", "What it is";
    genesis: "创世编号", "Genesis id";
    genesis_note: "验证者固定它；请从其他途径核实。", "Verifiers pin it; get it by another way too.";
    problems_title: "错误代码", "Error codes";
    problems_all: "全部错误代码", "all error codes";

    posts: "登记", "Posts";
    posts_taken: "正常接受", "taken";
    posts_stopped: "暂停", "not taken";
    root_hash: "根哈希", "Root hash";
    behind: "其后 {} 条待见证", "{} records after it await witnesses";
    checkpoint_none: "尚无达到见证要求的检查点", "no checkpoint meets the policy yet";
    operator: "运营者", "Operator";
    witness: "见证机构", "Witness";
    witness_age: "距今", "Age";
    witnesses_absent: "本账本的策略没有列出见证机构。检查点只有账本自己的签名：若运营者给不同的人看不同的账本，只有互相比对才能发现。", "The policy of this ledger names no witness. Checkpoints bear the ledger's signature alone: if the operator showed different ledgers to different people, only comparing them would tell.";
    timeliness: "公开是否及时", "Timeliness";
    timeliness_note: "由规则从账本推算：某项公开在法定期限内、逾期或未在本账本见到。“未见”不等于违法，只表示本账本没有看到。", "Derived from the ledger by the rules: disclosed in time, late, or not seen here. \"Not seen\" says what this ledger has not seen, never that the law was broken.";
    timeliness_none: "本服务器没有推算规则结论。", "This server derives no findings.";
    projects: "项目", "projects";
    with_findings: "有问题的项目", "with findings";
    findings: "问题", "findings";
    in_time: "按期", "in time";
    late: "逾期", "late";
    missing: "未见", "not seen";
    rate: "按期率", "in time, share";
    by_category: "按业务类型", "By category";
    by_stage: "按环节", "By stage";
    by_region: "按地区", "By region";
    by_month: "按月份", "By month";
    month: "月份", "Month";
    rules_version: "规则版本", "rules";
    keys: "密钥及其历史", "Keys and their history";
    keys_note: "谁的密钥自哪条记录起有效、于哪条记录撤销，全部写在账本里，任何人都能重放得出同样的结果。", "Which key counts from which record on, and until which, is written in the ledger itself; anyone who replays it gets the same.";
    key_bearer: "持有者", "Bearer";
    key_state: "状态", "State";
    live_from: "实时公开起始", "live from";
    authorities: "管理机关", "Authorities";
    threshold: "门限", "Threshold";
    superseded: "已被取代", "superseded";
    negative_title: "不予公开清单（负面清单）", "What is withheld";
    negative_intro: "依命令不予公开或清除的事项。每一项都在账本中登记了由谁命令、依据什么、由谁批准、何时复核；记录的哈希与证明仍可核对。", "What is withheld or erased by order. Each order is itself in the ledger: who gave it, on what basis, who approved it, when it is reviewed. Hash and proof of the record can still be checked.";
    negative_what: "事项", "What";
    whole_record: "整条记录", "the whole record";
    one_field: "字段", "a field";
    one_document: "文件", "a document";
    overdue: "逾期未复核", "review overdue";

    progress: "公告进度", "Progress";
    other_records: "其他记录", "Other records";
    omitted: "较早的 {} 条记录未列在本页。", "{} earlier records are not on this page.";
    later: "后被", "later:";
    receipt_short: "回执", "Receipt";
    findings_title: "规则核查", "What the rules say";
    findings_clean: "未发现问题", "nothing to look at";
    findings_absent: "本项目没有规则结论。", "There are no findings for this project.";
    due_title: "即将到期", "Due";
    settled_title: "已按期，或无从判断：", "Done in time, or cannot be told:";
    finding: "结论", "Finding";
    article: "依据", "Article";
    due_day: "期限", "Due";
    done_day: "完成", "Done";
    evidence: "所据记录", "Records";
    claimed_only: "（依发布者自述，补录）", "(claimed only)";
    disputes: "异议、投诉与处理", "Objections, complaints, decisions";
    amendments: "更正与差异", "Amendments and differences";
    amendments_note: "任何记录都不会被改写；更正另行登记，这里列出前后差异。", "No record is ever rewritten; amendments are logged beside it. These are the differences.";
    field: "字段", "Field";
    before: "之前", "Before";
    after: "之后", "After";
    parties: "当事单位与价款", "Parties and prices";
    party_role: "角色", "Role";
    party_name: "单位", "Party";
    party_price: "价款", "Price";
    whole: "整卷下载", "The whole file";
    whole_note: "全部记录、回执、可公开的附件、信任策略和核对说明，一个压缩包，可离线逐条核对。", "All records, receipts, documents that may be shown, the policy and how to check: one archive, to be verified offline.";
    whole_get: "下载整卷（zip）", "Download all (zip)";
}

//! Which error of ours is which problem: one match, so that a status is decided in one place.

use serde_json::{Value, json};

use super::problem::{Kind, Problem, kinds};
use crate::chain_of;
use crate::lang::{Bilingual, Said};
use crate::ledger::clock::ClockFault;
use crate::ledger::{DeliveryError, PostError, QueryError, Why};
use crate::said;
use crate::store::StoreError;
use crate::trade::door::{Severity, is_secrecy};
use crate::trade::keys::KeyError;
use crate::trade::log_rules::LogFault;
use crate::trade::statement::StatementError;

/// Seconds after which a post that met a full queue or a passing stop should come again: a few commits.
const RETRY_SOON_S: u32 = 1;
/// Seconds after which one that met a longer stop (clock, full disk) should.
const RETRY_LATER_S: u32 = 10;

/// Whatever the rooms below can answer.
#[derive(Debug)]
pub(super) enum Fault {
    Post(PostError),
    Query(QueryError),
    Store(StoreError),
    Delivery(DeliveryError),
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        match fault {
            // 400, 403, 409: the caller's.
            Fault::Post(PostError::Form(error)) => form(&error),
            Fault::Post(PostError::Door(problems)) => {
                let said = |severity| {
                    problems
                        .iter()
                        .filter(move |problem| problem.severity == severity)
                };
                let en: Vec<&str> = said(Severity::Error)
                    .map(|problem| problem.en.as_str())
                    .collect();
                let zh: Vec<&str> = said(Severity::Error)
                    .map(|problem| problem.zh.as_str())
                    .collect();
                let list: Vec<Value> = problems.iter().map(door_problem).collect();
                let mut accept: Vec<&str> =
                    said(Severity::Error).map(|problem| problem.code).collect();
                accept.sort_unstable();
                accept.dedup();
                let refused = |why: Said| {
                    Problem::new(&kinds::STATEMENT_REFUSED, why)
                        .with("problems", list)
                };
                if !accept.iter().all(|code| is_secrecy(code)) {
                    return refused(Said::new(zh.join("；"), en.join("; ")));
                }
                // Whoever holds the publisher's key may say that it is meant.
                let codes = accept.join(",");
                let (zh, en) = (zh.join("；"), en.join("; "));
                refused(said!(
                    "{zh}。确属有意的，请加上 ?accept={codes} 再发",
                    "{en}. If it is meant, post it again with ?accept={codes}"
                ))
                .with("accept", accept)
            }
            Fault::Post(PostError::Key(error)) => key(&error),
            Fault::Post(PostError::Signature {
                ref text_sha256,
                ref key_tried,
            }) => signature(text_sha256.to_string(), key_tried),
            Fault::Post(PostError::Rule(fault)) => rule(&fault),
            Fault::Post(PostError::ReferenceTaken { reference, id }) => Problem::new(&kinds::REF_CONFLICT, said!("ref {reference:?} 已用于声明 {id}", "ref {reference:?} stands for statement {id} already"))
            .with("ref", reference)
            .with("existing", id.to_string()),
            Fault::Post(PostError::Openings(error)) => {
                Problem::new(&kinds::OPENINGS_MISMATCH, error.said())
            }
            Fault::Post(PostError::Disclosure(error)) => {
                Problem::new(&kinds::DISCLOSURE_REFUSED, error.said())
            }
            Fault::Post(PostError::ErasedByOrder { what, order }) => Problem::new(&kinds::ERASED, said!("{what} 已依第 {order} 号记录的命令清除，不再接收", "{what} was erased by order, record {order}, and is not taken again"))
            .with("order", order),
            // 503, 507: try again.
            Fault::Post(PostError::QueueFull) => {
                Problem::new(&kinds::QUEUE_FULL, said!("等待的登记已达上限", "as many posts wait as may"))
                    .retry_after(RETRY_SOON_S)
            }
            Fault::Post(PostError::Unknown) => Problem::new(&kinds::OUTCOME_UNKNOWN, said!("可能已登记，也可能没有：请重发同样的内容", "the statement may or may not have been logged: post the same bytes again"))
            .retry_after(RETRY_SOON_S),
            Fault::Post(PostError::DiskFull(lacking)) => {
                Problem::new(&kinds::DISK_FULL, Said::new(format!("未登记：{}", lacking.zh()), format!("not logged: {lacking}")))
                    .retry_after(RETRY_LATER_S)
            }
            Fault::Post(PostError::DiskFailed) => Problem::new(&kinds::NOT_WRITING, said!("未登记：磁盘无法写入；账本将停止，由服务管理程序重新启动", "not logged: the disk cannot be written; the ledger ends, and is started again by its service manager"))
            .retry_after(RETRY_LATER_S),
            Fault::Post(PostError::NotWriting {
                why: Why::Held,
                reason,
                ..
            }) => held(reason),
            Fault::Post(PostError::Clock(fault)) => clock(&fault),
            Fault::Post(PostError::NotWriting { why, may_pass, .. }) => not_writing(why, may_pass),
            // Look-ups come before the queue.
            Fault::Post(PostError::Query(QueryError::Index(_))) => {
                Problem::new(&kinds::NOT_WRITING, said!("未登记：查询索引暂时不可用", "not logged: the query index cannot be read now"))
                    .retry_after(RETRY_LATER_S)
            }
            Fault::Post(PostError::Query(error)) => Fault::Query(error).into(),
            Fault::Post(PostError::Store(error)) => Fault::Store(error).into(),
            Fault::Delivery(error) => delivery(error),
            Fault::Store(error) if error.is_full() => {
                Problem::new(&kinds::DISK_FULL, said!("磁盘已满，无法保存", "no room is left to store it"))
                    .retry_after(RETRY_LATER_S)
            }
            // 404, 410: what is asked for is not there.
            Fault::Query(QueryError::Outside { index, size }) => Problem::new(&kinds::NOT_FOUND, said!("没有第 {index} 号，账本现有 {size} 条记录", "{index} is not in the log, which holds {size} records"))
            .with("tree_size", size),
            Fault::Query(QueryError::Erased { index, order }) => Problem::new(&kinds::ERASED, said!("第 {index} 号记录已依第 {order} 号记录的命令清除", "record {index} was erased by order, record {order}"))
            .with("order", order),
            Fault::Query(QueryError::Index(_)) => Problem::new(&kinds::INDEX_UNAVAILABLE, said!("查询索引正在打开或重建；按序号读取不受影响", "the query index is being opened or rebuilt; records by their number are read without it"))
            .retry_after(RETRY_LATER_S),
            // 500: ours. The cause goes to our log, never to the caller.
            Fault::Query(
                error @ (QueryError::Read(_)
                | QueryError::Store(_)
                | QueryError::Unreadable { .. }),
            ) => Problem::internal(chain_of(&error)),
            Fault::Store(error) => Problem::internal(chain_of(&error)),
        }
    }
}

impl From<PostError> for Problem {
    fn from(error: PostError) -> Problem {
        Fault::Post(error).into()
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Problem {
        Fault::Query(error).into()
    }
}

impl From<DeliveryError> for Problem {
    fn from(error: DeliveryError) -> Problem {
        Fault::Delivery(error).into()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        Fault::Store(error).into()
    }
}

/// What the door says of a statement, as in `problems` and `warnings`.
pub(super) fn door_problem(problem: &crate::trade::door::Problem) -> Value {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    json!({"code": problem.code, "severity": severity, "pointer": problem.pointer, "zh": problem.zh, "en": problem.en})
}

/// Why, in words for everybody: those for the operator, which may name folders and hosts, are in his log.
pub(super) fn not_writing(why: Why, may_pass: bool) -> Problem {
    let (en, zh) = (why.en(), why.zh());
    if may_pass {
        Problem::new(
            &kinds::NOT_WRITING,
            said!("{zh}，稍后自行恢复", "{en}; it goes on by itself shortly"),
        )
        .retry_after(RETRY_SOON_S)
    } else {
        Problem::new(
            &kinds::NOT_WRITING,
            said!(
                "{zh}；须由运营者处理，详见服务器日志",
                "{en}; the operator has to act, the server's log says what"
            ),
        )
    }
}

/// Two times and a bound are for everybody too: whoever asks can hold them against his own clock.
fn clock(fault: &ClockFault) -> Problem {
    let en = format!("this machine's clock is not believed: {fault}");
    Problem::new(
        &kinds::NOT_WRITING,
        Said::new(format!("本机时钟不可信：{}", fault.zh()), en),
    )
    .with("reason", fault.to_string())
}

/// A witness's word is for everybody: it names no folder and no host.
pub(super) fn held(reason: String) -> Problem {
    Problem::new(
        &kinds::WRITING_HELD,
        Said::new("见证所持的检查点与本账本不符，已停止写入", reason.clone()),
    )
    .with("reason", reason)
}

fn delivery(error: DeliveryError) -> Problem {
    let detail = chain_of(&error);
    match error {
        DeliveryError::NotGathering => Problem::new(
            &kinds::NOT_FOUND,
            Said::new("本账本的策略中没有见证，不收集联署", detail),
        ),
        DeliveryError::Note(_) | DeliveryError::Checkpoint(_) => Problem::new(
            &kinds::COSIGNATURE_FORM,
            Said::new("正文不是签名文本，或其文本不是检查点", detail),
        ),
        DeliveryError::Origin { found, wanted } => Problem::new(
            &kinds::COSIGNATURE_FORM,
            Said::new(
                format!("检查点属于 {found:?}，应为 {wanted:?} 的、无附加行的检查点"),
                detail,
            ),
        )
        .with("found", found)
        .with("wanted", wanted),
        DeliveryError::Stranger => Problem::new(
            &kinds::COSIGNATURE_KEY,
            Said::new("没有一行是本账本策略中的见证所签", detail),
        ),
        DeliveryError::Signature { witness } => Problem::new(
            &kinds::COSIGNATURE_KEY,
            Said::new(format!("{witness} 的联署对此检查点验证不通过"), detail),
        )
        .with("witness", witness),
        DeliveryError::Clock { witness, off_s } => Problem::new(
            &kinds::COSIGNATURE_TIME,
            Said::new(
                format!("{witness} 的联署时间与账本时钟相差 {off_s} 秒，或早于该树"),
                detail,
            ),
        )
        .with("witness", witness)
        .with("off_s", off_s),
        DeliveryError::Ahead {
            witness,
            size,
            head,
        } => Problem::new(
            &kinds::COSIGNATURE_AHEAD,
            Said::new(
                format!("{witness} 已联署 {size} 条，本账本只有 {head} 条"),
                detail,
            ),
        )
        .with("witness", witness)
        .with("size", size)
        .with("tree_size", head),
        DeliveryError::Fork { witness, size } => Problem::new(
            &kinds::COSIGNATURE_FORK,
            Said::new(
                format!("{witness} 联署的 {size} 条的树与本账本的不同"),
                detail,
            ),
        )
        .with("witness", witness)
        .with("size", size),
        DeliveryError::Query(error) => Fault::Query(error).into(),
    }
}

fn form(error: &StatementError) -> Problem {
    let kind: &Kind = match error {
        StatementError::NoteBytes { .. } | StatementError::TextBytes { .. } => &kinds::TOO_LARGE,
        _ => &kinds::STATEMENT_FORM,
    };
    let mut problem =
        Problem::new(kind, Said::new(error.zh(), chain_of(error))).with("reason", error.code());
    if let Some(pointer) = error.pointer() {
        problem = problem.with("pointer", pointer);
    }
    match error {
        StatementError::NoteBytes { max, .. } | StatementError::TextBytes { max, .. } => {
            problem.with("limit", *max)
        }
        StatementError::Json(error) => problem
            .with("offset", error.offset)
            .with("found", error.found.clone())
            .with("wanted", error.rule.wanted())
            .with("hint", error.rule.advice()),
        StatementError::Missing { wanted, .. } => {
            problem.with("found", Value::Null).with("wanted", *wanted)
        }
        StatementError::Member { found, wanted, .. } => {
            problem.with("found", found.clone()).with("wanted", *wanted)
        }
        StatementError::UnknownMember { wanted, .. } => problem.with("wanted", wanted.clone()),
        StatementError::Signer { found, publisher } => problem
            .with("found", found.clone())
            .with("wanted", publisher.clone()),
        StatementError::Signatures { have } => problem.with("found", *have).with("wanted", 1),
        _ => problem,
    }
}

fn key(error: &KeyError) -> Problem {
    let kind: &Kind = match error {
        KeyError::Signature { vkey, text_id } => return signature(text_id.to_string(), vkey),
        KeyError::Unknown { .. } => &kinds::KEY_UNKNOWN,
        KeyError::Revoked { .. } => &kinds::KEY_NOT_IN_FORCE,
        KeyError::Role { .. }
        | KeyError::AuthoritiesSign { .. }
        | KeyError::NotAuthority { .. }
        | KeyError::LineTwice { .. }
        | KeyError::Threshold { .. } => &kinds::KEY_ROLE,
        // What a genesis or key statement says cannot be so.
        _ => &kinds::RULE_BROKEN,
    };
    let problem =
        Problem::new(kind, Said::new(error.zh(), chain_of(error))).with("rule", error.code());
    match error {
        KeyError::Unknown { name, key_id } => {
            problem.with("key_tried", format!("{name}+{key_id:08x}"))
        }
        KeyError::Revoked {
            name,
            key_id,
            index,
        } => problem
            .with("key_tried", format!("{name}+{key_id:08x}"))
            .with("revoked_by_record", *index),
        KeyError::Ledger { found, wanted } => problem
            .with("found", found.clone())
            .with("wanted", wanted.clone()),
        _ => problem,
    }
}

fn signature(text_sha256: String, key_tried: &str) -> Problem {
    Problem::new(
        &kinds::SIGNATURE_BAD,
        said!(
            "用密钥 {key_tried} 验证不通过；服务器收到的文本的 SHA-256 为 {text_sha256}",
            "{key_tried} does not verify the signature over the text whose SHA-256 is {text_sha256}"
        ),
    )
    .with("text_sha256", text_sha256)
    .with("key_tried", key_tried)
}

fn rule(fault: &LogFault) -> Problem {
    match fault {
        LogFault::Key(error) => key(error),
        LogFault::Follows { found, head, .. } => {
            let (found, head) = (
                found.map(|id| id.to_string()),
                head.map(|id| id.to_string()),
            );
            Problem::new(&kinds::FOLLOWS_CONFLICT, fault.said())
                .with("found", found)
                .with("head", head)
        }
        fault => Problem::new(&kinds::RULE_BROKEN, Said::new(fault.zh(), chain_of(fault)))
            .with("rule", fault.code()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;
    use crate::ledger::Lacking;
    use crate::ledger::index::IndexError;
    use crate::tlog::merkle::Hash;
    use crate::trade::commitment::OpeningError;
    use crate::trade::statement::{Chain, Statement};

    #[track_caller]
    fn check(problem: impl Into<Problem>, status: u16, code: &str, members: Value) {
        let json = problem.into().to_json(Some(Lang::En), None);
        assert_eq!(
            (json["status"].as_u64(), json["code"].as_str()),
            (Some(status.into()), Some(code)),
            "{json}"
        );
        for (name, value) in members.as_object().unwrap() {
            assert_eq!(&json[name], value, "{name} in {json}");
        }
    }

    #[test]
    fn every_error_has_its_status_and_says_what_was_found() {
        let id = Hash::sha256(b"a");
        let post = |error: PostError| Problem::from(error);
        let parse = |note: &str| {
            Problem::from(PostError::from(
                Statement::parse(note.as_bytes()).unwrap_err(),
            ))
        };
        check(
            parse("{\"type\":1.5}\n\n— a AAAAAAAA\n"),
            400,
            "statement-form",
            json!({"pointer": "/type", "reason": "json"}),
        );
        check(
            parse("{}\n\n— a AAAAAAAA\n"),
            400,
            "statement-form",
            json!({"pointer": "/type", "found": null}),
        );
        check(
            parse("nothing"),
            400,
            "statement-form",
            json!({"reason": "not_a_note"}),
        );
        check(
            parse(&"x".repeat(50_000)),
            413,
            "too-large",
            json!({"reason": "note_too_long"}),
        );
        check(
            post(PostError::Key(KeyError::Unknown {
                name: "a".into(),
                key_id: 1,
            })),
            403,
            "key-unknown",
            json!({"key_tried": "a+00000001"}),
        );
        check(
            post(PostError::Key(KeyError::Revoked {
                name: "a".into(),
                key_id: 1,
                index: 7,
            })),
            403,
            "key-not-in-force",
            json!({"revoked_by_record": 7}),
        );
        check(
            post(PostError::Rule(Box::new(LogFault::Key(
                KeyError::LastLogKey,
            )))),
            400,
            "rule-broken",
            json!({"rule": "last_log_key"}),
        );
        check(
            post(PostError::Signature {
                text_sha256: id,
                key_tried: "vkey".into(),
            }),
            403,
            "signature-bad",
            json!({"text_sha256": id.to_string(), "key_tried": "vkey"}),
        );
        let follows = LogFault::Follows {
            chain: Box::new(Chain::Keys),
            found: None,
            head: Some(id),
        };
        check(
            post(PostError::Rule(Box::new(follows))),
            409,
            "follows-conflict",
            json!({"found": null, "head": id.to_string()}),
        );
        let ledger = LogFault::Ledger {
            found: "a".into(),
            wanted: "b".into(),
        };
        check(
            post(PostError::Rule(Box::new(ledger))),
            400,
            "rule-broken",
            json!({"rule": "ledger"}),
        );
        check(
            post(PostError::ReferenceTaken {
                reference: "r".into(),
                id,
            }),
            409,
            "ref-conflict",
            json!({"ref": "r", "existing": id.to_string()}),
        );
        check(
            post(PostError::Openings(OpeningError::NoCommitment {
                pointer: "/a".into(),
            })),
            400,
            "openings-mismatch",
            json!({}),
        );
        check(post(PostError::QueueFull), 503, "queue-full", json!({}));
        check(post(PostError::Unknown), 503, "outcome-unknown", json!({}));
        let jumped = ClockFault::Jumped {
            moved_ms: 7_200_000,
            max_ms: 3_600_000,
        };
        check(
            post(PostError::Clock(jumped.clone())),
            503,
            "not-writing",
            json!({"reason": jumped.to_string()}),
        );
        // The figures in both languages.
        let (zh, en) = (jumped.zh(), jumped.to_string());
        let both = post(PostError::Clock(jumped));
        let Said {
            zh: said_zh,
            en: said_en,
        } = both.detail();
        assert!(
            said_zh.contains(&zh) && said_en.contains(&en),
            "{said_zh} {said_en}"
        );
        check(
            post(PostError::DiskFull(Lacking::Inodes { free: 1, wanted: 2 })),
            507,
            "disk-full",
            json!({"detail": "not logged: 1 inodes are free, 2 are wanted, however many bytes are free"}),
        );
        check(
            post(PostError::DiskFull(Lacking::Bytes { free: 1, wanted: 2 })),
            507,
            "disk-full",
            json!({"detail": "not logged: 1 bytes are free, 2 are wanted"}),
        );
        check(post(PostError::DiskFailed), 503, "not-writing", json!({}));
        let index = || QueryError::Index(IndexError::Closed);
        check(
            post(PostError::Query(index())),
            503,
            "not-writing",
            json!({}),
        );
        check(index(), 503, "index-unavailable", json!({}));
        check(
            QueryError::Outside { index: 9, size: 3 },
            404,
            "not-found",
            json!({"tree_size": 3}),
        );
        check(
            QueryError::Erased { index: 1, order: 3 },
            410,
            "erased",
            json!({"order": 3}),
        );
        check(
            QueryError::Unreadable { index: 1 },
            500,
            "internal",
            json!({"detail": null}),
        );
    }
}

//! Danger: what a notice says of winner, price and deadline is not read, or something is read that it does not say.

use super::*;

/// Reads a text of this kind and compares what is asked for.
fn check(kind: &str, text: &str, wanted: &[(&str, &str)]) {
    let read = read(kind, text);
    let mut found = Map::new();
    for (name, value) in read.fields {
        found.insert(name.to_owned(), value);
    }
    found.extend(read.events);
    let found = Value::Object(found);
    let told: Vec<(&str, String)> = wanted
        .iter()
        .map(|(pointer, _)| {
            let value = found.pointer(pointer).unwrap_or(&Value::Null);
            (
                *pointer,
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned),
            )
        })
        .collect();
    let wanted: Vec<(&str, String)> = wanted
        .iter()
        .map(|(pointer, value)| (*pointer, (*value).to_owned()))
        .collect();
    assert_eq!(told, wanted, "{text}\n{found:#}");
}

#[test]
fn a_winner_and_a_price_are_read_where_they_stand_in_a_known_form() {
    for (text, winner, price) in [
        (
            "中标人\n韶山示例路桥有限公司\n中标价\n1,436,000.00元\n工期\n180日历天",
            "韶山示例路桥有限公司",
            "1436000.00",
        ),
        (
            "中标人：韶山示例建设有限公司。联系人：令狐示例，评审专家名单见附件。",
            "韶山示例建设有限公司",
            "null",
        ),
        (
            "一、中标人：示例甲有限公司\n二、中标价格：（大写）壹佰万元整",
            "示例甲有限公司",
            "null",
        ),
        (
            "项目编号：R3 标的名称：示例项目 交易价格：600.000000（万元） 成交日期：2026-03-16\n受让方：示例乙有限公司",
            "示例乙有限公司",
            "6000000.00",
        ),
        (
            "序号\n供应商名称\n供应商地址\n中标（成交）金额\n评审总得分\n1\n示例丙有限公司\n示例路1号\n报价：499200（元）\n76.0\n2.废标结果:",
            "示例丙有限公司",
            "499200",
        ),
        (
            "采购包1:\n供应商名称\n供应商地址\n中标（成交）金额\n评审总得分\n示例丁有限公司\n示例路2号\n550,000.00元\n99.40\n四、主要标的信息",
            "示例丁有限公司",
            "550000.00",
        ),
        (
            "中标人名称\n示例戊有限公司\n资质等级\n一级\n中标价（万元）\n3602.5688\n中标工期",
            "示例戊有限公司",
            "36025688",
        ),
        (
            "中标人信息\n单位名称\n示例己有限公司\n法定代表人\n王**\n中标金额（费率、单价等）\n6040665.58元",
            "示例己有限公司",
            "6040665.58",
        ),
        // Not read: two answers, a column's head, a sentence, nothing.
        (
            "中标人：示例甲有限公司\n中标人：示例乙有限公司",
            "null",
            "null",
        ),
        ("中标人名称\n中标价\n工期", "null", "null"),
        ("中标人：详见附件", "null", "null"),
        ("中标人：张示例", "null", "null"),
        ("本项目流标", "null", "null"),
    ] {
        check(
            "award_notice",
            text,
            &[("/winner/name", winner), ("/price/amount", price)],
        );
    }
    let lots =
        "序号\n供应商名称\n成交金额（元）\n1\n示例甲有限公司\n10\n2\n示例乙有限公司\n20\n四、其他";
    check(
        "award_notice",
        lots,
        &[
            ("/awards/1/winner/name", "示例乙有限公司"),
            ("/awards/1/price/amount", "20"),
            ("/winner", "null"),
        ],
    );
}

#[test]
fn candidates_have_a_rank_only_where_the_text_says_one() {
    let ranked = "公示\n第一中标候选人：韶山示例建设有限公司，投标报价：2,300,000.00元\n第二中标候选人：示例水利工程有限公司，投标报价：2,350,000.00元";
    check(
        "candidate_publicity",
        ranked,
        &[
            ("/candidates/0/rank", "1"),
            ("/candidates/0/price/amount", "2300000.00"),
            ("/candidates/1/party/name", "示例水利工程有限公司"),
            ("/candidates/1/price/amount", "2350000.00"),
            ("/candidates/2", "null"),
        ],
    );
    let table = |head: &str| {
        format!(
            "{head}\n中标候选人名称\n投标报价（元）\n工期\n1\n示例甲有限公司\n10.5\n一年\n2\n示例乙有限公司;示例丙有限公司\n11\n一年\n2、其他"
        )
    };
    check(
        "candidate_publicity",
        &table("排序"),
        &[
            ("/candidates/1/rank", "2"),
            ("/candidates/1/price/amount", "11"),
        ],
    );
    check(
        "candidate_publicity",
        &table("序号"),
        &[
            ("/candidates/1/rank", "null"),
            ("/candidates/0/party/name", "示例甲有限公司"),
        ],
    );
    // Cells of several lines: it does not fit, so nothing is read.
    check(
        "candidate_publicity",
        "序号\n中标候选人名称\n报价\n1\n牵头人：示例甲有限公司\n成员：示例乙有限公司\n5元\n2",
        &[("/candidates", "null")],
    );
}

#[test]
fn deadline_and_opening_are_told_by_the_words_around_them() {
    let nine = "2026-04-08T09:30:00+08:00";
    for (text, deadline, opening) in [
        (
            "投标文件递交的截止时间（投标截止时间，下同）为2026年04月08日09时30分。\n开标时间：2026年04月08日09时30分",
            nine,
            nine,
        ),
        (
            "四、提交投标文件截止时间、开标时间和地点\n2026年04月08日 09点30分 （北京时间）\n地点：示例",
            nine,
            nine,
        ),
        (
            "并于2026年04月08日 09点30分（北京时间）前递交投标文件。",
            nine,
            "null",
        ),
        (
            "四、响应文件提交\n1.截止时间：2026年04月08日09时30分\n五、响应文件开启\n1.时间：2026年04月08日09时30分",
            nine,
            nine,
        ),
        (
            "四、投标截止时间及地点\n1.时间：2026年04月08日09时30分\n五、开标时间及地点\n1.时间：2026年04月08日09时30分",
            nine,
            nine,
        ),
        (
            "六\n、递交响应文件\n截止时间：\n2026\n年\n4\n月\n8\n日9\n：3\n0",
            "null",
            "null",
        ),
        (
            "获取招标文件截止时间：2026年04月08日09时30分",
            "null",
            "null",
        ),
        (
            "投标保证金缴纳截止时间：2026年04月08日09时30分",
            "null",
            "null",
        ),
        ("投标截止时间：2026年04月08日", "null", "null"),
        ("投标截止时间：04月08日09时30分", "null", "null"),
        (
            "投标截止时间：2026年04月08日09时30分\n投标截止时间：2026年04月09日09时30分",
            "null",
            "null",
        ),
    ] {
        check(
            "tender_notice",
            text,
            &[("/bid_deadline", deadline), ("/opening", opening)],
        );
    }
}

#[test]
fn a_period_without_hours_is_kept_in_words() {
    check(
        "candidate_publicity",
        "公示开始时间：2026年03月17日\n公示结束时间：2026年03月20日",
        &[
            ("/publicity_from", "null"),
            ("/publicity_period", "2026年03月17日至2026年03月20日"),
        ],
    );
    check(
        "candidate_publicity",
        "公示开始时间:\n2026-03-16 18:00\n公示结束时间:\n2026-03-19 18:00",
        &[
            ("/publicity_from", "2026-03-16T18:00:00+08:00"),
            ("/publicity_to", "2026-03-19T18:00:00+08:00"),
        ],
    );
}

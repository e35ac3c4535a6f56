use std::fmt::Write as _;

use super::*;

/// A citizen's number that nobody has, of somebody born on that day.
fn citizen(first_17: &str) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = first_17
        .bytes()
        .zip(WEIGHTS)
        .map(|(b, w)| u32::from(b - b'0') * w)
        .sum();
    format!(
        "{first_17}{}",
        char::from(b"10X98765432"[(sum % 11) as usize])
    )
}

fn nobody() -> String {
    citizen("43038218500228001")
}

#[track_caller]
fn check_party(names: &[&str], wanted: Named) {
    let wrong: Vec<&&str> = names.iter().filter(|name| party(name) != wanted).collect();
    assert!(wrong.is_empty(), "not {wanted:?}: {wrong:?}");
}

/// Each thing found as `what=bytes`, in order.
#[track_caller]
fn check(text: &str, wanted: &[&str]) {
    let found: Vec<String> = scan(text, Day::of("2026-03-02"))
        .into_iter()
        .map(|found| {
            let what = match found.what {
                What::CitizenNumber => "id",
                What::LikeCitizenNumber => "id?",
                What::MobileNumber => "mobile",
                What::CardNumber => "card",
                What::Email => "mail",
                What::Passport => "passport",
                What::Name => "name",
            };
            format!("{what}={}", &text[found.at])
        })
        .collect();
    if found != wanted {
        WRONG
            .with_borrow_mut(|wrong| wrong.push(format!("{text:?}: {found:?}, wanted {wanted:?}")));
    }
}

thread_local! {
    /// What was wrong, so that a run tells all of it.
    static WRONG: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}

#[track_caller]
fn all_were_right() {
    WRONG.with_borrow(|wrong| assert!(wrong.is_empty(), "{wrong:#?}"));
}

#[test]
fn a_person_in_every_form_is_a_person() {
    check_party(
        &[
            "张三",
            "欧阳示例",
            "卓玛",
            "王〇〇",
            "王某某",
            "王某",
            "张*三",
            "李**",
            "张×",
            "李某甲",
            "张　三",
            "张 三",
            "张\u{a0}三",
            "欧阳 示例",
            "张\u{200b}三",
            "张\u{feff}三",
            "张\u{ad}三",
            "张\u{2060}三",
            "张\u{fe00}三",
            "张\u{202a}三\u{202c}",
            "张\u{34f}三",
            "\u{2f8}张三",
            "张三（组长）",
            "张三(自然人)",
            "张三等",
            "张三等3人",
            "张三、李四",
            "张三，李四；王五",
            "张三 李四",
            "张三/李四",
            "张三及李四",
            "张三先生",
            "自然人张三",
            "村民 张三",
            "张三（身份证号430382）",
            "张三户",
            "张三1",
            "示例建设有限公司、张三",
            "李可心",
            "王小楼",
            "张园",
            "古丽巴哈尔买买提",
            "买买提-吐尔逊",
            "阿不都·示例·买买提",
            "A·买买提",
            "买买提·A",
            "Jo Example",
            "María Ejemplo Prueba",
            "DOE JOHN",
        ]
        .iter()
        .filter(|name| !name.starts_with(['\u{2f8}', 'A']) && !name.ends_with('A'))
        .copied()
        .collect::<Vec<_>>(),
        Named::Person,
    );
    for dot in "·•．.・･‧∙⋅﹒․〮ᐧㆍꞏ⸱˙·◦-－—_".chars() {
        let name = format!("买买提{dot}吐尔逊");
        assert_eq!(
            party(&name),
            Named::Person,
            "{name:?} U+{:04X}",
            u32::from(dot)
        );
    }
}

#[test]
fn a_body_without_a_code_is_a_body() {
    check_party(
        &[
            "示例县自然资源局",
            "示例市土地储备中心",
            "示例公司",
            "某公司",
            "某单位",
            "某部",
            "三峡大学",
            "示例林场",
            "韶山市教育局",
            "县医院",
            "示例厂",
            "示例村民委员会",
            "示例村第三村民小组",
            "示例农民专业合作社",
            "示例银行",
            "示例村",
            "王家庄村",
            "李家镇",
            "示例乡政府",
            "示例街道办",
            "三峡集团",
            "国家电网",
            "示例 建设局",
            "示例市 建设局",
            "示例建设有限公司（联合体）",
            "示例工程有限公司、示例设计有限公司联合体",
            "示例（湖北）有限公司",
            "示例合伙企业（有限合伙）",
            "Acme Ltd",
            "Siemens",
            "3M",
            "示例县人民武装部",
            "示例小学",
            "示例幼儿园",
            "示例·建设有限公司",
            "示例管理所",
            "",
            "/",
            "无",
            "示例律师事务所",
            "湖北示例工程建设项目",
            "示例消防救援支队",
            "示例仲裁委",
            // A bracket that does not end, or has not begun.
            "示例（湖北有限公司",
            "示例(湖北)建设(有限公司",
            "示例）有限公司",
            // Legal forms behind a comma, places before a hyphen, bodies that buy.
            "PROMOCIONES EJEMPLO BONITO, S.A. DE C.V.",
            "ESPACIOS EJEMPLO, S. DE R.L. DE C.V.",
            "Banca Ejemplo, S.A. FID 292/2002",
            "E&E S.A.S",
            "Ejemplo Uno U.K., Limited",
            "EJEMPLO - ALCALDIA",
            "EJEMPLO - ORQUESTA BONITA",
            "MINISTERIO DEL EJEMPLO",
            "Ministry of Examples",
            "Stand Against Examples",
            "Відділ освіти Прикладної ради",
        ],
        Named::Body,
    );
    check_party(
        &[
            "评标工作于2025年6月19日在示例县公共资源交易中心进行。评标过程如下：一、初步评审：形式评审均合格。招标人代表：某甲",
        ],
        Named::Text,
    );
}

#[test]
fn names_after_words_for_people() {
    for (text, wanted) in [
        ("联系人：钟示例", "钟示例"),
        ("联 系 人：钟示例，电话略", "钟示例"),
        ("联\n系\n人：\n叶女士\n电\n话", "叶"),
        ("招标人代表：某甲 代理机构工作人员：某乙", "某甲 某乙"),
        ("招标人代表：某甲代理机构工作人员：某乙", "某甲 某乙"),
        ("项目经理钟示例，质量合格", "钟示例"),
        ("拟派项目经理为钟示例", "钟示例"),
        ("项目负责人（签字）：钟示例", "钟示例"),
        ("项目负责人（钟示例）", "钟示例"),
        ("专家：张三、李四，王五；赵示例", "张三 李四 王五 赵示例"),
        (
            "评标委员会成员名单：张三（组长）、李四、王**",
            "张三 李四 王**",
        ),
        ("成员名单：张三 李四 王五", "张三 李四 王五"),
        ("评审专家（单一来源采购人员）名单：\n唐*、谷*", "唐* 谷*"),
        ("法定代表人：买买提．吐尔逊", "买买提．吐尔逊"),
        ("法定代表人 欧阳示例", "欧阳示例"),
        (
            "项目经理：楚示例设计负责人：张三勘察负责人：李四",
            "楚示例 张三 李四",
        ),
        ("竞得人：张 三，成交价 3 万元", "张 三"),
        ("联系人：张\u{200b}三", "张\u{200b}三"),
        ("股东为自然人某丙", "某丙"),
        ("质疑评审专家郭示例收受好处", "郭示例"),
        ("由张三（组长）、李四组成", "张三"),
        ("经查，张三先生到场", "张三"),
        ("联系人：卓玛", "卓玛"),
        ("抽取的5名专家为：卢*、张**", "卢* 张**"),
    ] {
        let found: Vec<&str> = scan(text, None)
            .into_iter()
            .filter(|found| found.what == What::Name)
            .map(|found| &text[found.at])
            .collect();
        if found.join(" ") != wanted {
            WRONG.with_borrow_mut(|wrong| {
                wrong.push(format!("{text:?}: {found:?}, wanted {wanted:?}"))
            });
        }
    }
    all_were_right();
}

#[test]
fn words_about_people_are_no_names() {
    for text in [
        "项目经理应具备建筑工程专业一级注册建造师资格",
        "单位负责人为同一人或者存在直接控股、管理关系的不同单位",
        "联系人：详见附件",
        "联系人：示例县教育局办公室",
        "专家库随机抽取5人",
        "代表大会常务委员会",
        "项目经理部",
        "法定代表人或其委托代理人签字",
        "联合体成员：示例建设有限公司",
        "负责人姓名 职务 职称 证书编号",
        "监督部门：示例县财政局",
        "招标代理机构：示例咨询有限公司 地址：示例路1号",
        "项目负责人业绩：示例工程",
        "项目经理安全生产考核合格证",
        "联系人：政府采购科",
        "投标人须知",
        "供应商：示例商贸有限公司",
        "技术负责人无",
        "中标人：示例建设集团",
        "评标委员会成员名单：示例县综合评标专家库随机抽取",
    ] {
        check(text, &[]);
    }
    all_were_right();
}

#[test]
fn numbers_of_persons_in_every_form() {
    let id = nobody();
    let cut = |s: &str| format!("{}{s}{}{s}{}", &id[..6], &id[6..14], &id[14..]);
    let wide: String = id
        .chars()
        .map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap())
        .collect();
    let mathematical: String = id
        .chars()
        .map(|c| {
            c.to_digit(10)
                .map_or(c, |d| char::from_u32(0x1d7ce + d).unwrap())
        })
        .collect();
    let arabic: String = id
        .chars()
        .map(|c| {
            c.to_digit(10)
                .map_or(c, |d| char::from_u32(0x660 + d).unwrap())
        })
        .collect();
    let single = id.chars().fold(String::new(), |mut all, c| {
        let _ = write!(all, "{c} ");
        all
    });
    for form in [
        id.clone(),
        cut(" "),
        cut("-"),
        cut("_"),
        cut("."),
        cut("·"),
        cut("–"),
        cut("\u{200b}"),
        cut("\u{ad}"),
        cut("\u{2009}"),
        cut("\n"),
        cut(" - "),
        wide,
        mathematical,
        arabic,
        single.trim().to_owned(),
    ] {
        check(&form, &[&format!("id={form}")]);
        check(&format!("身份证号{form}。"), &[&format!("id={form}")]);
    }
    for (before, after) in [
        ("ID", ""),
        ("https://example.org/q?sfz=", "&x=1"),
        ("abc", "def"),
        ("第1号 ", " 9"),
        ("00", ""),
    ] {
        check(&format!("{before}{id}{after}"), &[&format!("id={id}")]);
    }
    check("身份证号430382850228001", &["id=430382850228001"]);
    check("430382850228001", &["id?=430382850228001"]);
    for form in [
        "13800138000",
        "138 0013 8000",
        "138-0013-8000",
        "138.0013.8000",
        "138_0013_8000",
        "138\u{200b}0013\u{200b}8000",
        "１３８００１３８０００",
        "1-3-8-0-0-1-3-8-0-0-0",
    ] {
        check(form, &[&format!("mobile={form}")]);
        check(&format!("联系电话{form}"), &[&format!("mobile={form}")]);
        check(&format!("tel{form}x"), &[&format!("mobile={form}")]);
    }
    for (text, wanted) in [
        ("86-13800138000", "13800138000"),
        ("+86 138 0013 8000", "138 0013 8000"),
        ("8613800138000", "13800138000"),
        ("(138)00138000", "138)00138000"),
        ("013800138000", "13800138000"),
        ("电话：13 800 138 000", "13 800 138 000"),
        ("一三八零零一三八零零零", "一三八零零一三八零零零"),
    ] {
        check(text, &[&format!("mobile={wanted}")]);
    }
    check("卡号 6222020200112233445", &[]);
    check("4111 1111 1111 1111", &["card=4111 1111 1111 1111"]);
    for mail in [
        "zhang.san@example.org",
        "zhang＠example．com",
        "a @ example.cn",
    ] {
        check(mail, &[&format!("mail={mail}")]);
    }
    for text in [
        "Write to zhang.san@example.org. We read",
        "zhang.san@example.org.",
    ] {
        check(text, &["mail=zhang.san@example.org"]);
    }
    for (text, wanted) in [
        ("护照E12345678", "E12345678"),
        ("持护照 EA1234567", "EA1234567"),
        ("港澳居民来往内地通行证H12345678", "H12345678"),
        ("证件 E12345678 张", "E12345678"),
        ("护照号：G 1234 5678", "G 1234 5678"),
        ("Passport No. Ｅ１２３４５６７８", "Ｅ１２３４５６７８"),
    ] {
        check(text, &[&format!("passport={wanted}")]);
    }
    all_were_right();
}

#[test]
fn numbers_of_things_are_no_persons() {
    for text in [
        "成交价 17936800.00 元",
        "13800138000.00",
        "15000000000元",
        "2026-03-02 10:00:00",
        "0717-6729999",
        "914205066884911777",
        "15 120 230 450",
        "E3701020001202600123",
        "3443a0ab-23e8-4cf7-b584-13800138000f",
        "x-39663f6479d871aabb45cc345f3c4786e82634bb",
        "G2026-0014",
        "1380013.8000",
        "91420500MA4L0000XX",
        "1.2.3",
        "user@",
        "@all",
        "a@b",
        "8.13800138000",
        "A01-11430382006000001K-20260302-000001-P",
        "RELEASE_196_2017-10-04T00:53:16.678Z",
        "138-2017-10-04",
    ] {
        check(text, &[]);
    }
    // Region, day of the project, serial: nobody of sixteen was born then; called a citizen's number, it is one.
    let number = citizen("43038220260302001");
    check(&number, &[]);
    let young = citizen("43038220150302001");
    check(&young, &[]);
    check(&format!("身份证号码：{young}"), &[&format!("id={young}")]);
    all_were_right();
    assert_eq!(
        scan(&number, None).len(),
        1,
        "without a day nothing is known of ages"
    );
}

#[test]
fn a_name_is_found_however_it_is_written() {
    for (name, text, wanted) in [
        ("张三", "某张\u{200b} 三的地", Some("张\u{200b} 三")),
        (
            "买买提·吐尔逊",
            "由买买提．吐尔逊承包",
            Some("买买提．吐尔逊"),
        ),
        ("Jo Example", "lessons by JO  EXAMPLE.", Some("JO  EXAMPLE")),
        ("张三", "张四", None),
        ("", "x", None),
    ] {
        let found = places_of(name, text).into_iter().next().map(|at| &text[at]);
        assert_eq!(found, wanted, "{name} in {text}");
    }
}

#[test]
fn time_is_linear_in_the_text() {
    // Quadratic, these would take minutes.
    for piece in [
        "联系人",
        "联系人：张三、",
        "138 0013 ",
        "张三 ",
        "(",
        "a@b.",
        "4303821850",
        "某",
        "·",
        "一三八",
        "e12345",
        "-",
        "张",
        "f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0-",
    ] {
        let text = piece.repeat(60_000 / piece.len());
        let start = std::time::Instant::now();
        let _ = (scan(&text, None), party(&text), places_of("张三", &text));
        assert!(
            start.elapsed().as_secs() < 10,
            "{piece:?} took {:?}",
            start.elapsed()
        );
    }
}

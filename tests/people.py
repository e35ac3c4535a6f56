#!/usr/bin/env python3
"""Counts people in what was imported, without any code of ours: python3 tests/people.py EXPORT.ndjson OPENINGS.jsonl JUDGED NOT-NAMES

Two figures, and the limits that they are held to:

* missed: names after a word for people, citizens' numbers, mobile numbers and e-mail addresses that stand in the clear in a statement, and
  names that a commitment hides and that stand in the clear in the same statement. Wanted: none.
* bodies hidden: names of parties that are commitments, though they are bodies' by a hand count. Wanted: at most one in a thousand of
  the names of bodies.

JUDGED has each name of a party that was hidden, as someone who read it judged it: `person` with a digest (so that no name of a person stands
here), or `body` and the name. A name that nobody has judged is an error: judge it, and add the line that is printed. NOT-NAMES has
what looks like a name after such a word and is none. Ends with 1 if a limit is passed.
"""
import hashlib
import json
import re
import sys

LABELS = (
    "联系人 联络人 经办人 人员 经理 代表 专家 负责人 评委 委员 组长 组员 成员 监督人 见证人 建造师 监理工程师 总监 法人 法定代表人 主持人 唱标人 记录人 姓名 委托人 收件人 竞得人 项目总工".split()
)
SURNAMES = set(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫"
    "段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤常温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛"
    "曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝官封谈匡鞠惠荆乐冀郁胥南班储原栗燕楚鄢劳谌奚皮粟冼蔺楼盘满闻位厉伊仝区郜海阚花权强帅屠豆朴盖练廉禹井祖漆巴丰支卿国狄平计索宣晋相初门云容敬来扈晁芮都普阙浦戈伏鹿薄邸雍辜羊阿乌母裘亓修邰赫杭况那宿鲜印逯隆茹诺战慕危玉银亢嵇公哈湛宾戎勾茅利於呼居揭干但尉冶斯元束檀衣信展阴昝智幸奉植衡富尧闭由"
)
LABEL = re.compile(
    "(?:" + "|".join(LABELS) + r")(?:姓名|名单)?[\s　]*(?:为|是|[:：（(]|[\s　])[\s　]*"
    r"([一-龥][\s　]?[一-龥](?:[\s　]?[一-龥]){0,2})(?=$|[^一-龥])"
)
MOBILE = re.compile(r"(?<![\d.A-Za-z])1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?![\d.]|[元万])")
CITIZEN = re.compile(r"(?<!\d)[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?!\d)")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*[A-Za-z]{2}")
# What a statement is told by, no text of the source's.
NO_TEXT = re.compile(r"^/(ref|project|follows|ledger|publisher|codes/\d+/value|documents/|amends/)|/commitment$|/(url|uri|link)$|url$|uri$|/id$|_id$|/amount(/|$)")


def leaves(value, path=""):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, path + "/" + name)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from leaves(inner, f"{path}/{at}")
    elif isinstance(value, str):
        yield path, value


def citizen(number):
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[sum(int(c) * w for c, w in zip(number, weights)) % 11] == number[17].upper()


def digest(name):
    return hashlib.sha256(b"mingzhang-judged " + " ".join(name.split()).encode()).hexdigest()[:10]


def hidden_parties(openings):
    """Names of parties that the recogniser hid: fields of parties, and parties of OCDS kept whole."""
    for pointer, one in openings.items():
        value = one["value"]
        if pointer.endswith("/person"):
            try:
                party = json.loads(value)
            except ValueError:
                continue
            if isinstance(party, dict):
                names = (party.get("name"), party.get("legalName"), (party.get("identifier") or {}).get("legalName"))
                yield from (name for name in names[:1] if isinstance(name, str))
                if not isinstance(names[0], str):
                    yield from (name for name in names[1:2] if isinstance(name, str))
        elif pointer.endswith("/name") and not pointer.startswith("/details/extra/"):
            yield value


def main():
    export, openings_file, judged_file, not_names_file = sys.argv[1:]
    openings = {}
    with open(openings_file, encoding="utf-8") as file:
        for line in file:
            opened = json.loads(line)
            openings[opened["statement"]] = opened["openings"]
    persons, bodies = set(), set()
    with open(judged_file, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                word, name = line.rstrip("\n").split(" ", 1)
                (persons if word == "person" else bodies).add(name)
    with open(not_names_file, encoding="utf-8") as file:
        not_names = {line.strip() for line in file}
    missed = texts = 0
    shown, hidden_bodies, hidden_persons, unjudged = set(), set(), set(), set()
    with open(export, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            statement = record["statement"]
            if statement.get("type") != "trade":
                continue
            hidden = set(hidden_parties(openings.get(record["id"], {})))
            for name in hidden:
                if digest(name) in persons:
                    hidden_persons.add(name)
                elif name in bodies:
                    hidden_bodies.add(name)
                else:
                    unjudged.add(name)
            for path, text in leaves(statement):
                if path.startswith("/details/") and path.endswith("/name") and not path.startswith("/details/extra/"):
                    shown.add(text)
                if NO_TEXT.search(path):
                    continue
                texts += 1
                found = [name for name in LABEL.findall(text) if name[0] in SURNAMES and "".join(name.split()) not in not_names]
                found += MOBILE.findall(text) + EMAIL.findall(text)
                found += [number for number in CITIZEN.findall(text) if citizen(number)]
                found += [name for name in hidden if len(name) >= 2 and digest(name) in persons and name in text]
                for one in found:
                    missed += 1
                    print(f"record {record['index']} {path}: {one!r} is in the clear")
    for name in sorted(unjudged):
        print(f"judge by hand: person {digest(name)}   or   body {name}")
    of = len(shown) + len(hidden_bodies)
    print(
        f"people: {missed} missed in {texts} texts; {len(hidden_bodies)} bodies hidden of {of} names of parties, beside {len(hidden_persons)} names of persons"
    )
    sys.exit(missed > 0 or bool(unjudged) or len(hidden_bodies) * 1000 > of)


main()

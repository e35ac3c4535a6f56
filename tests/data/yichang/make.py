#!/usr/bin/env python3
"""Makes drafts.jsonl: statement drafts from real notices of Yichang's trading centre.

    python3 make.py candidate_publicity.jsonl award_notice.jsonl > drafts.jsonl

Promises: the same two files give the same bytes; every line obeys the statement grammar
(docs/format.md) and is at most 6,000 bytes; a line that might name a natural person is left
out and counted, never repaired. Counts go to standard error.
Does not: fetch anything, sign anything, or say more than the source says. `ledger`,
`publisher` and `follows` are missing on purpose: whoever posts a draft fills them in.
"""

import collections
import hashlib
import json
import re
import sys
import unicodedata

# All publicities from the first one of the source (2025-06-12) to this day, and every award
# notice of the same projects: a window without holes, at about one megabyte.
LAST_PUBLICITY_DATE = "2025-08-31"

# Two awards of the source are dated before their publicity had ended. A rule engine must find
# exactly these, so they are kept although one lies outside the window.
AWARDED_TOO_EARLY = (
    "3dafa09b-4d07-41b9-afb7-c75bf7864005",
    "52f05ccf-1432-45df-ba7b-bf138ddafe00",
)

DRAFT_BYTES_MAX = 6_000
SITE = "宜昌市公共资源交易网"
REGION = "420500"  # GB/T 2260: 宜昌市
NO_VALUE = {"", "/", "\\", "无", "未提供"}
COLUMN_HEAD = "投标报价(元/%)"  # The source's parser took the head of a column for a price.


def main(candidate_path, award_path):
    """Reads both files, writes the drafts in the order of their claimed date."""
    candidates = read(candidate_path)
    awards = read(award_path)
    chosen = {
        project_of(notice)
        for notice, _ in candidates
        if notice["raw_data"]["infodate"] <= LAST_PUBLICITY_DATE
        or notice["infoid"] in AWARDED_TOO_EARLY
    }

    drafts, skipped, kinds_of = [], collections.Counter(), collections.defaultdict(set)
    for notices, make in ((candidates, candidate_publicity), (awards, award_notice)):
        for notice, line in notices:
            if project_of(notice) not in chosen:
                continue
            draft = make(notice, hashlib.sha256(line).hexdigest())
            text = json.dumps(draft, ensure_ascii=False, separators=(",", ":"))
            reason = why_not(draft, text)
            if reason:
                skipped[reason] += 1
                continue
            # The story of the evaluation, with names of people, in the place of a bidder.
            candidates = draft["details"].get("candidates", [])
            candidates[:] = [one for one in candidates if "。" not in one["party"]["name"]]
            text = json.dumps(draft, ensure_ascii=False, separators=(",", ":"))
            check_grammar(text)
            drafts.append((draft["issued"], text))
            kinds_of[draft["project"]].add(draft["kind"])

    drafts.sort(key=lambda pair: pair[0])  # Stable: publicities before awards of one day.
    for _, text in drafts:
        sys.stdout.buffer.write(text.encode() + b"\n")

    both = sum(len(kinds) == 2 for kinds in kinds_of.values())
    print(f"drafts {len(drafts)}", file=sys.stderr)
    print(f"projects {len(kinds_of)}, with publicity and award {both}", file=sys.stderr)
    for reason, count in sorted(skipped.items()):
        print(f"left out: {reason} {count}", file=sys.stderr)


def read(path):
    """The notices of a file, each with the bytes of its line without the LF."""
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    return [(json.loads(line), line) for line in lines if line]


def source_id(notice):
    """The project as the source tells it apart: the title, NFKC, without spaces and suffix."""
    title = "".join(unicodedata.normalize("NFKC", notice["raw_data"]["title"]).split())
    return re.sub("(中标候选人公示|中标结果公告)$", "", title)


def project_of(notice):
    """A project id in the ledger's alphabet."""
    return "x-" + hashlib.sha256(source_id(notice).encode()).hexdigest()[:40]


def candidate_publicity(notice, ref):
    """A publicity of candidates: its period to the minute, the candidates as listed: the list is no ranking."""
    parsed = notice["parsed_data"]
    publicity_from, publicity_to = period(parsed["publicity_period"])
    return draft(
        notice, ref, "process", "candidate_publicity", [],
        {"publicity_from": publicity_from, "publicity_to": publicity_to},
        {
            "candidates": [
                without_empty({
                    "party": {"name": bidder["bidder"]},
                    "price": price(bidder["price"]),
                })
                for bidder in parsed["bidders_and_prices"]
            ],
        },
    )


def award_notice(notice, ref):
    """An award notice. The source gives no day on which the winner was set: no events."""
    parsed = notice["parsed_data"]
    code = parsed["标段(包)编号"]
    return draft(
        notice, ref, "award", "award_notice",
        [] if code in NO_VALUE else [{"scheme": "yichang_lot_code", "value": code}],
        {},
        without_empty({
            "buyer": {"name": parsed["招标人"]},
            "agency": {"name": parsed["招标机构"]},
            "lot_name": parsed["标段(包)名称"],
            "place": parsed["建设地点"],
            "scope": parsed["中标范围和内容"],
            "winner": {"name": parsed["中标人"]},
            "price": award_price(parsed),
            "duration": parsed["履约期限(天)"],
            "quality": parsed["质量目标"],
            "qualification": parsed["资质证书名称及编号"],
            "safety_licence": parsed["安全生产许可证名称及编号"],
            "remark": parsed["备注"],
        }),
    )


def draft(notice, ref, stage, kind, codes, events, details):
    """The members of every trade statement that do not depend on who posts it."""
    return {
        "type": "trade",
        "v": 1,
        "project": project_of(notice),
        "codes": [{"scheme": "yichang_title", "value": source_id(notice)}] + codes,
        "ref": ref,
        "stage": stage,
        "kind": kind,
        "category": "construction",
        "title": notice["raw_data"]["title"],
        "region": REGION,
        "issued": notice["raw_data"]["infodate"] + "T00:00:00+08:00",
        "events": events,
        "documents": [],
        "details": details | {
            "source": {
                "name": SITE,
                "url": "https://ggzy.sc.yichang.gov.cn" + notice["infourl"],
                "id": notice["infoid"],
            },
        },
    }


def without_empty(members):
    """Leaves out what the source does not give."""
    empty = [name for name, value in members.items() if value is None or value in (
        {"name": ""}, {"name": "/"}) or isinstance(value, str) and value.strip() in NO_VALUE]
    return {name: value for name, value in members.items() if name not in empty}


def period(text):
    """「2025年06月13日 18时00分至2025年06月16日 18时00分」 as two times of +08:00."""
    numbers = re.fullmatch(
        r"(\d{4})年(\d\d)月(\d\d)日 (\d\d)时(\d\d)分至(\d{4})年(\d\d)月(\d\d)日 (\d\d)时(\d\d)分",
        text,
    ).groups()
    return ["{}-{}-{}T{}:{}:00+08:00".format(*half) for half in (numbers[:5], numbers[5:])]


def award_price(parsed):
    """The member's name says the form: yuan, percent, or a promise in words."""
    if "中标价(元)" in parsed:
        text = parsed["中标价(元)"]
        return {"form": "amount", "amount": text, "currency": "CNY", "text": text}
    if "中标价(%)" in parsed:
        text = parsed["中标价(%)"]
        return {"form": "rate", "rate": text, "text": text}
    return price(parsed["中标价(报价承诺)"])


def price(text):
    """A price by its form (DOMAIN: amount, rate, unit price, other), the original text kept.

    The column is headed 元/%, so a bare number below 1,000 may be either: form `other`.
    A rate is in percent; whether it is a discount or a factor only its text says.
    """
    text = text.strip()
    if text in NO_VALUE or text == COLUMN_HEAD:
        return None
    if found := re.fullmatch(r"(\d+(?:\.\d+)?)(元?)", text):
        if found[2] or float(found[1]) >= 1_000:
            return {"form": "amount", "amount": found[1], "currency": "CNY", "text": text}
    if found := re.fullmatch(r"(?:[\u4e00-\u9fff]{2,8}[:：]?)?(\d+(?:\.\d+)?)[%％]", text):
        return {"form": "rate", "rate": found[1], "text": text}
    if re.fullmatch(r"\d+(?:\.\d+)?元/\S{1,4}", text):
        return {"form": "unit_price", "text": text}
    return {"form": "other", "text": text}


def why_not(draft, text):
    """Why a draft is left out, or None. People first: what might be one is not repaired."""
    details = draft["details"]
    parties = [candidate["party"] for candidate in details.get("candidates", [])]
    parties += [details[role] for role in ("buyer", "agency", "winner") if role in details]
    if any(looks_like_a_person(party["name"]) for party in parties):
        return "a party that looks like a natural person"
    if re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", text) or "隐去" in text or "***" in text:
        return "a telephone number, whole or masked"
    if re.search(r"[\w.+-]+@[\w-]+\.\w", text):
        return "an e-mail address"
    if any(is_citizen_id(found) for found in re.findall(r"(?=(\d{17}[\dXx]))", text)):
        return "digits that pass as a citizen's number"
    if re.search(r"<[A-Za-z/!]|&[a-z]+;|&#\d+;", text):
        return "markup"
    if any(party["name"].strip() in NO_VALUE for party in parties):
        return "a party without a name"
    if len(text.encode()) + 1 > DRAFT_BYTES_MAX:
        return f"more than {DRAFT_BYTES_MAX} bytes"
    return None


def looks_like_a_person(name):
    """Two to four Han characters, with or without a middle dot, and no word for a body."""
    body = re.search("公司|院|厂|所|中心|局|社|校|学|队|部|集团|站|处|行|店|府|会|场|办", name)
    return not body and len(re.findall(r"[\u3400-\u9fff]", name)) <= 4


def is_citizen_id(digits):
    """GB 11643: a birth date and a check digit that hold."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    check = sum(int(digit) * weight for digit, weight in zip(digits, weights)) % 11
    return (
        digits[17].upper() == "10X98765432"[check]
        and digits[6:8] in ("19", "20")
        and "01" <= digits[10:12] <= "12"
        and "01" <= digits[12:14] <= "31"
    )


def check_grammar(text):
    """Raises where a line breaks the statement grammar."""
    def members(pairs):
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), "a member twice"
        assert all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in names), names
        return dict(pairs)

    def refuse(number):
        raise AssertionError(f"not an integer: {number}")

    def depth(value):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, inner), default=0) if isinstance(value, (dict, list)) else 0

    value = json.loads(text, object_pairs_hook=members, parse_float=refuse, parse_constant=refuse)
    assert depth(value) <= 16
    assert "\n" not in text and "\0" not in text
    for character in text:
        assert ord(character) & 0xFFFE != 0xFFFE, "a noncharacter"
        assert not 0xFDD0 <= ord(character) <= 0xFDEF, "a noncharacter"
        assert not 0xD800 <= ord(character) <= 0xDFFF, "a surrogate"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])

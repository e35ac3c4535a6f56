#!/usr/bin/env python3
"""Makes the drafts and documents of the demo's projects but the school's, which are written by hand.

Promises: the same bytes every time. `make.py` writes them beside itself; `make.py --check` compares and writes nothing.
All of it is invented: bodies end in （示例）, persons are named 示例, and no credit code here was ever issued, though their
check characters hold.
"""
import hashlib
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
CENTRE_CODE = "12430382DEM0000223"
REGION = "430382"
made = {}


def organisation_check(body):
    """GB 11714: the ninth character of an organisation code."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    rest = 11 - sum(alphabet.index(c) * w for c, w in zip(body, (3, 7, 9, 10, 5, 8, 4, 2))) % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def uscc(head, number):
    """GB 32100: a social credit code of an organisation that does not exist."""
    body = f"DEM{number:05d}"
    code = head + body + organisation_check(body)
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
    rest = (31 - sum(alphabet.index(c) * w for c, w in zip(code, weights)) % 31) % 31
    return code + alphabet[rest]


def trading_code(category, day, serial, operator=CENTRE_CODE):
    """统一交易标识码, its check character by ISO 7064 MOD 37-2."""
    text = f"{category}{operator}{day}{serial:06d}"
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
    total = sum(alphabet.index(c) * pow(2, i, 37) for i, c in enumerate(reversed(text), 1))
    return f"{category}-{operator}-{day}-{serial:06d}-{alphabet[(38 - total % 37) % 37]}"


def party(name, head, number):
    return {"name": f"{name}（示例）", "uscc": uscc(head, number)}


def yuan(amount):
    return {"form": "amount", "amount": amount, "currency": "CNY"}


def unit(amount, text):
    return {"form": "unit_price", "amount": amount, "currency": "CNY", "text": text}


def shown(value):
    """A natural person whose name the law wants public: the opening travels with the post."""
    return {"$commit": {"class": "person", "value": value}}


def withheld(value, of="privacy"):
    """What stays with the centre."""
    return {"$commit": {"class": of, "value": value, "shown": False}}


def at(text):
    """`2025-03-03 09:00` as RFC 3339 of China."""
    day, time = text.split()
    return f"{day}T{time}:00+08:00"


class Project:
    def __init__(self, file, project, category, method, name, codes, mandatory=None):
        self.file, self.project, self.category, self.method = file, project, category, method
        self.name, self.codes, self.mandatory, self.lines = name, codes, mandatory, []

    def say(self, stage, kind, title, issued, details, events=None, amends=None, lots=None, documents=()):
        line = {"type": "trade", "v": 1, "project": self.project, "codes": self.codes}
        if lots:
            line["lots"] = lots
        line["ref"] = f"{self.project}-{len(self.lines) + 1:02d}"
        line |= {"stage": stage, "kind": kind, "category": self.category, "method": self.method}
        if self.mandatory is not None:
            line["mandatory_tender"] = self.mandatory
        line |= {"title": f"{self.name}{title}", "region": REGION, "issued": at(issued)}
        if amends:
            line["amends"] = {"statement": f"${amends[0]}", "effect": amends[1]}
        if events:
            line["events"] = {name: at(time) for name, time in events.items()}
        line["documents"] = [self.document(issued, title, *one) for one in documents]
        line["details"] = details
        self.lines.append(line)

    def document(self, issued, title, name, signer, sections):
        day = "{} 年 {} 月 {} 日".format(*(int(part) for part in issued.split()[0].split("-")))
        text = f"{self.name}{title}（示例）\n\n本文件是虚构的，只用于演示。所有单位、编号、金额均为虚构。\n"
        for number, (head, lines) in zip("一二三四五六七八九十", sections):
            text += f"\n{number}、{head}\n" + "".join(f"{line}\n" for line in lines)
        data = f"{text}\n{signer}\n{day}\n".encode()
        made[f"documents/{self.project}-{len(self.lines) + 1:02d}.txt"] = data
        return {"name": name, "media_type": "text/plain", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    def write(self):
        lines = (json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in self.lines)
        made[self.file] = "".join(f"{line}\n" for line in lines).encode()


PLATFORM = "韶山市公共资源交易平台（示例）"
CENTRE = "韶山市公共资源交易中心（示例）"


def procurement():
    buyer = party("韶山市图书馆", "12430382", 101)
    agency = party("湘潭庚川招标咨询有限公司", "91430304", 3)
    a = party("长沙辛川智能科技有限公司", "91430104", 102)
    b = party("湘潭壬川信息技术有限公司", "91430302", 103)
    c = party("株洲癸川数字设备有限公司", "91430211", 104)
    number = "SSCG-2025-0042"
    p = Project("gov-procurement.jsonl", number, "gov-procurement", "open-tender", "韶山市图书馆智慧阅览设备采购",
                [{"scheme": "procurement_plan", "value": "韶财采计〔2025〕0042号"},
                 {"scheme": "trading_code", "value": trading_code("D01", "20250421", 42)}])
    p.say("announcement", "plan_notice", "采购意向公开", "2025-03-12 10:00",
          {"buyer": buyer, "need": "自助借还机、RFID 馆员工作站、24 小时微型图书馆各一批，含安装、调试和三年维护", "budget": yuan("1860000.00"), "expected_month": "2025-04"})
    p.say("announcement", "tender_notice", "公开招标公告", "2025-04-21 09:00",
          {"buyer": buyer, "buyer_address": "韶山市清溪镇示例路 12 号", "agency": agency,
           "scale": "自助借还机 6 台、馆员工作站 10 套、24 小时微型图书馆 2 座", "funding": "财政资金", "budget": yuan("1860000.00"),
           "qualification": "符合政府采购法第二十二条；本项目专门面向中小企业", "consortium": False,
           "documents_how": f"在{PLATFORM}下载", "bids_how": "通过平台上传加密的电子投标文件", "contact_unit": "湘潭庚川招标咨询有限公司（示例）", "contact_phone": "0731-55550101"},
          {"documents_from": "2025-04-21 09:00", "documents_to": "2025-04-28 17:00", "bid_deadline": "2025-05-15 09:30", "opening": "2025-05-15 09:30"},
          documents=[("招标公告.txt", buyer["name"], [
              ("项目概况", ["预算金额：1,860,000.00 元", "采购内容：自助借还机 6 台、馆员工作站 10 套、24 小时微型图书馆 2 座"]),
              ("供应商资格", ["符合《中华人民共和国政府采购法》第二十二条；专门面向中小企业；不接受联合体。"]),
              ("获取招标文件", [f"2025 年 4 月 21 日 9 时至 4 月 28 日 17 时，在{PLATFORM}下载。"]),
              ("投标截止和开标", ["2025 年 5 月 15 日 9 时 30 分。"]),
              ("质疑", ["供应商认为权益受到损害的，可在知道之日起 7 个工作日内以书面形式向采购人提出。"])])])
    p.say("announcement", "change_notice", "更正公告（第一次）", "2025-04-25 16:00",
          {"changes": [{"item": "自助借还机数量", "before": "6 台", "after": "8 台（预算不变）"},
                       {"item": "投标截止、开标时间", "before": "2025 年 5 月 15 日 9 时 30 分", "after": "2025 年 5 月 20 日 9 时 30 分"}],
           "first_published_on": "2025-04-21"},
          {"clarified": "2025-04-25 16:00", "bid_deadline": "2025-05-20 09:30", "opening": "2025-05-20 09:30"}, amends=(2, "correct"))
    p.say("process", "bid_opening", "开标记录", "2025-05-20 11:20",
          {"place": f"{CENTRE}第二开标室", "host": agency["name"], "bids": [
              {"party": a, "price": yuan("1742000.00"), "duration": "60日历天", "received_at": at("2025-05-19 15:02"), "decrypted": True},
              {"party": b, "price": yuan("1768500.00"), "duration": "60日历天", "received_at": at("2025-05-19 17:48"), "decrypted": True},
              {"party": c, "price": yuan("1795000.00"), "duration": "55日历天", "received_at": at("2025-05-20 08:57"), "decrypted": True}], "exceptions": "无"},
          {"opening": "2025-05-20 09:30"})
    p.say("qualification", "qualification_result", "资格审查结果", "2025-05-20 15:00",
          {"mode": "资格后审", "reviewed_at": at("2025-05-20 11:00"), "passed": [{"party": a}, {"party": b}, {"party": c}], "rejected": []})
    p.say("process", "evaluation_report", "评审结果", "2025-05-21 10:00",
          {"summary": "综合评分法；投标文件 3 份，符合性审查全部通过；评审得分和评审过程依法不公开", "committee_size": 5,
           "scores": [withheld("长沙辛川智能科技有限公司（示例） 91.40", "not_yet"), withheld("湘潭壬川信息技术有限公司（示例） 87.25", "not_yet"), withheld("株洲癸川数字设备有限公司（示例） 83.10", "not_yet")]},
          {"evaluated": "2025-05-20 17:30"})
    p.say("award", "award_notice", "中标结果公告", "2025-05-22 10:00",
          {"buyer": buyer, "buyer_address": "韶山市清溪镇示例路 12 号", "agency": agency, "winner": a, "price": yuan("1742000.00"), "duration": "60日历天",
           "goods": [{"name": "自助借还机", "model": "XC-JH8（示例）", "quantity": "8 台", "unit_price": yuan("98000.00"), "service": "三年维护"},
                     {"name": "RFID 馆员工作站", "model": "XC-GZ2（示例）", "quantity": "10 套", "unit_price": yuan("26200.00"), "service": "三年维护"},
                     {"name": "24 小时微型图书馆", "model": "XC-WT1（示例）", "quantity": "2 座", "unit_price": yuan("348000.00"), "service": "三年维护"}],
           "experts": [shown("钱示例"), shown("孙示例"), shown("李示例"), shown("周示例"), shown("吴示例")]},
          {"evaluated": "2025-05-20 17:30", "winner_set": "2025-05-21 16:00", "letter_issued": "2025-05-22 10:00", "publicity_from": "2025-05-22 10:00", "publicity_to": "2025-05-23 17:30"},
          documents=[("中标结果公告.txt", buyer["name"], [
              ("中标信息", ["中标供应商：长沙辛川智能科技有限公司（示例）", "中标金额：1,742,000.00 元"]),
              ("主要标的", ["自助借还机 8 台，单价 98,000.00 元", "RFID 馆员工作站 10 套，单价 26,200.00 元", "24 小时微型图书馆 2 座，单价 348,000.00 元"]),
              ("公告期限", ["自本公告发布之日起 1 个工作日。"]),
              ("评审专家名单", ["见账本所附的承诺值原文。"])])])
    p.say("process", "objection", "质疑", "2025-05-28 09:30",
          {"author": withheld("株洲癸川数字设备有限公司（示例）"), "author_role": "supplier", "matter": withheld("质疑中标产品的“盘点准确率不低于 99%”缺少检测报告")},
          {"received": "2025-05-27 15:00"})
    p.say("process", "objection_reply", "质疑答复", "2025-06-05 16:00",
          {"author": withheld("株洲癸川数字设备有限公司（示例）"), "outcome": "rejected", "reply": withheld("经核查，中标产品检测报告列于投标文件第 86 页，指标满足招标文件要求，质疑事项不成立")},
          {"replied": "2025-06-04 17:00"})
    # Deliberate: signed on the 12th, to be made public within two working days, made public on the 23rd (CN-GPR-50).
    p.say("performance", "contract", "合同公告", "2025-06-23 15:00",
          {"number": f"{number}-HT", "name": "韶山市图书馆智慧阅览设备采购合同", "buyer": buyer, "supplier": a, "price": yuan("1742000.00"), "duration": "60日历天", "advance": "合同价的30%",
           "text": withheld("合同正文含供应商的报价构成和技术方案，公开的是删去这些内容的合同文本，见附件", "trade_secret")},
          {"contract_signed": "2025-06-12 10:00"},
          documents=[("合同（公开文本）.txt", buyer["name"], [
              ("合同当事人", ["甲方：韶山市图书馆（示例）", "乙方：长沙辛川智能科技有限公司（示例）"]),
              ("合同金额", ["1,742,000.00 元，预付 30%，验收合格后付 65%，质保期满付 5%。"]),
              ("履行期限", ["合同签订后 60 日历天内交货并安装调试完毕。"]),
              ("不公开的内容", ["报价构成、技术方案属于供应商的商业秘密，已删去。"])])])
    p.say("performance", "contract_change", "补充协议", "2025-07-16 10:00",
          {"contract": f"{number}-HT", "changes": [{"item": "馆员工作站", "before": "10 套", "after": "13 套"}], "price_change": yuan("78600.00"), "reason": "新设三个乡镇分馆；追加金额未超过原合同金额的百分之十（政府采购法第四十九条）"},
          {"contract_signed": "2025-07-15 10:00"})
    p.say("performance", "acceptance", "履约验收公告", "2025-09-05 16:00",
          {"contract": f"{number}-HT", "buyer": buyer, "supplier": a, "technical": "设备型号、数量与合同及补充协议一致，盘点准确率实测 99.6%", "service": "完成两次培训，维护点已设在湘潭", "safety": "电气安全检测合格",
           "result": "合格", "acceptors": [shown("郑示例"), shown("王示例"), shown("冯示例")]},
          {"accepted": "2025-09-04 16:00"})
    p.say("performance", "payment", "合同款支付", "2025-09-19 17:00",
          {"contract": f"{number}-HT", "clause": "验收合格后支付至 95%", "due": yuan("1729570.00"), "paid": yuan("1729570.00"), "payer": buyer, "payee": a}, {"paid": "2025-09-19 11:00"})
    p.say("performance", "performance_report", "履约情况", "2025-09-24 10:00",
          {"contracts": [{"contract": f"{number}-HT", "supplier": a, "contract_price": yuan("1742000.00"), "settlement_price": yuan("1820600.00"), "duration": "56日历天", "finished_on": "2025-09-04", "quality_met": True, "safety_met": True}], "evaluation": "按期完成，服务响应及时"})
    p.write()


def terminated():
    buyer = party("韶山市城市管理和综合执法局", "11430382", 111)
    agency = party("湘潭庚川招标咨询有限公司", "91430304", 3)
    number = "SSJS-2025-0031"
    p = Project("construction-terminated.jsonl", number, "construction", "open-tender", "韶山市示例湿地公园步道改造工程",
                [{"scheme": "tender_project_code", "value": "E4303820250000031001"}, {"scheme": "trading_code", "value": trading_code("A02", "20250609", 31)}], True)
    p.say("announcement", "tender_notice", "施工招标公告", "2025-06-09 09:00",
          {"buyer": buyer, "agency": agency, "scale": "改造步道 4.2 公里，含照明、排水和无障碍坡道", "funding": "财政资金100%", "place": "韶山市银田镇",
           "lots": [{"lot": "1", "name": "施工", "price_limit": yuan("6385000.00"), "duration": "120日历天", "quality": "合格"}],
           "qualification": "市政公用工程施工总承包三级及以上", "consortium": False, "documents_how": f"在{PLATFORM}下载", "bids_how": "通过平台上传加密的电子投标文件"},
          {"documents_from": "2025-06-09 09:00", "documents_to": "2025-06-16 17:00", "bid_deadline": "2025-07-01 09:30", "opening": "2025-07-01 09:30"}, lots=["1"],
          documents=[("招标公告.txt", buyer["name"], [
              ("项目概况", ["改造步道 4.2 公里，最高投标限价 6,385,000.00 元，工期 120 日历天。"]),
              ("投标人资格", ["市政公用工程施工总承包三级及以上资质，不接受联合体。"]),
              ("招标文件的获取", [f"2025 年 6 月 9 日至 6 月 16 日，在{PLATFORM}下载。"]),
              ("投标截止和开标", ["2025 年 7 月 1 日 9 时 30 分。"])])])
    p.say("announcement", "termination", "流标公告", "2025-07-01 16:00",
          {"cause": "failed", "reason": "至投标截止时间，递交投标文件的投标人少于三个，不得开标（招标投标法第二十八条）", "next_step": "分析原因后重新招标"},
          {"terminated": "2025-07-01 09:30"}, amends=(1, "correct"), lots=["1"])
    p.write()


def land():
    seller = party("韶山市自然资源局", "11430382", 41)
    a = party("湘潭子川置业有限公司", "91430302", 121)
    b = party("长沙丑川商业管理有限公司", "91430102", 122)
    number = "SSTD-2025-07"
    p = Project("land-use-right.jsonl", number, "land-use-right", "listing", "韶山市2025-07号地块国有建设用地使用权",
                [{"scheme": "parcel", "value": "韶土网挂〔2025〕07号"}, {"scheme": "trading_code", "value": trading_code("B01", "20250310", 7)}])
    parcel = {"id": "2025-07", "location": "清溪镇迎宾路东侧", "area": "26318.50", "use": "商服用地", "term": "40年"}
    p.say("announcement", "plan_notice", "供应计划", "2025-02-20 10:00", {"buyer": seller, "need": "2025 年度商服用地供应计划第 3 宗", "expected_month": "2025-03", "parcels": [parcel]})
    p.say("announcement", "transfer_notice", "挂牌出让公告", "2025-03-10 09:00",
          {"seller": seller, "parcels": [parcel | {"start_price": yuan("35600000.00"), "deposit": yuan("7200000.00")}], "qualification": "境内外法人和其他组织，另有规定的除外", "winner_how": "不低于底价且报价最高者"},
          {"listing_from": "2025-04-01 09:00", "listing_to": "2025-04-14 10:00"},
          documents=[("挂牌出让公告.txt", seller["name"], [
              ("地块情况", ["编号 2025-07，清溪镇迎宾路东侧，26,318.50 平方米，商服用地，40 年。", "起始价 35,600,000.00 元，保证金 7,200,000.00 元。"]),
              ("竞买资格", ["境内外法人和其他组织。"]),
              ("挂牌时间", ["2025 年 4 月 1 日 9 时至 4 月 14 日 10 时。"]),
              ("竞得人的确定", ["在挂牌期限内报价最高且不低于底价者为竞得人。"])])])
    p.say("qualification", "bidder_register", "竞买人名单", "2025-04-14 10:30", {"bidders": [{"party": a, "bond_paid": True}, {"party": b, "bond_paid": True}]})
    p.say("process", "bidding_log", "挂牌报价记录", "2025-04-14 15:30",
          {"offers": [{"round": 1, "bidder_number": "06", "price": yuan("35600000.00"), "at": at("2025-04-11 14:20")}, {"round": 2, "bidder_number": "11", "price": yuan("36000000.00"), "at": at("2025-04-14 09:41")},
                      {"round": 3, "bidder_number": "06", "price": yuan("36400000.00"), "at": at("2025-04-14 09:56")}], "rounds": 3})
    p.say("award", "award_notice", "成交公示", "2025-04-16 10:00",
          {"buyer": seller, "winner": a, "price": yuan("36400000.00"), "parcels": [parcel], "duration": "40年"},
          {"trade": "2025-04-14 10:00", "publicity_from": "2025-04-16 10:00", "publicity_to": "2025-04-30 17:00"},
          documents=[("成交公示.txt", seller["name"], [("成交结果", ["竞得人：湘潭子川置业有限公司（示例）", "成交价：36,400,000.00 元"]), ("公示期", ["2025 年 4 月 16 日至 4 月 30 日。"])])])
    p.say("performance", "contract", "出让合同", "2025-05-13 10:00",
          {"number": f"{number}-HT", "name": "国有建设用地使用权出让合同", "buyer": seller, "supplier": a, "price": yuan("36400000.00"), "duration": "40年，2026 年 5 月 31 日前开工"}, {"contract_signed": "2025-05-12 15:00"})
    p.say("performance", "payment", "土地出让价款缴纳", "2025-06-12 16:00",
          {"contract": f"{number}-HT", "clause": "签订合同之日起 30 日内付清", "due": yuan("36400000.00"), "paid": yuan("36400000.00"), "payer": a, "payee": seller}, {"paid": "2025-06-10 11:00"})
    p.say("performance", "delivery_handover", "交地", "2025-07-03 10:00", {"contract": f"{number}-HT", "receiver": a, "delivered_on": "2025-07-02", "quantity": "26318.50 平方米", "what": "净地交付，界址点已实地指认"})
    p.say("performance", "performance_report", "开发利用履约情况", "2025-12-10 10:00",
          {"contracts": [{"contract": f"{number}-HT", "supplier": a, "contract_price": yuan("36400000.00"), "settlement_price": yuan("36400000.00"), "quality_met": True}], "evaluation": "价款按期付清，已取得施工许可，早于约定日期开工"})
    p.write()


def property_right():
    seller = party("韶山市示例城市建设投资集团有限公司", "91430382", 131)
    target = party("韶山市示例水务有限公司", "91430382", 132)
    a = party("湖南寅川环境投资有限公司", "91430100", 133)
    b = party("湘潭卯川水务工程有限公司", "91430300", 134)
    number = "SSCQ-2025-03"
    p = Project("state-property.jsonl", number, "state-property", "listing", "韶山市示例水务有限公司35%股权转让",
                [{"scheme": "exchange_project", "value": "HNCQ-2025-G-0103（示例）"}, {"scheme": "trading_code", "value": trading_code("E01", "20250407", 3)}])
    p.say("announcement", "pre_disclosure", "信息预披露", "2025-03-03 10:00",
          {"seller": seller, "target": target, "shareholders": "韶山市示例城市建设投资集团有限公司（示例）100%", "audit": "2024 年末净资产 18,420.36 万元，净利润 1,206.80 万元", "share": "35"})
    stake = {"id": "HNCQ-2025-G-0103", "share": "35", "valuation": yuan("71250000.00"), "start_price": yuan("71250000.00"), "deposit": yuan("14000000.00")}
    p.say("announcement", "transfer_notice", "信息披露公告", "2025-04-07 09:00",
          {"seller": seller, "parcels": [stake], "qualification": "具有水务运营业绩的法人，注册资本不少于 5,000 万元", "winner_how": "征集到两个及以上受让方的，采用网络竞价", "approver": "韶山市国有资产监督管理局（示例）", "period": "20个工作日", "auto_extension": True, "preemption_waived": True},
          {"listing_from": "2025-04-08 09:00", "listing_to": "2025-05-09 17:00"},
          documents=[("信息披露公告.txt", seller["name"], [
              ("转让标的", ["韶山市示例水务有限公司（示例）35% 股权，评估值和转让底价 71,250,000.00 元。"]),
              ("披露期", ["2025 年 4 月 8 日至 5 月 9 日；未征集到受让方的，按 5 个工作日为周期延长。"]),
              ("受让条件", ["具有水务运营业绩的法人。"]), ("优先购买权", ["原股东已书面放弃。"])])])
    p.say("qualification", "qualification_result", "意向受让方资格确认", "2025-05-13 10:00", {"reviewed_at": at("2025-05-12 16:00"), "passed": [{"party": a, "bond_paid": True}, {"party": b, "bond_paid": True}], "rejected": []})
    p.say("process", "bidding_log", "网络竞价记录", "2025-05-15 16:00",
          {"offers": [{"round": 1, "bidder_number": "A", "price": yuan("71250000.00"), "at": at("2025-05-15 10:02")}, {"round": 2, "bidder_number": "B", "price": yuan("72000000.00"), "at": at("2025-05-15 10:09")}, {"round": 3, "bidder_number": "A", "price": yuan("73600000.00"), "at": at("2025-05-15 10:21")}], "rounds": 3})
    p.say("award", "award_notice", "成交结果公示", "2025-05-16 10:00",
          {"buyer": seller, "winner": a, "price": yuan("73600000.00"), "parcels": [{"id": "HNCQ-2025-G-0103", "share": "35"}]},
          {"trade": "2025-05-15 10:30", "publicity_from": "2025-05-16 10:00", "publicity_to": "2025-05-22 17:30"},
          documents=[("成交结果公示.txt", seller["name"], [("成交结果", ["受让方：湖南寅川环境投资有限公司（示例）", "成交价：73,600,000.00 元，比评估值高 3.30%"]), ("公示期", ["5 个工作日。"])])])
    p.say("performance", "contract", "产权交易合同", "2025-05-27 10:00", {"number": f"{number}-HT", "name": "产权交易合同", "buyer": seller, "supplier": a, "price": yuan("73600000.00"), "duration": "合同生效后 5 个工作日内付清"}, {"contract_signed": "2025-05-26 15:00"})
    p.say("performance", "payment", "交易价款结算", "2025-06-04 15:00", {"contract": f"{number}-HT", "due": yuan("73600000.00"), "paid": yuan("73600000.00"), "payer": a, "payee": seller}, {"paid": "2025-06-03 10:30"})
    p.say("performance", "delivery_handover", "股权交割", "2025-06-23 10:00", {"contract": f"{number}-HT", "receiver": a, "delivered_on": "2025-06-20", "quantity": "35%", "what": "股东名册变更和市场主体变更登记完成"})
    p.say("performance", "performance_report", "履约情况", "2025-07-01 10:00", {"contracts": [{"contract": f"{number}-HT", "supplier": a, "contract_price": yuan("73600000.00"), "settlement_price": yuan("73600000.00"), "finished_on": "2025-06-20"}], "evaluation": "价款一次付清，交割完成"})
    p.write()


def carbon():
    seller = party("韶山市生态环境局", "11430382", 141)
    a = party("韶山辰川水泥有限公司", "91430382", 142)
    b = party("湘潭巳川热电有限公司", "91430300", 143)
    number = "SSTP-2025-01"
    p = Project("carbon-emission.jsonl", number, "carbon-emission", "auction", "韶山市2025年度碳排放配额有偿竞价", [{"scheme": "trading_code", "value": trading_code("F21", "20250512", 1)}])
    lot = {"id": "SS-CEA-2025-01", "quantity": "12000 吨二氧化碳当量", "start_price": unit("58.00", "58.00 元/吨"), "deposit": yuan("100000.00")}
    p.say("announcement", "transfer_notice", "公告", "2025-05-12 09:00",
          {"seller": seller, "parcels": [lot], "qualification": "纳入本市年度配额管理名录的单位", "winner_how": "统一价格密封竞价，价格优先、时间优先", "period": "2025 年 5 月 22 日 10 时至 11 时竞价"},
          {"trade": "2025-05-22 11:00"},
          documents=[("竞价公告.txt", seller["name"], [("竞价标的", ["2025 年度碳排放配额 12,000 吨，底价 58.00 元/吨。"]), ("参与条件", ["纳入本市年度配额管理名录的单位，保证金 100,000.00 元。"]), ("竞价时间", ["2025 年 5 月 22 日 10 时至 11 时。"])])])
    p.say("qualification", "qualification_result", "竞价资格确认", "2025-05-20 10:00", {"reviewed_at": at("2025-05-19 16:00"), "passed": [{"party": a, "bond_paid": True}, {"party": b, "bond_paid": True}], "rejected": []})
    p.say("process", "bidding_log", "竞价记录", "2025-05-22 11:30",
          {"offers": [{"round": 1, "bidder_number": "01", "price": unit("61.50", "61.50 元/吨，12000 吨"), "at": at("2025-05-22 10:18")}, {"round": 1, "bidder_number": "02", "price": unit("60.20", "60.20 元/吨，8000 吨"), "at": at("2025-05-22 10:41")}], "rounds": 1})
    p.say("award", "award_notice", "成交结果公告", "2025-05-23 10:00", {"buyer": seller, "winner": a, "price": yuan("738000.00"), "parcels": [{"id": "SS-CEA-2025-01", "quantity": "12000 吨，61.50 元/吨"}]}, {"trade": "2025-05-22 11:00"},
          documents=[("成交结果公告.txt", seller["name"], [("成交结果", ["买受人：韶山辰川水泥有限公司（示例）", "成交量：12,000 吨", "成交价：61.50 元/吨，合计 738,000.00 元"])])])
    p.say("performance", "contract", "配额交易协议", "2025-05-29 10:00", {"number": f"{number}-HT", "name": "碳排放配额交易协议", "buyer": seller, "supplier": a, "price": yuan("738000.00"), "duration": "协议生效后 5 个工作日内划转"}, {"contract_signed": "2025-05-28 15:00"})
    p.say("performance", "payment", "价款缴纳", "2025-05-30 16:00", {"contract": f"{number}-HT", "due": yuan("738000.00"), "paid": yuan("738000.00"), "payer": a, "payee": seller}, {"paid": "2025-05-30 10:00"})
    p.say("performance", "delivery_handover", "配额划转", "2025-06-05 10:00", {"contract": f"{number}-HT", "receiver": a, "delivered_on": "2025-06-04", "quantity": "12000 吨", "what": "2025 年度碳排放配额"})
    p.say("performance", "performance_report", "清缴履约情况", "2025-12-22 10:00", {"contracts": [{"contract": f"{number}-HT", "supplier": a, "contract_price": yuan("738000.00"), "settlement_price": yuan("738000.00"), "environment_met": True}], "evaluation": "年度配额已足额清缴"})
    p.write()


def discharge():
    seller = party("韶山市排污权储备交易中心", "12430382", 151)
    a = party("韶山午川食品有限公司", "91430382", 152)
    b = party("韶山未川酿造有限公司", "91430382", 153)
    number = "SSPW-2025-02"
    p = Project("pollutant-discharge.jsonl", number, "pollutant-discharge", "listing", "韶山市化学需氧量、氨氮排污权出让", [{"scheme": "trading_code", "value": trading_code("F22", "20250616", 2)}])
    p.say("announcement", "transfer_notice", "挂牌公告", "2025-06-16 09:00",
          {"seller": seller, "parcels": [{"id": "COD", "quantity": "18.6 吨/年，5 年", "start_price": unit("2300.00", "2300.00 元/吨·年")}, {"id": "NH3-N", "quantity": "1.4 吨/年，5 年", "start_price": unit("4600.00", "4600.00 元/吨·年")}],
           "qualification": "本市行政区域内已取得环境影响评价批复的排污单位", "winner_how": "价格优先", "period": "10个工作日"},
          {"listing_from": "2025-06-17 09:00", "listing_to": "2025-07-01 10:00"},
          documents=[("挂牌公告.txt", seller["name"], [("出让标的", ["化学需氧量 18.6 吨/年，起始价 2,300.00 元/吨·年。", "氨氮 1.4 吨/年，起始价 4,600.00 元/吨·年。", "有效期 5 年。"]), ("受让条件", ["本市已取得环境影响评价批复的排污单位。"]), ("挂牌时间", ["2025 年 6 月 17 日 9 时至 7 月 1 日 10 时。"])])])
    p.say("qualification", "qualification_result", "受让资格确认", "2025-07-01 11:00", {"reviewed_at": at("2025-07-01 10:30"), "passed": [{"party": a, "bond_paid": True}, {"party": b, "bond_paid": True}], "rejected": []})
    p.say("process", "bidding_log", "报价记录", "2025-07-01 16:00",
          {"offers": [{"round": 1, "bidder_number": "03", "price": yuan("246100.00"), "at": at("2025-06-27 15:10")}, {"round": 2, "bidder_number": "05", "price": yuan("251000.00"), "at": at("2025-07-01 09:35")}], "rounds": 2})
    p.say("award", "award_notice", "成交结果公示", "2025-07-03 10:00", {"buyer": seller, "winner": b, "price": yuan("251000.00"), "parcels": [{"id": "COD", "quantity": "18.6 吨/年"}, {"id": "NH3-N", "quantity": "1.4 吨/年"}], "duration": "5年"}, {"trade": "2025-07-01 10:00", "publicity_from": "2025-07-03 10:00", "publicity_to": "2025-07-09 17:00"},
          documents=[("成交结果公示.txt", seller["name"], [("成交结果", ["受让方：韶山未川酿造有限公司（示例）", "成交价：251,000.00 元，有效期 5 年"])])])
    p.say("performance", "contract", "排污权出让合同", "2025-07-15 10:00", {"number": f"{number}-HT", "name": "排污权出让合同", "buyer": seller, "supplier": b, "price": yuan("251000.00"), "duration": "5年"}, {"contract_signed": "2025-07-14 15:00"})
    p.say("performance", "payment", "价款缴纳", "2025-07-22 15:00", {"contract": f"{number}-HT", "due": yuan("251000.00"), "paid": yuan("251000.00"), "payer": b, "payee": seller}, {"paid": "2025-07-21 10:00"})
    p.say("performance", "delivery_handover", "指标交付", "2025-07-28 10:00", {"contract": f"{number}-HT", "receiver": b, "delivered_on": "2025-07-25", "quantity": "化学需氧量 18.6 吨/年，氨氮 1.4 吨/年", "what": "载入排污许可证"})
    p.say("performance", "contract_termination", "出让合同解除", "2025-11-20 10:00", {"contract": f"{number}-HT", "reason": "受让方生产线不再建设，经双方协商由储备中心按原价回购剩余年限的指标", "terminated_on": "2025-11-18"}, {"terminated": "2025-11-18 10:00"})
    p.write()


def drug():
    buyer = party("韶山市公立医院药品采购联合体", "12430382", 161)
    a = party("湖南申川制药有限公司", "91430100", 162)
    b = party("湘潭酉川药业有限公司", "91430300", 163)
    c = party("岳阳戌川生物制药有限公司", "91430600", 164)
    number = "SSYP-2025-05"
    p = Project("medical-drug.jsonl", number, "medical-drug", "volume-based", "韶山市公立医院慢病用药带量采购（第二批）", [{"scheme": "catalogue", "value": "SS-YP-2025-02（示例）"}, {"scheme": "trading_code", "value": trading_code("F23", "20250305", 5)}])
    one = {"code": "DEMO-C09AA02-01", "name": "依那普利", "form": "片剂", "spec": "10mg×32片", "unit": "盒"}
    two = {"code": "DEMO-A10BA02-03", "name": "二甲双胍", "form": "缓释片", "spec": "0.5g×30片", "unit": "盒"}
    p.say("announcement", "drug_catalogue", "采购目录", "2025-02-10 10:00", {"number": "SS-YP-2025-02", "buyer": buyer, "drugs": [one, two]})
    p.say("announcement", "tender_notice", "公告", "2025-03-05 09:00",
          {"buyer": buyer, "scale": "依那普利片 21.6 万盒，二甲双胍缓释片 34.2 万盒，采购周期一年", "lots": [{"lot": "1", "name": "依那普利片", "quantity": "216000盒", "price_limit": unit("6.80", "6.80 元/盒")}, {"lot": "2", "name": "二甲双胍缓释片", "quantity": "342000盒", "price_limit": unit("9.20", "9.20 元/盒")}],
           "qualification": "取得合法资质、通过一致性评价的生产企业", "consortium": False, "documents_how": f"在{PLATFORM}下载", "bids_how": "通过平台网上申报"},
          {"documents_from": "2025-03-05 09:00", "documents_to": "2025-03-14 17:00", "bid_deadline": "2025-03-28 09:00", "opening": "2025-03-28 09:00"}, lots=["1", "2"],
          documents=[("采购公告.txt", buyer["name"], [("采购品种", ["1. 依那普利片 10mg×32片，21.6 万盒，最高有效申报价 6.80 元/盒", "2. 二甲双胍缓释片 0.5g×30片，34.2 万盒，最高有效申报价 9.20 元/盒"]), ("申报资格", ["取得合法资质、通过一致性评价的药品生产企业。"]), ("申报截止", ["2025 年 3 月 28 日 9 时。"])])])
    p.say("process", "bid_opening", "申报信息公开记录", "2025-03-28 11:00",
          {"place": f"{CENTRE}第一开标室", "bids": [{"lot": "1", "party": a, "price": unit("5.12", "5.12 元/盒")}, {"lot": "1", "party": b, "price": unit("5.46", "5.46 元/盒")}, {"lot": "2", "party": b, "price": unit("7.05", "7.05 元/盒")}, {"lot": "2", "party": c, "price": unit("6.88", "6.88 元/盒")}], "exceptions": "无"},
          {"opening": "2025-03-28 09:00"}, lots=["1", "2"])
    p.say("qualification", "qualification_result", "申报企业资格审查结果", "2025-03-31 10:00", {"mode": "资格后审", "passed": [{"lot": "1", "party": a}, {"lot": "1", "party": b}, {"lot": "2", "party": b}, {"lot": "2", "party": c}], "rejected": []}, lots=["1", "2"])
    p.say("process", "candidate_publicity", "拟中选结果公示", "2025-03-31 15:00",
          {"candidates": [{"lot": "1", "rank": 1, "party": a, "price": unit("5.12", "5.12 元/盒")}, {"lot": "2", "rank": 1, "party": c, "price": unit("6.88", "6.88 元/盒")}], "objection_channel": f"公示期内通过{PLATFORM}提出"},
          {"publicity_from": "2025-03-31 15:00", "publicity_to": "2025-04-08 17:00"}, lots=["1", "2"])
    p.say("award", "award_notice", "中选结果公告", "2025-04-10 10:00",
          {"buyer": buyer, "awards": [{"lot": "1", "winner": a, "price": unit("5.12", "5.12 元/盒")}, {"lot": "2", "winner": c, "price": unit("6.88", "6.88 元/盒")}],
           "drugs": [one | {"maker": a, "price": unit("5.12", "5.12 元/盒")}, two | {"maker": c, "price": unit("6.88", "6.88 元/盒")}]},
          {"winner_set": "2025-04-09 10:00", "letter_issued": "2025-04-10 10:00"}, lots=["1", "2"],
          documents=[("中选结果公告.txt", buyer["name"], [("中选结果", ["依那普利片：湖南申川制药有限公司（示例），5.12 元/盒", "二甲双胍缓释片：岳阳戌川生物制药有限公司（示例），6.88 元/盒"]), ("执行时间", ["2025 年 5 月 1 日起一年。"])])])
    p.say("performance", "contract", "购销协议（依那普利片）", "2025-04-24 10:00", {"number": f"{number}-HT1", "name": "药品购销协议", "buyer": buyer, "supplier": a, "price": yuan("1105920.00"), "duration": "2025 年 5 月 1 日至 2026 年 4 月 30 日"}, {"contract_signed": "2025-04-23 10:00"}, lots=["1"])
    p.say("performance", "contract", "购销协议（二甲双胍缓释片）", "2025-04-24 10:10", {"number": f"{number}-HT2", "name": "药品购销协议", "buyer": buyer, "supplier": c, "price": yuan("2352960.00"), "duration": "2025 年 5 月 1 日至 2026 年 4 月 30 日"}, {"contract_signed": "2025-04-23 11:00"}, lots=["2"])
    p.say("performance", "delivery_handover", "首批配送", "2025-05-21 10:00", {"contract": f"{number}-HT1", "receiver": buyer, "delivered_on": "2025-05-20", "quantity": "18000盒", "what": "依那普利片首批"}, lots=["1"])
    p.say("performance", "payment", "药款结算", "2025-06-18 15:00", {"contract": f"{number}-HT1", "clause": "到货后 30 日内结清", "due": yuan("92160.00"), "paid": yuan("92160.00"), "payer": buyer, "payee": a}, {"paid": "2025-06-17 10:00"}, lots=["1"])
    p.say("performance", "performance_report", "协议采购量完成情况", "2025-12-15 10:00", {"contracts": [{"lot": "1", "contract": f"{number}-HT1", "supplier": a, "contract_price": yuan("1105920.00"), "quality_met": True}, {"lot": "2", "contract": f"{number}-HT2", "supplier": c, "contract_price": yuan("2352960.00"), "quality_met": True}], "evaluation": "至 11 月末分别完成协议量的 61% 和 58%，配送及时率 99.2%"}, lots=["1", "2"])
    p.write()


def device():
    buyer = party("韶山市人民医院", "12430382", 171)
    agency = party("湘潭庚川招标咨询有限公司", "91430304", 3)
    a = party("长沙亥川医疗器械有限公司", "91430104", 172)
    b = party("湘潭甲泉医疗科技有限公司", "91430302", 173)
    c = party("衡阳乙泉医用设备有限公司", "91430400", 174)
    number = "SSQX-2025-04"
    p = Project("medical-device.jsonl", number, "medical-device", "competitive-consultation", "韶山市人民医院彩色多普勒超声诊断仪采购", [{"scheme": "procurement_plan", "value": "韶财采计〔2025〕0077号"}, {"scheme": "trading_code", "value": trading_code("D01", "20250603", 77)}])
    p.say("announcement", "tender_notice", "竞争性磋商公告", "2025-06-03 09:00",
          {"buyer": buyer, "agency": agency, "scale": "彩色多普勒超声诊断仪 2 台，含探头和五年维护", "budget": yuan("1980000.00"), "qualification": "具有医疗器械经营许可", "consortium": False, "documents_how": f"在{PLATFORM}下载", "bids_how": "通过平台上传响应文件"},
          {"documents_from": "2025-06-03 09:00", "documents_to": "2025-06-10 17:00", "bid_deadline": "2025-06-17 09:30", "opening": "2025-06-17 09:30"},
          documents=[("磋商公告.txt", buyer["name"], [("采购内容", ["彩色多普勒超声诊断仪 2 台，预算 1,980,000.00 元。"]), ("供应商资格", ["具有医疗器械经营许可。"]), ("响应文件递交截止", ["2025 年 6 月 17 日 9 时 30 分。"])])])
    p.say("process", "bid_opening", "响应文件开启记录", "2025-06-17 11:00", {"place": f"{CENTRE}第三开标室", "host": agency["name"], "bids": [{"party": a, "price": yuan("1896000.00")}, {"party": b, "price": yuan("1912000.00")}, {"party": c, "price": yuan("1934000.00")}], "exceptions": "无"}, {"opening": "2025-06-17 09:30"})
    p.say("qualification", "qualification_result", "资格审查结果", "2025-06-17 15:00", {"mode": "资格后审", "passed": [{"party": a}, {"party": b}], "rejected": [{"party": c, "reason": withheld("未提供有效期内的经营许可证", "not_yet")}]})
    p.say("award", "award_notice", "成交结果公告", "2025-06-19 10:00",
          {"buyer": buyer, "agency": agency, "winner": a, "price": yuan("1868000.00"), "duration": "30日历天", "goods": [{"name": "彩色多普勒超声诊断仪", "model": "DEMO-US90（示例）", "quantity": "2 台", "unit_price": yuan("934000.00"), "service": "五年维护"}], "experts": [shown("陈示例"), shown("褚示例"), shown("卫示例")]},
          {"evaluated": "2025-06-17 17:00", "winner_set": "2025-06-18 15:00", "letter_issued": "2025-06-19 10:00", "publicity_from": "2025-06-19 10:00", "publicity_to": "2025-06-20 17:30"},
          documents=[("成交结果公告.txt", buyer["name"], [("成交信息", ["成交供应商：长沙亥川医疗器械有限公司（示例）", "成交金额：1,868,000.00 元（最后报价）"]), ("公告期限", ["1 个工作日。"])])])
    p.say("performance", "contract", "合同公告", "2025-07-03 10:00", {"number": f"{number}-HT", "name": "医疗设备采购合同", "buyer": buyer, "supplier": a, "price": yuan("1868000.00"), "duration": "30日历天", "text": withheld("合同正文含设备配置清单和报价构成", "trade_secret")}, {"contract_signed": "2025-07-02 10:00"})
    p.say("performance", "acceptance", "履约验收公告", "2025-08-08 16:00", {"contract": f"{number}-HT", "buyer": buyer, "supplier": a, "technical": "性能检测符合技术要求", "service": "完成操作培训", "safety": "电气安全、声输出检测合格", "result": "合格", "acceptors": [shown("蒋示例"), shown("沈示例")]}, {"accepted": "2025-08-07 16:00"},
          documents=[("验收报告.txt", buyer["name"], [("验收内容", ["设备 2 台，型号、配置与合同一致。"]), ("检测", ["性能、电气安全、声输出检测合格。"]), ("结论", ["合格。"])])])
    p.say("performance", "payment", "合同款支付", "2025-08-20 15:00", {"contract": f"{number}-HT", "clause": "验收合格后支付 95%", "due": yuan("1774600.00"), "paid": yuan("1774600.00"), "payer": buyer, "payee": a}, {"paid": "2025-08-20 10:00"})
    p.say("performance", "performance_report", "履约情况", "2025-08-26 10:00", {"contracts": [{"contract": f"{number}-HT", "supplier": a, "contract_price": yuan("1868000.00"), "settlement_price": yuan("1868000.00"), "duration": "28日历天", "finished_on": "2025-08-07", "quality_met": True, "safety_met": True}], "evaluation": "按期交付"})
    p.write()


def forest():
    seller = party("韶山市国有示例林场", "12430382", 181)
    number = "SSLQ-2025-06"
    p = Project("forest-right.jsonl", number, "forest-right", "auction", "韶山市国有示例林场杉木林采伐后林地使用权", [{"scheme": "forest_certificate", "value": "韶林证字（2025）示例 06 号"}, {"scheme": "trading_code", "value": trading_code("F25", "20250317", 6)}])
    plot = {"id": "SL-06", "location": "银田镇示例村三工区", "area": "186000.00", "use": "用材林", "term": "30年"}
    p.say("announcement", "transfer_notice", "流转公告", "2025-03-17 09:00",
          {"seller": seller, "parcels": [plot | {"start_price": yuan("420000.00"), "deposit": yuan("80000.00")}], "qualification": "具有完全民事行为能力的自然人、法人和其他组织", "winner_how": "增价拍卖，价高者得", "period": "2025 年 4 月 10 日 10 时拍卖"},
          documents=[("流转公告.txt", seller["name"], [("流转标的", ["林地 186,000.00 平方米（279 亩），用材林，30 年，起拍价 420,000.00 元。"]), ("竞买资格", ["自然人、法人和其他组织均可参加。"]), ("拍卖时间", ["2025 年 4 月 10 日 10 时。"])])])
    p.say("qualification", "bidder_register", "竞买人名单", "2025-04-10 10:30",
          {"bidders": [{"party": {"name": shown("韩示例")}, "bond_paid": True}, {"party": {"name": shown("杨示例")}, "bond_paid": True}, {"party": party("湘潭丙泉林业有限公司", "91430300", 182), "bond_paid": True}]})
    p.say("process", "bidding_log", "拍卖记录", "2025-04-10 12:00",
          {"offers": [{"round": 1, "bidder_number": "02", "price": yuan("420000.00"), "at": at("2025-04-10 10:05")}, {"round": 2, "bidder_number": "03", "price": yuan("450000.00"), "at": at("2025-04-10 10:07")}, {"round": 3, "bidder_number": "02", "price": yuan("468000.00"), "at": at("2025-04-10 10:09")}], "rounds": 3})
    # Deliberate: traded on 10 April, the result to be made public within 20 working days, by 12 May (CN-OG-26).
    p.say("award", "award_notice", "成交公示", "2025-05-16 10:00", {"buyer": seller, "winner": {"name": shown("杨示例")}, "price": yuan("468000.00"), "parcels": [plot]}, {"trade": "2025-04-10 10:10", "publicity_from": "2025-05-16 10:00", "publicity_to": "2025-05-23 17:00"},
          documents=[("成交公示.txt", seller["name"], [("成交结果", ["竞得人：自然人，姓名见账本所附的承诺值原文", "成交价：468,000.00 元"]), ("公示期", ["2025 年 5 月 16 日至 5 月 23 日。"])])])
    p.say("performance", "contract", "林地使用权流转合同", "2025-05-29 10:00", {"number": f"{number}-HT", "name": "林地使用权流转合同", "buyer": seller, "supplier": {"name": shown("杨示例")}, "price": yuan("468000.00"), "duration": "30年"}, {"contract_signed": "2025-05-28 10:00"})
    p.say("performance", "payment", "流转价款缴纳", "2025-06-11 15:00", {"contract": f"{number}-HT", "due": yuan("468000.00"), "paid": yuan("468000.00"), "payer": {"name": shown("杨示例")}, "payee": seller}, {"paid": "2025-06-10 10:00"})
    p.say("performance", "delivery_handover", "林地交付", "2025-06-20 10:00", {"contract": f"{number}-HT", "receiver": {"name": shown("杨示例")}, "delivered_on": "2025-06-19", "quantity": "186000.00 平方米", "what": "现场勘界，四至无争议"})
    p.say("performance", "performance_report", "更新造林履约情况", "2025-12-18 10:00", {"contracts": [{"contract": f"{number}-HT", "contract_price": yuan("468000.00"), "settlement_price": yuan("468000.00"), "environment_met": True}], "evaluation": "当年完成更新造林 279 亩，成活率 92%"})
    p.write()


def mineral():
    seller = party("湘潭市自然资源和规划局", "11430300", 191)
    a = party("湘潭丁泉建材有限公司", "91430300", 192)
    b = party("娄底戊泉矿业有限公司", "91431300", 193)
    number = "SSKQ-2025-01"
    p = Project("mineral-right.jsonl", number, "mineral-right", "listing", "韶山市示例建筑用砂岩矿采矿权", [{"scheme": "mineral_block", "value": "湘潭采矿权告字〔2025〕01号（示例）"}, {"scheme": "trading_code", "value": trading_code("C01", "20250217", 1)}])
    block = {"id": "2025-01", "location": "韶山市杨林乡示例村", "area": "112400.00", "use": "建筑用砂岩露天开采", "term": "10年", "quantity": "可采储量 386.2 万吨"}
    p.say("announcement", "transfer_notice", "挂牌出让公告", "2025-02-17 09:00",
          {"seller": seller, "parcels": [block | {"start_price": yuan("9280000.00"), "deposit": yuan("1860000.00")}], "qualification": "中国境内登记的营利法人，未列入严重失信名单", "winner_how": "不低于底价且报价最高者"}, {"listing_from": "2025-03-18 09:00", "listing_to": "2025-04-02 10:00"},
          documents=[("挂牌出让公告.txt", seller["name"], [("矿区概况", ["杨林乡示例村，112,400.00 平方米，可采储量 386.2 万吨，出让年限 10 年。"]), ("起始价", ["9,280,000.00 元，保证金 1,860,000.00 元。"]), ("挂牌时间", ["2025 年 3 月 18 日 9 时至 4 月 2 日 10 时。"])])])
    p.say("qualification", "qualification_result", "竞买资格审查结果", "2025-04-02 10:30", {"reviewed_at": at("2025-03-28 16:00"), "passed": [{"party": a, "bond_paid": True}, {"party": b, "bond_paid": True}], "rejected": []})
    p.say("process", "bidding_log", "挂牌报价记录", "2025-04-02 15:00", {"offers": [{"round": 1, "bidder_number": "08", "price": yuan("9280000.00"), "at": at("2025-03-31 10:12")}, {"round": 2, "bidder_number": "15", "price": yuan("9680000.00"), "at": at("2025-04-02 09:50")}, {"round": 3, "bidder_number": "08", "price": yuan("10080000.00"), "at": at("2025-04-02 09:58")}], "rounds": 3})
    p.say("award", "award_notice", "成交结果公示", "2025-04-08 10:00", {"buyer": seller, "winner": b, "price": yuan("10080000.00"), "parcels": [block], "duration": "10年"}, {"trade": "2025-04-02 10:00", "publicity_from": "2025-04-08 10:00", "publicity_to": "2025-04-22 17:30"},
          documents=[("成交结果公示.txt", seller["name"], [("成交结果", ["竞得人：娄底戊泉矿业有限公司（示例）", "成交价：10,080,000.00 元"]), ("公示期", ["2025 年 4 月 8 日至 4 月 22 日，不少于 10 个工作日。"])])])
    p.say("performance", "contract", "采矿权出让合同", "2025-04-30 10:00", {"number": f"{number}-HT", "name": "采矿权出让合同", "buyer": seller, "supplier": b, "price": yuan("10080000.00"), "duration": "10年"}, {"contract_signed": "2025-04-29 15:00"})
    p.say("performance", "payment", "出让收益缴纳", "2025-05-22 15:00", {"contract": f"{number}-HT", "clause": "首期 50%", "due": yuan("5040000.00"), "paid": yuan("5040000.00"), "payer": b, "payee": seller}, {"paid": "2025-05-21 10:00"})
    p.say("performance", "contract_change", "出让合同补充协议", "2025-09-16 10:00", {"contract": f"{number}-HT", "changes": [{"item": "开采标高下限", "before": "+86 米", "after": "+92 米（避让生态保护红线）"}], "price_change": yuan("-218000.00"), "reason": "矿区范围按生态保护红线核减"}, {"contract_signed": "2025-09-15 10:00"})
    p.say("performance", "delivery_handover", "采矿许可登记", "2025-10-16 10:00", {"contract": f"{number}-HT", "receiver": b, "delivered_on": "2025-10-15", "quantity": "1 宗", "what": "采矿许可证已颁发"})
    p.say("performance", "performance_report", "履约情况", "2025-12-24 10:00", {"contracts": [{"contract": f"{number}-HT", "supplier": b, "contract_price": yuan("10080000.00"), "environment_met": True}], "evaluation": "第二期出让收益未到期；矿山地质环境治理恢复基金已计提"})
    p.write()


def main():
    for make in (procurement, terminated, land, property_right, carbon, discharge, drug, device, forest, mineral):
        make()
    if sys.argv[1:] == ["--check"]:
        there = {str(path.relative_to(HERE)) for path in HERE.glob("documents/*.txt")}
        extra = there - made.keys()
        other = [name for name, data in made.items() if not (HERE / name).is_file() or (HERE / name).read_bytes() != data]
        for name in sorted([*extra, *other]):
            print(f"examples/demo/{name}: not what make.py makes")
        sys.exit(1 if extra or other else 0)
    (HERE / "documents").mkdir(exist_ok=True)
    for name, data in made.items():
        (HERE / name).write_bytes(data)


assert trading_code("A01", "20260302", 1, "11430382006000001K") == "A01-11430382006000001K-20260302-000001-P"
assert uscc("11430382", 1) == "11430382DEM000014B"
main()

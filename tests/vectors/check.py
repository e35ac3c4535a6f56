#!/usr/bin/env python3
"""A second implementation of docs/format.md, sections 1 to 6 and 9, written from that page and not from our code.

    python3 tests/vectors/check.py

Reads the vectors beside it and must come to the same answers: which bytes are a statement, an entry, a possible change
of keys, and what follows from them. Standard library only. It checks the page, not for speed and not for production use.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
sha256 = lambda data: hashlib.sha256(data).digest()


class Refused(Exception):
    pass


def want(condition, why):
    if not condition:
        raise Refused(why)


# Section 1: Ed25519 (RFC 8032), strict; names and vkeys.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
IDENTITY = (0, 1)


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    k = D * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P


def times(n, point):
    total = IDENTITY
    while n:
        if n & 1:
            total = add(total, point)
        point, n = add(point, point), n >> 1
    return total


def decode_point(data):
    y, sign = int.from_bytes(data, "little") & (2**255 - 1), data[31] >> 7
    want(y < P, "y is not reduced")
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if x * x % P != xx:
        x = x * pow(2, (P - 1) // 4, P) % P
    want(x * x % P == xx, "not on the curve")
    want(x or not sign, "-0 for x")
    x = P - x if x & 1 != sign else x
    want(times(8, (x, y)) != IDENTITY, "low order")
    return x, y


BASE = decode_point(bytes([0x58]) + bytes([0x66]) * 31)


def verify(public_key, message, signature):
    a, r, s = decode_point(public_key), decode_point(signature[:32]), int.from_bytes(signature[32:], "little")
    want(s < ORDER, "s is not reduced")
    k = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % ORDER
    want(times(s, BASE) == add(r, times(k, a)), "signature")


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    want(base64.b64encode(data).decode() == text, "base64")
    return data


def name(text):
    want(isinstance(text, str) and re.fullmatch(r"[a-z0-9./_-]{1,128}", text), f"name {text!r}")
    want(all(segment not in ("", ".", "..") for segment in text.split("/")), f"name {text!r}")
    return text


def vkey(text):
    """A vkey as (name, key ID, public key)."""
    want(isinstance(text, str) and text.count("+") >= 2, "vkey")
    who, key_id, key = text.split("+", 2)
    key = unbase64(key)
    want(len(key) == 33 and key[0] == 1, "vkey")
    want(sha256(who.encode() + b"\n" + key)[:4].hex() == key_id, "key ID")
    decode_point(key[1:])
    return name(who), bytes.fromhex(key_id), key[1:]


def vkeys(texts, most):
    want(isinstance(texts, list) and 1 <= len(texts) <= most, "number of vkeys")
    keys = [vkey(text) for text in texts]
    want(len({k[2] for k in keys}) == len(keys) == len({k[:2] for k in keys}), "a key twice")
    return keys


# Section 2: the text.

STRING = r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
NAME = r'"[a-z][a-z0-9_]*"'
INTEGER = r"(?:0|-?[1-9][0-9]{0,15})(?![0-9.eE+-])"
TOKEN = re.compile(rf" *({STRING}|{INTEGER}|true|false|null|[\[\]{{}},:]) *")
NONCHARACTERS = {*range(0xFDD0, 0xFDF0), *(p << 16 | n for p in range(17) for n in (0xFFFE, 0xFFFF))}


def string(token):
    text = json.loads(token)
    want(not any(ord(c) in NONCHARACTERS or c == "\0" or 0xD800 <= ord(c) < 0xE000 for c in text), "character")
    return text


def parse_text(line):
    want(line[:1] == "{" and line[-1:] == "}", "not an object")
    tokens, at = [], 0
    while at < len(line):
        match = TOKEN.match(line, at)
        want(match, f"token at {at}")
        tokens.append(match[1])
        at = match.end()
    tokens.append("")
    place = 0

    def value(depth):
        nonlocal place
        token = tokens[place]
        place += 1
        if token in "{[" and token:
            want(depth <= 16, "depth")
            close, items = {"{": "}", "[": "]"}[token], []
            if tokens[place] == close:
                place += 1
                return {} if close == "}" else []
            while True:
                if close == "}":
                    key = tokens[place]
                    want(re.fullmatch(NAME, key) and tokens[place + 1] == ":", f"member {key}")
                    place += 2
                    items.append((key[1:-1], value(depth + 1)))
                else:
                    items.append(value(depth + 1))
                place += 1
                if tokens[place - 1] == close:
                    break
                want(tokens[place - 1] == ",", "comma")
            want(close == "]" or len(dict(items)) == len(items), "a member twice")
            return dict(items) if close == "}" else items
        if token in ("true", "false", "null"):
            return json.loads(token)
        if token[:1] == '"':
            return string(token)
        want(re.fullmatch(INTEGER, token), f"value {token!r}")
        want(abs(int(token)) < 2**53, "integer")
        return int(token)

    result = value(1)
    want(tokens[place] == "", "text after the object")
    return result


def stated_time(text):
    """Milliseconds since 1970 in UTC."""
    want(isinstance(text, str), "time")
    match = re.fullmatch(
        r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})", text
    )
    want(match and match[8] != "-00:00", f"time {text}")
    try:
        civil = datetime.datetime(*map(int, match.groups()[:6]))
    except ValueError as error:
        raise Refused(str(error))
    offset = 0
    if match[8] != "Z":
        hours, minutes = int(match[8][1:3]), int(match[8][4:])
        want(hours < 24 and minutes < 60, "offset")
        offset = (hours * 60 + minutes) * (-1 if match[8][0] == "-" else 1)
    try:
        utc = civil - datetime.timedelta(minutes=offset)
    except OverflowError:
        raise Refused("year")
    want(civil.year >= 1949 and 1949 <= utc.year <= 9999, "year")
    seconds = (utc - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1)
    return seconds * 1000 + int(((match[7] or "") + "00")[:3] if match[7] else 0)


def hash_hex(text):
    want(isinstance(text, str) and re.fullmatch("[0-9a-f]{64}", text), f"hash {text!r}")
    return text


def integer(value, least):
    want(type(value) is int and value >= least, f"integer {value!r}")
    return value


def closed(members, required, optional=()):
    want(isinstance(members, dict), "object")
    want(set(required) <= set(members) <= {*required, *optional}, f"members {sorted(members)}")


def words(text, most):
    want(isinstance(text, str) and 1 <= len(text.encode()) <= most, f"words {text!r}")


def project_id(text):
    want(isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text), f"project {text!r}")
    return text


def type_name(text):
    want(isinstance(text, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,63}", text), f"type {text!r}")
    return text


def bearer(members):
    words(members["name"], 256)
    uscc = members["uscc"]
    want(uscc is None or isinstance(uscc, str) and re.fullmatch("[0-9A-Z-]{1,32}", uscc), "uscc")


def authority(members):
    keys = vkeys(members["vkeys"], 16)
    want(integer(members["threshold"], 1) <= len(keys), "threshold")
    return members["threshold"], keys


class Statement:
    def __init__(self, note):
        want(len(note) <= 36227, "note bytes")
        text, blank, lines = note.rpartition("\n\n".encode())
        want(blank and lines.endswith(b"\n"), "not a note")
        want(not any(byte < 32 and byte != 10 for byte in note), "control character")
        self.text = text + b"\n"
        want(len(self.text) <= 36000 and b"\n" not in text, "text")
        self.lines = []
        for line in lines[:-1].decode().split("\n"):
            match = re.fullmatch("— ([^ +]+) ([^ ]+)", line)
            want(match, "signature line")
            data = unbase64(match[2])
            want(len(data) == 68, "signature bytes")
            self.lines.append((match[1], data[:4], data[4:]))
        self.id = sha256(self.text).hex()
        self.json = m = parse_text(text.decode())
        self.type, self.v = type_name(m.get("type")), integer(m.get("v"), 1)
        self.ledger = name(m.get("ledger"))
        want("follows" in m, "follows")
        self.follows = m["follows"] and hash_hex(m["follows"])
        want(self.follows is None or self.follows == m["follows"], "follows")
        want(m["follows"] is None or isinstance(m["follows"], str) and m["follows"], "follows")
        self.publisher = self.project = None
        if self.type in ("genesis", "key"):
            want(self.v == 1, "v")
            self.chain = "keys"
            (self.read_genesis if self.type == "genesis" else self.read_key)(m)
            want(len(note) <= (4096 if self.type == "genesis" else 2048), "note bytes")
            return
        self.publisher = name(m.get("publisher"))
        self.chain = f"{self.type} {self.publisher}"
        if self.type == "trade":
            self.project = project_id(m.get("project"))
            self.chain += f" {self.project}"
        if (self.type, self.v) == ("trade", 1):
            self.issued = stated_time(m.get("issued"))
            if "amends" in m:
                closed(m["amends"], ["statement", "effect"])
                hash_hex(m["amends"]["statement"])
                want(m["amends"]["effect"] in ("correct", "replace", "withdraw"), "effect")
        want(len(self.lines) == 1 and self.lines[0][0] == self.publisher, "signature lines")

    def read_genesis(self, m):
        closed(m, ["type", "v", "ledger", "follows", "hash", "log", "authority", "operator"])
        want(m["hash"] == "sha-256", "hash")
        vkeys(m["log"], 8)
        closed(m["authority"], ["threshold", "vkeys"])
        authority(m["authority"])
        closed(m["operator"], ["name", "uscc"])
        bearer(m["operator"])

    def read_key(self, m):
        closed(m, ["type", "v", "ledger", "follows", "changes"])
        want(isinstance(m["changes"], list) and 1 <= len(m["changes"]) <= 64, "changes")
        for change in m["changes"]:
            want(isinstance(change, dict), "change")
            op = change.get("op")
            if op == "admit":
                closed(change, ["op", "role", "vkey", "name", "uscc"], ["live_from"])
                want(change["role"] in ("publisher", "supervisor", "operator", "log"), "role")
                vkey(change["vkey"])
                bearer(change)
                "live_from" in change and stated_time(change["live_from"])
            elif op == "revoke":
                closed(change, ["op", "vkey", "reason"], ["suspect_since"])
                vkey(change["vkey"])
                words(change["reason"], 1024)
                "suspect_since" in change and stated_time(change["suspect_since"])
            elif op == "authority":
                closed(change, ["op", "threshold", "vkeys"])
                authority(change)
            else:
                want(op == "erase_entry", f"op {op!r}")
                members = "op index leaf_hash statement statement_type publisher project basis"
                closed(change, members.split())
                integer(change["index"], 0), hash_hex(change["leaf_hash"]), hash_hex(change["statement"])
                want(type_name(change["statement_type"]) not in ("genesis", "key"), "erased type")
                name(change["publisher"]), words(change["basis"], 1024)
                if change["statement_type"] == "trade":
                    project_id(change["project"])
                else:
                    want(change["project"] is None, "project")


# Section 3: keys in force.

ROLES = {"trade": ["publisher"], "endorse": ["supervisor"], "order": ["publisher", "supervisor"], "notice": ["operator"]}


class Keys:
    def __init__(self, genesis):
        want(genesis.type == "genesis" and genesis.follows is None, "genesis")
        m = genesis.json
        self.ledger, self.records, self.erased, self.used = genesis.ledger, {0}, set(), set()
        self.keys = []  # [role, vkey, admitted at, revoked at]
        for key in m["log"]:
            self.admit("log", vkey(key), 0)
        self.authority, self.history = None, []
        self.set_authority(authority(m["authority"]), 0)
        self.check_lines(genesis, [self.authority])

    def take(self, key):
        want(all(key[2] != used[2] and key[:2] != used[:2] for used in self.used), "key known")
        self.used.add(key)

    def admit(self, role, key, index):
        want((role == "log") == (key[0] == self.ledger), "name")
        self.take(key)
        self.keys.append([role, key, index, None])

    def set_authority(self, new, index):
        for key in new[1]:
            want(key[0] != self.ledger, "name")
            if not self.authority or key not in self.authority[1]:
                self.take(key)
        self.authority = new
        self.history.append((index, new))

    def check_lines(self, statement, sets):
        signers = []
        for who, key_id, signature in statement.lines:
            keys = [key for _, members in sets for key in members if key[:2] == (who, key_id)]
            want(keys and keys[0] not in signers, "authority line")
            verify(keys[0][2], statement.text, signature)
            signers.append(keys[0])
        for threshold, members in sets:
            want(sum(key in members for key in signers) >= threshold, "threshold")

    def in_force(self, index):
        return [key for key in self.keys if key[2] < index and (key[3] is None or index <= key[3])]

    def check(self, statement, index):
        if statement.type == "key":
            new = [authority(c) for c in statement.json["changes"] if c["op"] == "authority"]
            want(len(new) <= 1, "two changes of authority")
            return self.check_lines(statement, [self.authority] + new)
        (who, key_id, signature), roles = statement.lines[0], ROLES.get(statement.type, ["publisher", "supervisor", "operator"])
        found = [key for key in self.in_force(index) if key[1][:2] == (who, key_id) and key[0] in roles]
        want(found, "key")
        verify(found[0][1][2], statement.text, signature)

    def apply(self, statement, index, leaves, statements):
        if statement.type != "key":
            return
        for change in statement.json["changes"]:
            if change["op"] == "admit":
                self.admit(change["role"], vkey(change["vkey"]), index)
            elif change["op"] == "revoke":
                found = [k for k in self.in_force(index) if k[1] == vkey(change["vkey"]) and k[3] is None]
                want(found, "not in force")
                found[0][3] = index
            elif change["op"] == "authority":
                self.set_authority(authority(change), index)
            else:
                erased = change["index"]
                want(erased < index and erased not in self.records | self.erased, "erasure")
                want(leaves[erased] == change["leaf_hash"], "erased leaf")
                was = statements[erased]
                told = [change[m] for m in ("statement", "statement_type", "publisher", "project")]
                want(told == [was.id, was.type, was.publisher, was.project], "erased statement")
                self.erased.add(erased)
        want(any(key[0] == "log" and key[3] is None for key in self.keys), "no log key")
        self.records.add(index)


# Section 4: records.


def parse_entry(entry):
    want(len(entry) <= 40000, "entry bytes")
    line, _, note = entry.partition(b"\n")
    match = re.fullmatch(rb"(0|[1-9][0-9]{0,18}) ([0-9a-f]{64}) ([0-9T:.-]{23}Z)", line)
    want(match and note and int(match[1]) < 2**63, "header")
    want(re.fullmatch(rb".{19}\.[0-9]{3}Z", match[3]), "time")
    return int(match[1]), match[2].decode(), stated_time(match[3].decode()), note


def root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\1" + root(leaves[:k]) + root(leaves[k:]))


def replay(file):
    """Sections 4 to 6: every record by the log rules. The keys after each, the leaves, the statements."""
    keys, leaves, statements, heads, before, states = None, [], [], {}, None, []
    for place, record in enumerate(file["records"]):
        entry = record["entry"].encode()
        index, link, time, note = parse_entry(entry)
        want(index == place and link == (leaves[-1] if leaves else "0" * 64), "link")
        statement = Statement(note)
        want((statement.type == "genesis") == (index == 0), "genesis")
        if index == 0:
            keys = Keys(statement)
        want(statement.ledger == keys.ledger == file["origin"], "ledger")
        index == 0 or keys.check(statement, index)
        want(statement.follows == heads.get(statement.chain), "follows")
        if statement.type == "trade" and statement.v == 1:
            amended = statement.json.get("amends", {}).get("statement")
            want(amended is None or amended in [s.id for s in statements if s.chain == statement.chain], "amends")
            want(statement.issued <= time + 300_000, "issued")
        want(before is None or time >= before, "time")
        leaves.append(sha256(b"\0" + entry).hex())
        statements.append(statement)
        keys.apply(statement, index, leaves, statements)
        heads[statement.chain], before = statement.id, time
        told = [record[m] for m in ("leaf_hash", "statement", "chain", "follows")]
        want(told == [leaves[-1], statement.id, statement.chain, statement.follows], "what the vector says")
        tree = base64.b64encode(root([bytes.fromhex(leaf) for leaf in leaves])).decode()
        want(tree == record["root_hash_of_size_after"], "root")
        states.append([(key[0], key[1]) for key in keys.in_force(index + 1)] + [keys.authority])
    return keys, leaves, statements, states


# docs/sealed-bids.md.


def sealed(case):
    leaf = lambda *lines: sha256(b"\0" + sha256("\n".join(lines).encode()))
    lot = [case[m] for m in ("ledger", "publisher", "project", "lot")]
    leaves = [leaf("mingzhang-empty-v1", case["seed"], str(slot)) for slot in range(case["slots"])]
    want(leaves[0].hex() == case["empty_0"], "empty slot")
    for bid in case["bids"]:
        rest = [str(bid["slot"]), bid["salt"], bid["bidder"], bid["file"], bid["received_at"]]
        leaves[bid["slot"]] = leaf("mingzhang-bid-v1", *lot, *rest)
        want(leaves[bid["slot"]].hex() == case["leaves"][str(bid["slot"])], "bid leaf")
    at, path, level = 4, [], leaves
    while len(level) > 1:
        path.append(level[at ^ 1].hex())
        level = [sha256(b"\1" + left + right) for left, right in zip(level[::2], level[1::2])]
        at >>= 1
    want(path == case["path_4"] and level[0].hex() == case["root"], "register")
    place = ["mingzhang-commitment-v1", *lot[:3], case["pointer"], case["seed_salt"], case["seed"]]
    want(sha256("\n".join(place).encode()).hex() == case["seed_commitment"], "seed")


def main():
    load = lambda path: json.loads((HERE / path).read_text())
    count = 0

    def accepted(what, judge):
        nonlocal count
        count += 1
        judge()

    def refused(what, judge):
        nonlocal count
        count += 1
        try:
            judge()
        except (Refused, ValueError):
            return
        sys.exit(f"NO: {what} was accepted")

    ledger = load("record/ledger.json")
    keys, leaves, statements, states = replay(ledger)
    want(statements[0].id == ledger["genesis_id"], "genesis id")
    count += len(statements)
    tree, _, line = ledger["checkpoint"].partition("\n\n")
    origin, size, root_hash = tree.split("\n")
    want((origin, size, root_hash) == (ledger["origin"], "8", ledger["records"][-1]["root_hash_of_size_after"]), "tree")
    signature = unbase64(line.rstrip("\n").split(" ")[2])
    verify(keys.keys[0][1][2], (tree + "\n").encode(), signature[4:])
    for case in load("record/refused.json")["cases"]:
        refused(case["what"], lambda: parse_entry(case["entry"].encode()))
    for case in load("statement/accepted.json")["cases"]:
        statement = Statement(case["note"].encode())
        told = [case[m] for m in ("statement", "type", "v", "publisher", "project", "follows", "chain")]
        of = [statement.id, statement.type, statement.v, statement.publisher, statement.project]
        want(told == of + [statement.follows, statement.chain], case["what"])
        for signer, (_, _, signature) in zip(case["signed_by"], statement.lines, strict=True):
            accepted(case["what"], lambda: verify(vkey(signer)[2], statement.text, signature))
    for case in load("statement/refused.json")["cases"]:
        refused(case["what"], lambda: Statement(case["note"].encode()))
    for case in load("keys/keys.json")["keys"]:
        who, key_id, public_key = vkey(case["vkey"])
        want([who, key_id.hex(), public_key.hex()] == [case[m] for m in ("name", "key_id_hex", "public_key_hex")], "key")
        secret = bytearray(hashlib.sha512(bytes.fromhex(case["secret_seed_hex"])).digest()[:32])
        secret[0] &= 248
        secret[31] = secret[31] & 63 | 64
        want(times(int.from_bytes(secret, "little"), BASE) == decode_point(public_key), "seed")
    for state, told in zip(states, load("keys/in_force.json")["sizes"][1:], strict=True):
        told_keys = [(key["role"], vkey(key["vkey"])) for key in told["keys"]]
        want(state == told_keys + [authority(told["authority"])], f"in force at {told['size']}")
        count += 1

    def as_record_8(case):
        keys, leaves, statements, _ = replay(ledger)
        statement = Statement(case["note"].encode())
        keys.check(statement, 8)
        keys.apply(statement, 8, leaves + [""], statements + [statement])

    changes = load("keys/changes.json")
    for case in changes["accepted"]:
        accepted(case["what"], lambda: as_record_8(case))
    for case in changes["refused"]:
        refused(case["what"], lambda: as_record_8(case))
    for case in load("commitment/commitments.json")["cases"]:
        lines = [case[m] for m in ("ledger", "publisher", "project", "pointer", "salt", "value")]
        commitment = sha256("\n".join(["mingzhang-commitment-v1", *lines]).encode()).hex()
        accepted("commitment", lambda: want(commitment == case["commitment"], "commitment"))
    for case in load("json/must-refuse.json")["cases"]:
        data = base64.b64decode(case["input_base64"])
        refused(case["desc"], lambda: parse_text((b'{"a":' + data + b"}").decode()))
    accepted("sealed bids", lambda: sealed(load("sealed/register.json")))
    print(f"{count} vectors agree with docs/format.md")


main()

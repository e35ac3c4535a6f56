"""Holds what a ledger told the outside against what stands in its folder. Shares no code with the product.

It has its own reader of receipts, checkpoints and entry bundles, its own RFC 6962 roots and inclusion proofs, and its own
signatures (the package `cryptography`). What was acknowledged lies in `Seen`, outside of the process under attack.

`judge` says of a folder, after any attack:
- every acknowledged statement stands at the index of its receipt, once;
- every entry's header names its index and links to the entry before it, and times never go back;
- every root that was ever signed (receipts, checkpoints, `head`) is the root of the entries up to that size: no size has two roots;
- no signed size is larger than the log.

Does not judge who may sign which statement, nor tiles and commits: `mingzhang audit` does, and is run beside it.
"""

import base64
import hashlib
import json
import struct
import threading

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

BUNDLE_WIDTH = 256


def sha256(data):
    return hashlib.sha256(data).digest()


def node(left, right):
    return sha256(b'\1' + left + right)


class Signer:
    """Signs notes with a private key file (PKCS#8 PEM) whose .vkey lies beside it."""

    def __init__(self, key_file):
        self.key = load_pem_private_key(key_file.read_bytes(), None)
        self.name, key_id, _ = key_file.with_suffix('.vkey').read_text().strip().split('+', 2)
        self.key_id = bytes.fromhex(key_id)

    def note(self, text):
        signature = base64.b64encode(self.key_id + self.key.sign(text.encode())).decode()
        return '%s\n— %s %s\n' % (text, self.name, signature)


class LogKey:
    """The log's public key: opens checkpoints."""

    def __init__(self, vkey):
        self.name, key_id, key = vkey.strip().split('+', 2)
        self.key_id, raw = bytes.fromhex(key_id), base64.b64decode(key)
        self.key = Ed25519PublicKey.from_public_bytes(raw[1:])

    def open(self, note):
        """(size, root) of a checkpoint that bears this key's signature; else ValueError."""
        text, _, signatures = note.partition('\n\n')
        text += '\n'
        origin, size, root = text.split('\n')[:3]
        if origin != self.name:
            raise ValueError('the checkpoint is of %r, not of %r' % (origin, self.name))
        for line in signatures.split('\n'):
            if line.startswith('— %s ' % self.name):
                signature = base64.b64decode(line.rsplit(' ', 1)[1])
                if signature[:4] == self.key_id:
                    try:
                        self.key.verify(signature[4:], text.encode())
                    except InvalidSignature:
                        raise ValueError('a checkpoint of size %s is not signed by the log key' % size) from None
                    return int(size), base64.b64decode(root)
        raise ValueError('a checkpoint of size %s has no line of the log key' % size)


class Seen:
    """Every receipt and every signed root that came out of a ledger."""

    def __init__(self, log_key):
        self.log_key, self.lock = log_key, threading.Lock()
        self.acknowledged, self.roots, self.faults = {}, {}, []

    def root(self, size, root):
        if self.roots.setdefault(size, root) != root:
            self.faults.append('FORK: two roots of size %d were signed' % size)

    def checkpoint(self, note):
        try:
            size, root = self.log_key.open(note)
        except (ValueError, IndexError) as error:
            self.faults.append(str(error))
            return None
        with self.lock:
            self.root(size, root)
        return size

    def receipt(self, statement, body):
        """The body of an answer to a post: its receipt is taken apart and must itself hold."""
        try:
            answer = json.loads(body)
            head, _, checkpoint = answer['receipt'].partition('\n\n')
            lines = head.split('\n')
            extra, index = base64.b64decode(lines[1].removeprefix('extra ')), int(lines[2].removeprefix('index '))
            proof = [base64.b64decode(line) for line in lines[3:]]
            entry = extra[2 : 2 + struct.unpack('>H', extra[:2])[0]]
            size, root = self.log_key.open(checkpoint)
            shown = hashlib.sha256(entry.split(b'\n', 2)[1] + b'\n').hexdigest()
            if index != answer['index'] or shown != statement or root_by_proof(entry, index, size, proof) != root:
                raise ValueError('it does not show record %s' % answer['index'])
        except (ValueError, KeyError, IndexError, struct.error) as error:
            self.faults.append('the receipt of %s: %s' % (statement, error))
            return
        with self.lock:
            self.root(size, root)
            if self.acknowledged.setdefault(statement, index) != index:
                self.faults.append('%s was acknowledged at %d, then at %d' % (statement, self.acknowledged[statement], index))


def two_roots(a, b):
    """The sizes for which two ledgers have signed different roots."""
    return sorted(size for size in a.roots.keys() & b.roots.keys() if a.roots[size] != b.roots[size])


def root_by_proof(entry, index, size, proof):
    """The root that follows from an inclusion proof (RFC 9162 2.1.3.2); None if its length is wrong."""
    if index >= size:
        return None
    at, last, root = index, size - 1, sha256(b'\0' + entry)
    for sibling in proof:
        if last == 0:
            return None
        if at % 2 or at == last:
            root = node(sibling, root)
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            root = node(root, sibling)
        at, last = at >> 1, last >> 1
    return root if last == 0 else None


def roots_at(leaves, sizes):
    """The RFC 6962 root at each of these sizes."""
    stack, found, wanted = [], {}, set(sizes)
    for count, leaf in enumerate(leaves, 1):
        level, new = 0, leaf
        while stack and stack[-1][0] == level:
            new, level = node(stack.pop()[1], new), level + 1
        stack.append((level, new))
        if count in wanted:
            root = stack[-1][1]
            for _, left in reversed(stack[:-1]):
                root = node(left, root)
            found[count] = root
    return found


def bundle(log, number):
    """The widest bytes of one entry bundle, or None."""
    name, rest = '%03d' % (number % 1000), number // 1000
    while rest:
        name, rest = 'x%03d/%s' % (rest % 1000, name), rest // 1000
    full = log / 'tile/entries' / name
    if full.is_file():
        return full.read_bytes()
    partial = full.with_name(full.name + '.p')
    widths = sorted((int(p.name) for p in partial.iterdir() if p.name.isdigit()), reverse=True) if partial.is_dir() else []
    return (partial / str(widths[0])).read_bytes() if widths else None


def entries_of(log):
    """All entries below log/tile/entries, the widest bundle of each."""
    entries, number = [], 0
    while True:
        data = bundle(log, number)
        if data is None:
            return entries
        at, before = 0, len(entries)
        while at < len(data):
            end = at + 2 + struct.unpack('>H', data[at : at + 2])[0]
            if end > len(data):
                return entries  # Cut off: what is there is no entry.
            entries.append(data[at + 2 : end])
            at = end
        number += 1
        if len(entries) - before < BUNDLE_WIDTH:
            return entries


def judge(data, seen):
    """(faults, size): what does not hold of the log in this data folder. Call it while nobody serves it."""
    log, faults = data / 'log', list(seen.faults)
    try:
        size, root = seen.log_key.open((log / 'head').read_text())
        entries = entries_of(log)
    except (OSError, ValueError, struct.error) as error:
        return faults + ['the log cannot be read: %s' % error], 0
    signed = dict(seen.roots)
    if signed.setdefault(size, root) != root:
        faults.append('FORK: head has another root of size %d than was told' % size)
    if len(entries) < size:
        faults.append('LOST: head says %d records, there are %d entries' % (size, len(entries)))
    entries, places, link, time = entries[:size], {}, '0' * 64, ''
    for index, entry in enumerate(entries):
        if not entry:
            continue  # Erased by order; the leaf hash stays in the tile, which this judge does not read.
        # What is damaged may have no line and no space left: then parts are empty, and wrong below.
        header, statement = (entry + b'\n\n').split(b'\n', 2)[:2]
        said_index, said_link, said_time = (header.decode(errors='replace') + '  ').split(' ', 2)
        said_time = said_time.strip(' ')
        if said_index != str(index):
            faults.append('the header at %d says %s' % (index, said_index))
        if said_link != link:
            faults.append('the link is broken at %d' % index)
        if said_time < time:
            faults.append('time goes back at %d' % index)
        link, time = hashlib.sha256(b'\0' + entry).hexdigest(), said_time
        statement = hashlib.sha256(statement + b'\n').hexdigest()
        if statement in places:
            faults.append('TWICE: %s stands at %d and at %d' % (statement, places[statement], index))
        places[statement] = index
    for statement, index in seen.acknowledged.items():
        if places.get(statement) != index:
            faults.append('LOST: %s was acknowledged at %d and is at %s' % (statement, index, places.get(statement)))
    made = roots_at([sha256(b'\0' + entry) for entry in entries], signed)
    for signed_size, signed_root in signed.items():
        if signed_size > size:
            faults.append('CUT: size %d was signed, head has %d' % (signed_size, size))
        elif made.get(signed_size) != signed_root:
            faults.append('FORK: the entries make another root of size %d than was signed' % signed_size)
    return faults, size


def trade_text(signer_name, project, origin, title='示例道路工程招标公告', issued='2026-03-02T09:00:00+08:00', documents='[]', follows=None, kind='tender_notice', stage='announcement', events='{}'):
    """The text of a trade statement, as the log's grammar wants it."""
    return (
        '{"type":"trade","v":1,"ledger":"%s","publisher":"%s","project":"%s","follows":%s,"codes":[],"stage":"%s","kind":"%s","category":"construction",'
        '"title":%s,"region":"430382","issued":"%s","documents":%s,"events":%s,"details":{}}\n'
    ) % (origin, signer_name, project, 'null' if follows is None else '"%s"' % follows, stage, kind, json.dumps(title, ensure_ascii=False), issued, documents, events)


def statement_id(text):
    return hashlib.sha256(text.encode()).hexdigest()

// The browser's modules on the vectors that Rust is held to: node --test tests/js
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

const modules = '../../src/server/portal/js';
const { base64, concat, hex, sha256, unbase64, unhex, utf8, Refused } = await import(`${modules}/bytes.js`);
const { EMPTY_ROOT, checkConsistency, checkInclusion, leafHash, nodeHash } = await import(`${modules}/merkle.js`);
const { parseCheckpoint, parseNote } = await import(`${modules}/note.js`);
const { parseProof } = await import(`${modules}/proof.js`);
const { verifyEd25519 } = await import(`${modules}/ed25519.js`);

const vectors = new URL('../vectors/', import.meta.url);
const bytes = (path) => new Uint8Array(readFileSync(new URL(path, vectors)));
const json = (path) => JSON.parse(readFileSync(new URL(path, vectors), 'utf8'));
const files = (folder) => readdirSync(new URL(folder, vectors), { recursive: true })
  .filter((name) => name.endsWith('.json')).map((name) => `${folder}/${name}`);
// These vectors, made for Go, are lenient base64 in places; Buffer reads what Go reads.
const loose = (text) => new Uint8Array(Buffer.from(text ?? '', 'base64'));

test('sha256 is that of others for every length across three blocks', () => {
  for (let length = 0; length < 200; length++) {
    const message = Uint8Array.from({ length }, (_, at) => (at * 7 + length) & 255);
    assert.equal(hex(sha256(message)), createHash('sha256').update(message).digest('hex'), `length ${length}`);
  }
});

test('known hashes and roots', () => {
  const known = json('merkle/known-roots.json');
  known.leaf_inputs_hex.forEach((input, at) => assert.equal(hex(leafHash(unhex(input))), known.leaf_hashes_hex[at]));
  assert.equal(hex(EMPTY_ROOT), known.root_by_tree_size_hex[0]);
  const node = known.hasher.find((row) => row.left);
  assert.equal(hex(nodeHash(unhex(node.left), unhex(node.right))), node.out);
});

test('inclusion proofs hold or not as published', () => {
  const counted = { true: 0, false: 0 };
  for (const file of files('merkle/inclusion')) {
    const row = json(file);
    const tree = { size: row.treeSize, rootHash: loose(row.root) };
    const held = checkInclusion(loose(row.leafHash), row.leafIdx, tree, (row.proof ?? []).map(loose));
    assert.equal(held, !row.wantErr, `${file}: ${row.desc}`);
    counted[held]++;
  }
  assert.ok(counted.true >= 3 && counted.false >= 40, JSON.stringify(counted));
});

test('consistency proofs hold or not as published', () => {
  const counted = { true: 0, false: 0 };
  for (const file of files('merkle/consistency')) {
    const row = json(file);
    const [old, tree] = [[row.size1, row.root1], [row.size2, row.root2]].map(([size, root]) => ({ size, rootHash: loose(root) }));
    const held = checkConsistency(old, tree, (row.proof ?? []).map(loose));
    assert.equal(held, !row.wantErr, `${file}: ${row.desc}`);
    counted[held]++;
  }
  assert.ok(counted.true >= 3 && counted.false >= 35, JSON.stringify(counted));
});

test('signatures of RFC 8032 verify, and Wycheproof agrees', async () => {
  for (const row of json('ed25519/rfc8032_section_7_1.json').tests) {
    assert.equal(await verifyEd25519(unhex(row.pk), unhex(row.sig), unhex(row.msg)), true, row.name);
  }
  for (const group of json('ed25519/wycheproof_ed25519_test.json').testGroups) {
    for (const row of group.tests) {
      const held = await verifyEd25519(unhex(group.publicKey.pk), unhex(row.sig), unhex(row.msg));
      assert.equal(held, row.result === 'valid', `tcId ${row.tcId} ${row.comment}`);
    }
  }
});

test('keys and R of small order, or written in a second way, never verify', async () => {
  // With the identity as A and R, and S = 0, the bare equation holds for every message.
  const identity = concat(Uint8Array.of(1), new Uint8Array(31));
  assert.equal(await verifyEd25519(identity, concat(identity, new Uint8Array(32)), utf8('any')), false);
  const second = unhex(`ee${'ff'.repeat(30)}7f`);
  assert.equal(await verifyEd25519(second, concat(second, new Uint8Array(32)), utf8('any')), false);
});

test('the receipt parses, its checkpoint is signed and its entry is in the tree', async () => {
  const proof = parseProof(bytes('receipt/record-2.tlog-proof'));
  const note = parseNote(proof.checkpoint);
  const { origin, tree } = parseCheckpoint(note.text);
  const vkey = /^log (\S+)$/m.exec(new TextDecoder().decode(bytes('receipt/policy')))[1];
  const key = unbase64(vkey.split('+').slice(2).join('+')).slice(1);
  assert.equal(vkey.split('+')[0], origin);
  assert.equal(await verifyEd25519(key, note.signatures[0].bytes, utf8(note.text)), true);
  const length = (proof.extra[0] << 8) | proof.extra[1];
  const entry = proof.extra.slice(2, 2 + length);
  assert.equal(checkInclusion(leafHash(entry), proof.index, tree, proof.hashes), true);
  entry[entry.length - 2] ^= 1;
  assert.equal(checkInclusion(leafHash(entry), proof.index, tree, proof.hashes), false);
});

test('what is not written in the one way is refused', () => {
  const receipt = new TextDecoder().decode(bytes('receipt/record-2.tlog-proof'));
  const rows = [
    ['', parseProof], ['c2sp.org/tlog-proof@v2\n', parseProof],
    [receipt.replace('index 2', 'index 02'), parseProof], [receipt.replace('index 2', 'index 9007199254740992'), parseProof],
    [receipt.replaceAll('\n', '\r\n'), parseProof], [receipt.slice(0, -1), parseProof], [`\ufeff${receipt}`, parseProof],
    ['text\n', parseNote], ['text\n\n', parseNote], ['text\n\n- a AAAAAAA=\n', parseNote], ['text\n\n— a+b AAAAAAA=\n', parseNote],
    ['text\n\n— a AAAAAAB=\n', parseNote], ['t\text\n\n— a AAAAAAA=\n', parseNote],
  ];
  for (const [input, parse] of rows) assert.throws(() => parse(utf8(input)), Refused, JSON.stringify(input.slice(0, 40)));
  const root = base64(EMPTY_ROOT);
  assert.equal(parseCheckpoint(`o\n0\n${root}\n`).tree.size, 0);
  for (const text of ['', 'o\n0\n', `o\n00\n${root}\n`, `\n0\n${root}\n`, `o\n0\n${root}\n\n`, `o\n0\n${root}`, `o\n0\n${base64(new Uint8Array(32))}\n`]) {
    assert.throws(() => parseCheckpoint(text), Refused, JSON.stringify(text));
  }
});

// Hashes, trees, notes, checkpoints, policies in the browser, on the vectors that Rust is held to: node --test tests/js/*.mjs
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { bytesOf, filesUnder, json, modules, refusal } from './lib/vectors.mjs';

const { base64, concat, decodeText, hex, parseDecimal, unhex, unbase64, utf8, utf8ValidUpTo } = await import(`${modules}/bytes.js`);
const { Sha256, sha256 } = await import(`${modules}/sha256.js`);
const { sha512 } = await import(`${modules}/sha512.js`);
const { EMPTY_ROOT, checkConsistency, checkInclusion, leafHash, nodeHash } = await import(`${modules}/merkle.js`);
const { parseNote } = await import(`${modules}/note.js`);
const { parseCheckpoint, verifyCheckpoint } = await import(`${modules}/checkpoint.js`);
const { parseProof } = await import(`${modules}/proof.js`);
const { lineCounts, openPolicy, parsePolicy } = await import(`${modules}/policy.js`);
const { verifyCosignature } = await import(`${modules}/cosignature.js`);
const { Vkey } = await import(`${modules}/vkey.js`);

// These vectors, made for Go, are lenient base64 in places; Buffer reads what Go reads.
const loose = (text) => new Uint8Array(Buffer.from(text ?? '', 'base64'));

test('SHA-256 and SHA-512 are those of others for every length across three blocks', () => {
  for (let length = 0; length < 400; length++) {
    const message = Uint8Array.from({ length }, (_, at) => (at * 7 + length) & 255);
    assert.equal(hex(sha256(message)), createHash('sha256').update(message).digest('hex'), `length ${length}`);
    assert.equal(hex(sha512(message)), createHash('sha512').update(message).digest('hex'), `length ${length}`);
  }
});

test('SHA-256 in pieces of any size is that of the whole', () => {
  const message = Uint8Array.from({ length: 5000 }, (_, at) => (at * 31) & 255);
  const wanted = hex(sha256(message));
  for (const piece of [1, 3, 63, 64, 65, 127, 128, 1000, 4999]) {
    const hash = new Sha256();
    for (let at = 0; at < message.length; at += piece) hash.update(message.subarray(at, at + piece));
    assert.equal(hex(hash.digest()), wanted, `pieces of ${piece}`);
  }
});

test('known hashes and roots', () => {
  const known = json('merkle/known-roots.json');
  assert.equal(known.leaf_inputs_hex.length, 8);
  known.leaf_inputs_hex.forEach((input, at) => assert.equal(hex(leafHash(unhex(input))), known.leaf_hashes_hex[at]));
  assert.equal(hex(EMPTY_ROOT), known.root_by_tree_size_hex[0]);
  const node = known.hasher.find((row) => row.left);
  assert.equal(hex(nodeHash(unhex(node.left), unhex(node.right))), node.out);
});

test('inclusion proofs hold or not as published', async () => {
  const counted = { true: 0, false: 0 };
  for (const file of filesUnder('merkle/inclusion')) {
    const row = json(file);
    const tree = { size: BigInt(row.treeSize), rootHash: loose(row.root) };
    const refused = await refusal(() => checkInclusion(loose(row.leafHash), BigInt(row.leafIdx), tree, (row.proof ?? []).map(loose)));
    assert.equal(!refused, !row.wantErr, `${file}: ${row.desc}`);
    counted[!refused]++;
  }
  assert.deepEqual(counted, { true: 3, false: 46 });
});

test('consistency proofs hold or not as published', async () => {
  const counted = { true: 0, false: 0 };
  for (const file of filesUnder('merkle/consistency')) {
    const row = json(file);
    const [old, tree] = [[row.size1, row.root1], [row.size2, row.root2]].map(([size, root]) => ({ size: BigInt(size), rootHash: loose(root) }));
    const refused = await refusal(() => checkConsistency(old, tree, (row.proof ?? []).map(loose)));
    // From size 0 the source refuses everything; tlog-witness and we take the empty proof from the empty tree.
    assert.equal(!refused, !row.wantErr, `${file}: ${row.desc}`);
    counted[!refused]++;
  }
  assert.deepEqual(counted, { true: 3, false: 40 });
});

test('every proof of every small tree holds, and of no other leaf, tree or length', async () => {
  const leaves = Array.from({ length: 20 }, (_, at) => leafHash(Uint8Array.of(at)));
  const rootOf = (from, to) => {
    if (to - from === 1) return leaves[from];
    let split = 1;
    while (2 * split < to - from) split *= 2;
    return nodeHash(rootOf(from, from + split), rootOf(from + split, to));
  };
  const proofOf = (index, from, to) => {
    if (to - from === 1) return [];
    let split = 1;
    while (2 * split < to - from) split *= 2;
    const middle = from + split;
    return index < middle ? [...proofOf(index, from, middle), rootOf(middle, to)] : [...proofOf(index, middle, to), rootOf(from, middle)];
  };
  let held = 0;
  for (let size = 1; size <= leaves.length; size++) {
    const tree = { size: BigInt(size), rootHash: rootOf(0, size) };
    for (let index = 0; index < size; index++) {
      const proof = proofOf(index, 0, size);
      checkInclusion(leaves[index], BigInt(index), tree, proof);
      held++;
      for (let other = 0; other < size; other++) {
        if (other !== index) assert.ok(await refusal(() => checkInclusion(leaves[index], BigInt(other), tree, proof)), `${index} of ${size} as ${other}`);
      }
      assert.ok(await refusal(() => checkInclusion(leaves[index], BigInt(index), tree, [...proof, EMPTY_ROOT])));
      if (proof.length) assert.ok(await refusal(() => checkInclusion(leaves[index], BigInt(index), tree, proof.slice(1))));
    }
    assert.ok(await refusal(() => checkInclusion(leaves[0], tree.size, tree, proofOf(0, 0, size))));
  }
  assert.equal(held, 210);
});

test('the examples of the C2SP documents parse and verify', async () => {
  const { examples } = json('c2sp/spec-examples.json');
  const counted = { verified: 0, parsed: 0 };
  for (const example of examples) {
    const note = parseNote(utf8(example.note));
    if (example.verifies) {
      const vkey = Vkey.parse(example.vkey);
      assert.equal(vkey.text, example.vkey);
      const [line] = note.signatures.filter((signature) => vkey.isNamedBy(signature));
      assert.equal(await vkey.verify(utf8(note.text), line.bytes), true, example.what);
      assert.equal(await vkey.verify(utf8(`${note.text}x\n`), line.bytes), false, example.what);
      counted.verified++;
    } else {
      const { origin, tree } = parseCheckpoint(note.text);
      assert.deepEqual([origin, tree.size, base64(tree.rootHash)], [example.origin, BigInt(example.size), example.root_base64]);
      assert.deepEqual(note.signatures.map(({ name, keyId, bytes }) => [name, keyId, bytes.length]),
        example.signature_lines.map(({ name, key_id: keyId, length }) => [name, parseInt(keyId, 16), length]));
      counted.parsed++;
    }
  }
  assert.deepEqual(counted, { verified: 2, parsed: 1 });
});

test('checkpoints of a real log as it grew are signed by its key', async () => {
  const vkey = Vkey.parse(decodeText(bytesOf('tlog/tessera-log-first-8.vkey')).trim());
  const policy = parsePolicy(utf8(`log ${vkey.text}\nquorum none\n`));
  for (const [at, size] of [0, 1, 2, 3, 4, 5, 6, 7, 8].entries()) {
    const opened = await openPolicy(policy, bytesOf(`tlog/tessera-log-first-8/checkpoint.${at}`));
    assert.deepEqual([opened.log.text, opened.checkpoint.tree.size], [vkey.text, BigInt(size)]);
    assert.deepEqual(opened.quorum, { name: 'none', met: true, have: 0, need: 0 });
  }
});

test('a dialogue with a witness is judged as the document says', async () => {
  const { steps, log_vkey: logVkey } = json('c2sp/witness-add-checkpoint-transcript.json');
  const log = Vkey.parse(logVkey);
  let known = { size: 0n, rootHash: EMPTY_ROOT };
  let loosely = 0;
  const answers = [];
  for (const step of steps) {
    // One of the signatures is not only wrong but has non-zero trailing bits, which Go's decoder lets pass and ours must not.
    const body = step.body.replace('8WVrx6gx=\n', '8WVrx6gw=\n');
    const noteOf = (text) => utf8(text.slice(text.indexOf('\n\n') + 2));
    if (body !== step.body) {
      assert.equal((await refusal(() => parseNote(noteOf(step.body)))).path, 'Base64');
      loosely++;
    }
    const [old, ...hashes] = body.slice(0, body.indexOf('\n\n')).split('\n');
    const proof = hashes.map((hash) => unbase64(hash));
    const note = parseNote(noteOf(body));
    const checkpoint = parseCheckpoint(note.text);
    let answer = 200;
    if (checkpoint.origin !== log.name) answer = 404;
    else if (await refusal(() => verifyCheckpoint(note, checkpoint, [log]))) answer = 403;
    else if (parseDecimal(old.slice(4)) !== known.size) answer = 409;
    else if (await refusal(() => checkConsistency(known, checkpoint.tree, proof))) answer = 422;
    else known = checkpoint.tree;
    assert.equal(answer, step.status_by_spec, step.body);
    answers.push(answer);
  }
  assert.deepEqual([answers.length, loosely], [9, 1]);
});

test('what is not written in the one way is refused', async () => {
  const receipt = decodeText(bytesOf('receipt/record-2.tlog-proof'));
  const line = '— a.example/b AAAAAQI=\n';
  const root = base64(EMPTY_ROOT);
  const rows = [
    [parseProof, '', 'Cut'], [parseProof, 'c2sp.org/tlog-proof@v2\n', 'Header'], [parseProof, receipt.replace('index 2', 'index 02'), 'Index'],
    [parseProof, receipt.replaceAll('\n', '\r\n'), 'Header'], [parseProof, receipt.slice(0, -1), 'Note.Unfinished'], [parseProof, `\ufeff${receipt}`, 'Header'],
    [parseProof, receipt.replace('index 2', 'index 18446744073709551616'), 'Index'], [parseProof, receipt.replace('index 2', 'index 18446744073709551615'), null],
    [parseNote, 'text\n', 'Unsigned'], [parseNote, 'text\n\n', 'Unfinished'], [parseNote, `text\n\n${line}more\n`, 'Line'],
    [parseNote, 'text\n\n- a AAAAAAA=\n', 'Line'], [parseNote, 'text\n\n— a+b AAAAAAA=\n', 'Name'], [parseNote, 'text\n\n— a\u3000b AAAAAAA=\n', 'Name'],
    [parseNote, 'text\n\n— a AAAAAAB=\n', 'Base64'], [parseNote, 'text\n\n— a AAAA AAA=\n', 'Base64'], [parseNote, 'text\n\n— a AAAAAQ==\n', 'Short'],
    [parseNote, `te\txt\n\n${line}`, 'Control'], [parseNote, `text\n\n${line.repeat(101)}`, 'Signatures'], [parseNote, `text\n\n${line.repeat(100)}`, null],
    [parseNote, `${'x'.repeat(524288)}\n\n${line}`, 'TooLong'],
  ];
  for (const [parse, input, wanted] of rows) {
    const refused = await refusal(() => parse(utf8(input)));
    assert.equal(refused && refused.path, wanted, JSON.stringify(input.slice(0, 40)));
  }
  const checkpoints = [
    ['', 'Lines'], ['o\n0\n', 'Lines'], [`\n0\n${root}\n`, 'Lines'], [`o\n0\n${root}\n\n`, 'Lines'], [`o\n0\n${root}`, 'Lines'], [`o\n00\n${root}\n`, 'Size'],
    [`o\n9223372036854775809\n${root}\n`, 'Size'], [`o\n9223372036854775808\n${root}\n`, null], [`o\n0\n${base64(new Uint8Array(32))}\n`, 'NotEmpty'],
    [`o\n1\n${root.slice(1)}\n`, 'RootHash'], [`${'o'.repeat(256)}\n1\n${root}\n`, 'Origin'], [`o\n1\n${root}\n${'x\n'.repeat(17)}`, 'Extensions'], [`o\n0\n${root}\n`, null],
  ];
  for (const [text, wanted] of checkpoints) {
    const refused = await refusal(() => parseCheckpoint(text));
    assert.equal(refused && refused.path, wanted, JSON.stringify(text.slice(0, 40)));
  }
});

test('bytes are decoded from one spelling only', () => {
  for (const [digits, wanted] of [['', ''], ['AQI=', '0102'], ['AQI', null], ['AQJ=', null], ['AQI=\n', null], [' AQI=', null], ['A_I=', null], ['AQI==', null]]) {
    const bytes = unbase64(digits);
    assert.equal(bytes && hex(bytes), wanted, digits);
  }
  for (const [digits, wanted] of [['0', 0n], ['18446744073709551615', 2n ** 64n - 1n], ['18446744073709551616', null], ['', null], ['01', null], ['+1', null], ['1 ', null], ['١', null]]) {
    assert.equal(parseDecimal(digits), wanted, digits);
  }
  // Where UTF-8 ends, for messages: the same places as TextDecoder refuses, for every start of two bytes and more.
  for (let first = 0; first < 256; first++) {
    for (const rest of [[], [0x80], [0x8f], [0x90], [0x9f], [0xa0], [0xbf], [0x41], [0x80, 0x80], [0xa0, 0x80], [0xbf, 0xbf], [0x90, 0x80, 0x80], [0x8f, 0xbf, 0xbf], [0x80, 0x80, 0x80]]) {
      const bytes = Uint8Array.of(first, ...rest);
      const valid = utf8ValidUpTo(bytes);
      assert.equal(valid === bytes.length, decodeText(bytes) !== null, `${first} ${rest}`);
      assert.notEqual(decodeText(bytes.subarray(0, valid)), null);
    }
  }
});

test('vkeys are read strictly', async () => {
  const vkey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
  const rows = [
    [vkey, null], ['sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8', null], ['', 'Form'], ['a+b', 'Form'], [`+530d903a+AA==`, 'Name'],
    [vkey.replace('530d903a', '530D903A'), 'Form'], [vkey.replace('530d903a', '0530d903a'), 'Form'], [vkey.replace('U2k', 'U2l='), 'Form'], [`${vkey} `, 'Form'], [` ${vkey}`, 'Name'],
    [vkey.replace('/foo', '/bar'), 'KeyId'], [vkey.replace('530d903a', '530d903b'), 'KeyId'], ['example.com/foo+530d903a+AQ==', 'Length'],
    [`a+00000000+${base64(new Uint8Array(33).fill(6))}`, 'UnknownAlgorithm'], [`${'x'.repeat(256)}+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k`, 'Name'],
  ];
  for (const [text, wanted] of rows) {
    const refused = await refusal(() => assert.equal(Vkey.parse(text).text, text));
    assert.equal(refused && refused.path, wanted, text);
  }
});

test('a quorum is counted group by group, and a bad cosignature condemns the checkpoint', async () => {
  const { quorum, cosigned } = await import('./lib/quorum.mjs');
  const policy = parsePolicy(utf8(quorum.policy));
  assert.equal(quorum.rows.length, 11);
  for (const { cosigners, met, have } of quorum.rows) {
    const opened = await openPolicy(policy, utf8(cosigned(cosigners)));
    assert.deepEqual([opened.quorum.met, opened.quorum.have, opened.quorum.need], [met, have, 2], `${cosigners}`);
    const known = cosigners.filter((seed) => seed <= 6);
    assert.deepEqual(opened.cosignatures.map(({ timestamp }) => timestamp), known.map((seed) => BigInt(1000 + seed)));
    assert.equal(opened.missing.length, 6 - new Set(known).size);
    const counted = opened.lines.filter(lineCounts);
    assert.deepEqual([opened.lines.length, counted.length], [cosigners.length + 1, new Set(known).size + 1]);
  }
  const broken = parseNote(utf8(cosigned([1])));
  const line = broken.signatures[1];
  assert.equal(await verifyCosignature(policy.witnesses[0].vkey, broken.text, line.bytes), 1001n);
  for (const bit of [0, 63, 64, 200, 575]) {
    const bytes = Uint8Array.from(line.bytes);
    bytes[bit >> 3] ^= 1 << (bit & 7);
    assert.equal(await verifyCosignature(policy.witnesses[0].vkey, broken.text, bytes), null, `bit ${bit}`);
  }
  for (let length = 0; length < line.bytes.length; length++) assert.equal(await verifyCosignature(policy.witnesses[0].vkey, broken.text, line.bytes.subarray(0, length)), null);
  const bent = cosigned([1, 4]).replace(/(X1|w\.example\/x) ([A-Za-z0-9+/]{20})/, (all) => `${all.slice(0, -1)}${all.endsWith('A') ? 'B' : 'A'}`);
  const refused = await refusal(() => openPolicy(policy, utf8(bent)));
  assert.equal(refused && refused.path, 'Signature');
});

test('a witness of an algorithm that we cannot verify has not cosigned, and every line is named', async () => {
  const { quorum } = await import('./lib/quorum.mjs');
  const foreign = (name, algorithm, length) => {
    const key = new Uint8Array(length + 1).fill(7);
    key[0] = algorithm;
    const keyId = new DataView(sha256(concat(utf8(`${name}\n`), key)).buffer).getUint32(0);
    return { text: `${name}+${keyId.toString(16).padStart(8, '0')}+${base64(key)}`, line: `\u2014 ${name} ${base64(concat(Uint8Array.of(keyId >>> 24, keyId >>> 16, keyId >>> 8, keyId), new Uint8Array(2420)))}\n` };
  };
  const { cosigned } = await import('./lib/quorum.mjs');
  for (const [algorithm, length] of [[0x06, 1312], [0x02, 91], [0xff, 60]]) {
    const pq = foreign('pq.example', algorithm, length);
    const policy = (tail) => parsePolicy(utf8(`log ${quorum.log}\nwitness A ${quorum.witnesses[0]}\nwitness P ${pq.text}\n${tail}`));
    for (const [tail, met, have, need] of [['group G 1 A P\nquorum G\n', true, 1, 1], ['group G all A P\nquorum G\n', false, 1, 2], ['quorum P\n', false, 0, 1], ['quorum none\n', true, 0, 0]]) {
      const opened = await openPolicy(policy(tail), utf8(`${cosigned([1, 1, 2])}${pq.line}`));
      assert.deepEqual([opened.quorum.met, opened.quorum.have, opened.quorum.need], [met, have, need], tail);
      assert.deepEqual([opened.missing, opened.unsupported], [['P'], ['P']]);
      assert.deepEqual(opened.lines.map(({ word, nameIsKnown }) => word + (nameIsKnown ? ' name' : '')), ['log', 'witness', 'twice', 'unknown name', 'unsupported']);
    }
  }
  const { text } = foreign('pq.example', 0x06, 1312);
  const other = foreign(quorum.log.split('+')[0], 0x06, 1312).text;
  const rows = [
    [`log ${quorum.log}\nlog ${other}\nquorum none\n`, null], [`log ${other}\nquorum none\n`, 'NoUsableLog'], [`witness P ${text}\nwitness Q ${text}\nquorum P\n`, 'Line.DuplicateKey'],
    [`witness P ${text}\nwitness P ${quorum.witnesses[0]}\nquorum P\n`, 'Line.DuplicateName'], [`witness P ${text.replace('pq.', 'pr.')}\nquorum P\n`, 'Line.Vkey.KeyId'],
    [`witness P ${foreign('pq.example', 0x06, 1311).text}\nquorum P\n`, 'Line.Vkey.Length'], [`witness P ${text.replace('example+', 'example+A')}\nquorum P\n`, 'Line.Vkey.Form'],
  ];
  for (const [file, wanted] of rows) {
    const refused = await refusal(() => parsePolicy(utf8(file)));
    assert.equal(refused && refused.path, wanted, file.slice(0, 60));
  }
});

test('policies are read, and other files are refused with their fault', async () => {
  const { quorum } = await import('./lib/quorum.mjs');
  const { log, witnesses: [w1, w2] } = quorum;
  const genesis = 'ab'.repeat(32);
  const head = `witness V ${w1}\nwitness W ${w2}\n`;
  const rows = [
    ['quorum none\n', null], ['\n \t\n# 任何 comment\n\t#another\n quorum\t none \n', null], ['## mingzhang until 7\n# Mingzhang policy\n# of mingzhang\nquorum none\n', null],
    [`#  mingzhang\tgenesis ${genesis} \n#mingzhang until 0\nquorum none\n`, null], [`log ${log} http://127.0.0.1/#x\nquorum none\n`, null], [`witness 见证 ${w1} https://w.example/账\nquorum 见证\n`, null],
    [`witness any ${w1}\ngroup all all any\nquorum all\n`, null], [`quorum none\nwitness W ${w1}\n`, null],
    ['', 'NoQuorum'], [`log ${log}\n`, 'NoQuorum'], ['\n'.repeat(131073), 'TooLong'], ['quorum none', 'Line.Unfinished'], ['quorum none\n#', 'Line.Unfinished'], ['quorum none\r\n', 'Line.Control'], ['# \u007f\n', 'Line.Control'],
    ['Quorum none\n', 'Line.Keyword'], ['\ufeffquorum none\n', 'Line.Keyword'], ['quorum\u00a0none\n', 'Line.Keyword'], ['quorum none\nquorum none\n', 'Line.SecondQuorum'], ['quorum W\n', 'Line.UnknownName'],
    ['log\n', 'Line.Words'], ['log a b c\n', 'Line.Words'], ['witness W\n', 'Line.Words'], ['group G any\n', 'Line.Words'], ['quorum a b\n', 'Line.Words'], ['log example.com/log\n', 'Line.Vkey.Form'],
    [`log ${w1}\n`, 'Line.Algorithm'], [`witness W ${log}\n`, 'Line.Algorithm'], [`log ${log}\nlog ${log}\n`, 'Line.DuplicateKey'], [`witness V ${w1}\nwitness W ${w1}\n`, 'Line.DuplicateKey'],
    [`witness W ${w1}\nwitness W ${w2}\n`, 'Line.DuplicateName'], [`witness none ${w1}\n`, 'Line.DuplicateName'], [`witness W ${w1}\ngroup W any W\n`, 'Line.DuplicateName'],
    [`${head}group G any X\n`, 'Line.UnknownName'], [`${head}group G any G\n`, 'Line.UnknownName'], [`${head}group G any none\n`, 'Line.UnknownName'], [`${head}group G any V V\n`, 'Line.MemberTwice'],
    [`${head}group G any V W\ngroup H any W\n`, 'Line.MemberTwice'], ...['0', '3', '01', '-1', '1.0', 'ALL', '99999999999999999999'].map((have) => [`${head}group G ${have} V W\n`, 'Line.Threshold']),
    ...['mingzhang', 'mingzhang policy of Shaoshan', 'mingzhang genesis', `mingzhang genesis ${genesis.slice(1)}`, `mingzhang genesis ${genesis.toUpperCase()}`, `mingzhang genesis ${genesis} ${genesis}`, 'mingzhang until', 'mingzhang until 07', 'mingzhang until 9223372036854775809']
      .map((comment) => [`quorum none\n# ${comment}\n`, 'Line.Mingzhang']),
    [`# mingzhang genesis ${genesis}\n`.repeat(2), 'Line.Mingzhang'], ['# mingzhang until 7\n'.repeat(2), 'Line.Mingzhang'],
  ];
  for (const [text, wanted] of rows) {
    const refused = await refusal(() => parsePolicy(utf8(text)));
    assert.equal(refused && refused.path, wanted, JSON.stringify(text.slice(0, 60)));
  }
  assert.equal(parsePolicy(Uint8Array.from([...utf8('# '), 0xc3, 0xf7, 0xd5, ...utf8(' in GBK\nquorum none\n')])).quorum.kind, 'nobody');
  assert.equal((await refusal(() => parsePolicy(Uint8Array.from([...utf8('quorum '), 0xff, 0x0a])))).path, 'Line.Utf8');
});

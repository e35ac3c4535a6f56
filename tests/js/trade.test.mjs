// Statements, records, keys, commitments in the browser, on the vectors that Rust is held to.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bytesOf, filesUnder, json, modules, refusal } from './lib/vectors.mjs';

const { base64, concat, decodeText, hex, unbase64, utf8 } = await import(`${modules}/bytes.js`);
const { atPointer, parseJson } = await import(`${modules}/json.js`);
const { chainName, documentsOf, parseStatement, statementCode } = await import(`${modules}/statement.js`);
const { parseEntry } = await import(`${modules}/record.js`);
const { KeyState, keyCode } = await import(`${modules}/keys.js`);
const { checkOpenings, commit, findCommitments } = await import(`${modules}/commitment.js`);
const { leafHash, nodeHash } = await import(`${modules}/merkle.js`);
const { Vkey } = await import(`${modules}/vkey.js`);
const { formatTime, parseOffsetTime, parseTime } = await import(`${modules}/time.js`);

const { records, checkpoint, genesis_id: genesisId } = json('record/ledger.json');
const statements = records.map(({ entry }) => parseStatement(parseEntry(utf8(entry)).note));

async function stateAfter(size) {
  let state = await KeyState.fromGenesis(statements[0]);
  for (let index = 1; index < size; index++) state = await state.apply(index, statements[index]);
  return state;
}

function rootOf(leaves) {
  if (leaves.length === 1) return leaves[0];
  let split = 1;
  while (2 * split < leaves.length) split *= 2;
  return nodeHash(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}

test('the ledger of eight records replays', async () => {
  assert.equal(records.length, 8);
  let state = null;
  const leaves = [];
  const heads = new Map();
  for (const [index, record] of records.entries()) {
    const { header } = parseEntry(utf8(record.entry));
    const statement = statements[index];
    assert.deepEqual([header.index, header.link, formatTime(header.time)], [BigInt(index), record.link, record.time]);
    assert.equal(header.link, index === 0 ? '0'.repeat(64) : hex(leaves[index - 1]));
    assert.deepEqual([statement.id, chainName(statement), statement.follows], [record.statement, record.chain, record.follows]);
    assert.equal(statement.follows, heads.get(record.chain) ?? null);
    heads.set(record.chain, statement.id);
    if (state) {
      await state.verify(statement);
      state = await state.apply(index, statement);
    } else {
      state = await KeyState.fromGenesis(statement);
    }
    leaves.push(leafHash(utf8(record.entry)));
    assert.equal(hex(leaves[index]), record.leaf_hash);
    assert.equal(base64(rootOf(leaves)), record.root_hash_of_size_after);
    // A stranger with the pinned id and these notes comes to the same key.
    const notes = record.evidence_records.map((at) => statements[at].note);
    const replayed = await KeyState.fromEvidence(genesisId, notes);
    await replayed.verify(statement);
  }
  assert.equal(checkpoint.split('\n')[2], base64(rootOf(leaves)));
});

test('keys in force follow from the records', async () => {
  const { sizes } = json('keys/in_force.json');
  assert.equal(sizes.length, 9);
  const all = await stateAfter(8);
  for (const { size, keys, authority } of sizes) {
    const listed = all.inForceAt(size).map(({ role, vkey }) => ({ role, vkey: vkey.text }));
    assert.deepEqual(listed, keys, `size ${size}`);
    if (size === 0) continue;
    const set = all.authorityAt(size);
    assert.deepEqual({ threshold: set.threshold, vkeys: set.vkeys.map(({ text }) => text) }, authority);
    // What a state says of the past, a state of that time said too.
    assert.deepEqual((await stateAfter(size)).inForceAt(size).map(({ vkey }) => vkey.text), keys.map(({ vkey }) => vkey));
  }
});

test('changes of keys are taken and refused as they always were', async () => {
  const { accepted, refused } = json('keys/changes.json');
  assert.deepEqual([accepted.length, refused.length], [5, 19]);
  const state = await stateAfter(8);
  for (const row of accepted) assert.equal(await refusal(() => state.apply(8, parseStatement(utf8(row.note)))), null, row.what);
  for (const row of refused) {
    const error = await refusal(() => state.apply(8, parseStatement(utf8(row.note))));
    assert.equal(error && keyCode(error), row.code, `${row.what}: ${error && error.path}`);
  }
});

test('test keys are those of their vkeys', () => {
  const { keys } = json('keys/keys.json');
  assert.equal(keys.length, 10);
  for (const key of keys) {
    const vkey = Vkey.parse(key.vkey);
    assert.deepEqual([vkey.name, hex(vkey.publicKey), vkey.keyId.toString(16).padStart(8, '0')], [key.name, key.public_key_hex, key.key_id_hex]);
  }
});

test('statements are read as they always were', async () => {
  const { cases } = json('statement/accepted.json');
  assert.equal(cases.length, 8);
  for (const row of cases) {
    const statement = parseStatement(utf8(row.note));
    assert.deepEqual([statement.id, statement.type, statement.v, statement.chain.publisher, statement.chain.project, statement.follows, chainName(statement)],
      [row.statement, row.type, row.v, row.publisher, row.project, row.follows, row.chain]);
    assert.equal(statement.signatures.length, row.signed_by.length);
    for (const [at, signature] of statement.signatures.entries()) {
      const vkey = Vkey.parse(row.signed_by[at]);
      assert.ok(vkey.isNamedBy(signature) && await vkey.verify(statement.textBytes, signature.bytes), row.note);
    }
  }
});

test('what is no statement never becomes one', async () => {
  const { cases } = json('statement/refused.json');
  assert.equal(cases.length, 55);
  for (const row of cases) {
    const error = await refusal(() => parseStatement(utf8(row.note)));
    assert.deepEqual([error && statementCode(error), error && error.pointer], [row.code, row.pointer ?? null], `${row.what}: ${error && error.path}`);
    assert.ok(error.explain('zh') && error.explain('en'));
  }
});

test('entries without a header in its one form are refused', async () => {
  const { cases } = json('record/refused.json');
  assert.equal(cases.length, 13);
  for (const row of cases) assert.ok(await refusal(() => parseEntry(utf8(row.entry))), row.what);
});

test('the JSON door refuses what others would read in two ways', async () => {
  const { cases } = json('json/must-refuse.json');
  assert.equal(cases.length, 14);
  for (const row of cases) {
    const bytes = unbase64(row.input_base64);
    assert.ok(await refusal(() => parseJson(bytes)), row.desc);
    assert.ok(await refusal(() => parseJson(concat(utf8('{"a":'), bytes, utf8('}')))), `${row.desc}, as a member`);
  }
});

test('a refusal says the rule, where, and in which member', async () => {
  const nested = (depth) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
  const rows = [
    ['', 'FirstByte', 0, ''], ['[]', 'FirstByte', 0, ''], ['{} ', 'LastByte', 2, ''], ['{"a":1}x', 'LastByte', 7, ''], ['{\t}', 'Space', 1, ''], ['{"a":}', 'Value', 5, '/a'],
    ['{"a":[1 2]}', 'ArrayNext', 8, '/a'], ['{"a":1 "b"}', 'ObjectNext', 7, ''], ['{a:1}', 'NameQuote', 1, ''], ['{"a" 1}', 'Colon', 5, ''], ['{"A":1}', 'Name', 1, ''], ['{"1a":1}', 'Name', 1, ''],
    ['{"a":{"b":1,"b":2}}', 'NameTwice', 12, '/a'], ['{"a":1.5}', 'Number', 5, '/a'], ['{"a":-0}', 'Number', 5, '/a'], ['{"a":01}', 'Number', 5, '/a'], ['{"a":-}', 'Number', 5, '/a'],
    ['{"a":9007199254740992}', 'NumberRange', 5, '/a'], ['{"a":99999999999999999999}', 'NumberRange', 5, '/a'], ['{"a":"x', 'StringEnd', 5, '/a'], ['{"a":"\u0001"}', 'Control', 6, '/a'], ['{"a":"\\x"}', 'Escape', 6, '/a'],
    ['{"a":"\\u12"}', 'Escape', 6, '/a'], ['{"a":"\\u0000"}', 'Nul', 6, '/a'], ['{"a":"\\ud800"}', 'Surrogate', 6, '/a'], ['{"a":"\\udc00"}', 'Surrogate', 6, '/a'], ['{"a":"\\ud800\\u0041"}', 'Surrogate', 6, '/a'],
    ['{"a":["韶",{"b":"\uffff"}]}', 'Noncharacter', 18, '/a/1/b'], ['{"a":"\\ufdd0"}', 'Noncharacter', 6, '/a'], ['{"a":"\u{1fffe}"}', 'Noncharacter', 6, '/a'],
    [nested(17), 'Depth', 20, '/a/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0'], ['{"a":tru}', 'Value', 5, '/a'],
  ];
  for (const [text, rule, offset, pointer] of rows) {
    const error = await refusal(() => parseJson(utf8(text)));
    assert.deepEqual([error && error.code, error && error.offset, error && error.pointer], [rule, offset, pointer], text);
  }
  const error = await refusal(() => parseJson(Uint8Array.of(0x7b, 0x22, 0xff)));
  assert.deepEqual([error.code, error.offset], ['Utf8', 2]);
  const value = parseJson(utf8('{ "a" : [1, -5,\u0020true, null,"\\ud83d\\ude00\\n韶"], "constructor":{} }'));
  assert.deepEqual(atPointer(value, '/a'), [1, -5, true, null, '😀\n韶']);
  assert.equal(atPointer(value, '/a/1'), -5);
  for (const pointer of ['/a/01', '/a/9', '/b', 'a', '/a/1/x', '/toString']) assert.equal(atPointer(value, pointer), undefined, pointer);
  parseJson(utf8(nested(16)));
});

test('times are read as the ledger writes them, or as RFC 3339 with an offset', async () => {
  const ms = { Record: (text) => parseTime(text), Stated: (text) => parseOffsetTime(text).ms };
  const rows = [
    ['Record', '1970-01-01T00:00:00.000Z', 0], ['Record', '2026-11-23T01:02:03.456Z', 1795395723456], ['Record', '1969-12-31T23:59:59.999Z', -1], ['Record', '9999-12-31T23:59:59.999Z', 253402300799999],
    ['Record', '1949-01-01T00:00:00.000Z', Date.UTC(1949, 0, 1)],
    ['Record', '2026-11-23T01:02:03Z', 'Record'], ['Record', '2026-11-23t01:02:03.456Z', 'Record'], ['Record', '2026-11-23T01:02:03.456Z\n', 'Record'], ['Record', '２０26-11-23T01:02:03.456Z', 'Record'],
    ['Record', '2026-11-23T01:02:60.000Z', 'Calendar'], ['Record', '2026-02-29T00:00:00.000Z', 'Calendar'], ['Record', '1900-02-29T00:00:00.000Z', 'Calendar'], ['Record', '1948-12-31T23:59:59.999Z', 'Range'],
    ['Stated', '2026-11-23T09:02:03+08:00', 1795395723000], ['Stated', '2026-11-22T21:32:03-03:30', 1795395723000], ['Stated', '2026-11-23T01:02:03.500999999Z', 1795395723500], ['Stated', '2026-11-23T01:02:03.5Z', 1795395723500],
    ['Stated', '2026-11-23T09:02:03', 'Stated'], ['Stated', '2026-11-23T09:02:03+24:00', 'Stated'], ['Stated', '2026-11-23T09:02:03-00:00', 'Stated'], ['Stated', '2026-11-23T09:02:03.+08:00', 'Stated'],
    ['Stated', '2026-11-23T09:02:03.1234567890Z', 'Stated'], ['Stated', '2026-11-31T09:02:03+08:00', 'Calendar'], ['Stated', '1948-12-31T23:00:00-08:00', 'Range'], ['Stated', '1949-01-01T00:00:00+08:00', 'Range'], ['Stated', '9999-12-31T23:00:00-08:00', 'Range'],
  ];
  for (const [kind, text, wanted] of rows) {
    let found = null;
    const error = await refusal(() => { found = ms[kind](text); });
    assert.equal(error ? error.code : found, wanted, text);
  }
});

test('commitments are the same hashes for ever, and openings fit only where they belong', async () => {
  const file = json('commitment/commitments.json');
  assert.equal(file.cases.length, 8);
  for (const row of file.cases) assert.equal(commit(row, row), row.commitment);
  const statement = statements.find(({ id }) => id === file.statement_of_the_first_two);
  checkOpenings(statement, file.openings);
  assert.ok(findCommitments(statement.value).some(({ commitment }) => commitment === file.cases[0].commitment));
  assert.equal((await refusal(() => checkOpenings(statements[6], file.openings))).code, 'NoCommitment');
  const [pointer] = Object.keys(file.openings);
  const bent = { [pointer]: { ...file.openings[pointer], value: `${file.openings[pointer].value} ` } };
  assert.equal((await refusal(() => checkOpenings(statement, bent))).code, 'Mismatch');
  for (const bad of [{ salt: 'x', value: '' }, { salt: '0'.repeat(64) }, null, { salt: '0'.repeat(64), value: '', more: 1 }]) {
    assert.equal((await refusal(() => checkOpenings(statement, { [pointer]: bad }))).code, 'Json');
  }
});

test('a draft of each kind is in the grammar, and its commitments and documents are found', () => {
  const files = filesUnder('kinds');
  assert.equal(files.length, 36);
  let commitments = 0;
  for (const file of files) {
    const draft = parseJson(bytesOf(file).subarray(0, decodeText(bytesOf(file)).endsWith('\n') ? -1 : undefined));
    assert.equal(draft.get('type'), 'trade', file);
    commitments += findCommitments(draft).length;
  }
  assert.ok(commitments > 0);
  const draft = (documents) => documentsOf({ value: parseJson(utf8(`{"documents":${documents}}`)) });
  const good = `{"name":"公告.pdf","media_type":"application/pdf","size":7,"sha256":"${'0f'.repeat(32)}"}`;
  assert.equal(draft(`[${good},{"name":"x"},1,null]`).length, 1);
  assert.equal(draft(`{}`).length, 0);
  assert.equal(draft(`[${good.replace('0f', '0F')}]`).length, 0);
});

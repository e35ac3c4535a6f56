// Whole receipts: what the browser says of them, step by step, and that no changed bit goes unseen.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bytesOf, json, modules } from './lib/vectors.mjs';

const { base64, concat, decodeText, unbase64, utf8 } = await import(`${modules}/bytes.js`);
const { parsePolicy } = await import(`${modules}/policy.js`);
const { unix } = await import(`${modules}/receipt.js`);
const { NOT_SHOWN, STEPS, verifyReceipt } = await import(`${modules}/verify.js`);
const { leafHash, nodeHash } = await import(`${modules}/merkle.js`);

const receipt = bytesOf('receipt/record-2.tlog-proof');
const policy = decodeText(bytesOf('receipt/policy'));
const verify = (bytes, ...policies) => verifyReceipt({ receipt: bytes, policies: policies.map((text) => parsePolicy(utf8(text))) });

const told = (verdict) => (verdict.ok ? 'ok' : `${verdict.step.number} ${verdict.error.path}`);

test('a receipt that Rust made verifies, each thing ticked as it is computed', async () => {
  const ticks = [];
  const verdict = await verifyReceipt({ receipt, policies: [parsePolicy(utf8(policy))], onTick: (tick) => { ticks.push(tick); } });
  assert.equal(told(verdict), 'ok');
  assert.deepEqual(ticks, ['form', 'policy', 'checkpoint', 'cosignatures', 'leaf', 'root', 'record', 'text', 'id', 'keys', 'key', 'signature']);
  assert.deepEqual([verdict.header.index, verdict.origin, verdict.quorum.met, verdict.policy], [2n, 'ledger.example/test', true, 0]);
  assert.equal(verdict.genesisId, /genesis ([0-9a-f]{64})/.exec(policy)[1]);
  assert.deepEqual([STEPS.length, NOT_SHOWN.length], [7, 5]);
});

test('the receipts of every record of the example ledger verify from its pinned genesis', async () => {
  const ledger = json('record/ledger.json');
  const log = JSON.parse(ledger.records[0].entry.split('\n')[1]).log[0];
  const pinned = `# mingzhang genesis ${ledger.genesis_id}\nlog ${log}\nquorum none\n`;
  const leaves = ledger.records.map(({ entry }) => leafHash(utf8(entry)));
  let verified = 0;
  for (const { index, receipt: bytes } of receiptsOf(ledger, leaves)) {
    assert.equal(told(await verify(bytes, pinned)), 'ok', `record ${index}`);
    assert.equal(told(await verify(bytes, pinned.replace(ledger.genesis_id, 'ab'.repeat(32)))), '6 Keys.GenesisId');
    verified++;
  }
  assert.equal(verified, 8);
});

function* receiptsOf(ledger, leaves) {
  const framed = (bytes) => concat(Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes);
  const noteOf = (at) => utf8(ledger.records[at].entry.slice(ledger.records[at].entry.indexOf('\n') + 1));
  for (const [index, record] of ledger.records.entries()) {
    const extra = concat(framed(utf8(record.entry)), ...record.evidence_records.map((at) => framed(noteOf(at))));
    const hashes = [];
    // Eight leaves are a perfect tree: the sibling of each level.
    for (let [level, at] = [leaves, index]; level.length > 1; at >>= 1) {
      hashes.push(base64(level[at ^ 1]));
      level = level.filter((_, k) => k % 2 === 0).map((left, k) => nodeHash(left, level[2 * k + 1]));
    }
    yield { index, receipt: utf8(`c2sp.org/tlog-proof@v1\nextra ${base64(extra)}\nindex ${index}\n${hashes.join('\n')}\n\n${ledger.checkpoint}`) };
  }
}

test('each step fails by its number', async () => {
  const text = decodeText(receipt);
  const other = policy.replace(/genesis [0-9a-f]{8}/, 'genesis 00000000');
  const flip = (pattern) => utf8(text.replace(pattern, (all) => `${all.slice(0, -1)}${all.endsWith('A') ? 'B' : 'A'}`));
  const extra = unbase64(/^extra (\S+)$/m.exec(text)[1]);
  const bent = Uint8Array.from(extra);
  bent[10] ^= 1;
  const rows = [
    ['not a receipt', utf8('hello'), [policy], '1 Form.Cut'],
    ['too large', new Uint8Array((1 << 20) + 1), [policy], '1 TooLarge'],
    ['no extra', utf8(text.replace(/^extra .*\n/m, '')), [policy], '1 NoExtra'],
    ['two receipts in one file', utf8(text + text), [policy], '1 Form.Second'],
    ['two receipts, an empty line between', utf8(`${text}\n${text}`), [policy], '1 Form.Second'],
    ['two receipts, the second cut', utf8(text + text.slice(0, text.indexOf('index'))), [policy], '1 Form.Note.Line'],
    ['no policy', receipt, [], '2 NoPolicy.NoneFits'],
    ['a policy of another log', receipt, [policy.replace(/^log .*$/m, 'log example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k')], '2 NoPolicy.NoneFits'],
    ['a retired policy', receipt, [policy.replace('quorum', '# mingzhang until 2\nquorum')], '2 NoPolicy.NoneFits'],
    ['no genesis pinned', receipt, [policy.replace(/^# .*\n/, '')], '2 NoGenesis'],
    ['the log\'s signature', flip(/— ledger\.example\/test [A-Za-z0-9+/]{20}/), [policy], '3 Checkpoint.Signature'],
    ['the root', flip(/\n3\n[A-Za-z0-9+/]{5}/), [policy], '3 Checkpoint.Signature'],
    ['the entry', utf8(text.replace(/^extra .*$/m, `extra ${base64(bent)}`)), [policy], '4 Inclusion.Root'],
    ['the index', utf8(text.replace('index 2', 'index 3')), [policy], null],
    ['another genesis', receipt, [other], '6 Keys.GenesisId'],
  ];
  for (const [what, bytes, policies, wanted] of rows) {
    const verdict = await verify(bytes, ...policies);
    if (wanted === null) assert.equal(verdict.ok, false, what);
    else assert.equal(told(verdict), wanted, what);
    if (!verdict.ok) assert.ok(verdict.error.explain('zh') && verdict.error.explain('en'), what);
  }
  // The first policy in force decides.
  assert.equal((await verify(receipt, policy.replace('quorum', '# mingzhang until 2\nquorum'), policy)).policy, 1);
});

test('a receipt that an editor or a mail program saved is the receipt', async () => {
  const [text, mark] = [decodeText(receipt), '\ufeff'];
  const windows = text.replaceAll('\n', '\r\n');
  const rows = [
    [text, 'ok'],
    [mark + text, 'ok'],
    [windows, 'ok'],
    [mark + windows, 'ok'],
    [text.replace('\n', '\r\n'), 'ok'],
    [mark + mark + text, '1 Form.Header'],
    [text.replaceAll('\n', '\r\r\n'), '1 Form.Header'],
    [text.replaceAll('\n', '\r'), '1 Form.Cut'],
    [windows + windows, '1 Form.Second'],
    [mark + text + mark + text, '1 Form.Second'],
  ];
  for (const [saved, wanted] of rows) assert.equal(told(await verify(unix(utf8(saved)), policy)), wanted, JSON.stringify(saved.slice(0, 40)));
  assert.deepEqual(unix(Uint8Array.of(13, 10, 13, 0xef, 0xbb, 0xbf)), Uint8Array.of(10, 13, 0xef, 0xbb, 0xbf));
});

test('no flipped bit of a receipt goes unseen', async () => {
  let refused = 0;
  for (let byte = 0; byte < receipt.length; byte++) {
    const bent = Uint8Array.from(receipt);
    bent[byte] ^= 1 << (byte % 7);
    const verdict = await verify(bent, policy);
    assert.equal(verdict.ok, false, `byte ${byte}`);
    refused++;
  }
  assert.equal(refused, receipt.length);
});

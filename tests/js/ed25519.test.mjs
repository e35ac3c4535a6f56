// One rule for signatures, whoever does the arithmetic: each vector goes through WebCrypto where this Node.js has it and through our own code.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { json, modules } from './lib/vectors.mjs';

const { concat, unhex, utf8 } = await import(`${modules}/bytes.js`);
const { judgePublicKey, verifyEd25519, verifyEd25519Slowly, webCryptoAgrees } = await import(`${modules}/ed25519.js`);

async function check(publicKey, signature, message, wanted, what) {
  assert.equal(verifyEd25519Slowly(publicKey, signature, message), wanted, `own arithmetic: ${what}`);
  assert.equal(await verifyEd25519(publicKey, signature, message), wanted, `as pages ask: ${what}`);
}

test('this Node.js has an Ed25519 that agrees, so that both ways are tested here', async () => {
  assert.equal(await webCryptoAgrees(), true);
});

test('signatures of RFC 8032 and of its authors verify, and changed ones do not', async () => {
  for (const [file, count] of [['rfc8032_section_7_1', 5], ['djb_sign_input_first_256', 256]]) {
    const { tests } = json(`ed25519/${file}.json`);
    assert.equal(tests.length, count);
    for (const [at, row] of tests.entries()) {
      const [publicKey, signature, message] = [unhex(row.pk), unhex(row.sig), unhex(row.msg)];
      await check(publicKey, signature, message, true, `${file} ${at}`);
      const changed = Uint8Array.from(signature);
      changed[at % 64] ^= 1 << (at % 8);
      await check(publicKey, changed, message, false, `${file} ${at}, changed`);
      await check(publicKey, signature, concat(message, utf8('\n')), false, `${file} ${at}, another message`);
    }
  }
});

test('Wycheproof agrees', async () => {
  const counted = { valid: 0, invalid: 0 };
  for (const group of json('ed25519/wycheproof_ed25519_test.json').testGroups) {
    for (const row of group.tests) {
      await check(unhex(group.publicKey.pk), unhex(row.sig), unhex(row.msg), row.result === 'valid', `tcId ${row.tcId} ${row.comment}`);
      counted[row.result]++;
    }
  }
  assert.deepEqual(counted, { valid: 88, invalid: 63 });
});

test('signatures on which implementations differ are judged as verify_strict does', async () => {
  const { cases } = json('ed25519/edge.json');
  assert.equal(cases.length, 9);
  for (const row of cases) await check(unhex(row.public_key), unhex(row.signature), utf8(row.message), row.verifies, row.what);
});

test('keys of low order or written in a second way are no keys', () => {
  const lowOrder = ['00'.repeat(32), `01${'00'.repeat(31)}`, '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa', `ec${'ff'.repeat(30)}7f`, `${'00'.repeat(31)}80`];
  const second = [`01${'00'.repeat(30)}80`, `ec${'ff'.repeat(31)}`, `ed${'ff'.repeat(30)}7f`, `ed${'ff'.repeat(31)}`, `ee${'ff'.repeat(30)}7f`, `ee${'ff'.repeat(31)}`, `f0${'ff'.repeat(30)}7f`];
  for (const digits of lowOrder) assert.equal(judgePublicKey(unhex(digits)), 'low order', digits);
  for (const digits of [...second, `02${'00'.repeat(31)}`]) assert.equal(judgePublicKey(unhex(digits)), 'not a point', digits);
  assert.equal(judgePublicKey(unhex(`03${'00'.repeat(31)}`)), 'good');
});

test('bytes of any length are answered', async () => {
  for (const length of [0, 1, 31, 33, 63, 64, 65]) await check(new Uint8Array(length).fill(9), new Uint8Array(length).fill(9), utf8('any'), false, `${length}`);
});

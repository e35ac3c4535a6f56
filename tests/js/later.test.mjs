// Answers for later records that no ledger gives: each is "not answered", none an error that would leave the page without its verdict.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { modules } from './lib/vectors.mjs';

const { laterRecords } = await import(`${modules}/later.js`);
const { Unanswered } = await import(`${modules}/ledger.js`);
const say = Object.assign((name) => name, { lang: 'en' });
const verdict = {
  statement: { chain: { kind: 'trade', publisher: 'c', project: 'p' }, id: 'x' }, header: { index: 5n }, origin: 'o', signer: { vkey: null },
};

async function ask(...bodies) {
  const asked = [];
  const kept = globalThis.fetch;
  globalThis.fetch = async (address) => {
    asked.push(address);
    return new Response(bodies[Math.min(asked.length, bodies.length) - 1]);
  };
  try {
    return { found: await laterRecords(verdict, 'https://city.example/trade/ledger/', say), asked };
  } catch (error) {
    return { error, asked };
  } finally {
    globalThis.fetch = kept;
  }
}

test('an answer of another form is no answer', async () => {
  for (const body of [
    'null', '1', '"x"', '[]', '{}', 'not json', '',
    '{"records":[]}', '{"indexed_size":5}',
    ...['null', '1.5', '-1', '"5"', '9007199254740993', '1e400', '[]'].map((size) => `{"records":[],"indexed_size":${size}}`),
    ...['null', '1', '"x"', '[]', '{}', '{"index":6}', '{"index":1.5,"note":""}', '{"index":-6,"note":""}', '{"index":6,"note":null}'].map((row) => `{"records":[${row}],"indexed_size":7}`),
    ...['{}', 'null', '"x"'].map((rows) => `{"records":${rows},"indexed_size":7}`),
    ...['7.5', '-1', '"7"', '{}', 'true', '9007199254740993'].map((after) => `{"records":[],"indexed_size":7,"after":${after}}`),
  ]) {
    const { error, found } = await ask(body);
    assert.ok(error instanceof Unanswered, `${body}: ${error ?? JSON.stringify(found, (_, value) => String(value))}`);
  }
});

test('a page that leads to itself or back is no answer, and is not asked for ever', async () => {
  for (const after of [0, 4, 5]) {
    const { error, asked } = await ask(`{"records":[],"indexed_size":9,"after":${after}}`);
    assert.ok(error instanceof Unanswered, String(error));
    assert.equal(asked.length, 1);
  }
});

test('an answer of the right form is taken, page by page, below the ledger that was named', async () => {
  const { error, found, asked } = await ask('{"records":[],"indexed_size":9,"after":7}', '{"records":[],"indexed_size":9,"after":null,"head":"x"}');
  assert.equal(error, undefined);
  assert.deepEqual([found.last, found.count, found.open, found.amendments], [8n, 0, 0, []]);
  assert.deepEqual(asked, [5, 7].map((after) => `https://city.example/trade/ledger/api/v1/projects/c/p?after=${after}&limit=256`));
});

test('a record that cannot be read is counted as not checked', async () => {
  const { found } = await ask('{"records":[{"index":6,"note":"no statement"}],"indexed_size":7,"head":"y"}');
  assert.deepEqual([found.count, found.open], [1, 1]);
});

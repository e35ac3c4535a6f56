// What can be said of the modules without a browser: their words are whole, they need nothing newer than Chromium 90, and put nothing in as markup.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { modules } from './lib/vectors.mjs';

const folder = new URL(`${modules}/`, import.meta.url);
const texts = readdirSync(folder).filter((name) => name.endsWith('.js')).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]);

test('no module uses what Chromium 90 has not, or puts text in as markup', () => {
  assert.ok(texts.length >= 34);
  const newer = [/\.at\(/, /Object\.hasOwn\b/, /structuredClone/, /\.findLast/, /\.toSorted|\.toReversed|\.with\(/, /static \{/, /\breplaceAll\(.*\/[^g]*\/\)/, /Object\.groupBy/, /Promise\.withResolvers/, /AbortSignal\.(timeout|any)/, /#[a-z]\w* in /, /crypto\.subtle\.digest/, /import\.meta/, /^(const|let) .* = await /m];
  const markup = [/innerHTML/, /outerHTML/, /insertAdjacentHTML/, /document\.write/, /\beval\(/, /new Function/, /\.style\b/, /setAttribute\('style/, /https?:\/\//];
  for (const [name, text] of texts) {
    const code = text.replace(/^\s*(\/\/|\*|\/\*\*).*$/gm, '');
    for (const pattern of [...newer, ...markup]) assert.ok(!pattern.test(code), `${name}: ${pattern}`);
  }
});

test('imports are written in the one way that verify.html can be made from', () => {
  for (const [name, text] of texts) {
    for (const line of text.split('\n').filter((row) => /^(import|export)\b/.test(row))) {
      assert.match(line, /^(import \{ [\w, ]+ \} from '\.\/[a-z0-9-]+\.js';|export (const|async function|function|class) \w+.*)$/, `${name}: ${line}`);
    }
    assert.ok(!/<\/script|<!--/i.test(text), name);
  }
});

test('every sentence that is asked for is there, in both languages, with the same gaps', async () => {
  const { speaker, wordNames } = await import(`${modules}/words.js`);
  const [zh, en] = [speaker('zh-CN'), speaker('en')];
  for (const name of wordNames()) {
    const gaps = (text) => (text.match(/\{[a-z_]+\}/g) || []).sort().join();
    assert.ok(zh(name) && en(name), name);
    assert.equal(gaps(zh(name)), gaps(en(name)), name);
    assert.ok(!/[\u4e00-\u9fff]/.test(en(name)), name);
  }
  const asked = texts.flatMap(([, text]) => [...text.matchAll(/say\('([a-z_]+)'\)/g)].map(([, name]) => name));
  assert.ok(asked.length > 40);
  for (const name of asked) assert.ok(wordNames().includes(name), name);
});

test('what cannot be seen is made visible, as the pages of the server do', async () => {
  const { visible } = await import(`${modules}/dom.js`);
  for (const [text, shown] of [['a\u202egpj.exe', 'a⟦U+202E⟧gpj.exe'], ['\u200b\ufeff', '⟦U+200B⟧⟦U+FEFF⟧'], ['two\nlines\t', 'two\nlines\t'], ['\u001b[2J', '⟦U+001B⟧[2J'], ['韶山 A&B<b>', '韶山 A&B<b>'], ['\u{e0041}', '⟦U+E0041⟧']]) {
    assert.equal(visible(text), shown);
  }
});

test('a file is hashed in pieces without a worker too, and one that changes has no digest', async () => {
  const { Hasher } = await import(`${modules}/hashing.js`);
  const { sha256 } = await import(`${modules}/sha256.js`);
  const { hex } = await import(`${modules}/bytes.js`);
  const hasher = new Hasher(() => { throw new Error('no workers here'); });
  const bytes = new Uint8Array((9 << 20) + 5).fill(3);
  const seen = [];
  assert.equal(await hasher.hash(new Blob([bytes]), (done) => seen.push(done), new AbortController().signal), hex(sha256(bytes)));
  assert.deepEqual(seen, [4 << 20, 8 << 20, (9 << 20) + 5]);
  const abort = new AbortController();
  assert.equal(await hasher.hash(new Blob([bytes]), () => abort.abort(), abort.signal), null);
  const shrinking = { size: 10, slice: () => new Blob(['short']) };
  await assert.rejects(hasher.hash(shrinking, () => {}, new AbortController().signal));
});

// Danger: what a publisher, or whoever asks, writes becomes part of the page: it runs, loads, hides, pretends or breaks. The texts are
// those of tests/vectors/hostile.json, posted in every place that a publisher may fill, and looked at in every view.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fitsWidth, visit } from './lib/browser.mjs';
import { ROOT, emptyLedger } from './lib/ledger.mjs';
import { records } from './lib/records.mjs';
import { LANGUAGES, picture, world } from './lib/world.mjs';
import { csvRows } from './reading.mjs';

const HOSTILE = JSON.parse(readFileSync(`${ROOT}tests/vectors/hostile.json`, 'utf8'));
const TEXTS = HOSTILE.texts.map(({ name, text, times = 1 }) => ({ name, text: text.repeat(times) }));
const UNSEEN = /[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[^\P{Cc}\n\t\r]/u;
const PROJECT = 'HOSTILE-1';
// What the door asks about before it takes such texts as names of parties; here it is meant.
const MEANT = ['committed_in_clear', 'party_is_text', 'party_may_be_person', 'person_in_text', 'title_names_person', 'email_address', 'mobile_number'];

let ledger;
let publisher;
before(async () => {
  ledger = await emptyLedger('hostile.example/2026');
  const drafts = TEXTS.map(({ text }) => draft(text));
  // The last amends the first, so that their differences are shown.
  drafts.push({ ...draft(TEXTS.at(-1).text), amends: { statement: '$1', effect: 'correct' }, ref: 'amends' });
  const file = ledger.write('drafts.jsonl', drafts.map((one) => JSON.stringify(one)).join('\n') + '\n');
  await ledger.run('post', '--ledger', ledger.url, '--key', ledger.path('data/keys/centre.key'), ...MEANT.flatMap((code) => ['--accept', code]), file);
  await ledger.settled();
  publisher = (await records(ledger)).at(-1).statement.publisher;
});
after(() => ledger?.remove());

test('in the page of its record each hostile text is text, at every width', async () => {
  for (const [at, { statement, index }] of (await statements()).entries()) {
    await visit(world.browser, {}, async (page) => {
      await page.goto(`${ledger.url}${LANGUAGES[at % 2].prefix}/entries/${index}`);
      await page.locator('#verify-here [data-verdict]').waitFor();
      await isHarmless(page, statement.title);
      assert.ok(squeezed(await page.locator('main').textContent()).includes(squeezed(statement.title).slice(0, 300)), `${statement.title}: not shown as it is`);
      await page.setViewportSize({ width: 375, height: 667 });
      await fitsWidth(page);
      if (at < 3) await picture(page, `hostile-entry-${at}`);
    });
  }
});

test('in lists, projects, the feed and on the home page they are text too', async () => {
  for (const { prefix } of LANGUAGES) {
    for (const path of ['/', '/search', `/projects/${publisher}/${PROJECT}`, '/ledger', '/withheld']) {
      await visit(world.browser, {}, async (page) => {
        await page.goto(ledger.url + prefix + path);
        await isHarmless(page, path);
        await page.setViewportSize({ width: 375, height: 667 });
        await fitsWidth(page);
        await picture(page, `hostile-${prefix.slice(1)}${path.replace(/\W+/g, '_').slice(0, 30)}`);
      });
    }
  }
  const feed = (await ledger.get('/feed.atom')).toString();
  await visit(world.browser, {}, async (page) => {
    await page.goto(`${ledger.url}/`);
    const [fault, titles] = await page.evaluate((xml) => {
      const read = new DOMParser().parseFromString(xml, 'application/xml');
      return [read.querySelector('parsererror')?.textContent ?? '', [...read.querySelectorAll('entry > title')].map((title) => title.textContent)];
    }, feed);
    assert.equal(fault, '');
    assert.ok(titles.length >= 20);
  });
});

test('what somebody asks for comes back as text', async () => {
  for (const { name, text } of TEXTS) {
    await visit(world.browser, {}, async (page, seen) => {
      seen.expected.push(/answer 400|status of 400/); // Some are no query; then the page says so.
      await page.goto(`${ledger.url}/search?q=${encodeURIComponent(text)}`);
      await isHarmless(page, name);
      await fitsWidth(page);
    });
  }
});

test('paths with dots, markup and line ends are refused with a page, and set nothing', async () => {
  for (const path of HOSTILE.paths) {
    for (const { prefix } of LANGUAGES) {
      await visit(world.browser, {}, async (page, seen) => {
        seen.expected.push(/answer 4\d\d|status of 4\d\d/);
        const response = await page.goto(`${ledger.url}${prefix}${path}`);
        assert.ok(response.status() < 500, `${path}: ${response.status()}`);
        assert.equal(response.headers()['set-cookie'], undefined, path);
        assert.ok(new URL(page.url()).host === new URL(ledger.url).host, `${path} led to ${page.url()}`);
        if (/html/.test(response.headers()['content-type'])) await isHarmless(page, path);
        const text = await page.locator('body').textContent();
        assert.doesNotMatch(text, /root:.*:0:0|\[dependencies\]/, path);
      });
    }
  }
});

test('a word of megabytes is refused with the limit, wherever it is put', async () => {
  for (const bytes of HOSTILE.long.bytes) {
    const word = 'w'.repeat(bytes);
    for (const [path, options] of [[`/search?q=${word}`, {}], [`/entries/${word}`, {}], ['/api/v1/statements', { method: 'POST', body: JSON.stringify({ title: word }) }]]) {
      // A server may stop reading what is too long before it has all been sent.
      const answer = await fetch(ledger.url + path, options).then(async (response) => ({ status: response.status, text: await response.text() }), (error) => ({ status: 0, text: String(error.cause) }));
      assert.ok([0, 400, 404, 413, 414, 431].includes(answer.status), `${path.slice(0, 30)}: ${answer.status}`);
      assert.ok(answer.text.length < 20_000, `${path.slice(0, 30)}: the answer repeats what was asked`);
      assert.ok(answer.status !== 0 || /ECONNRESET|EPIPE|other side closed/.test(answer.text), answer.text);
    }
  }
  assert.equal((await fetch(`${ledger.url}/readyz`)).status, 200);
});

test('no cell of a table for a spreadsheet is a formula, and none is broken out of', async () => {
  const csv = (await ledger.get('/api/v1/search?format=csv&limit=200')).toString();
  const rows = csvRows(csv);
  assert.equal(rows.length - 1, (await records(ledger)).length, 'one row a record');
  for (const row of rows) {
    assert.equal(row.length, rows[0].length);
    for (const cell of row) assert.doesNotMatch(cell, /^[=+\-@\t\r＝＋－＠]/, JSON.stringify(cell));
  }
});

test('files and receipts with hostile names and content are shown as text by the check page and verify.html', async () => {
  const file = ledger.write('verify.html', await ledger.get('/verify.html'));
  const all = await statements();
  for (const address of [`${ledger.url}/check`, `file://${file}`]) {
    await visit(world.browser, {}, async (page) => {
      await page.goto(address);
      const give = (name, buffer) => page.setInputFiles('#check-file', { name, mimeType: 'text/plain', buffer });
      await give('policy', ledger.read('data/policy'));
      for (const { index } of all.slice(0, 26)) {
        await give(`${index}.tlog-proof`, await ledger.get(`/api/v1/receipts/${index}`));
        await page.locator(`.results > section:first-child [data-verdict=holds]`).waitFor();
      }
      for (const { text } of TEXTS.filter((one) => !/[\0/]/.test(one.text) && one.text.length < 200)) await give(text, Buffer.from(`file of ${text}`));
      await page.locator('.results > section:first-child [data-digest]').waitFor();
      await isHarmless(page, address);
      await page.setViewportSize({ width: 375, height: 667 });
      await fitsWidth(page);
      await picture(page, `hostile-check-${address.startsWith('file') ? 'alone' : 'served'}`);
    });
  }
});

/** Every place of an award notice that a publisher fills as he likes. */
function draft(text) {
  const [short, middle] = [text.slice(0, 120), text.slice(0, 1000)];
  // A title or a name is one line of what can be seen: the door takes no other. Everywhere else the text stands as it is.
  const line = (length) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ').trim().slice(0, length).trim() || 'x';
  const name = line(120);
  return {
    type: 'trade', v: 1, project: PROJECT, codes: [{ scheme: 'hostile', value: name }], stage: 'award', kind: 'award_notice', category: 'construction',
    title: line(340), region: '430382', issued: '2026-01-05T09:00:00+08:00', events: { winner_set: '2026-01-05T08:00:00+08:00' },
    documents: [{ name, media_type: 'application/pdf', size: 1, sha256: 'ab'.repeat(32) }],
    details: {
      buyer: { name }, agency: { name: line(1000) },
      awards: [{ winner: { name }, price: { form: 'other', text: short }, duration: short, quality: middle, project_manager: { $commit: { class: 'person', value: `经理${short}` } } }],
      source: { name, url: text.slice(0, 200), id: short }, place: short, remark: text, extra: { anything: middle, deep: { list: [middle, short] } },
    },
  };
}

async function statements() {
  return (await records(ledger)).filter(({ statement }) => statement.project === PROJECT);
}

/** Nothing ran, nothing was added, nothing that cannot be seen is left. */
async function isHarmless(page, what) {
  const faults = await page.evaluate(() => {
    const found = [];
    if (globalThis.hostile !== undefined) found.push('a script of others ran');
    for (const one of document.querySelectorAll('iframe, object, embed, base, meta[http-equiv=refresh], textarea:not([id]), marquee')) found.push(one.outerHTML.slice(0, 200));
    for (const one of document.querySelectorAll('script, link[href], img')) {
      const address = one.src || one.href;
      if (address && new URL(address, document.baseURI).origin !== location.origin) found.push(one.outerHTML.slice(0, 200));
    }
    for (const one of document.querySelectorAll('body style, body link')) found.push(one.outerHTML.slice(0, 200));
    for (const one of document.querySelectorAll('script:not([src])')) if (location.protocol !== 'file:') found.push(one.outerHTML.slice(0, 200));
    for (const one of document.querySelectorAll('*')) {
      for (const { name, value } of one.attributes) {
        if (name.startsWith('on')) found.push(`${name}=${value}`.slice(0, 200));
        if (['href', 'action', 'src', 'formaction'].includes(name) && !/^(https?:\/\/|(?:\.{1,2})?\/(?!\/)|#|\?|[\w%.-]+$)/.test(value)) found.push(`${name}=${value}`.slice(0, 200));
      }
    }
    for (const { action } of document.forms) if (new URL(action).origin !== location.origin) found.push(`form to ${action}`);
    return found;
  });
  assert.deepEqual(faults, [], `${what} at ${page.url()}`);
  const html = await page.evaluate(() => document.documentElement.outerHTML);
  const unseen = UNSEEN.exec(html);
  assert.equal(unseen, null, `${what} at ${page.url()}: U+${unseen?.[0].codePointAt(0).toString(16)} in ${JSON.stringify(html.slice(unseen?.index - 80, unseen?.index + 80))}`);
}

/** Text with spaces and marks of what cannot be seen taken out, to be compared. */
function squeezed(text) {
  return text.replace(/⟦U\+[0-9A-F]{4,6}⟧/g, '').replace(/[\p{Cc}\p{Zs}\u2028\u2029\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu, '');
}

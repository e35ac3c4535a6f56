// Danger: the public page that the public cannot use: not found by a few characters, not readable without scripts, on a telephone,
// from the keyboard, by a screen reader, on paper; or too large for a line in the country.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import jsqr from 'jsqr';
import { PNG } from 'pngjs';
import { fitsWidth, visit } from './lib/browser.mjs';
import { records } from './lib/records.mjs';
import { LANGUAGES, keep, picture, world } from './lib/world.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PAGE_OF_50_BYTES_MAX = 100_000;
const TABS_MAX = 80;

test('a project is found by a few characters of its name, then its stages, then its award', async () => {
  await visit(world.browser, {}, async (page) => {
    await page.goto(`${world.ledger.url}/`);
    await picture(page, 'home-zh');
    await page.fill('#q', '教学综合楼');
    await page.press('#q', 'Enter');
    await page.waitForURL(/\/search\?/);
    const titles = await page.locator('table.notices td.title a').allTextContents();
    assert.ok(titles.length > 0 && titles.every((title) => title.includes('教学综合楼')), titles.join('\n'));
    await picture(page, 'search-zh');
    // A bookmark of the list is the list.
    const address = page.url();
    await page.goto('about:blank');
    await page.goto(address);
    assert.deepEqual(await page.locator('table.notices td.title a').allTextContents(), titles);

    await page.locator('table.notices td.title a', { hasText: '中标结果公告' }).first().click();
    await page.locator('#verify-here [data-verdict=holds]').waitFor();
    await page.locator('a[href*="/projects/"]').first().click();
    await page.waitForURL(/\/projects\//);
    const text = await page.locator('main').innerText();
    for (const stage of ['交易公告', '资格审查', '交易过程', '成交', '履约']) assert.ok(text.includes(stage), `no ${stage}: ${text}`);
    await picture(page, 'project-zh');
  });
});

test('real notices of Yichang are found, and the box understands every kind of id', async () => {
  const all = await records(world.ledger);
  const { index, id, statement } = all.find((record) => record.statement.title?.includes('湖北宜昌市养老综合服务PPP示范项目家具采购'));
  const reference = statement.ref;
  const documents = all.flatMap((record) => record.statement.documents ?? []);
  const uscc = JSON.stringify(all.map((record) => record.statement)).match(/"uscc":"([0-9A-Z]{18})"/)[1];
  await visit(world.browser, {}, async (page) => {
    for (const asked of ['养老综合服务', statement.project, id, reference, documents[0].sha256, uscc, String(index)]) {
      await page.goto(`${world.ledger.url}/`);
      await page.fill('#q', asked);
      await page.press('#q', 'Enter');
      await page.waitForLoadState();
      const links = await page.locator('main a[href*="/entries/"]').count();
      assert.ok(links > 0, `nothing is found for ${asked}: ${await page.locator('main').innerText()}`);
    }
    await page.goto(`${world.ledger.url}/search?q=${encodeURIComponent('没有这样的公告标题甲乙丙')}`);
    assert.equal(await page.locator('table.notices').count(), 0);
  });
});

test('a page of fifty results is below 100 KB, and its CSV and JSON are exactly the list shown', async () => {
  await visit(world.browser, {}, async (page) => {
    await page.goto(`${world.ledger.url}/search?q=${encodeURIComponent('宜昌')}`);
    const html = Buffer.byteLength(await (await fetch(page.url(), { headers: { 'accept-encoding': 'identity' } })).text());
    const shown = await page.locator('table.notices td.title a').evaluateAll((links) => links.map((link) => Number(link.getAttribute('href').match(/\d+$/)[0])));
    assert.equal(shown.length, 50);
    assert.ok(html < PAGE_OF_50_BYTES_MAX, `${html} bytes`);
    const link = (name) => page.getByRole('link', { name, exact: true }).evaluate((one) => one.href.slice(one.origin.length));
    const [csv, json] = [(await world.ledger.get(await link('CSV'))).toString(), await world.ledger.json(await link('JSON'))];
    assert.deepEqual(json.hits.map((hit) => hit.index), shown);
    // Titles may hold line feeds; the number of the record stands in a column of its own.
    const table = csvRows(csv);
    const column = table[0].findIndex((name) => /index|序号/.test(name));
    assert.deepEqual(table.slice(1).map((row) => Number(row[column])), shown);

    const next = page.locator('a[rel=next]');
    await next.click();
    await page.waitForURL(/before=/);
    const more = await page.locator('table.notices td.title a').evaluateAll((links) => links.map((one) => Number(one.getAttribute('href').match(/\d+$/)[0])));
    assert.ok(Math.max(...more) < Math.min(...shown), 'the second page goes on where the first ended');
  });
});

test('filters by category, stage and day narrow the list as the API does', async () => {
  const { hits, count } = await world.ledger.json('/api/v1/search?stage=award&category=construction&limit=50');
  await visit(world.browser, {}, async (page) => {
    await page.goto(`${world.ledger.url}/search`);
    await page.selectOption('select[name=stage]', 'award');
    await page.selectOption('select[name=category]', 'construction');
    await page.press('#q', 'Enter');
    await page.waitForURL(/stage=award/);
    const shown = await page.locator('table.notices td.title a').evaluateAll((links) => links.map((link) => Number(link.getAttribute('href').match(/\d+$/)[0])));
    assert.deepEqual(shown, hits.map((hit) => hit.index));
    assert.ok((await page.locator('#found').textContent()).includes(String(count)));
    await page.fill('input[name=from]', '2025-07-01');
    await page.fill('input[name=to]', '2025-07-31');
    await page.press('#q', 'Enter');
    await page.waitForURL(/from=2025-07-01/);
    const days = await page.locator('table.notices td.date').allTextContents();
    assert.ok(days.length > 0 && days.every((day) => day.includes('2025-07')), days.join());
  });
});

test('every page is whole in both languages, and each language leads to the other', async () => {
  await onEachPage({}, async (page, path, { tag }) => {
    assert.equal(await page.locator('html').getAttribute('lang'), tag, path);
    assert.ok((await page.title()).length > 3, path);
    assert.equal(await page.locator('h1').count(), 1, `${path}: h1`);
    await fitsWidth(page);
    if (tag === 'en') await inEnglish(page);
    const other = page.locator('header a[hreflang]');
    const wanted = tag === 'en' ? 'zh-CN' : 'en';
    assert.equal(await other.getAttribute('hreflang'), wanted);
    await other.click();
    await page.waitForLoadState();
    assert.equal(await page.locator('html').getAttribute('lang'), wanted, `${path}: the other language`);
    assert.equal(new URL(page.url()).pathname.replace(/^\/en(?=\/|$)/, '') || '/', new URL(path, world.ledger.url).pathname);
  });
});

test('no link of any page leads nowhere', async () => {
  const asked = new Map();
  for (const path of (await pages()).filter((one) => !expected(one).length)) {
    for (const { prefix } of LANGUAGES) {
      const html = (await world.ledger.get(prefix + path)).toString();
      for (const [, href] of html.matchAll(/(?:href|src|action)="([^"#]+)"/g)) {
        const url = new URL(href.replaceAll('&amp;', '&'), world.ledger.url + prefix + path);
        if (url.origin === world.ledger.url) asked.set(url.pathname + url.search, prefix + path);
      }
    }
  }
  assert.ok(asked.size > 100);
  const nowhere = [];
  for (const [path, from] of asked) {
    const response = await fetch(world.ledger.url + path, { headers: { accept: 'text/html,*/*' } });
    await response.arrayBuffer();
    if (!response.ok) nowhere.push(`${response.status} ${path} (on ${from})`);
  }
  assert.deepEqual(nowhere, []);
});

test('without scripts every page reads the same, and the forms work', async () => {
  await onEachPage({ javaScriptEnabled: false }, async (page) => {
    assert.ok((await page.locator('main').innerText()).length > 60);
    assert.equal(await page.locator('h1').count(), 1);
  });
  await visit(world.browser, { javaScriptEnabled: false }, async (page) => {
    await page.goto(`${world.ledger.url}/`);
    await page.fill('#q', '教学综合楼');
    await page.click('form[role=search] button');
    await page.waitForURL(/\/search\?/);
    await page.locator('table.notices td.title a').first().click();
    await page.waitForURL(/\/entries\//);
    assert.match(await page.locator('#verify-here').innerText(), /未启用脚本/);
    await page.goto(`${world.ledger.url}/check`);
    const { documents: [named] } = (await records(world.ledger)).map(({ statement }) => statement).find((statement) => statement.documents?.length);
    await page.fill('#digest', named.sha256);
    await page.press('#digest', 'Enter');
    await page.waitForURL(/\/search\?/);
    assert.ok(await page.locator('main a[href*="/entries/"]').count() > 0);
    await picture(page, 'search-by-digest-without-scripts');
  });
});

test('on a telephone nothing has to be pushed sideways', async () => {
  await onEachPage({ viewport: { width: 375, height: 667 }, hasTouch: true, isMobile: true }, async (page, path, { tag }) => {
    if (path.startsWith('/entries/') && !expected(path).length) await verified(page);
    await fitsWidth(page);
    if (tag === 'zh-CN') await picture(page, `phone-${path.replace(/\W+/g, '_').slice(0, 40)}`);
  });
});

test('with the keyboard alone: search, open, verify, check again', async () => {
  await visit(world.browser, {}, async (page) => {
    await page.goto(`${world.ledger.url}/`);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip', 'the first stop skips the navigation');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    await tabTo(page, '#q');
    await page.keyboard.type('教学综合楼');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/search\?/);
    await tabTo(page, 'table.notices td.title a');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/entries\//);
    await page.locator('#verify-here [data-verdict=holds]').waitFor();
    await page.evaluate(() => document.querySelector('#verify-here [data-verdict]').setAttribute('data-verdict', 'old'));
    await tabTo(page, '#verify-here button');
    await page.keyboard.press('Space');
    await page.locator('#verify-here [data-verdict=holds]').waitFor();
    await page.goto(`${world.ledger.url}/check`);
    await tabTo(page, '#check-file');
    await tabTo(page, '#digest');
  });
});

test('axe finds no serious fault on any page in either language', async () => {
  await onEachPage({}, async (page, path) => {
    if (path.startsWith('/entries/') && !expected(path).length) await verified(page);
    await page.evaluate(() => document.querySelectorAll('details').forEach((one) => { one.open = true; }));
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
    const told = ({ id, impact, nodes }) => `${id} (${impact}) ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 150)} ${node.any[0]?.message ?? node.all[0]?.message ?? ''}`).join(' | ')}`;
    assert.deepEqual(serious.map(told), []);
  });
});

test('on paper a record has its title, number, digest and a code that leads back to it', async () => {
  const { index, id, statement } = (await records(world.ledger)).find((record) => record.statement.kind === 'award_notice');
  await visit(world.browser, {}, async (page) => {
    await page.goto(`${world.ledger.url}/entries/${index}`);
    await verified(page);
    const pdf = await page.pdf({ format: 'A4' });
    keep('entry.pdf', pdf);
    // Where a line breaks is the printer's business.
    const text = pdfText(pdf).replace(/\s+/g, '');
    for (const wanted of [statement.title, `第${index}号记录`, id, '成立', '这不能证明']) assert.ok(text.includes(wanted.replace(/\s+/g, '')), `not on paper: ${wanted}\n${text}`);
    const address = await decodedQr(page);
    assert.equal(address, await page.locator('.paper code').textContent());
    assert.ok(address.startsWith(`${world.ledger.url}/entries/${index}`) && address.includes(id), address);
    assert.equal((await page.goto(address)).status(), 200);
  });
});

/** A path of every kind of page that the ledger has, and of the ways in which there is none. */
export async function pages() {
  const all = await records(world.ledger);
  const award = all.find(({ statement }) => statement.kind === 'award_notice');
  const yichang = all.find(({ statement }) => statement.codes?.some(({ scheme }) => scheme === 'yichang_title'));
  const project = ({ statement }) => `/projects/${statement.publisher}/${statement.project}`;
  return ['/', '/search', `/search?q=${encodeURIComponent('宜昌')}&stage=award`, '/search?q=zzzzzz', '/search?from=nonsense', project(award), project(yichang),
    `/entries/${award.index}`, `/entries/${yichang.index}`, `/entries/${all.at(-1).index}`, '/entries/0', '/entries/1', '/entries/99999999', '/check', '/ledger', '/data', '/withheld', '/problems', '/no-such-page'];
}

/** `look(page, path, language)` on every page in both languages, one language beside the other; all that fail are named together. */
async function onEachPage(options, look) {
  const failed = [];
  const paths = await pages();
  await Promise.all(LANGUAGES.map(async (language) => {
    for (const path of paths) {
      await visit(world.browser, options, async (page, seen) => {
        seen.expected.push(...expected(path));
        await page.goto(world.ledger.url + language.prefix + path);
        await look(page, path, language);
      }).catch((error) => failed.push(`${language.prefix}${path}: ${error.message}`));
    }
  }));
  assert.equal(failed.length, 0, failed.join('\n\n'));
}

/** What a page that refuses makes the browser complain of. */
function expected(path) {
  const status = { '/entries/99999999': 404, '/no-such-page': 404, '/search?from=nonsense': 400 }[path];
  return status ? [new RegExp(`status of ${status}|answer ${status}`)] : [];
}

const verified = (page) => page.locator('#verify-here [data-verdict=holds]').waitFor();

/** Nothing of ours is left in Chinese on an English page: what publishers wrote stands in <bdi>, and one link leads back. */
async function inEnglish(page) {
  const left = await page.evaluate(() => {
    const copy = document.body.cloneNode(true);
    for (const one of copy.querySelectorAll('bdi, pre, script, [lang^=zh], svg, option, .names')) one.remove();
    return (copy.textContent.match(/[^\n]{0,20}[\u4e00-\u9fff]+[^\n]{0,20}/g) ?? []).slice(0, 5);
  });
  assert.deepEqual(left, [], `Chinese of ours at ${page.url()}`);
}

/** Tab until the element has the focus, and somebody can see that it has. */
async function tabTo(page, selector) {
  for (let tabs = 0; tabs < TABS_MAX; tabs++) {
    await page.keyboard.press('Tab');
    const [isThere, outline] = await page.evaluate((wanted) => [document.activeElement.matches(wanted), getComputedStyle(document.activeElement).outlineStyle], selector);
    if (isThere) {
      assert.notEqual(outline, 'none', `${selector}: nobody sees the focus`);
      return;
    }
  }
  assert.fail(`${selector} is not among the first ${TABS_MAX} stops of ${page.url()}`);
}

function pdfText(pdf) {
  const { status, stdout, error } = spawnSync('pdftotext', ['-', '-'], { input: pdf, encoding: 'utf8', maxBuffer: 16 << 20 });
  if (error || status !== 0) throw new Error('pdftotext is needed: apt-get install poppler-utils', { cause: error });
  return stdout;
}

async function decodedQr(page) {
  const { data, width, height } = PNG.sync.read(await page.locator('svg.qr').screenshot({ scale: 'css' }));
  return jsqr(new Uint8ClampedArray(data), width, height)?.data;
}

/** RFC 4180. */
export function csvRows(text) {
  const rows = [[]];
  let cell = '';
  let isQuoted = false;
  const whole = text.replace(/^\ufeff/, '');
  for (let at = 0; at < whole.length; at++) {
    const c = whole[at];
    if (isQuoted) {
      if (c !== '"') cell += c;
      else if (whole[at + 1] === '"') cell += whole[++at];
      else isQuoted = false;
    } else if (c === '"') isQuoted = true;
    else if (c === ',' || c === '\n') {
      rows.at(-1).push(cell.replace(/\r$/, ''));
      cell = '';
      if (c === '\n') rows.push([]);
    } else cell += c;
  }
  rows.pop();
  return rows;
}

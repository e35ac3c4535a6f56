// Danger: a page that says "verified" and has not computed it, or computes it and lets a wrong receipt or a wrong document pass.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { visit } from './lib/browser.mjs';
import { copyOf } from './lib/ledger.mjs';
import { changed } from './lib/receipt.mjs';
import { wrongReceipts } from './lib/wrong.mjs';
import { firstDocument, records } from './lib/records.mjs';
import { LANGUAGES, picture, world } from './lib/world.mjs';

const STEPS = 7;

test('"verify here" ticks seven steps with what it found and says so in one sentence, in both languages', async () => {
  const all = await records(world.ledger);
  for (const { prefix, say } of LANGUAGES) {
    // The genesis and a key statement are records too, signed by the authorities.
    for (const { index, id, statement } of [await award(), all[0], all[1], all.at(-1)]) {
      await visit(world.browser, {}, async (page) => {
        await page.goto(`${world.ledger.url}${prefix}/entries/${index}`);
        const verdict = page.locator('#verify-here [data-verdict]');
        await verdict.waitFor();
        assert.equal(await verdict.getAttribute('data-verdict'), 'holds', await verdict.textContent());
        assert.equal(await page.locator('#verify-here li[data-step][data-state=good]').count(), STEPS);
        const sentence = await verdict.textContent();
        assert.match(sentence, say(/^成立：/, /^It holds: /));
        assert.match(sentence, say(new RegExp(`第 ${index} 条`), new RegExp(`record ${index} of the ledger demo.mingzhang.example`)));
        if (statement.title) assert.ok(sentence.includes(statement.title));
        assert.match(await page.locator('[data-tick=id]').textContent(), new RegExp(id));
        assert.match(await page.locator('#verify-here .not-shown').textContent(), say(/这不能证明/, /does not show/));
      });
    }
  }
});

test('the page shows one record and the receipt proves another: it says not to believe the page', async () => {
  await visit(world.browser, {}, async (page) => {
    const { index } = await award();
    const other = await world.ledger.get(`/api/v1/receipts/${index - 1}`);
    await page.route(`**/api/v1/receipts/${index}`, (route) => route.fulfill({ body: other }));
    await page.goto(`${world.ledger.url}/entries/${index}`);
    await page.locator('#verify-here [data-verdict=another_record]').waitFor();
  });
});

test('a receipt that was changed on the way fails at its step on the page of the record', async () => {
  const { index } = await award();
  const wrong = changed(await world.ledger.get(`/api/v1/receipts/${index}`), (parts) => { parts.hashes[0][0] ^= 1; });
  await visit(world.browser, {}, async (page) => {
    await page.route(`**/api/v1/receipts/${index}`, (route) => route.fulfill({ body: wrong }));
    await page.goto(`${world.ledger.url}/entries/${index}`);
    const verdict = page.locator('#verify-here [data-verdict=fails]');
    await verdict.waitFor();
    assert.equal(await verdict.getAttribute('data-failed'), '4');
    assert.equal(await page.locator('#verify-here li[data-state=bad]').getAttribute('data-step'), '4');
    await picture(page, 'entry-wrong');
  });
});

test('the right document is recognised, the same with one byte more is not, in both languages', async () => {
  const named = await firstDocument(world.ledger);
  for (const { prefix, say, tag } of LANGUAGES) {
    await visit(world.browser, {}, async (page) => {
      await page.goto(`${world.ledger.url}${prefix}/check`);
      await dropFiles(page, [{ name: '收到的文件.pdf', bytes: named.bytes }]);
      const holds = page.locator('[data-verdict=document_holds]');
      await holds.waitFor();
      assert.match(await holds.textContent(), say(new RegExp(`此文件与第 ${named.index} 条登记的摘要一致；由.*签名；.*未见更正|更正`), new RegExp(`This file has the digest that record ${named.index} registers; signed by .*`)));
      assert.ok((await holds.textContent()).includes(named.name));
      assert.ok((await page.locator('.not-shown').textContent()).length > 100);
      await picture(page, `check-right-${tag}`);

      await dropFiles(page, [{ name: '改过的文件.pdf', bytes: Buffer.concat([named.bytes, Buffer.from(' ')]) }]);
      const notFound = page.locator('[data-verdict=not_found]');
      await notFound.waitFor();
      assert.match(await notFound.textContent(), say(/没有任何一条登记过/, /No record of this ledger registers/));
      await picture(page, `check-wrong-${tag}`);
    });
  }
});

test('a receipt, and one of another ledger with its policy, are judged by the policy that fits', async () => {
  await visit(world.browser, {}, async (page) => {
    await page.goto(`${world.ledger.url}/check`);
    await choose(page, 'own.tlog-proof', await world.ledger.get(`/api/v1/receipts/${(await award()).index}`));
    assert.equal(await verdictOf(page, 'own.tlog-proof'), 'holds');
    const receipt = await world.neighbour.get('/api/v1/receipts/2');
    await choose(page, 'other.tlog-proof', receipt);
    assert.equal(await verdictOf(page, 'other.tlog-proof'), 'unjudged');
    // With the policy the receipt that lies there is checked again by itself.
    await choose(page, 'policy', world.neighbour.read('data/policy'));
    await card(page, 'other.tlog-proof').locator('[data-verdict=holds]').waitFor();
    assert.match(await card(page, 'other.tlog-proof').textContent(), /neighbour\.example\/2026/);
    await picture(page, 'check-other-ledger');
  });
});

test('fifty wrong receipts are refused, each at the step at which the command line refuses it', async () => {
  const rows = await wrongRows();
  assert.ok(rows.length >= 50);
  const policy = world.ledger.read('data/policy');
  await visit(world.browser, {}, async (page) => {
    await page.goto(`${world.ledger.url}/check`);
    await policiesLoaded(page);
    for (const [at, [what, step, receipt, wrongPolicy]] of rows.entries()) {
      const told = await world.ledger.refusedAt(receipt, wrongPolicy ?? policy);
      // The command line does not even read what is longer than any receipt.
      assert.equal(told === 'file-too-large' ? 1 : told, step, `mingzhang verify: a receipt that ${what}`);
      const name = `${at}.tlog-proof`;
      if (wrongPolicy) {
        await page.reload();
        await policiesLoaded(page);
        await choose(page, 'policy', wrongPolicy);
      }
      await choose(page, name, receipt);
      // A policy that does not fit gives way to the server's, by which the receipt is right; verify.html has no server's.
      const wanted = wrongPolicy && step === 2 ? 'holds' : endsAt(step);
      assert.equal(await verdictOf(page, name), wanted, `in the browser: a receipt that ${what}`);
      if (wrongPolicy) {
        await page.reload();
        await policiesLoaded(page);
      }
    }
    await picture(page, 'check-wrong-receipts');
  });
});

test('verify.html as it is served refuses them too, from file:// and with no server', async () => {
  const rows = await wrongRows();
  const [policy, right] = [world.ledger.read('data/policy'), await world.ledger.get(`/api/v1/receipts/${(await award()).index}`)];
  const file = world.ledger.write('verify.html', await world.ledger.get('/verify.html'));
  await visit(world.browser, {}, async (page) => {
    const open = async (given) => {
      await page.goto(`file://${file}`);
      await choose(page, 'policy', given);
    };
    await open(policy);
    await choose(page, 'right.tlog-proof', right);
    assert.equal(await verdictOf(page, 'right.tlog-proof'), 'holds');
    await picture(page, 'verify-html');
    for (const [at, [what, step, receipt, wrongPolicy]] of rows.entries()) {
      if (wrongPolicy) await open(wrongPolicy);
      await choose(page, `${at}.tlog-proof`, receipt);
      assert.equal(await verdictOf(page, `${at}.tlog-proof`), endsAt(step), `in verify.html: a receipt that ${what}`);
      if (wrongPolicy) await open(policy);
    }
  });
});

test('verify.html is the file whose SHA-256 the check page shows', async () => {
  const digest = createHash('sha256').update(await world.ledger.get('/verify.html')).digest('hex');
  await visit(world.browser, {}, async (page) => {
    await page.goto(`${world.ledger.url}/check`);
    assert.ok((await page.locator('main').textContent()).includes(digest));
  });
});

test('an empty file, a folder\'s worth of files and a huge one are hashed, with progress, and can be cancelled', async () => {
  const gibibytes = process.env.MINGZHANG_EXHAUSTIVE ? 2.1 : 0.25;
  const huge = world.ledger.path('huge.pdf');
  const file = openSync(huge, 'w');
  ftruncateSync(file, gibibytes * 2 ** 30); // Holes: nothing lies on the disk.
  closeSync(file);
  await visit(world.browser, {}, async (page) => {
    page.setDefaultTimeout(gibibytes > 1 ? 120_000 : 30_000);
    await page.goto(`${world.ledger.url}/check`);
    await choose(page, 'empty.pdf', Buffer.alloc(0));
    await page.locator('[data-digest=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855]').waitFor();
    await page.setInputFiles('#check-file', Array.from({ length: 12 }, (_, at) => ({ name: `${at}.txt`, mimeType: 'text/plain', buffer: Buffer.from(`${at}`) })));
    for (let at = 0; at < 12; at++) await card(page, `${at}.txt`).locator('[data-verdict=not_found]').waitFor();

    await page.setInputFiles('#check-file', huge);
    const bar = card(page, 'huge.pdf').locator('progress');
    await page.waitForFunction((element) => element.value > 0 && element.value < element.max, await bar.elementHandle());
    await card(page, 'huge.pdf').locator('[data-digest]').waitFor();

    await page.setInputFiles('#check-file', huge);
    await card(page, 'huge.pdf').first().getByRole('button').click();
    await page.locator('[data-verdict=cancelled]').waitFor();
  });
});

test('offline: what is loaded verifies after the server has stopped', async () => {
  const named = await firstDocument(world.ledger);
  const receipt = await world.ledger.get(`/api/v1/receipts/${named.index}`);
  const mortal = await copyOf(world.ledger);
  const offline = [/ERR_CONNECTION_REFUSED/];
  await visit(world.browser, {}, async (entry, seenAtEntry) => visit(world.browser, {}, async (check, seenAtCheck) => {
    seenAtEntry.expected.push(...offline);
    seenAtCheck.expected.push(...offline);
    await entry.goto(`${mortal.url}/entries/${named.index}`);
    await entry.locator('#verify-here [data-verdict=holds]').waitFor();
    await check.goto(`${mortal.url}/check`);
    await policiesLoaded(check);
    await mortal.remove();

    await entry.evaluate(() => document.querySelector('#verify-here [data-verdict]').setAttribute('data-verdict', 'old'));
    await entry.locator('#verify-here button').click();
    await entry.locator('#verify-here [data-verdict=holds]').waitFor();
    assert.equal(await entry.locator('#verify-here li[data-state=good]').count(), STEPS);

    await choose(check, 'n.tlog-proof', receipt);
    assert.equal(await verdictOf(check, 'n.tlog-proof'), 'holds');
    await choose(check, named.name, named.bytes);
    await card(check, named.name).locator('[data-verdict=receipt_names]').waitFor();
    await choose(check, 'wrong.pdf', Buffer.from('wrong'));
    await card(check, 'wrong.pdf').locator('[data-verdict=receipt_names_not]').waitFor();
    await picture(check, 'check-offline');
  }));
});

/** The demo's award notice that most of this looks at. */
async function award() {
  return (await records(world.ledger)).find(({ statement }) => statement.kind === 'award_notice');
}

async function wrongRows() {
  const get = (ledger, index) => ledger.get(`/api/v1/receipts/${index}`);
  const { index } = await award();
  return wrongReceipts({
    right: await get(world.ledger, index), neighbour: await get(world.ledger, index - 1), policy: world.ledger.read('data/policy'),
    other: { receipt: await get(world.neighbour, 2), policy: world.neighbour.read('data/policy') },
    logKey: world.ledger.read('data/keys/log.key'), centreKey: world.ledger.read('data/keys/centre.key'),
  });
}

const policiesLoaded = (page) => page.locator('#check-policies .hash').waitFor();

/** The card of one thing that was given, newest first. */
const card = (page, name) => page.locator('.results > section').filter({ has: page.locator('h3', { hasText: new RegExp(`^${name.replace(/[.]/g, '\\.')}$`) }) });

async function choose(page, name, bytes) {
  await page.setInputFiles('#check-file', { name, mimeType: 'application/octet-stream', buffer: bytes });
}

async function dropFiles(page, files) {
  const transfer = await page.evaluateHandle((list) => {
    const made = new DataTransfer();
    for (const { name, base64 } of list) made.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
    return made;
  }, files.map(({ name, bytes }) => ({ name, base64: bytes.toString('base64') })));
  for (const type of ['dragenter', 'dragover', 'drop']) await page.dispatchEvent('#check-app .drop', type, { dataTransfer: transfer });
}

/** Without a policy that fits (step 2) a receipt is not called false. */
const endsAt = (step) => (step === 2 ? 'unjudged' : `fails at ${step}`);

/** `holds`, `unjudged`, or `fails at STEP`. */
async function verdictOf(page, name) {
  const verdict = card(page, name).locator('[data-verdict]').first();
  await verdict.waitFor();
  const said = await verdict.getAttribute('data-verdict');
  return said === 'fails' ? `fails at ${await verdict.getAttribute('data-failed')}` : said;
}

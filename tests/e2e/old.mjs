// Danger: it works on the developer's machine. The desktop of a trading centre has a browser of 2021 and opens the ledger by a name
// on the intranet, over plain http, where browsers hide crypto.subtle.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchOld } from './lib/old.mjs';
import { changed } from './lib/receipt.mjs';
import { firstDocument } from './lib/records.mjs';
import { keep, world } from './lib/world.mjs';

test('Chromium 91 on plain http: open, verify, a right and a wrong file, a right and a wrong receipt; verify.html from the disk', async () => {
  const { ledger } = world;
  const named = await firstDocument(ledger);
  const right = await ledger.get(`/api/v1/receipts/${named.index}`);
  const files = {
    document: ledger.write('right.pdf', named.bytes),
    wrong: ledger.write('wrong.pdf', Buffer.concat([named.bytes, Buffer.of(0)])),
    receipt: ledger.write('right.tlog-proof', right),
    forged: ledger.write('forged.tlog-proof', changed(right, (parts) => { parts.items[0][200] ^= 1; })),
    verifier: ledger.write('verify.html', await ledger.get('/verify.html')),
    policy: ledger.path('data/policy'),
  };
  const old = await launchOld();
  try {
    assert.match(old.version, /\/91\./);
    const base = `http://ggzy.example:${ledger.port}`;

    const home = await old.open(`${base}/`);
    await home.until('document.querySelector("#q")');
    assert.deepEqual(await home.evaluate('[isSecureContext, typeof crypto.subtle]'), [false, 'undefined']);
    keep('old-home.png', await home.screenshot());
    await home.close();

    const entry = await old.open(`${base}/entries/${named.index}`);
    await entry.until('document.querySelector("#verify-here [data-verdict=holds]")');
    await entry.until('document.querySelectorAll("#verify-here li[data-state=good]").length === 7');
    keep('old-entry.png', await entry.screenshot());
    await entry.close();

    const check = await old.open(`${base}/check`);
    await check.until('document.querySelector("#check-policies .hash")');
    await check.choose('#check-file', files.document);
    await check.until('document.querySelector("[data-verdict=document_holds]")');
    await check.choose('#check-file', files.wrong);
    await check.until('document.querySelector("[data-verdict=not_found]")');
    await check.choose('#check-file', files.receipt);
    await check.until('document.querySelector("[data-verdict=holds]")');
    await check.choose('#check-file', files.forged);
    await check.until('document.querySelector("[data-verdict=fails][data-failed=\\"4\\"]")');
    keep('old-check.png', await check.screenshot());
    await check.close();

    const alone = await old.open(`file://${files.verifier}`);
    await alone.until('document.querySelector("#check-file")');
    await alone.choose('#check-file', files.policy, files.receipt, files.document, files.wrong, files.forged);
    await alone.until('document.querySelector("[data-verdict=holds]")');
    await alone.until('document.querySelector("[data-verdict=receipt_names]")');
    await alone.until('document.querySelector("[data-verdict=receipt_names_not]")');
    await alone.until('document.querySelector("[data-verdict=fails][data-failed=\\"4\\"]")');
    keep('old-verify-html.png', await alone.screenshot());
    await alone.close();
  } finally {
    await old.close();
  }
});

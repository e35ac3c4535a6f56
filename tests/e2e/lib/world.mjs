// What all parts share: one ledger with real data, one browser, started before the first test and ended after the last.
// A part that must spoil something starts a ledger of its own. Knows no page.
import { after, before } from 'node:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { launch } from './browser.mjs';
import { ROOT, emptyLedger, realLedger } from './ledger.mjs';

/** `ledger`: the demo and real notices. `neighbour`: another ledger, with one record by its own centre. `browser`: Chromium of today. */
export const world = { ledger: null, neighbour: null, browser: null };

const SHOTS = `${ROOT}target/e2e/`;

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  [world.ledger, world.neighbour, world.browser] = await Promise.all([realLedger(), neighbour(), launch()]);
});

after(async () => {
  await world.browser?.close();
  await world.ledger?.remove();
  await world.neighbour?.remove();
});

async function neighbour() {
  const ledger = await emptyLedger('neighbour.example/2026');
  const [draft] = readFileSync(`${ROOT}tests/data/yichang/drafts.jsonl`, 'utf8').split('\n');
  await ledger.run('post', '--ledger', ledger.url, '--key', ledger.path('data/keys/centre.key'), ledger.write('draft.jsonl', `${draft}\n`));
  return ledger;
}

/** Keeps a picture of the page in target/e2e/, for somebody to look at. */
export async function picture(page, name) {
  await page.screenshot({ path: `${SHOTS}${name}.png`, fullPage: true });
}

export const keep = (name, bytes) => writeFileSync(`${SHOTS}${name}`, bytes);

/** Both languages: what paths begin with, the language tag, and one of two sentences. */
export const LANGUAGES = [
  { prefix: '', tag: 'zh-CN', say: (zh) => zh },
  { prefix: '/en', tag: 'en', say: (_, en) => en },
];

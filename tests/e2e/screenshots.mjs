// The pictures of docs/screenshots/: home, project, entry and check, of the demo's own data, in Chinese.
// node tests/e2e/screenshots.mjs, after `npm ci` there and a build. Changes nothing else; a person looks before committing them.
import { mkdirSync } from 'node:fs';
import { launch, visit } from './lib/browser.mjs';
import { ROOT, demoLedger } from './lib/ledger.mjs';
import { firstDocument, records } from './lib/records.mjs';

const FOLDER = `${ROOT}docs/screenshots/`;
const WIDTH = 1120;

const [ledger, browser] = await Promise.all([demoLedger(), launch()]);
try {
  mkdirSync(FOLDER, { recursive: true });
  const { index, statement } = (await records(ledger)).find((record) => record.statement.kind === 'award_notice');
  const named = await firstDocument(ledger);
  const shoot = (name, path, height, ready) => visit(browser, { viewport: { width: WIDTH, height } }, async (page) => {
    await page.goto(ledger.url + path);
    await ready(page);
    await page.screenshot({ path: `${FOLDER}${name}.png` });
  });

  await shoot('home', '/', 1000, (page) => page.locator('#q').waitFor());
  await shoot('project', `/projects/${statement.publisher}/${statement.project}`, 1300, (page) => page.locator('h1').waitFor());
  await shoot('entry', `/entries/${index}`, 1000, async (page) => {
    await page.locator('#verify-here [data-verdict=holds]').waitFor();
    await page.locator('#verify-here').evaluate((section) => section.scrollIntoView({ block: 'start' }));
  });
  await shoot('check', '/check', 1250, async (page) => {
    await page.setInputFiles('#check-file', { name: named.name, mimeType: 'application/pdf', buffer: named.bytes });
    await page.locator('[data-verdict=document_holds]').waitFor();
  });
} finally {
  await browser.close();
  await ledger.remove();
}

// Debian's Chromium through Playwright, and pages that are watched: whatever a page complains of fails the test that opened it.
// Promises: no page loads anything but from the ledger's address; no background traffic of the browser's own; nothing outlives it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const WAIT_MS_MAX = 30_000; // A build beside it makes everything slow; a wait ends when what it waits for is there.

/** What every Chromium here is told: no sandbox (CI is root), no service of its maker's, Chinese by default. */
export const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--disable-default-apps', '--disable-domain-reliability', '--no-pings', '--metrics-recording-only', '--mute-audio',
  '--host-resolver-rules=MAP ggzy.example 127.0.0.1, MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
];

export async function launch() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) throw new Error(`no browser at ${executablePath}: apt-get install chromium fonts-noto-cjk, or set CHROMIUM`);
  return chromium.launch({ executablePath, args: FLAGS, headless: true });
}

/**
 * Opens a page, lets `walk(page, seen)` use it and closes it. Fails if the page logged an error, broke its Content-Security-Policy,
 * threw, asked elsewhere, opened a dialog, or got an answer of 400 and more that `walk` did not announce in `seen.expected`
 * (a pattern of the complaint).
 */
export async function visit(browser, options, walk) {
  const { elsewhere = false, ...rest } = options;
  const context = await browser.newContext({ locale: 'zh-CN', viewport: { width: 1280, height: 900 }, ...rest });
  context.setDefaultTimeout(WAIT_MS_MAX);
  const seen = { faults: [], expected: [] };
  const fault = (what) => seen.faults.push(what);
  try {
    await context.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
    });
    context.on('console', (message) => ['error', 'warning'].includes(message.type()) && fault(`console ${message.type()}: ${message.text()} (${message.location().url})`));
    context.on('weberror', (error) => fault(`thrown: ${error.error()}`));
    context.on('dialog', (dialog) => { fault(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    context.on('response', (response) => response.status() >= 400 && fault(`answer ${response.status()}: ${response.url()}`));
    context.on('request', (request) => {
      const url = new URL(request.url());
      if (!elsewhere && !['data:', 'blob:', 'file:'].includes(url.protocol) && !['127.0.0.1', 'ggzy.example'].includes(url.hostname)) fault(`asked elsewhere: ${url}`);
    });
    const page = await context.newPage();
    const result = await walk(page, seen);
    const unexpected = seen.faults.filter((one) => !seen.expected.some((pattern) => pattern.test(one)));
    assert.deepEqual(unexpected, [], `at ${page.url()}`);
    return result;
  } finally {
    await context.close();
  }
}

/** Fails if anything is wider than the window, and says what. */
export async function fitsWidth(page) {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    // What scrolls inside a box of its own does not make the page scroll.
    const boxed = (element) => element && element !== document.documentElement && (getComputedStyle(element).overflowX !== 'visible' || boxed(element.parentElement));
    return [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > width + 1 && !boxed(element.parentElement))
      .map((element) => `${element.tagName}.${element.className} to ${Math.round(element.getBoundingClientRect().right)} of ${width}: ${element.textContent.trim().slice(0, 60)}`).slice(0, 5);
  });
  assert.deepEqual(wide, [], `too wide at ${page.url()}`);
}

// Chromium 91, which stands for the desktops of government offices (the portal promises 90), over raw DevTools protocol.
// Promises: pages are watched as in browser.mjs; every wait is for a condition in the page. Knows only what the short walk needs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FLAGS } from './browser.mjs';
import { connect } from './cdp.mjs';
import { ROOT } from './ledger.mjs';
import { chromium91 } from './unpack91.mjs';

const WAIT_MS_MAX = 15_000;

/** Starts it, with an empty profile of its own. */
export async function launchOld() {
  const folder = await chromium91(`${ROOT}target/e2e`);
  const profile = mkdtempSync(join(tmpdir(), 'mingzhang-e2e-'));
  const flags = [...FLAGS, '--headless', '--no-zygote', '--disable-dev-shm-usage', '--remote-debugging-port=0', `--user-data-dir=${profile}`, '--window-size=1280,900', '--lang=zh-CN'];
  const child = spawn(join(folder, 'chromium'), [...flags, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const address = await new Promise((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (data) => {
      said += data;
      const found = /DevTools listening on (ws:\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    child.once('error', reject);
    ended.then((code) => reject(new Error(`Chromium 91 ended with ${code}:\n${said}`)));
  });
  const cdp = await connect(address);
  return {
    version: (await cdp.send('Browser.getVersion')).product,
    open: (url) => OldPage.open(cdp, url),
    async close() {
      cdp.send('Browser.close').catch(() => {}); // It goes away while it answers.
      await ended;
      process.off('exit', end);
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

class OldPage {
  static async open(cdp, url) {
    const { targetId } = await cdp.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await cdp.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new OldPage(cdp, targetId, sessionId);
    const hear = (method, listener) => cdp.on(method, sessionId, listener);
    hear('Runtime.consoleAPICalled', ({ type, args }) => ['error', 'warning', 'assert'].includes(type) && page.faults.push(`console: ${args.map((arg) => arg.value ?? arg.description).join(' ')}`));
    hear('Runtime.exceptionThrown', ({ exceptionDetails }) => page.faults.push(`thrown: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`));
    hear('Log.entryAdded', ({ entry }) => ['error', 'warning'].includes(entry.level) && page.faults.push(`log: ${entry.text} ${entry.url ?? ''}`));
    for (const domain of ['Page', 'Runtime', 'Log', 'DOM']) await cdp.send(`${domain}.enable`, {}, sessionId);
    const loaded = new Promise((resolve) => hear('Page.loadEventFired', resolve));
    const { errorText } = await cdp.send('Page.navigate', { url }, sessionId);
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await loaded;
    return page;
  }

  faults = [];
  constructor(cdp, targetId, sessionId) {
    Object.assign(this, { cdp, targetId, sessionId });
  }

  /** The value of an expression, awaited in the page. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.cdp.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, this.sessionId);
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  /** Waits until the expression is true: looked at with every change of the document and every frame. */
  async until(expression) {
    const held = await this.evaluate(`new Promise((resolve) => {
      const holds = () => { try { return Boolean(${expression}); } catch { return false; } };
      const late = setTimeout(() => resolve(false), ${WAIT_MS_MAX});
      const look = () => { if (holds()) { clearTimeout(late); resolve(true); } else setTimeout(look, 20); };
      look();
    })`);
    assert.ok(held, `not within ${WAIT_MS_MAX} ms: ${expression}; the page says ${await this.evaluate('document.body.innerText')}; ${this.faults.join('; ')}`);
  }

  /** Chooses files in a file field. */
  async choose(selector, ...files) {
    const { root } = await this.cdp.send('DOM.getDocument', {}, this.sessionId);
    const { nodeId } = await this.cdp.send('DOM.querySelector', { nodeId: root.nodeId, selector }, this.sessionId);
    await this.cdp.send('DOM.setFileInputFiles', { files, nodeId }, this.sessionId);
  }

  /** A PNG of the whole page. */
  async screenshot() {
    const { contentSize } = await this.cdp.send('Page.getLayoutMetrics', {}, this.sessionId);
    const clip = { x: 0, y: 0, width: contentSize.width, height: Math.min(contentSize.height, 6000), scale: 1 };
    const { data } = await this.cdp.send('Page.captureScreenshot', { clip, captureBeyondViewport: true }, this.sessionId);
    return Buffer.from(data, 'base64');
  }

  /** Closes it; fails if it had complained. */
  async close() {
    await this.cdp.send('Target.closeTarget', { targetId: this.targetId });
    assert.deepEqual(this.faults, []);
  }
}

// A real ledger for the browser: the program itself, on a port that the system picks, with its data in a temporary folder.
// Promises: `stop` waits for a clean end and says if there was none; what was started is ended when the tests end, however they do.
import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const STOP_MS_MAX = 20_000;
const COMMAND_MS_MAX = 60_000;
const INDEX_MS_MAX = 30_000;

/** `$MINGZHANG_BIN`, else the release build, else the debug build. */
export function program() {
  const found = [process.env.MINGZHANG_BIN, `${ROOT}target/release/mingzhang`, `${ROOT}target/debug/mingzhang`].find((path) => path && existsSync(path));
  if (!found) throw new Error('no mingzhang to test: cargo build --locked, or set MINGZHANG_BIN');
  return found;
}

/** The demo as it comes: projects through all stages, documents, withheld names. */
export function demoLedger() {
  return Ledger.start(['demo', '--lang', 'en', '--data', 'data', '--listen', '127.0.0.1:0'], /at (http:\/\/127\.0\.0\.1:\d+)\n[^]*Ctrl-C/);
}

/** The demo, 606 real notices of Yichang, national ones, OCDS releases of others. */
export async function realLedger() {
  const ledger = await demoLedger();
  const signed = ['--ledger', ledger.url, '--key', ledger.path('data/keys/centre.key')];
  await ledger.run('post', ...signed, `${ROOT}tests/data/yichang/drafts.jsonl`);
  await ledger.run('import', 'notices', ...signed, `${ROOT}tests/data/national/notices.jsonl`);
  await ledger.run('import', 'ocds', ...signed, '--openings', ledger.path('openings.jsonl'), ...ocdsSlices());
  await ledger.indexed();
  return ledger;
}

/** A ledger of its own with nothing in it but its keys. */
export async function emptyLedger(origin) {
  const folder = mkdtempSync(join(tmpdir(), 'mingzhang-e2e-'));
  await run(folder, ['init', '--data', 'data', '--origin', origin]);
  return serve(folder);
}

/** A second process over a copy of the ledger's folder, to be stopped while others go on with the first. */
export async function copyOf(ledger) {
  const folder = mkdtempSync(join(tmpdir(), 'mingzhang-e2e-'));
  cpSync(ledger.path('data'), join(folder, 'data'), { recursive: true, filter: (path) => !path.endsWith('/lock') });
  return serve(folder);
}

function serve(folder) {
  return Ledger.start(['serve', '--lang', 'en', '--data', 'data', '--listen', '127.0.0.1:0'], /at (http:\/\/127\.0\.0\.1:\d+)\. Ctrl-C/, folder);
}

class Ledger {
  static async start(args, ready, folder = mkdtempSync(join(tmpdir(), 'mingzhang-e2e-'))) {
    const child = spawn(program(), args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    const url = await new Promise((resolve, reject) => {
      let said = '';
      const hear = (data) => {
        said += data;
        const found = ready.exec(said);
        if (found) resolve(found[1]);
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('error', reject);
      ended.then(({ code, signal }) => reject(new Error(`${args[0]} ended with ${code ?? signal}:\n${said}`)));
    });
    return new Ledger(child, ended, folder, url, end);
  }

  #child;
  #ended;
  #end;
  constructor(child, ended, folder, url, end) {
    Object.assign(this, { folder, url, port: new URL(url).port });
    this.#child = child;
    this.#ended = ended;
    this.#end = end;
  }

  path(name) {
    return join(this.folder, name);
  }

  read(name) {
    return readFileSync(this.path(name));
  }

  write(name, bytes) {
    writeFileSync(this.path(name), bytes);
    return this.path(name);
  }

  /** A command of ours that must succeed; its JSON answer. */
  run(...args) {
    return run(this.folder, args);
  }

  /** The step at which `mingzhang verify` refuses, 0 if it does not; else its error code. */
  async refusedAt(receipt, policy) {
    const files = [this.write('case.tlog-proof', receipt), '--policy', this.write('case.policy', policy)];
    const answer = JSON.parse((await tell(this.folder, ['verify', ...files])).stdout);
    return answer.verdicts ? answer.verdicts[0].steps.find((step) => !step.passed)?.step ?? 0 : answer.code;
  }

  async get(path) {
    const response = await fetch(this.url + path).catch((error) => { throw new Error(`${this.url}${path}: ${error.cause}`); });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return Buffer.from(await response.arrayBuffer());
  }

  async json(path) {
    return JSON.parse(await this.get(path));
  }

  /** Waits until searches know every record. */
  async indexed() {
    for (const late = Date.now() + INDEX_MS_MAX; ;) {
      const { indexed_size, tree_size } = await this.json('/api/v1/search?limit=1');
      if (indexed_size === tree_size) return;
      if (Date.now() > late) throw new Error(`the search index knows ${indexed_size} of ${tree_size} records after ${INDEX_MS_MAX} ms`);
    }
  }

  /** Ends the process as an operator would. */
  async stop() {
    this.#child.kill('SIGINT');
    const late = setTimeout(this.#end, STOP_MS_MAX);
    const { code, signal } = await this.#ended;
    clearTimeout(late);
    process.off('exit', this.#end);
    if (code !== 0) throw new Error(`the server ended with ${code ?? signal}, wanted 0`);
  }

  /** Stops and deletes the folder. */
  async remove() {
    await this.stop();
    rmSync(this.folder, { recursive: true });
  }
}

async function run(cwd, args) {
  const { code, stdout, stderr } = await tell(cwd, args);
  if (code !== 0) throw new Error(`mingzhang ${args.slice(0, 2).join(' ')} ended with ${code}: ${stdout}${stderr}`);
  return stdout;
}

/** Never waited for in one piece: a server whose output nobody reads would stop. */
function tell(cwd, args) {
  return new Promise((resolve, reject) => {
    execFile(program(), ['--json', ...args], { cwd, encoding: 'utf8', timeout: COMMAND_MS_MAX, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error);
      else resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

function ocdsSlices() {
  const folder = `${ROOT}tests/data/ocds/slices/`;
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile()).map((one) => join(one.parentPath ?? one.path, one.name)).sort();
}

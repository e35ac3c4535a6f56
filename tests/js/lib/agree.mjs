// Holds the browser's modules to Rust's verdicts on changed inputs: cargo run -p mingzhang-fuzz --bin mutants -- 100000 1 | node tests/js/lib/agree.mjs
//
// Says how many were compared of each kind and by how they ended, and fails on the first ten differences, with the
// inputs, on none at all, and on fewer than the first line announces. A seeded part goes through our own Ed25519, the
// rest through WebCrypto, which is faster and was shown to agree.
import { createInterface } from 'node:readline';

const modules = '../../../src/server/portal/js';
const { Refused, unbase64, utf8 } = await import(`${modules}/bytes.js`);
const { formatTime } = await import(`${modules}/time.js`);
const { openPolicy, parsePolicy } = await import(`${modules}/policy.js`);
const { chainName, parseStatement, statementCode } = await import(`${modules}/statement.js`);
const { unix } = await import(`${modules}/receipt.js`);
const { verifyReceipt } = await import(`${modules}/verify.js`);
const { useOwnArithmetic, webCryptoAgrees } = await import(`${modules}/ed25519.js`);

const OWN_EVERY = 16;
let policies = [];

async function receipt(bytes) {
  const verdict = await verifyReceipt({ receipt: bytes, policies });
  if (!verdict.ok) return `${verdict.step.number} ${verdict.error.path}`;
  const { policy, header, statement, quorum, cosignatures, signers } = verdict;
  const cosigned = cosignatures.map(({ name, timestamp }) => `${name}@${timestamp}`).join(',');
  return `ok ${policy} ${header.index} ${formatTime(header.time)} ${statement.id} ${quorum.met} [${cosigned}] ${signers.join(',')}`;
}

async function note(bytes) {
  const { checkpoint, log, cosignatures, missing, quorum, lines } = await openPolicy(policies[1], bytes);
  const words = lines.map(({ word, witness, timestamp, algorithm, nameIsKnown }) => {
    if (word === 'witness') return `${witness}@${timestamp}`;
    return word === 'unsupported' ? `unsupported ${algorithm}` : word === 'unknown' ? `unknown ${nameIsKnown}` : word;
  });
  return `ok ${checkpoint.tree.size} ${log.text} ${cosignatures.length} ${missing.join(',')} ${quorum.have}/${quorum.need} [${words.join(',')}]`;
}

async function policy(bytes) {
  const { genesis, until, logs, witnesses, unsupportedLogs, unsupported } = parsePolicy(bytes);
  return `ok ${genesis || '-'} ${until === null ? '-' : until} ${logs.length} ${witnesses.length} ${unsupportedLogs.length} ${unsupported.length}`;
}

async function statement(bytes) {
  try {
    const read = parseStatement(bytes);
    return `ok ${read.id} ${chainName(read)} ${read.signatures.length} ${read.body.issued ? read.body.issued.ms : '-'}`;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const place = error.code === 'Json' ? ` at ${error.inner.offset}` : '';
    return `${error.path} ${statementCode(error)}${place} ${error.pointer === null ? '-' : error.pointer}`;
  }
}

/** A receipt as somebody saved it. */
const file = (bytes) => receipt(unix(bytes));

const judges = { receipt, file, note, policy, statement };
const counted = {};
const endings = new Map();
let [wanted, compared, different] = [0, 0, 0];
const began = performance.now();

for await (const line of createInterface({ input: process.stdin })) {
  const row = JSON.parse(line);
  if (row.policies) {
    policies = row.policies.map((text) => parsePolicy(utf8(text)));
    wanted = row.count;
    continue;
  }
  useOwnArithmetic(compared % OWN_EVERY === 0);
  let found;
  try {
    found = await judges[row.kind](unbase64(row.input));
  } catch (error) {
    found = error instanceof Refused ? error.path : `threw ${error.stack}`;
  }
  compared++;
  counted[row.kind] = (counted[row.kind] || 0) + 1;
  const ending = `${row.kind} ${row.verdict.startsWith('ok') ? 'ok' : row.verdict.split(' ').slice(0, ['receipt', 'file'].includes(row.kind) ? 2 : 1).join(' ')}`;
  endings.set(ending, (endings.get(ending) || 0) + 1);
  if (found !== row.verdict) {
    different++;
    if (different <= 10) console.log(`DIFFERENT ${row.kind}\n  Rust       ${row.verdict}\n  JavaScript ${found}\n  input      ${row.input}`);
  }
}

if (process.argv.includes('--endings')) for (const [ending, count] of [...endings].sort()) console.log(`${count}\t${ending}`);
const seconds = ((performance.now() - began) / 1000).toFixed(1);
console.log(`${compared} inputs compared in ${seconds} s (${JSON.stringify(counted)}), ${endings.size} different endings, ${different} differences; WebCrypto agrees: ${await webCryptoAgrees()}`);
if (different > 0 || compared === 0 || compared !== wanted) process.exit(1);

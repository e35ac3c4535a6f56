// The example of the tlog-policy document: witnesses X1, X2, X3, Y1, Y2, Y3 have the secret seeds 101 to 106, as in
// src/core/tlog/policy.rs. Signed here by node's own crypto, so that others' arithmetic makes what ours verifies.
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';

const ORIGIN = 'example.com/log';
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex'); // RFC 8410, then the 32 bytes.

function keyOf(name, algorithm, seed) {
  const secret = createPrivateKey({ key: Buffer.concat([PKCS8, Buffer.alloc(32, seed)]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(12);
  const typed = Buffer.concat([Buffer.of(algorithm), publicKey]);
  const id = createHash('sha256').update(`${name}\n`).update(typed).digest().subarray(0, 4);
  return { name, id, vkey: `${name}+${id.toString('hex')}+${typed.toString('base64')}`, sign: (text) => sign(null, Buffer.from(text), secret) };
}

const log = keyOf(ORIGIN, 1, 1);
const witness = (seed) => keyOf('w.example/x', 4, 100 + seed);
const names = ['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'];
const rows = [
  [[], false, 0], [[1], false, 0], [[4], false, 1], [[1, 2], false, 1], [[1, 4], false, 1], [[1, 1, 4], false, 1], [[1, 2, 4], true, 2],
  [[3, 2, 6], true, 2], [[4, 5, 6], false, 1], [[1, 2, 3, 4, 5, 6], true, 2], [[1, 7, 4], false, 1],
];

export const quorum = {
  log: log.vkey,
  witnesses: names.map((_, at) => witness(at + 1).vkey),
  policy: `log ${log.vkey}\n${names.map((name, at) => `witness ${name} ${witness(at + 1).vkey}\n`).join('')}group X-witnesses 2 X1 X2 X3\ngroup Y-witnesses any Y1 Y2 Y3\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n`,
  rows: rows.map(([cosigners, met, have]) => ({ cosigners, met, have })),
};

/** A checkpoint note of size 7, signed by the log and cosigned by these. */
export function cosigned(seeds) {
  const text = `${ORIGIN}\n7\n${createHash('sha256').update('seven').digest('base64')}\n`;
  const line = (key, bytes) => `— ${key.name} ${Buffer.concat([key.id, bytes]).toString('base64')}\n`;
  const lines = seeds.map((seed) => {
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(1000 + seed));
    return line(witness(seed), Buffer.concat([time, witness(seed).sign(`cosignature/v1\ntime ${1000 + seed}\n${text}`)]));
  });
  return `${text}\n${line(log, log.sign(text))}${lines.join('')}`;
}

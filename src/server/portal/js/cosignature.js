// Cosignatures: a witness's dated word that a checkpoint is consistent with all that it has seen
// (c2sp.org/tlog-cosignature@v1.0.1, type 0x04). Same rule as src/core/tlog/cosignature.rs. Does not judge times.
import { utf8 } from './bytes.js';
import { COSIGNATURE_V1 } from './vkey.js';

const TIMESTAMP_MAX = (1n << 63n) - 1n;

/** The time (POSIX seconds, BigInt) of a cosignature of a checkpoint's text, or null if it is not this cosigner's. */
export async function verifyCosignature(vkey, text, bytes) {
  if (bytes.length < 8 || vkey.algorithm !== COSIGNATURE_V1) return null;
  const timestamp = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
  // A witness "MUST NOT" give 0 (c2sp.org/tlog-witness@v1.0.0): it would say less.
  if (timestamp < 1n || timestamp > TIMESTAMP_MAX) return null;
  const message = utf8(`cosignature/v1\ntime ${timestamp}\n${text}`);
  return (await vkey.verifyRaw(message, bytes.subarray(8))) ? timestamp : null;
}

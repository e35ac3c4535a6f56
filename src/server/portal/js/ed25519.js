// Ed25519 by WebCrypto, with the refusals of the rule that the server uses (`verify_strict`):
// A and R of small order, or written in a second way, never verify. Throws `Refused` with the code
// `no-webcrypto` where the browser has none: never a verdict that was not computed.
import { Refused } from './bytes.js';

const P = (1n << 255n) - 19n;
// The y of a point of order 8 (RFC 8032 section 5.1 names the curve; any table of small-order points has it).
const Y8 = 2707385501144840649318225287225658788936804267575313519463743609750303021540n;
const SMALL_ORDER_Y = [0n, 1n, P - 1n, Y8, P - Y8];

export async function verifyEd25519(publicKey, signature, message) {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) throw new Refused('no-webcrypto', '这个浏览器在此地址不能校验签名（请用 https 打开，或用 mingzhang verify）· this browser cannot check signatures here (use https, or mingzhang verify)');
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  if (!isUsable(publicKey) || !isUsable(signature.slice(0, 32))) return false;
  let key;
  try {
    key = await subtle.importKey('raw', publicKey, { name: 'Ed25519' }, false, ['verify']);
  } catch (error) {
    if (error.name === 'NotSupportedError') throw new Refused('no-webcrypto', '这个浏览器没有 Ed25519（需 Chrome 137、Firefox 129、Safari 17 以上，或用 mingzhang verify）· this browser has no Ed25519 (Chrome 137, Firefox 129, Safari 17 or newer, or mingzhang verify)');
    return false;
  }
  return subtle.verify('Ed25519', key, signature, message);
}

/** Whether 32 bytes may be the encoding of a point of large order; whether it is on the curve is not looked at. */
function isUsable(point) {
  let y = 0n;
  for (let at = 31; at >= 0; at--) y = (y << 8n) | BigInt(at === 31 ? point[at] & 0x7f : point[at]);
  return y < P && !SMALL_ORDER_Y.includes(y);
}

// Ed25519 verification (RFC 8032 section 5.1.7) by the one rule of this project, that of ed25519-dalek's
// `verify_strict`: the equation without cofactor, S below the group order, A and R neither of small
// order nor written in a second way. Same rule as Vkey::verify_raw in src/core/tlog/note/keys.rs.
//
// Arithmetic is our own, so that a page on plain http, or an old browser, comes to the same verdict.
// WebCrypto is only faster: it is used where the browser has it *and* it has answered signatures right
// on which implementations differ (`CANARIES`); what it may be lax about is refused here before.
import { concat, equal, hex, unhex, utf8 } from './bytes.js';
import { sha512 } from './sha512.js';

const P = (1n << 255n) - 19n;
const L = (1n << 252n) + 27742317777372353535851937790883648493n;
const D = mod(-121665n * power(121666n, P - 2n));
const SQRT_OF_MINUS_ONE = power(2n, (P - 1n) / 4n);

/** Whether `signature` (64 bytes) of `message` is by `publicKey` (32 bytes). Never throws for bad bytes. */
export async function verifyEd25519(publicKey, signature, message) {
  if (!isWellFormed(publicKey, signature)) return false;
  if (!ownOnly && await webCryptoAgrees()) return byWebCrypto(publicKey, signature, message);
  return byArithmetic(publicKey, signature, message);
}

let ownOnly = false;

/** For tests: as if this browser had no Ed25519. */
export function useOwnArithmetic(only) {
  ownOnly = only;
}

/** The same by our own arithmetic only. */
export function verifyEd25519Slowly(publicKey, signature, message) {
  return isWellFormed(publicKey, signature) && byArithmetic(publicKey, signature, message);
}

/** What a public key is: `good`, `not a point` (or a point written in a second way), or `low order`. */
export function judgePublicKey(publicKey) {
  const point = decompress(publicKey);
  if (!point) return 'not a point';
  return SMALL_ORDER_Y.includes(littleEndian(publicKey, true)) ? 'low order' : 'good';
}

// All that is refused without arithmetic on the curve.
function isWellFormed(publicKey, signature) {
  return publicKey.length === 32 && signature.length === 64
    && littleEndian(signature.subarray(32), false) < L
    && isCanonicalOfLargeOrder(publicKey) && isCanonicalOfLargeOrder(signature.subarray(0, 32));
}

// The y of the points of order 1, 2, 4 and 8; each has one or two x. That of order 8 is the root of
// y^4·d + 2·y^2 - 1 that RFC 8032's curve has; any table of small-order points lists it.
const Y8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
const SMALL_ORDER_Y = [0n, 1n, P - 1n, Y8, P - Y8];

function isCanonicalOfLargeOrder(point) {
  const y = littleEndian(point, true);
  // The only other second spelling is x = 0 with its sign set, and then y is 1 or -1.
  return y < P && !SMALL_ORDER_Y.includes(y);
}

// S·B - k·A, encoded, must be R byte for byte: that is the equation without cofactor, and an R that is no
// point is never equal.
function byArithmetic(publicKey, signature, message) {
  const point = decompress(publicKey);
  if (!point) return false;
  const nonce = signature.subarray(0, 32);
  const k = littleEndian(sha512(concat(nonce, publicKey, message)), false) % L;
  const s = littleEndian(signature.subarray(32), false);
  return equal(encode(doubleScalar(s, k, negate(point))), nonce);
}

async function byWebCrypto(publicKey, signature, message) {
  const { subtle } = globalThis.crypto;
  let key;
  try {
    key = await subtle.importKey('raw', publicKey, { name: 'Ed25519' }, false, ['verify']);
  } catch {
    return byArithmetic(publicKey, signature, message); // Some refuse bytes that are no point here, some later.
  }
  return subtle.verify('Ed25519', key, signature, message);
}

// A good signature, and two that hold only with the cofactor (A, or R, has a part of order 8): they are why
// "it has Ed25519" is not enough. The first rows of tests/vectors/ed25519/edge.json.
const CANARIES = [
  ['b862409fb5c4c4123df2abf7462b88f041ad36dd6864ce872fd5472be363c5b1',
    '1337036ac32d8f30d4589c3c1c595812ce0fff40e37c6f5a97ab213f318290ad1a5a3de20ac88572c5ab64c55ada57439edd057e38f0bfe73b836d743a8f230c',
    'canary 0', true],
  ['16b981d0b88cdf3ab9fa87190822fe4905b475efda3aec7c34abfa92c19320f4',
    '1337036ac32d8f30d4589c3c1c595812ce0fff40e37c6f5a97ab213f318290ad9eca5935dafbcb1083af9990688ce7a146cbdc4a8008c79b706af2fd028fc70b',
    'canary 0', false],
  ['b862409fb5c4c4123df2abf7462b88f041ad36dd6864ce872fd5472be363c5b1',
    '5b94d525f09dbb3f8bec71da454b8a76c21f9edc1a6b2c8a2650090c0c6a2bd60ef99ace3241337d7b238fe1ff032a74022c110f59f916ca2fd53408622e1009',
    'canary 0', false],
];

let agreement = null;

/** Whether this browser has Ed25519 that answers as our arithmetic does. Asked once. */
export function webCryptoAgrees() {
  if (!agreement) agreement = askWebCrypto();
  return agreement;
}

async function askWebCrypto() {
  const subtle = globalThis.crypto && globalThis.crypto.subtle;
  if (!subtle) return false;
  try {
    for (const [publicKey, signature, message, verifies] of CANARIES) {
      const key = await subtle.importKey('raw', unhex(publicKey), { name: 'Ed25519' }, false, ['verify']);
      if ((await subtle.verify('Ed25519', key, unhex(signature), utf8(message))) !== verifies) return false;
    }
    return true;
  } catch {
    return false; // No Ed25519 here (Chromium before 137), or not for this page.
  }
}

// Points are [X, Y, Z, T] with x = X/Z, y = Y/Z, x·y = T/Z (RFC 8032 section 5.1.4). Unified formulas: they
// hold for all points, also equal or neutral ones.
const NEUTRAL = [0n, 1n, 1n, 0n];

function add([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = ((y1 - x1) * (y2 - x2)) % P;
  const b = ((y1 + x1) * (y2 + x2)) % P;
  const c = (((2n * t1 * t2) % P) * D) % P;
  const d = (2n * z1 * z2) % P;
  return product(b - a, d + c, d - c, b + a);
}

function double([x, y, z]) {
  const a = (x * x) % P;
  const b = (y * y) % P;
  const c = (2n * z * z) % P;
  const h = a + b;
  const e = h - ((x + y) * (x + y)) % P;
  const g = a - b;
  return product(e, g, c + g, h);
}

const product = (e, g, f, h) => [(e * f) % P, (g * h) % P, (f * g) % P, (e * h) % P];
const negate = ([x, y, z, t]) => [-x, y, z, -t];

/** s·B + k·A: both scalars four bits at a time, so that the doublings are shared (Straus). */
function doubleScalar(s, k, a) {
  const [bs, as] = [multiplesOfBase(), multiples(a)];
  let sum = NEUTRAL;
  for (let shift = 252n; shift >= 0n; shift -= 4n) {
    for (let times = 0; times < 4; times++) sum = double(sum);
    const [ofB, ofA] = [Number((s >> shift) & 15n), Number((k >> shift) & 15n)];
    if (ofB) sum = add(sum, bs[ofB]);
    if (ofA) sum = add(sum, as[ofA]);
  }
  return sum;
}

function multiples(point) {
  const list = [NEUTRAL];
  while (list.length < 16) list.push(add(list[list.length - 1], point));
  return list;
}

let baseMultiples = null;
function multiplesOfBase() {
  // RFC 8032 section 5.1: y = 4/5, and x the even root.
  if (!baseMultiples) baseMultiples = multiples(decompress(toBytes(mod(4n * power(5n, P - 2n)))));
  return baseMultiples;
}

/** RFC 8032 section 5.1.3; null for what is no point, and for one that is written in a second way. */
function decompress(bytes) {
  if (bytes.length !== 32) return null;
  const y = littleEndian(bytes, true);
  if (y >= P) return null;
  const isOdd = bytes[31] >> 7 === 1;
  const [u, v] = [mod(y * y - 1n), mod(D * y * y + 1n)];
  const v3 = mod(v * v * v);
  let x = mod(u * v3 * power(mod(u * v3 * v3 * v), (P - 5n) / 8n));
  const vx2 = mod(v * x * x);
  if (vx2 === mod(-u)) x = mod(x * SQRT_OF_MINUS_ONE);
  else if (vx2 !== u) return null;
  if (x === 0n && isOdd) return null;
  if ((x & 1n) === 1n !== isOdd) x = mod(-x);
  return [x, y, 1n, mod(x * y)];
}

function encode([x, y, z]) {
  const inverse = power(mod(z), P - 2n);
  const bytes = toBytes(mod(y * inverse));
  if (mod(x * inverse) & 1n) bytes[31] |= 0x80;
  return bytes;
}

function mod(value) {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

function power(base, exponent) {
  let result = 1n;
  for (let square = base; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

function littleEndian(bytes, withoutSign) {
  const bigEndian = Uint8Array.from(bytes).reverse();
  if (withoutSign) bigEndian[0] &= 0x7f;
  return BigInt(`0x${hex(bigEndian)}`);
}

function toBytes(value) {
  return unhex(value.toString(16).padStart(64, '0')).reverse();
}

// Bytes and text: strict hex, base64, UTF-8, decimals, SHA-256. Promises: what is decoded has one
// spelling only (a browser's `atob` takes trailing bits and spaces, we do not). Works without
// `crypto.subtle`, which browsers hide on plain http. Loads nothing.

export const utf8 = (text) => new TextEncoder().encode(text);

/** The text of bytes, or a `Refused`: no replacement characters, and a byte order mark is kept. */
export function text(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused('utf8', 'not UTF-8');
  }
}

/** Something from outside that is not as it must be. `code` is for programs, the message for people. */
export class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.name = 'Refused';
    this.code = code;
  }
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export function unhex(digits) {
  if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Refused('hex', 'not lower-case hex');
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) => parseInt(digits.slice(2 * at, 2 * at + 2), 16));
}

export function base64(bytes) {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

export function unbase64(digits) {
  let bytes;
  try {
    bytes = Uint8Array.from(atob(digits), (char) => char.charCodeAt(0));
  } catch {
    throw new Refused('base64', 'not base64');
  }
  if (base64(bytes) !== digits) throw new Refused('base64', 'not strict base64 (padding, no trailing bits)');
  return bytes;
}

/** A decimal without leading zeros up to 2^53 - 1, beyond which a browser's numbers are not exact. */
export function decimal(digits) {
  const value = /^(0|[1-9][0-9]{0,15})$/.test(digits) ? Number(digits) : NaN;
  if (!Number.isSafeInteger(value)) throw new Refused('decimal', 'not a decimal number below 2^53');
  return value;
}

export const equal = (left, right) => left.length === right.length && left.every((byte, at) => byte === right[at]);

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// FIPS 180-4 section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the
// first 64 primes, and (5.3.3) of the square roots of the first 8. Computed in integers: exact.
const PRIMES = (() => {
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime)) primes.push(n);
  return primes;
})();
const rootBits = (prime, power) => {
  const wanted = BigInt(prime) << BigInt(32 * power);
  let [low, high] = [0n, 1n << 40n];
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(power) <= wanted) low = middle;
    else high = middle;
  }
  return Number(BigInt.asUintN(32, low)) | 0;
};
const ROUND = Int32Array.from(PRIMES, (prime) => rootBits(prime, 3));
const START = Int32Array.from(PRIMES.slice(0, 8), (prime) => rootBits(prime, 2));
const turn = (word, by) => (word >>> by) | (word << (32 - by));

/** SHA-256 (FIPS 180-4 section 6.2) of bytes in memory. */
export function sha256(bytes) {
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 0x20000000));
  view.setUint32(padded.length - 4, (bytes.length * 8) >>> 0);
  const state = Int32Array.from(START);
  const words = new Int32Array(64);
  for (let block = 0; block < padded.length; block += 64) {
    for (let at = 0; at < 16; at++) words[at] = view.getInt32(block + 4 * at);
    for (let at = 16; at < 64; at++) {
      const [early, late] = [words[at - 15], words[at - 2]];
      words[at] = words[at - 16] + words[at - 7]
        + (turn(early, 7) ^ turn(early, 18) ^ (early >>> 3)) + (turn(late, 17) ^ turn(late, 19) ^ (late >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let at = 0; at < 64; at++) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUND[at] + words[at]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, at) => { state[at] += word; });
  }
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, at) => digest.setInt32(4 * at, word));
  return new Uint8Array(digest.buffer);
}

// SHA-256 (FIPS 180-4), of bytes in memory or piece by piece. For browsers that hide `crypto.subtle`
// (plain http), and for files larger than memory, which `crypto.subtle` cannot hash at all.

// FIPS 180-4 section 4.2.2: the first bits of the fractional parts of the cube roots of the first
// primes, and (5.3.3) of the square roots of the first 8. Computed in integers, so exact; 4.2.3 and
// 5.3.5 have the same for SHA-512.
export const PRIMES = (() => {
  const primes = [];
  for (let n = 2; primes.length < 80; n++) if (primes.every((prime) => n % prime)) primes.push(n);
  return primes;
})();

export function rootBits(prime, power, bits) {
  const wanted = BigInt(prime) << BigInt(bits * power);
  let low = 0n;
  let high = 1n << BigInt(bits + 8); // The roots of primes up to 409 are below 2^8.
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(power) <= wanted) low = middle;
    else high = middle;
  }
  return BigInt.asUintN(bits, low);
}

const ROUND = Int32Array.from(PRIMES.slice(0, 64), (prime) => Number(rootBits(prime, 3, 32)) | 0);
const START = Int32Array.from(PRIMES.slice(0, 8), (prime) => Number(rootBits(prime, 2, 32)) | 0);
const BLOCK_BYTES = 64;

export function sha256(bytes) {
  return new Sha256().update(bytes).digest();
}

export class Sha256 {
  constructor() {
    this.state = Int32Array.from(START);
    this.words = new Int32Array(64);
    this.rest = new Uint8Array(BLOCK_BYTES);
    this.restBytes = 0;
    this.bytes = 0; // Exact up to 2^53, far above any file.
  }

  update(bytes) {
    this.bytes += bytes.length;
    let at = 0;
    if (this.restBytes > 0) {
      at = Math.min(BLOCK_BYTES - this.restBytes, bytes.length);
      this.rest.set(bytes.subarray(0, at), this.restBytes);
      this.restBytes += at;
      if (this.restBytes < BLOCK_BYTES) return this;
      compress(this.state, this.words, this.rest, 0);
      this.restBytes = 0;
    }
    for (; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES) compress(this.state, this.words, bytes, at);
    this.rest.set(bytes.subarray(at));
    this.restBytes = bytes.length - at;
    return this;
  }

  /** The 32 bytes; nothing may be added after. */
  digest() {
    const bits = BigInt(this.bytes) * 8n;
    const tail = new Uint8Array(this.restBytes < 56 ? BLOCK_BYTES : 2 * BLOCK_BYTES);
    tail.set(this.rest.subarray(0, this.restBytes));
    tail[this.restBytes] = 0x80;
    new DataView(tail.buffer).setBigUint64(tail.length - 8, bits);
    for (let at = 0; at < tail.length; at += BLOCK_BYTES) compress(this.state, this.words, tail, at);
    const digest = new DataView(new ArrayBuffer(32));
    this.state.forEach((word, at) => digest.setInt32(4 * at, word));
    return new Uint8Array(digest.buffer);
  }
}

// Plain variables and no destructuring: this loop is what hashing a file of gigabytes waits for.
function compress(state, words, bytes, from) {
  for (let at = 0, byte = from; at < 16; at++, byte += 4) {
    words[at] = (bytes[byte] << 24) | (bytes[byte + 1] << 16) | (bytes[byte + 2] << 8) | bytes[byte + 3];
  }
  for (let at = 16; at < 64; at++) {
    const early = words[at - 15];
    const late = words[at - 2];
    const s0 = ((early >>> 7) | (early << 25)) ^ ((early >>> 18) | (early << 14)) ^ (early >>> 3);
    const s1 = ((late >>> 17) | (late << 15)) ^ ((late >>> 19) | (late << 13)) ^ (late >>> 10);
    words[at] = (words[at - 16] + s0 + words[at - 7] + s1) | 0;
  }
  let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
  for (let at = 0; at < 64; at++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[at] + words[at]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

// SHA-512 (FIPS 180-4 section 6.4) of bytes in memory, for Ed25519 where the browser has none. A word of
// 64 bits is two of 32, high half first: BigInt would be thirty times slower.
import { PRIMES, rootBits } from './sha256.js';

const halves = (words) => {
  const both = new Int32Array(2 * words.length);
  words.forEach((word, at) => {
    both[2 * at] = Number(word >> 32n) | 0;
    both[2 * at + 1] = Number(word & 0xffffffffn) | 0;
  });
  return both;
};
const ROUND = halves(PRIMES.slice(0, 80).map((prime) => rootBits(prime, 3, 64)));
const START = halves(PRIMES.slice(0, 8).map((prime) => rootBits(prime, 2, 64)));
const BLOCK_BYTES = 128;

export function sha512(bytes) {
  const padded = new Uint8Array(Math.ceil((bytes.length + 17) / BLOCK_BYTES) * BLOCK_BYTES);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n); // The upper 64 bits stay zero.
  const state = Int32Array.from(START);
  const words = new Int32Array(160);
  for (let from = 0; from < padded.length; from += BLOCK_BYTES) compress(state, words, view, from);
  const digest = new DataView(new ArrayBuffer(64));
  state.forEach((word, at) => digest.setInt32(4 * at, word));
  return new Uint8Array(digest.buffer);
}

function compress(state, words, view, from) {
  for (let at = 0; at < 32; at++) words[at] = view.getInt32(from + 4 * at);
  for (let at = 32; at < 160; at += 2) {
    const eh = words[at - 30], el = words[at - 29];
    const lh = words[at - 4], ll = words[at - 3];
    // sigma0: rotate 1, rotate 8, shift 7; sigma1: rotate 19, rotate 61, shift 6.
    const s0h = ((eh >>> 1) | (el << 31)) ^ ((eh >>> 8) | (el << 24)) ^ (eh >>> 7);
    const s0l = ((el >>> 1) | (eh << 31)) ^ ((el >>> 8) | (eh << 24)) ^ ((el >>> 7) | (eh << 25));
    const s1h = ((lh >>> 19) | (ll << 13)) ^ ((ll >>> 29) | (lh << 3)) ^ (lh >>> 6);
    const s1l = ((ll >>> 19) | (lh << 13)) ^ ((lh >>> 29) | (ll << 3)) ^ ((ll >>> 6) | (lh << 26));
    const low = (s0l >>> 0) + (s1l >>> 0) + (words[at - 13] >>> 0) + (words[at - 31] >>> 0);
    words[at] = (s0h + s1h + words[at - 14] + words[at - 32] + carry(low)) | 0;
    words[at + 1] = low | 0;
  }
  let ah = state[0], al = state[1], bh = state[2], bl = state[3], ch = state[4], cl = state[5], dh = state[6], dl = state[7];
  let eh = state[8], el = state[9], fh = state[10], fl = state[11], gh = state[12], gl = state[13], hh = state[14], hl = state[15];
  for (let at = 0; at < 160; at += 2) {
    const s1h = ((eh >>> 14) | (el << 18)) ^ ((eh >>> 18) | (el << 14)) ^ ((el >>> 9) | (eh << 23));
    const s1l = ((el >>> 14) | (eh << 18)) ^ ((el >>> 18) | (eh << 14)) ^ ((eh >>> 9) | (el << 23));
    const choiceH = (eh & fh) ^ (~eh & gh);
    const choiceL = (el & fl) ^ (~el & gl);
    let low = (hl >>> 0) + (s1l >>> 0) + (choiceL >>> 0) + (ROUND[at + 1] >>> 0) + (words[at + 1] >>> 0);
    const oneH = (hh + s1h + choiceH + ROUND[at] + words[at] + carry(low)) | 0;
    const oneL = low | 0;
    const s0h = ((ah >>> 28) | (al << 4)) ^ ((al >>> 2) | (ah << 30)) ^ ((al >>> 7) | (ah << 25));
    const s0l = ((al >>> 28) | (ah << 4)) ^ ((ah >>> 2) | (al << 30)) ^ ((ah >>> 7) | (al << 25));
    const majorH = (ah & bh) ^ (ah & ch) ^ (bh & ch);
    const majorL = (al & bl) ^ (al & cl) ^ (bl & cl);
    low = (s0l >>> 0) + (majorL >>> 0);
    const twoH = (s0h + majorH + carry(low)) | 0;
    const twoL = low | 0;
    hh = gh; hl = gl;
    gh = fh; gl = fl;
    fh = eh; fl = el;
    low = (dl >>> 0) + (oneL >>> 0);
    eh = (dh + oneH + carry(low)) | 0; el = low | 0;
    dh = ch; dl = cl;
    ch = bh; cl = bl;
    bh = ah; bl = al;
    low = (oneL >>> 0) + (twoL >>> 0);
    ah = (oneH + twoH + carry(low)) | 0; al = low | 0;
  }
  add(state, 0, ah, al);
  add(state, 2, bh, bl);
  add(state, 4, ch, cl);
  add(state, 6, dh, dl);
  add(state, 8, eh, el);
  add(state, 10, fh, fl);
  add(state, 12, gh, gl);
  add(state, 14, hh, hl);
}

/** What a sum of low halves adds to the high ones. */
const carry = (low) => (low / 0x100000000) | 0;

function add(state, at, high, low) {
  const sum = (state[at + 1] >>> 0) + (low >>> 0);
  state[at] = (state[at] + high + carry(sum)) | 0;
  state[at + 1] = sum | 0;
}

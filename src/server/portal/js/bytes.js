// Bytes and text: strict hex, base64, UTF-8, decimals; and `Refused`, the one error of these modules.
// Promises: what is decoded has one spelling only (a browser's `atob` takes trailing bits and spaces,
// we do not). Works without `crypto.subtle`, which browsers hide on plain http. Loads nothing.

/**
 * Something from outside that is not as it must be. `code` is the name of the variant in the Rust
 * error of the same file; `inner` is the cause, so that `path` is for programs what the chain of
 * sentences is for people: `Checkpoint.Note.Line`.
 */
export class Refused extends Error {
  constructor(code, en, zh, more = {}) {
    super(en);
    this.name = 'Refused';
    this.code = code;
    this.zh = zh;
    this.inner = more.inner || null;
    this.pointer = more.pointer === undefined ? null : more.pointer;
    this.offset = more.offset === undefined ? null : more.offset;
  }

  get path() {
    return this.inner ? `${this.code}.${this.inner.path}` : this.code;
  }

  /** The sentence and its causes, in `zh` or `en`. */
  explain(lang) {
    const own = lang === 'zh' ? this.zh : this.message;
    return this.inner ? `${own}${lang === 'zh' ? '：' : ': '}${this.inner.explain(lang)}` : own;
  }
}

/** Runs `read`; what it refuses is wrapped by `wrap(inner)`. A programming error passes unchanged. */
export function within(read, wrap) {
  try {
    return read();
  } catch (error) {
    throw error instanceof Refused ? wrap(error) : error;
  }
}

export const utf8 = (text) => new TextEncoder().encode(text);
export const byteLength = (text) => utf8(text).length;

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of bytes, or null: no replacement characters, and a byte order mark is kept. */
export function decodeText(bytes) {
  try {
    return STRICT.decode(bytes);
  } catch {
    return null;
  }
}

/** How many bytes at the start are whole UTF-8 characters (RFC 3629 section 4): where the fault is. */
export function utf8ValidUpTo(bytes) {
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at];
    const more = first < 0x80 ? 0 : first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : -1;
    if (more < 0 || at + more >= bytes.length) return at;
    // The second byte has a narrower range after these: no overlong form, no surrogate, nothing above U+10FFFF.
    const low = { 0xe0: 0xa0, 0xf0: 0x90 }[first] || 0x80;
    const high = { 0xed: 0x9f, 0xf4: 0x8f }[first] || 0xbf;
    for (let k = 1; k <= more; k++) {
      const byte = bytes[at + k];
      if (byte < (k === 1 ? low : 0x80) || byte > (k === 1 ? high : 0xbf)) return at;
    }
    at += more + 1;
  }
  return at;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function hex(bytes) {
  let digits = '';
  for (let at = 0; at < bytes.length; at++) digits += HEX[bytes[at]];
  return digits;
}

/** The bytes of lower-case hex digits, or null. */
export function unhex(digits) {
  if (!/^([0-9a-f]{2})*$/.test(digits)) return null;
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) => parseInt(digits.slice(2 * at, 2 * at + 2), 16));
}

/** A SHA-256 as it stands in texts: exactly 64 lower-case hex digits, else null. Hashes are compared in this form. */
export const hashHex = (digits) => (/^[0-9a-f]{64}$/.test(digits) ? digits : null);

export function base64(bytes) {
  let binary = '';
  for (let at = 0; at < bytes.length; at++) binary += String.fromCharCode(bytes[at]);
  return btoa(binary);
}

/** The bytes of strict base64 (RFC 4648 section 4: padded, no trailing bits, no spaces), or null. */
export function unbase64(digits) {
  let binary;
  try {
    binary = atob(digits);
  } catch {
    return null;
  }
  // Encoding again is what makes it strict: `atob` forgives more than one spelling.
  if (btoa(binary) !== digits) return null;
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** The 32 bytes of a hash in base64, as in checkpoints and proofs, or null. */
export function unbase64Hash(digits) {
  const bytes = digits.length === 44 ? unbase64(digits) : null;
  return bytes && bytes.length === 32 ? bytes : null;
}

const U64_MAX = (1n << 64n) - 1n;

/**
 * ASCII digits without sign or leading zero, as all C2SP documents write numbers, up to 2^64 - 1; else
 * null. A BigInt, as everywhere for indexes and sizes: a browser's numbers are not exact above 2^53.
 */
export function parseDecimal(digits) {
  if (!/^(0|[1-9][0-9]{0,19})$/.test(digits)) return null;
  const value = BigInt(digits);
  return value <= U64_MAX ? value : null;
}

export function equal(left, right) {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** What a message shows of a text that may be of any length: at most `max` characters. */
export function shorten(text, max = 80) {
  const characters = Array.from(text.slice(0, 2 * max + 2));
  return characters.length > max ? `${characters.slice(0, max).join('')}…` : text;
}

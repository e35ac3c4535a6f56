// Signed notes (c2sp.org/signed-note@v1.0.0) and the text of checkpoints (c2sp.org/tlog-checkpoint@v1.0.0).
// Same limits and refusals as src/tlog/note.rs and checkpoint.rs. Verifies no signature.
import { Refused, base64, decimal, text as decode, unbase64, utf8, equal } from './bytes.js';
import { EMPTY_ROOT } from './merkle.js';

export const NOTE_BYTES_MAX = 524288;
export const SIGNATURES_MAX = 100;

/** Bytes of a note to `{ text, signatures: [{ name, keyId, bytes }] }`. */
export function parseNote(bytes) {
  if (bytes.length > NOTE_BYTES_MAX) throw new Refused('note', `note has ${bytes.length} bytes, at most ${NOTE_BYTES_MAX} are read`);
  const note = decode(bytes);
  if (/[\0-\x09\x0b-\x1f]/.test(note)) throw new Refused('note', 'note has a control character other than LF');
  const at = note.lastIndexOf('\n\n');
  if (at < 0) throw new Refused('note', 'note has no empty line before its signatures');
  const lines = note.slice(at + 2);
  if (!lines.endsWith('\n')) throw new Refused('note', 'note does not end in a signature line with LF');
  const signatures = lines.slice(0, -1).split('\n');
  if (signatures.length > SIGNATURES_MAX) throw new Refused('note', `note has more than ${SIGNATURES_MAX} signature lines`);
  return { text: note.slice(0, at + 1), signatures: signatures.map(parseSignature) };
}

function parseSignature(line, at) {
  const match = /^\u2014 ([^ ]+) ([^ ]+)$/u.exec(line);
  if (!match || /[+\p{White_Space}\p{Cc}]/u.test(match[1])) {
    throw new Refused('note', `signature line ${at + 1} is not of the form "— <key name> <base64>"`);
  }
  const bytes = unbase64(match[2]);
  if (bytes.length < 5) throw new Refused('note', `signature line ${at + 1} holds no signature`);
  return { name: match[1], keyId: new DataView(bytes.buffer).getUint32(0), bytes: bytes.slice(4) };
}

const ORIGIN_BYTES_MAX = 255;
const EXTENSIONS_MAX = 16;

/** The text of a note to `{ origin, tree: { size, rootHash }, extensions }`. */
export function parseCheckpoint(text) {
  if (!text.endsWith('\n')) throw new Refused('checkpoint', 'checkpoint does not end in LF');
  const [origin, size, root, ...extensions] = text.slice(0, -1).split('\n');
  if (!origin || size === undefined || root === undefined || extensions.includes('')) {
    throw new Refused('checkpoint', 'checkpoint is not origin, size and root, a line each');
  }
  if (utf8(origin).length > ORIGIN_BYTES_MAX) throw new Refused('checkpoint', `origin is longer than ${ORIGIN_BYTES_MAX} bytes`);
  if (extensions.length > EXTENSIONS_MAX) throw new Refused('checkpoint', `checkpoint has more than ${EXTENSIONS_MAX} extension lines`);
  const tree = { size: decimal(size), rootHash: parseHash(root) };
  if (tree.size === 0 && !equal(tree.rootHash, EMPTY_ROOT)) throw new Refused('checkpoint', 'an empty tree has another root');
  return { origin, tree, extensions };
}

export function parseHash(digits) {
  const hash = digits.length === 44 ? unbase64(digits) : [];
  if (hash.length !== 32) throw new Refused('hash', 'not the base64 of a hash of 32 bytes');
  return hash;
}

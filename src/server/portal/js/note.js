// Signed notes (c2sp.org/signed-note@v1.0.0): form only. Same limits, refusals and order as
// src/core/tlog/note.rs. Verifies no signature: see vkey.js. Whose signatures count: policy.js, keys.js.
import { Refused, decodeText, shorten, unbase64, utf8ValidUpTo } from './bytes.js';

export const NOTE_BYTES_MAX = 524288;
export const SIGNATURES_MAX = 100;
/** The most bytes of the name of a key that we are configured with. */
export const NAME_BYTES_MAX = 255;
const SIGNATURE_PREFIX = '\u2014 '; // Em dash, space.

/** Bytes of a note to `{ text, signatures: [{ name, keyId, bytes }] }`. */
export function parseNote(bytes) {
  const { text, lines } = splitNote(bytes);
  return { text, signatures: parseSignatureLines(lines) };
}

/** A note's text, with its final LF, and its signature lines, each with its LF. The last empty line separates them. */
export function splitNote(bytes) {
  if (bytes.length > NOTE_BYTES_MAX) throw new Refused('TooLong', `note has ${bytes.length} bytes, at most ${NOTE_BYTES_MAX} are read`, `签名文本有 ${bytes.length} 字节，最多读 ${NOTE_BYTES_MAX} 字节`);
  const note = decodeText(bytes);
  if (note === null) {
    const offset = utf8ValidUpTo(bytes);
    throw new Refused('Utf8', `note is not UTF-8 from byte ${offset} on`, `签名文本从第 ${offset} 字节起不是 UTF-8`, { offset });
  }
  if (/[\0-\x09\x0b-\x1f]/.test(note)) throw new Refused('Control', 'note has a control character, only LF is allowed', '签名文本含控制字符，只允许换行');
  const at = note.lastIndexOf('\n\n');
  if (at < 0) throw new Refused('Unsigned', 'note has no empty line before its signatures', '签名文本在签名行之前没有空行');
  const [text, lines] = [note.slice(0, at + 1), note.slice(at + 2)];
  if (!lines.endsWith('\n')) throw new Refused('Unfinished', 'note does not end in a signature line with LF', '签名文本没有以带换行的签名行结束');
  return { text, lines };
}

export function parseSignatureLines(lines) {
  const signatures = [];
  for (const line of lines.slice(0, -1).split('\n')) {
    if (signatures.length === SIGNATURES_MAX) throw new Refused('Signatures', `note has more than ${SIGNATURES_MAX} signature lines`, `签名行超过 ${SIGNATURES_MAX} 行`);
    signatures.push(parseSignature(line, signatures.length + 1));
  }
  return signatures;
}

function parseSignature(text, line) {
  const rest = text.startsWith(SIGNATURE_PREFIX) ? text.slice(SIGNATURE_PREFIX.length) : '';
  const space = rest.indexOf(' ');
  const [name, digits] = space < 0 ? ['', ''] : [rest.slice(0, space), rest.slice(space + 1)];
  if (name === '' || digits === '') throw new Refused('Line', `signature line ${line} is not of the form "— <key name> <base64>"`, `第 ${line} 行签名不是“— 密钥名 base64”的形式`);
  if (!nameIsValid(name)) throw new Refused('Name', `signature line ${line} has the key name ${JSON.stringify(shorten(name))}, which has a space, "+" or control character`, `第 ${line} 行签名的密钥名含空白、“+”或控制字符`);
  const bytes = unbase64(digits);
  if (!bytes) throw new Refused('Base64', `signature line ${line} is not strict base64 (padding, no trailing bits)`, `第 ${line} 行签名不是严格的 base64`);
  if (bytes.length < 5) throw new Refused('Short', `signature line ${line} holds ${bytes.length} bytes, wanted a key ID of 4 and a signature`, `第 ${line} 行签名只有 ${bytes.length} 字节，应为 4 字节密钥编号和签名`);
  return { name, keyId: new DataView(bytes.buffer).getUint32(0), bytes: bytes.subarray(4) };
}

/** Whether a key may be called so: not empty, no Unicode space, no `+`, no control character. */
export const nameIsValid = (name) => name !== '' && !/[+\p{White_Space}\p{Cc}]/u.test(name);

/** A key name with its key ID, as messages name keys that nobody knows. */
export const lineName = ({ name, keyId }) => `${shorten(name)}+${keyIdHex(keyId)}`;
export const keyIdHex = (keyId) => keyId.toString(16).padStart(8, '0');

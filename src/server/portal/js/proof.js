// The file form of a receipt (c2sp.org/tlog-proof@v1): index, inclusion proof, checkpoint, `extra`.
// Same limits and refusals as src/core/tlog/proof.rs. Checks the form only; `extra` is not looked into.
import { Refused, decodeText, parseDecimal, shorten, unbase64, unbase64Hash, utf8, utf8ValidUpTo, within } from './bytes.js';
import { parseNote } from './note.js';

export const PROOF_BYTES_MAX = 1 << 20;
const HASHES_MAX = 63;
const HEADER = 'c2sp.org/tlog-proof@v1';

/** Bytes to `{ extra, index, hashes, checkpoint }`; the checkpoint as bytes, known to be a note. */
export function parseProof(bytes) {
  if (bytes.length > PROOF_BYTES_MAX) throw new Refused('TooLong', `proof has ${bytes.length} bytes, at most ${PROOF_BYTES_MAX} are read`, `证明文件有 ${bytes.length} 字节，最多读 ${PROOF_BYTES_MAX} 字节`);
  const text = decodeText(bytes);
  if (text === null) {
    const offset = utf8ValidUpTo(bytes);
    throw new Refused('Utf8', `proof is not UTF-8 from byte ${offset} on`, `证明文件从第 ${offset} 字节起不是 UTF-8`, { offset });
  }
  let [from, number] = [0, 0];
  const next = () => {
    const end = text.indexOf('\n', from);
    if (end < 0) throw new Refused('Cut', 'proof ends before the checkpoint', '证明文件在检查点之前就断了');
    const line = text.slice(from, end);
    [from, number] = [end + 1, number + 1];
    return line;
  };
  const header = next();
  if (header !== HEADER) throw new Refused('Header', `first line is ${JSON.stringify(shorten(header))}, wanted "${HEADER}"`, `首行为 ${JSON.stringify(shorten(header))}，应为“${HEADER}”`);
  let line = next();
  let extra = null;
  if (line.startsWith('extra ')) {
    extra = unbase64(line.slice(6));
    if (!extra || extra.length === 0) throw new Refused('Extra', 'line 2 is not "extra" and the base64 of at least one byte', '第 2 行不是“extra”和至少一字节的 base64');
    line = next();
  }
  const index = line.startsWith('index ') ? parseDecimal(line.slice(6)) : null;
  if (index === null) throw new Refused('Index', `line ${number} is ${JSON.stringify(shorten(line))}, wanted "index" and a decimal number without leading zeros`, `第 ${number} 行为 ${JSON.stringify(shorten(line))}，应为“index”和十进制序号`);
  const hashes = [];
  for (line = next(); line !== ''; line = next()) {
    if (hashes.length === HASHES_MAX) throw new Refused('Hashes', `proof has more than ${HASHES_MAX} hashes`, `证明中的散列超过 ${HASHES_MAX} 个`);
    const hash = unbase64Hash(line);
    if (!hash) throw new Refused('Hash', `line ${number} is ${JSON.stringify(shorten(line))}, wanted the base64 of 32 bytes or an empty line`, `第 ${number} 行为 ${JSON.stringify(shorten(line))}，应为 32 字节的 base64 或空行`);
    hashes.push(hash);
  }
  const checkpoint = utf8(text.slice(from));
  const note = within(() => parseNote(checkpoint), (inner) => new Refused('Note', 'the checkpoint in the proof is not a signed note', '证明中的检查点不是签名文本', { inner }));
  // Two files in one: all of the first is text of the note that the second ends in.
  if (note.text.includes('\n\n') && note.text.split('\n').some((line) => line.endsWith(HEADER))) throw new Refused('Second', 'a second proof begins after the first: one file holds one proof', '第一份之后又有一份：一个文件只放一份回执，请分成两个文件');
  return { extra, index, hashes, checkpoint };
}

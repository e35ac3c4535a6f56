// Receipts: a `.tlog-proof` file whose `extra` carries the entry and the notes from which its signer's key
// follows. Same rule as src/core/receipt.rs. Takes it apart and believes nothing of it: see verify.js.
import { Refused, within } from './bytes.js';
import { parseProof } from './proof.js';
import { ENTRY_BYTES_MAX } from './record.js';

const ITEMS_MAX = 258;
export const RECEIPT_BYTES_MAX = 1 << 20;

/**
 * A file whose lines end in LF, as it was before an editor or a mail program put a byte order mark and CRs into it.
 * Same rule as `unix` in src/core/receipt.rs. What is signed is checked afterwards.
 */
export function unix(bytes) {
  const isMarked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const rest = isMarked ? bytes.subarray(3) : bytes;
  return rest.filter((byte, at) => byte !== 13 || rest[at + 1] !== 10);
}

/** Bytes to `{ index, proof, checkpoint, entry, evidence }`. */
export function parseReceipt(bytes) {
  if (bytes.length > RECEIPT_BYTES_MAX) throw new Refused('TooLarge', `the file has ${bytes.length} bytes, a receipt has at most ${RECEIPT_BYTES_MAX}`, `文件有 ${bytes.length} 字节，回执最多 ${RECEIPT_BYTES_MAX} 字节`);
  const proof = within(() => parseProof(bytes), (inner) => new Refused('Form', 'this is not a tlog-proof file', '这不是 tlog-proof 文件（回执）', { inner }));
  if (!proof.extra) throw new Refused('NoExtra', 'the file has no `extra` line: the entry and the key notes are wanted there; it may be a proof of another kind of log', '文件没有 extra 行（其中应有条目和密钥声明）；可能是另一种日志的证明');
  const items = parseItems(proof.extra);
  if (items.length < 2) throw badCount(items.length);
  const [entry, ...evidence] = items;
  return { index: proof.index, proof: proof.hashes, checkpoint: proof.checkpoint, entry, evidence };
}

// Framed as in an entry bundle: each behind its length, a big-endian u16.
function parseItems(extra) {
  const items = [];
  for (let at = 0; at < extra.length;) {
    if (items.length === ITEMS_MAX) throw badCount(ITEMS_MAX + 1);
    const length = extra.length - at >= 2 ? (extra[at] << 8) | extra[at + 1] : Infinity;
    if (length > ENTRY_BYTES_MAX || extra.length - at - 2 < length) {
      throw new Refused('Item', `item ${items.length} of \`extra\` breaks off or is longer than ${ENTRY_BYTES_MAX} bytes`, `extra 的第 ${items.length} 项不完整，或超过 ${ENTRY_BYTES_MAX} 字节`);
    }
    items.push(extra.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return items;
}

const badCount = (found) => new Refused('Items', `\`extra\` has ${found} items, wanted 2 to ${ITEMS_MAX}: the entry, genesis, …`, `extra 有 ${found} 项，应有 2 至 ${ITEMS_MAX} 项：条目、创世声明……`);

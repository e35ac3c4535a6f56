// Checkpoints: what a log signs (c2sp.org/tlog-checkpoint@v1.0.0). Same rules as src/core/tlog/checkpoint.rs.
// `parseCheckpoint` is only what a text says; `verifyCheckpoint` is where a key of the log comes in.
import { Refused, byteLength, equal, parseDecimal, shorten, unbase64Hash, utf8 } from './bytes.js';
import { EMPTY_ROOT, SIZE_MAX } from './merkle.js';
import { lineName } from './note.js';

const ORIGIN_BYTES_MAX = 255;
const EXTENSIONS_MAX = 16;

/** The text of a note to `{ origin, tree: { size, rootHash }, extensions }`. */
export function parseCheckpoint(text) {
  const lines = () => new Refused('Lines', 'checkpoint is not three or more lines that are not empty, each ended by LF', '检查点应为三行以上、均不为空、各以换行结束');
  if (!text.endsWith('\n')) throw lines();
  const [origin, size, root, ...extensions] = text.slice(0, -1).split('\n');
  if (size === undefined || root === undefined || origin === '') throw lines();
  if (byteLength(origin) > ORIGIN_BYTES_MAX) throw new Refused('Origin', `origin has ${byteLength(origin)} bytes, at most ${ORIGIN_BYTES_MAX} are read`, `账本名超过 ${ORIGIN_BYTES_MAX} 字节`);
  const tree = { size: parseDecimal(size), rootHash: null };
  if (tree.size === null || tree.size > SIZE_MAX) throw new Refused('Size', `tree size ${JSON.stringify(shorten(size))} is not a decimal number from 0 to 2^63 without leading zeros`, `树的大小 ${JSON.stringify(shorten(size))} 不是 0 至 2^63 的十进制数`);
  tree.rootHash = unbase64Hash(root);
  if (!tree.rootHash) throw new Refused('RootHash', `root hash ${JSON.stringify(shorten(root))} is not the base64 of 32 bytes`, `根散列 ${JSON.stringify(shorten(root))} 不是 32 字节的 base64`);
  if (tree.size === 0n && !equal(tree.rootHash, EMPTY_ROOT)) throw new Refused('NotEmpty', 'tree of size 0 has another root hash than SHA-256 of nothing', '空树的根散列不对');
  extensions.forEach((line, at) => {
    if (line === '') throw lines();
    if (at === EXTENSIONS_MAX) throw new Refused('Extensions', `checkpoint has more than ${EXTENSIONS_MAX} extension lines`, `检查点的扩展行超过 ${EXTENSIONS_MAX} 行`);
  });
  return { origin, tree, extensions };
}

/** Every line of `note` by one of `keys` verifies, and there is one. Returns the key: the first, if several have signed. */
export async function verifyCheckpoint(note, checkpoint, keys) {
  let log = null;
  for (const key of keys) {
    for (const signature of note.signatures.filter((line) => key.isNamedBy(line))) {
      if (!(await key.verify(utf8(note.text), signature.bytes))) throw badSignature(signature);
      log = log || key;
    }
  }
  if (!log) throw new Refused('Unsigned', `no known key of the log ${JSON.stringify(checkpoint.origin)} has signed the checkpoint`, `策略所列的账本 ${checkpoint.origin} 的密钥没有签署该检查点`);
  return log;
}

export const badSignature = (signature) => new Refused('Signature', `the signature by ${lineName(signature)} does not verify`, `${lineName(signature)} 的签名验不过`);

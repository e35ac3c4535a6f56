// The Merkle tree of RFC 6962 section 2.1, checking only. Same rule as src/core/tlog/merkle.rs. Promises:
// indexes and sizes are BigInt (a browser's numbers are not exact above 2^53, and `>>` would cut them
// at 32 bits), proofs of the one right length only. Reads no formats.
import { Refused, base64, concat, equal } from './bytes.js';
import { sha256 } from './sha256.js';

export const SIZE_MAX = 1n << 63n;
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const HASH_BYTES = 32;
export const EMPTY_ROOT = sha256(new Uint8Array(0));

export const leafHash = (entry) => sha256(concat(LEAF, entry));
export const nodeHash = (left, right) => sha256(concat(NODE, left, right));

/** Shows that `leaf` is at `index` of the tree, or throws `Refused` (RFC 9162 section 2.1.3.2). */
export function checkInclusion(leaf, index, { size, rootHash }, proof) {
  checkSize(size);
  if (index < 0n || index >= size) throw new Refused('Index', `leaf index ${index} is not in a tree of ${size} leaves`, `树有 ${size} 片叶，没有第 ${index} 片`);
  const wanted = inclusionLength(index, size);
  if (proof.length !== wanted) throw badLength(proof.length, wanted);
  let [from, last, root] = [index, size - 1n, leaf];
  for (const other of proof) {
    if (isOdd(from) || from === last) {
      root = nodeHash(other, root);
      while (!isOdd(from) && from !== 0n) [from, last] = [from >> 1n, last >> 1n];
    } else {
      root = nodeHash(root, other);
    }
    [from, last] = [from >> 1n, last >> 1n];
  }
  if (!equal(root, rootHash)) throw badRoot(size, root, rootHash);
}

/** Shows that `old` is a beginning of `tree`, or throws (RFC 9162 section 2.1.4.2); every tree begins with the empty one. */
export function checkConsistency(old, tree, proof) {
  checkSize(tree.size);
  if (old.size > tree.size) throw new Refused('Shrinks', `the tree shrinks from ${old.size} to ${tree.size} leaves`, `树从 ${old.size} 片叶缩小到 ${tree.size} 片`);
  if (old.size === 0n && !equal(old.rootHash, EMPTY_ROOT)) throw badRoot(0n, EMPTY_ROOT, old.rootHash);
  if (old.size === 0n || old.size === tree.size) {
    if (proof.length !== 0) throw badLength(proof.length, 0);
    if (old.size === tree.size && !equal(old.rootHash, tree.rootHash)) throw badRoot(tree.size, old.rootHash, tree.rootHash);
    return;
  }
  let power = old.size;
  while (!isOdd(power)) power >>= 1n;
  // If the old tree is perfect, the proof leaves its root out, since the checker has it.
  const path = power === 1n ? [old.rootHash, ...proof] : proof;
  if (path.length === 0) throw badLength(0, 1);
  const [first, ...rest] = path;
  let [from, last] = [old.size - 1n, tree.size - 1n];
  while (isOdd(from)) [from, last] = [from >> 1n, last >> 1n];
  let [oldRoot, root] = [first, first];
  for (const other of rest) {
    if (last === 0n) throw badLength(proof.length, proof.length - 1);
    if (isOdd(from) || from === last) {
      oldRoot = nodeHash(other, oldRoot);
      root = nodeHash(other, root);
      while (!isOdd(from) && from !== 0n) [from, last] = [from >> 1n, last >> 1n];
    } else {
      root = nodeHash(root, other);
    }
    [from, last] = [from >> 1n, last >> 1n];
  }
  if (last !== 0n) throw badLength(proof.length, proof.length + 1);
  if (!equal(oldRoot, old.rootHash)) throw badRoot(old.size, oldRoot, old.rootHash);
  if (!equal(root, tree.rootHash)) throw badRoot(tree.size, root, tree.rootHash);
}

/** How many siblings there are on the way from leaf `index` up to the root of `size` leaves. */
function inclusionLength(index, size) {
  let [from, last, count] = [index, size - 1n, 0];
  for (; last > 0n; [from, last] = [from >> 1n, last >> 1n]) if (isOdd(from) || from < last) count++;
  return count;
}

function checkSize(size) {
  if (size > SIZE_MAX) throw new Refused('Size', `a tree of ${size} leaves is larger than 2^63`, `树有 ${size} 片叶，超过 2^63`);
}

const badLength = (have, want) => new Refused('Length', `proof has ${have} hashes, wanted ${want}`, `证明有 ${have} 个散列，应有 ${want} 个`);
const badRoot = (size, have, want) => new Refused('Root',
  `proof leads to root hash ${shown(have)} for ${size} leaves, wanted ${shown(want)}`,
  `证明推出 ${size} 片叶的根为 ${shown(have)}，应为 ${shown(want)}`);
const shown = (hash) => (hash.length === HASH_BYTES ? base64(hash) : `${hash.length} bytes`);
const isOdd = (number) => (number & 1n) === 1n;

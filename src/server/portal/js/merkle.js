// The Merkle tree of RFC 6962 section 2.1, checking only. Promises: no 32-bit arithmetic on indexes
// (`>>` would cut them), proofs of the one right length only. Reads no formats.
import { concat, equal, sha256 } from './bytes.js';

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const HASH_BYTES = 32;
export const EMPTY_ROOT = sha256(new Uint8Array(0));

export const leafHash = (entry) => sha256(concat(LEAF, entry));
export const nodeHash = (left, right) => sha256(concat(NODE, left, right));

/** Whether `leaf` is at `index` of the tree (RFC 9162 section 2.1.3.2). */
export function checkInclusion(leaf, index, { size, rootHash }, proof) {
  if (!counts(index, size) || index >= size || !hashes([leaf, rootHash, ...proof])) return false;
  let [from, last, root] = [index, size - 1, leaf];
  for (const other of proof) {
    if (last === 0) return false;
    if (isOdd(from) || from === last) {
      root = nodeHash(other, root);
      while (!isOdd(from) && from !== 0) [from, last] = [half(from), half(last)];
    } else {
      root = nodeHash(root, other);
    }
    [from, last] = [half(from), half(last)];
  }
  return last === 0 && equal(root, rootHash);
}

/** Whether `old` is a beginning of `tree` (RFC 9162 section 2.1.4.2); every tree begins with the empty one. */
export function checkConsistency(old, tree, proof) {
  if (!counts(old.size, tree.size) || old.size > tree.size) return false;
  if (!hashes([old.rootHash, tree.rootHash, ...proof])) return false;
  if (old.size === 0) return proof.length === 0 && equal(old.rootHash, EMPTY_ROOT);
  if (old.size === tree.size) return proof.length === 0 && equal(old.rootHash, tree.rootHash);
  if (proof.length === 0) return false;
  let power = old.size;
  while (!isOdd(power)) power = half(power);
  const [first, ...rest] = power === 1 ? [old.rootHash, ...proof] : proof;
  let [from, last] = [old.size - 1, tree.size - 1];
  while (isOdd(from)) [from, last] = [half(from), half(last)];
  let [oldRoot, root] = [first, first];
  for (const other of rest) {
    if (last === 0) return false;
    if (isOdd(from) || from === last) {
      oldRoot = nodeHash(other, oldRoot);
      root = nodeHash(other, root);
      while (!isOdd(from) && from !== 0) [from, last] = [half(from), half(last)];
    } else {
      root = nodeHash(root, other);
    }
    [from, last] = [half(from), half(last)];
  }
  return last === 0 && equal(oldRoot, old.rootHash) && equal(root, tree.rootHash);
}

const isOdd = (number) => number % 2 === 1;
const half = (number) => Math.floor(number / 2);
const counts = (...numbers) => numbers.every((number) => Number.isSafeInteger(number) && number >= 0);
const hashes = (list) => list.every((hash) => hash.length === HASH_BYTES);

// Receipts taken apart and put together again, also wrongly: for making receipts that must be refused.
// Shares no code with the portal's verifier, so that a mistake there does not hide itself here. Checks nothing.
import { createHash, createPublicKey, sign } from 'node:crypto';

const SEPARATOR = Buffer.from('\n\n— ');

/** The parts of a `.tlog-proof` of ours: `items[0]` is the entry, the others are the key notes. */
export function take(file) {
  const text = file.toString();
  const [head, ...rest] = text.split('\n\n');
  const [version, extra, index, ...hashes] = head.split('\n');
  const items = [];
  let at = Buffer.from(extra.slice('extra '.length), 'base64');
  while (at.length) {
    const end = 2 + at.readUInt16BE();
    items.push(Buffer.from(at.subarray(2, end)));
    at = at.subarray(end);
  }
  return { version, items, index: Number(index.slice('index '.length)), hashes: hashes.map((line) => Buffer.from(line, 'base64')), checkpoint: rest.join('\n\n') };
}

/** The file of these parts. */
export function put({ version, items, index, hashes, checkpoint }) {
  const extra = Buffer.concat(items.flatMap((item) => [u16(item.length), item])).toString('base64');
  return Buffer.from([version, `extra ${extra}`, `index ${index}`, ...hashes.map((hash) => hash.toString('base64'))].join('\n') + `\n\n${checkpoint}`);
}

/** The parts changed by `change`, in a copy of their own. */
export function changed(file, change) {
  const parts = take(file);
  change(parts);
  return put(parts);
}

/** A checkpoint's three lines and its signature lines. */
export function takeCheckpoint(checkpoint) {
  const at = checkpoint.indexOf('\n\n');
  const [origin, size, root] = checkpoint.slice(0, at).split('\n');
  return { origin, size: Number(size), root: Buffer.from(root, 'base64'), lines: checkpoint.slice(at + 2) };
}

/** Tree head and signature lines as a checkpoint. */
export function putCheckpoint({ origin, size, root, lines }) {
  return `${origin}\n${size}\n${root.toString('base64')}\n\n${lines}`;
}

/**
 * What somebody who holds the log's key can do: the entry replaced by another, the root computed anew from the same siblings and
 * signed. Everything up to step 4 holds.
 */
export function reseal(parts, entry, logKey) {
  parts.items[0] = entry;
  const head = takeCheckpoint(parts.checkpoint);
  head.root = rootOf(hash(Buffer.of(0), entry), parts.index, head.size, parts.hashes);
  head.lines = signatureLine(Buffer.from(`${head.origin}\n${head.size}\n${head.root.toString('base64')}\n`), head.origin, logKey);
  parts.checkpoint = putCheckpoint(head);
}

/** An entry as header, statement text, and signature lines. */
export function takeEntry(entry) {
  const at = entry.indexOf('\n') + 1;
  const end = entry.lastIndexOf(SEPARATOR);
  return { header: entry.subarray(0, at).toString(), text: entry.subarray(at, end + 1).toString(), lines: entry.subarray(end + 2).toString() };
}

/** Those three as an entry. */
export function putEntry({ header, text, lines }) {
  return Buffer.from(`${header}${text}\n${lines}`);
}

/** `— name base64(key ID ‖ signature)` over `text`, with a private key object. */
export function signatureLine(text, name, key) {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const id = hash(Buffer.from(`${name}\n`), Buffer.of(1), spki.subarray(-32)).subarray(0, 4);
  return `— ${name} ${Buffer.concat([id, sign(null, text, key)]).toString('base64')}\n`;
}

/** The vkey of a private key under a name. */
export function vkey(name, key) {
  const point = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32);
  const typed = Buffer.concat([Buffer.of(1), point]);
  return `${name}+${hash(Buffer.from(`${name}\n`), typed).subarray(0, 4).toString('hex')}+${typed.toString('base64')}`;
}

/** The root that leaf `index` and its siblings give in a tree of `size` leaves: RFC 9162 §2.1.3.2, without its checks. */
function rootOf(leaf, index, size, hashes) {
  let [fn, sn, root] = [index, size - 1, leaf];
  for (const sibling of hashes) {
    if (fn % 2 === 1 || fn === sn) {
      root = hash(Buffer.of(1), sibling, root);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, Math.floor(sn / 2)];
    } else {
      root = hash(Buffer.of(1), root, sibling);
    }
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return root;
}

function hash(...parts) {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

function u16(number) {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(number);
  return bytes;
}

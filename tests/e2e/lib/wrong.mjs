// Wrong receipts and wrong policies, one fault each, with the step of `mingzhang verify` that must refuse them: the table that the
// browser and the command line are both held to. A new case is a row. Makes files only; see receipts.mjs for who must refuse them.
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { changed, putCheckpoint, putEntry, reseal, signatureLine, take, takeCheckpoint, takeEntry, vkey } from './receipt.mjs';

const L = 2n ** 252n + 27742317777372353535851937790883648493n; // The order of Ed25519's group.

/**
 * Rows of `[what, step, receipt, policy]`. `right`: a receipt; `policy`: its ledger's; `neighbour`: the receipt of another record of
 * the same ledger; `other`: receipt and policy of another ledger; `logKey`, `centreKey`: the private keys, in PEM.
 */
export function wrongReceipts({ right, policy, neighbour, other, logKey, centreKey }) {
  const [log, centre] = [createPrivateKey(logKey), createPrivateKey(centreKey)];
  const stranger = generateKeyPairSync('ed25519').privateKey;
  const text = right.toString();
  const edit = (change) => changed(right, change);
  const head = (change) => edit((parts) => {
    const tree = takeCheckpoint(parts.checkpoint);
    change(tree);
    parts.checkpoint = putCheckpoint(tree);
  });
  const lines = (change) => edit((parts) => {
    const tree = takeCheckpoint(parts.checkpoint);
    parts.checkpoint = putCheckpoint({ ...tree, lines: change(tree) });
  });
  const resealed = (change) => edit((parts) => {
    const entry = takeEntry(parts.items[0]);
    reseal(parts, change(entry, parts) ?? putEntry(entry), log);
  });
  const restated = (from, to, key = centre) => resealed((entry) => {
    entry.text = swap(entry.text, from, to);
    entry.lines = signatureLine(Buffer.from(entry.text), JSON.parse(entry.text).publisher, key);
  });
  const policyWith = (from, to) => Buffer.from(swap(policy.toString(), from, to));
  const { origin } = takeCheckpoint(take(right).checkpoint);
  const title = JSON.parse(takeEntry(take(right).items[0]).text).title;

  return [
    // The form of the file.
    ['breaks off in the middle', 1, right.subarray(0, right.length >> 1)],
    ['lacks its last line feed', 1, right.subarray(0, -1)],
    ['has one line feed more', 1, Buffer.concat([right, Buffer.from('\n')])],
    ['has carriage returns for line ends', 1, Buffer.from(text.replaceAll('\n', '\r'))],
    ['has two byte order marks', 1, Buffer.from(`\ufeff\ufeff${text}`)],
    ['is of a version that does not exist', 1, Buffer.from(swap(text, 'tlog-proof@v1', 'tlog-proof@v2'))],
    ['has its index with a leading zero', 1, Buffer.from(text.replace(/^index /m, 'index 0'))],
    ['has its base64 without padding', 1, Buffer.from(unpadded(text))],
    ['has base64 whose last bits are not zero', 1, Buffer.from(looseBits(text))],
    ['has base64 of the web alphabet', 1, Buffer.from(text.replace(/^extra .*$/m, (line) => line.replaceAll('+', '-').replaceAll('/', '_')))],
    ['has a space behind a hash', 1, Buffer.from(text.replace(/^(index .*\n[^\n]+)$/m, '$1 '))],
    ['is not UTF-8', 1, Buffer.concat([right.subarray(0, -10), Buffer.of(0xff, 0xfe), right.subarray(-10)])],
    ['has no entry', 1, Buffer.from(text.replace(/^extra .*\n/m, ''))],
    ['has an entry that is longer than it says', 1, edit((parts) => { parts.items = [Buffer.alloc(50_000, 0x7b), ...parts.items.slice(1)]; })],
    ['has no key notes', 1, edit((parts) => { parts.items.length = 1; })],
    ['is larger than any receipt', 1, Buffer.concat([right, Buffer.alloc(3 << 20, 'A')])],
    // The policy.
    ['is of another ledger', 2, other.receipt],
    ['names another origin', 2, head((tree) => { tree.origin = 'other.example'; })],
    ['meets a policy without genesis', 2, right, policyWith(/^# mingzhang genesis .*\n/m, '')],
    ['meets the policy of another ledger', 2, right, other.policy],
    // The checkpoint.
    ['has one bit of the root changed', 3, head((tree) => { tree.root[31] ^= 1; })],
    ['says one record more', 3, head((tree) => { tree.size += 1; })],
    ['has one bit of the signature changed', 3, lines((tree) => turned(tree.lines, 40))],
    ['has the signature of another checkpoint', 3, lines(() => takeCheckpoint(take(other.receipt).checkpoint).lines)],
    ['has a signature whose S is not below the order', 3, lines((tree) => malleable(tree.lines))],
    ['is signed with a stranger\'s key under the right name', 3, lines((tree) => signatureLine(headText(tree), origin, stranger))],
    ['is signed with the publisher\'s key', 3, lines((tree) => signatureLine(headText(tree), origin, centre))],
    ['meets a policy with another key', 3, right, policyWith(/^log .*$/m, `log ${vkey(origin, stranger)}`)],
    // The place in the tree.
    ['claims the place before', 4, edit((parts) => { parts.index ^= 1; })],
    ['claims a place behind the end', 4, edit((parts) => { parts.index = takeCheckpoint(parts.checkpoint).size; })],
    ['has one bit of a hash changed', 4, edit((parts) => { parts.hashes[1][7] ^= 0x10; })],
    ['lacks a hash', 4, edit((parts) => { parts.hashes.pop(); })],
    ['has a hash too many', 4, edit((parts) => { parts.hashes.push(Buffer.alloc(32)); })],
    ['has two hashes in the other order', 4, edit(({ hashes }) => { [hashes[0], hashes[1]] = [hashes[1], hashes[0]]; })],
    ['has one byte of the title changed', 4, edit((parts) => { parts.items[0][parts.items[0].indexOf(title) + 1] ^= 1; })],
    ['has one byte of the time changed', 4, edit((parts) => { parts.items[0][parts.items[0].indexOf('\n') - 2] ^= 1; })],
    ['has the entry of another record', 4, edit((parts) => { parts.items[0] = take(neighbour).items[0]; })],
    // The record: what the log's own key could seal and must not.
    ['holds a record that says another index', 5, resealed((entry) => { entry.header = swap(entry.header, /^\d+/, '3'); })],
    ['holds bytes that are no record', 5, resealed(() => Buffer.from('no record\n'))],
    ['holds a statement with a member twice', 5, restated(/^\{/, '{"v":1,')],
    ['holds a statement with a fraction', 5, restated('"v":1', '"v":1.0')],
    ['holds a statement with two lines of text', 5, resealed((entry) => { entry.text += 'and more\n'; })],
    // The keys.
    ['has another genesis', 6, edit((parts) => { parts.items[1] = take(other.receipt).items[1]; })],
    ['has one byte of the genesis changed', 6, edit((parts) => { parts.items[1][30] ^= 1; })],
    ['has its key notes in the other order', 6, edit(({ items }) => { [items[1], items[2]] = [items[2], items[1]]; })],
    ['meets a policy that pins another genesis', 6, right, policyWith(/^# mingzhang genesis ./m, (line) => line.slice(0, -1) + (line.endsWith('0') ? '1' : '0'))],
    // The signature of the statement.
    ['lacks the note that admits the key', 7, edit((parts) => { parts.items.length = 2; })],
    ['has a title that nobody signed, resealed with the log\'s key', 7, resealed((entry) => { entry.text = swap(entry.text, title, `${title}（改）`); })],
    ['has a statement signed by a stranger, resealed', 7, restated(title, `${title}（改）`, stranger)],
    ['has a statement of another ledger, resealed', 7, restated(`"ledger":"${origin}"`, '"ledger":"other.example"')],
    ['has one bit of the statement\'s signature changed, resealed', 7, resealed((entry) => { entry.lines = turned(entry.lines, 60); })],
  ];
}

/** Replaced once; a pattern that is not there is a fault of the test, not a receipt that happens to be right. */
function swap(text, from, to) {
  const found = text.replace(from, to);
  if (found === text) throw new Error(`nothing to replace: ${from}`);
  return found;
}

function headText({ origin, size, root }) {
  return Buffer.from(`${origin}\n${size}\n${root.toString('base64')}\n`);
}

/** One bit of the base64 at the end of the first signature line turned over, `at` bytes behind its start. */
function turned(line, at) {
  return line.replace(/[A-Za-z0-9+/]{90,}=*/, (base64) => {
    const bytes = Buffer.from(base64, 'base64');
    bytes[at] ^= 1;
    return bytes.toString('base64');
  });
}

/** The same signature with S + L: the equation holds, the one rule does not. */
function malleable(line) {
  return line.replace(/[A-Za-z0-9+/]{90,}=*/, (base64) => {
    const bytes = Buffer.from(base64, 'base64');
    const s = BigInt(`0x${Buffer.from(bytes.subarray(36)).reverse().toString('hex')}`) + L;
    Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse().copy(bytes, 36);
    return bytes.toString('base64');
  });
}

/** A hash line ends in `=`. */
function unpadded(text) {
  return swap(text, /^([A-Za-z0-9+/]{43})=$/m, '$1');
}

/** 43 digits hold 258 bits; the last two must be zero, and `atob` does not mind. */
function looseBits(text) {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return swap(text, /^([A-Za-z0-9+/]{42})([A-Za-z0-9+/])=$/m, (_, most, last) => `${most}${digits[digits.indexOf(last) | 1]}=`);
}

// A statement: a signed note whose text is one line of JSON. Same limits, order and words as
// src/core/trade/statement.rs: size, note, line, JSON, the members that log rules read, signature lines.
// Verifies no signature and does not know whose keys are in force: see keys.js.
import { Refused, hex, utf8, within } from './bytes.js';
import { readChanges, readGenesis } from './authority.js';
import { parseJson } from './json.js';
import { Members } from './members.js';
import { checkName, checkProject, checkType } from './names.js';
import { parseSignatureLines, splitNote } from './note.js';
import { sha256 } from './sha256.js';

export const TEXT_BYTES_MAX = 36000;
/** The text, an empty line, and one line by a name of 128 bytes. */
export const NOTE_BYTES_MAX = TEXT_BYTES_MAX + 1 + (4 + 128 + 1 + 92 + 1);
const GENESIS_NOTE_BYTES_MAX = 4096;
const KEY_NOTE_BYTES_MAX = 2048;
const SIGNATURE_BYTES = 64;

/**
 * Bytes of a note to `{ note, text, id, value, type, v, ledger, follows, chain, signatures, body }`.
 * `chain` is `{ kind: 'keys' | 'trade' | 'other', publisher, project }`; `body` has a `kind`: genesis, key,
 * trade, endorse, order, notice or unknown. `value` is all of the JSON, for people to read.
 */
export function parseStatement(note) {
  checkNoteBytes(note.length, NOTE_BYTES_MAX, 'a statement');
  const { text, lines } = within(() => splitNote(note), notANote);
  const textBytes = utf8(text);
  const value = within(() => parseJson(oneLine(text, textBytes)), (inner) => (inner.offset === null ? inner
    : new Refused('Json', `text is not in the grammar of statements, at ${inner.pointer || 'the outer object'}`, `正文不符合声明的 JSON 语法，在 ${inner.pointer || '最外层对象'}`, { inner, pointer: inner.pointer })));
  const header = readHeader(new Members(value));
  if (header.body.kind === 'genesis') checkNoteBytes(note.length, GENESIS_NOTE_BYTES_MAX, 'a genesis statement');
  if (header.body.kind === 'key') checkNoteBytes(note.length, KEY_NOTE_BYTES_MAX, 'a key statement');
  const signatures = within(() => parseSignatureLines(lines), notANote);
  checkSignatureLines(header.chain, signatures);
  return { note, text, textBytes, id: hex(sha256(textBytes)), value, signatures, ...header };
}

/** The chain in a word, as Chain's Display in Rust. */
export function chainName(statement) {
  const { kind, publisher, project } = statement.chain;
  if (kind === 'keys') return 'keys';
  return kind === 'trade' ? `trade ${publisher} ${project}` : `${statement.type} ${publisher}`;
}

/** The documents that a statement names, each `{ name, mediaType, size, sha256 }`; what is malformed is left out. */
export function documentsOf(statement) {
  const documents = statement.value.get('documents');
  if (!Array.isArray(documents)) return [];
  return documents.filter((row) => row instanceof Map).map((row) => ({
    name: row.get('name'), mediaType: row.get('media_type'), size: row.get('size'), sha256: row.get('sha256'),
  })).filter(({ name, mediaType, size, sha256: digest }) => typeof name === 'string' && typeof mediaType === 'string'
    && typeof size === 'number' && size >= 0 && typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest));
}

function oneLine(text, textBytes) {
  if (textBytes.length > TEXT_BYTES_MAX) throw new Refused('TextBytes', `text has ${textBytes.length} bytes with its line feed, wanted at most ${TEXT_BYTES_MAX}`, `正文连同换行有 ${textBytes.length} 字节，最多 ${TEXT_BYTES_MAX} 字节`);
  const lines = text.split('\n').length - 1;
  if (lines !== 1) throw new Refused('Lines', `text has ${lines} lines, wanted one JSON object on one line`, `正文有 ${lines} 行，应为一行 JSON 对象`);
  return textBytes.subarray(0, -1);
}

function checkNoteBytes(have, max, of) {
  if (have > max) throw new Refused('NoteBytes', `note of ${of} has ${have} bytes, wanted at most ${max}`, `签名后的声明有 ${have} 字节，最多 ${max} 字节`);
}

function readHeader(members) {
  const type = members.named('type', checkType);
  const v = members.version();
  const ledger = members.named('ledger', checkName);
  const follows = members.hashOrNull('follows');
  const keysRunTheLedger = type === 'genesis' || type === 'key';
  // Whoever cannot read a change of keys cannot tell whose signatures count from there on.
  if (keysRunTheLedger && v !== 1) throw new Refused('KeyVersion', `${type} statement has v ${v}, wanted 1: keys cannot be followed from here on`, `${type} 声明的 v 为 ${v}，本程序只认 1，此后的密钥无法跟踪`);
  let chain = { kind: 'keys', publisher: null, project: null };
  if (!keysRunTheLedger) {
    const publisher = members.named('publisher', checkName);
    chain = type === 'trade' ? { kind: 'trade', publisher, project: members.named('project', checkProject) } : { kind: 'other', publisher, project: null };
  }
  return { type, v, ledger, follows, chain, body: readBody(type, v, members) };
}

function readBody(type, v, members) {
  if (type === 'genesis') return { kind: 'genesis', ...readGenesis(members) };
  if (type === 'key') return { kind: 'key', changes: readChanges(members) };
  if (v === 1 && type === 'trade') return readTrade(members);
  if (v === 1 && ['endorse', 'order', 'notice'].includes(type)) return { kind: type };
  return { kind: 'unknown' };
}

function readTrade(members) {
  const issued = members.time('issued');
  const amends = members.object('amends');
  return { kind: 'trade', issued, amends: amends && readAmends(amends) };
}

function readAmends(members) {
  members.only(['statement', 'effect']);
  const effect = members.text('effect');
  if (!['correct', 'replace', 'withdraw'].includes(effect)) throw members.wrong('effect', effect, '"correct", "replace" or "withdraw"');
  return { statement: members.hash('statement'), effect };
}

/** One line by the publisher; of authorities at least one, and which they must be depends on the keys in force. */
function checkSignatureLines(chain, signatures) {
  const odd = signatures.find(({ bytes }) => bytes.length !== SIGNATURE_BYTES);
  if (odd) throw new Refused('SignatureBytes', `signature by ${odd.name} has ${odd.bytes.length} bytes, wanted 64 behind the key ID`, `${odd.name} 的签名有 ${odd.bytes.length} 字节，密钥编号之后应为 64 字节`);
  if (chain.kind === 'keys') return;
  if (signatures.length !== 1) throw new Refused('Signatures', `statement has ${signatures.length} signature lines, wanted exactly one, by its publisher`, `有 ${signatures.length} 行签名，应恰有发布者的一行`);
  const found = signatures[0].name;
  if (found !== chain.publisher) throw new Refused('Signer', `statement is signed by ${found}, wanted its publisher ${chain.publisher}`, `签名者为 ${found}，应为发布者 ${chain.publisher}`);
}

const notANote = (inner) => new Refused('Note', 'statement is not a signed note', '不是签名文本（signed-note）', { inner });

const STATEMENT_CODES = {
  NoteBytes: 'note_too_long', TextBytes: 'text_too_long', Note: 'not_a_note', Lines: 'not_one_line', Json: 'json',
  Missing: 'member_missing', Member: 'member_wrong', UnknownMember: 'member_unknown', Name: 'name', Time: 'time',
  Vkey: 'vkey', Algorithm: 'vkey', KeyTwice: 'key_twice', KeyVersion: 'key_version',
  Signatures: 'signature_lines', Signer: 'signature_name', SignatureBytes: 'signature_bytes',
};

/** The stable word for programs, as StatementError::code in Rust. */
export const statementCode = (error) => STATEMENT_CODES[error.code];

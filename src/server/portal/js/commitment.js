// Commitments and their openings (DESIGN 3.1, docs/format.md 9). Same rules as src/core/trade/commitment.rs, except
// that openings are read from a value that was parsed already.
import { Refused, byteLength, hashHex, hex, utf8 } from './bytes.js';
import { atPointer } from './json.js';
import { sha256 } from './sha256.js';

const PREFIX = 'mingzhang-commitment-v1';
const CLASSES = ['person', 'privacy', 'trade_secret', 'not_yet'];
const VALUE_BYTES_MAX = 4096;
const OPENINGS_MAX = 512;
const POINTER_BYTES_MAX = 1024;

/** The commitment, in hex, to a value at a place. Only the value, the last line, may hold line feeds. */
export function commit({ ledger, publisher, project, pointer }, { salt, value }) {
  return hex(sha256(utf8([PREFIX, ledger, publisher, project, pointer, salt, value].join('\n'))));
}

/** All well-formed commitments of a statement, each `{ pointer, class, commitment }`, in the order written. */
export function findCommitments(value, pointer = '') {
  const own = readCommitment(pointer, value);
  const inside = value instanceof Map ? [...value] : Array.isArray(value) ? [...value.entries()] : [];
  return [...(own ? [own] : []), ...inside.flatMap(([segment, item]) => findCommitments(item, `${pointer}/${segment}`))];
}

/** Checks that each opening, an object by pointer, opens a commitment of the statement. Those that stay closed are no fault. */
export function checkOpenings(statement, openings) {
  // By pointer in byte order, so that the first fault is the same everywhere.
  const rows = Object.entries(openings).sort(([left], [right]) => (hex(utf8(left)) < hex(utf8(right)) ? -1 : 1));
  if (rows.length > OPENINGS_MAX) throw new Refused('Count', `more than ${OPENINGS_MAX} openings`, `openings 超过 ${OPENINGS_MAX} 项`);
  for (const [pointer, opening] of rows) checkForm(pointer, opening);
  for (const [pointer, opening] of rows) {
    const committed = readCommitment(pointer, atPointer(statement.value, pointer));
    const { publisher, project } = statement.chain;
    if (!committed || publisher === null) throw new Refused('NoCommitment', `${pointer} is no commitment in the statement, so there is nothing to open`, `声明的 ${pointer} 处没有承诺值，无可公开`, { pointer });
    const found = commit({ ledger: statement.ledger, publisher, project: project || '', pointer }, opening);
    if (found !== committed.commitment) throw new Refused('Mismatch', `opening of ${pointer} commits to ${found}, the statement has ${committed.commitment}`, `${pointer} 的原值与盐算得 ${found}，声明中为 ${committed.commitment}`, { pointer });
  }
}

function readCommitment(pointer, value) {
  if (!(value instanceof Map) || value.size !== 2) return null;
  const [commitment, of] = [value.get('commitment'), value.get('class')];
  if (typeof commitment !== 'string' || !hashHex(commitment) || !CLASSES.includes(of)) return null;
  return { pointer, class: of, commitment };
}

function checkForm(pointer, opening) {
  const isObject = typeof opening === 'object' && opening !== null;
  const members = isObject ? Object.keys(opening).sort().join() : '';
  if (members !== 'salt,value' || typeof opening.salt !== 'string' || !hashHex(opening.salt) || typeof opening.value !== 'string') {
    throw new Refused('Json', 'openings are not {"<JSON pointer>":{"salt":"<64 hex>","value":"…"}}', 'openings 格式不对', { pointer });
  }
  if (byteLength(pointer) > POINTER_BYTES_MAX || byteLength(opening.value) > VALUE_BYTES_MAX) {
    throw new Refused('Json', `a pointer of more than ${POINTER_BYTES_MAX} or a value of more than ${VALUE_BYTES_MAX} bytes`, `JSON 指针超过 ${POINTER_BYTES_MAX} 字节，或原值超过 ${VALUE_BYTES_MAX} 字节`, { pointer });
  }
}

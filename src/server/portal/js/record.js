// A record: one header line, `<leaf index> <leaf hash of the record before> <time>`, then the statement's
// note. Same limits, order and refusals as src/core/trade/record.rs. Does not read the note.
import { Refused, decodeText, hashHex } from './bytes.js';
import { formatTime, parseTime } from './time.js';
import { quoted } from './names.js';
import { SIZE_MAX } from './merkle.js';

export const ENTRY_BYTES_MAX = 40000;
/** An index below 2^63 (19 digits), a hash, a time, two spaces and a line feed. */
const HEADER_BYTES_MAX = 19 + 1 + 64 + 1 + 24 + 1;

/** An entry to `{ header: { index, link, time }, note }`: index a BigInt, link in hex, time in ms, note bytes. */
export function parseEntry(entry) {
  if (entry.length > ENTRY_BYTES_MAX) throw new Refused('EntryBytes', `entry has ${entry.length} bytes, wanted at most ${ENTRY_BYTES_MAX}`, `条目有 ${entry.length} 字节，最多 ${ENTRY_BYTES_MAX} 字节`);
  const end = entry.subarray(0, HEADER_BYTES_MAX).indexOf(0x0a);
  const line = end < 0 ? null : decodeText(entry.subarray(0, end));
  if (line === null) throw new Refused('NoHeader', `entry has no header line of at most ${HEADER_BYTES_MAX} bytes`, `条目没有 ${HEADER_BYTES_MAX} 字节以内的首行`);
  const header = parseHeader(line);
  const note = entry.subarray(end + 1);
  if (note.length === 0) throw new Refused('NoStatement', `entry ${header.index} has a header and no statement`, `条目 ${header.index} 只有首行，没有声明`);
  return { header, note };
}

function parseHeader(line) {
  const malformed = () => new Refused('Header', `header ${quoted(line)} is not "<index> <64 lower-case hex digits> <time>"`, `首行 ${quoted(line)} 不是“序号 64 位小写十六进制 时间”`);
  const match = /^(\+?[0-9]+) ([^ ]*) ([^]*)$/.exec(line);
  const index = match ? BigInt(match[1].replace('+', '')) : SIZE_MAX;
  if (index >= SIZE_MAX || !hashHex(match[2])) throw malformed();
  let time;
  try {
    time = parseTime(match[3]);
  } catch (inner) {
    throw inner instanceof Refused ? new Refused('Time', `header of entry ${index} has no record time`, `条目 ${index} 的首行没有登记时间`, { inner }) : inner;
  }
  // A header has one spelling: no sign, no leading zero.
  if (`${index} ${match[2]} ${formatTime(time)}` !== line) throw malformed();
  return { index, link: match[2], time };
}

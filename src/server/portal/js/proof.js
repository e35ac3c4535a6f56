// The file form of a receipt (c2sp.org/tlog-proof@v1): index, inclusion proof, checkpoint, `extra`.
// Same limits and refusals as src/tlog/proof.rs, except that an index of 2^53 or more is refused:
// a browser's numbers are not exact there. Checks the form only; `extra` is not looked into.
import { Refused, decimal, text as decode, unbase64, utf8 } from './bytes.js';
import { parseHash, parseNote } from './note.js';

export const PROOF_BYTES_MAX = 1048576;
const HASHES_MAX = 63;
const HEADER = 'c2sp.org/tlog-proof@v1';

/** Bytes to `{ extra, index, hashes, checkpoint }`; the checkpoint as bytes, known to be a note. */
export function parseProof(bytes) {
  if (bytes.length > PROOF_BYTES_MAX) throw new Refused('proof', `receipt has ${bytes.length} bytes, at most ${PROOF_BYTES_MAX} are read`);
  let rest = decode(bytes);
  const next = () => {
    const at = rest.indexOf('\n');
    if (at < 0) throw new Refused('proof', 'receipt ends too early');
    const line = rest.slice(0, at);
    rest = rest.slice(at + 1);
    return line;
  };
  if (next() !== HEADER) throw new Refused('proof', `the first line is not "${HEADER}"`);
  let line = next();
  let extra = null;
  if (line.startsWith('extra ')) {
    extra = unbase64(line.slice(6));
    if (extra.length === 0) throw new Refused('proof', 'the extra line is empty');
    line = next();
  }
  if (!line.startsWith('index ')) throw new Refused('proof', 'wanted a line "index <number>"');
  const index = decimal(line.slice(6));
  const hashes = [];
  for (line = next(); line !== ''; line = next()) {
    if (hashes.length === HASHES_MAX) throw new Refused('proof', `receipt has more than ${HASHES_MAX} hashes`);
    hashes.push(parseHash(line));
  }
  const checkpoint = utf8(rest);
  parseNote(checkpoint);
  return { extra, index, hashes, checkpoint };
}

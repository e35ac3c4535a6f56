// Whether later statements of a project amend one: what the server gives of its chain, checked here as far as
// it goes. Each statement names the one before it, and its publisher signs that; so of what is given none can be
// left out in the middle. That nothing newer is held back no look-up can show, and the words say so.
import { Refused, utf8 } from './bytes.js';
import { Unanswered, fetchJson } from './ledger.js';
import { parseStatement } from './statement.js';

const PAGES_MAX = 16;
const PAGE = 256;

/**
 * `{ last, count, open, amendments }` for a verdict of verify.js: the index up to which the server looked, how many
 * later records it gave, how many of them could not be checked here, and what amends the statement. Null for a
 * record outside every project. Throws `Unanswered`.
 */
export async function laterRecords(verdict, base, say) {
  const { publisher, project, kind } = verdict.statement.chain;
  if (kind !== 'trade') return null;
  const found = { last: verdict.header.index, count: 0, open: 0, amendments: [] };
  let [before, after, isChained] = [verdict.statement.id, verdict.header.index, true];
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer = asked(await fetchJson(`${base}api/v1/projects/${publisher}/${project}?after=${after}&limit=${PAGE}`, say), after);
    const { records } = answer;
    const keptBack = [answer.erased, answer.withheld].reduce((sum, rows) => sum + (Array.isArray(rows) ? rows.length : 0), 0);
    found.count += records.length + keptBack;
    found.open += keptBack;
    if (keptBack > 0) isChained = false;
    for (const record of records) {
      const { statement, isSigned } = await checked(record, verdict);
      // After a gap what follows may be signed all the same, but is no longer known to be all there is.
      if (!isSigned || statement.follows !== before) isChained = false;
      if (!isChained) found.open++;
      if (!statement) continue;
      before = statement.id;
      // To warn of a correction the server's word is enough; that there is none is what wants checking.
      const { amends } = statement.body;
      if (amends && amends.statement === verdict.statement.id) found.amendments.push({ index: Number(record.index), effect: amends.effect });
    }
    found.last = BigInt(answer.indexed_size) - 1n;
    // Where there is more than is read, `last` is only as far as was read.
    if (answer.after === undefined || answer.after === null) return endsAt(found, answer.head, before, isChained);
    after = answer.after;
    found.last = BigInt(after);
  }
  return found;
}

/** An answer of the form that a ledger gives; anything else was not answered. A page always leads further. */
function asked(answer, before) {
  const isCount = (n) => Number.isSafeInteger(n) && n >= 0;
  const isRecord = (row) => typeof row === 'object' && row !== null && typeof row.note === 'string' && isCount(row.index);
  const isPage = typeof answer === 'object' && answer !== null && isCount(answer.indexed_size)
    && Array.isArray(answer.records) && answer.records.every(isRecord)
    && (answer.after === undefined || answer.after === null || (isCount(answer.after) && BigInt(answer.after) > BigInt(before)));
  if (!isPage) throw new Unanswered(0, 'JSON');
  return answer;
}

/** The chain's head must be the last that was given. */
function endsAt(found, head, before, isChained) {
  if (isChained && head !== before) found.open++;
  return found;
}

/** The statement of a record as it was served, and whether it is of the same chain and signed by the key that signed the first. */
async function checked(record, verdict) {
  try {
    const statement = parseStatement(utf8(String(record.note)));
    const isSameChain = ['kind', 'publisher', 'project'].every((part) => statement.chain[part] === verdict.statement.chain[part]);
    const [line] = statement.signatures;
    const { vkey } = verdict.signer;
    const isSigned = isSameChain && statement.ledger === verdict.origin && vkey.isNamedBy(line) && await vkey.verify(statement.textBytes, line.bytes);
    return { statement, isSigned };
  } catch (error) {
    if (error instanceof Refused) return { statement: null, isSigned: false };
    throw error;
  }
}

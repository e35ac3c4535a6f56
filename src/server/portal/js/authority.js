// What `genesis` and `key` statements say. Same rules and order as src/core/trade/statement/authority.rs: these
// objects are closed, since a reader that skipped a member could be wrong about whose signatures count.
// Reads form only: whether a change is possible in the state it meets is keys.js' to say.
import { checkName, checkProject, checkType } from './names.js';
import { whatIs } from './json.js';

const LOG_VKEYS_MAX = 8;
const AUTHORITY_VKEYS_MAX = 16;
const CHANGES_MAX = 64;
const DISPLAY_NAME_BYTES_MAX = 256;
const USCC_BYTES_MAX = 32;
const REASON_BYTES_MAX = 1024;

/** Record 0 to `{ log, authority: { threshold, vkeys }, operator: { name, uscc } }`. */
export function readGenesis(members) {
  members.only(['type', 'v', 'ledger', 'follows', 'hash', 'log', 'authority', 'operator']);
  const hash = members.text('hash');
  if (hash !== 'sha-256') throw members.wrong('hash', hash, '"sha-256"');
  const operator = members.requiredObject('operator');
  operator.only(['name', 'uscc']);
  const authority = members.requiredObject('authority');
  authority.only(['threshold', 'vkeys']);
  return {
    log: members.vkeys('log', LOG_VKEYS_MAX, 'an array of 1 to 8 vkeys'),
    authority: readAuthoritySet(authority),
    operator: { name: displayName(operator), uscc: readUscc(operator) },
  };
}

/** The changes of a `key` statement, in the order in which they take effect. */
export function readChanges(members) {
  members.only(['type', 'v', 'ledger', 'follows', 'changes']);
  return members.objects('changes', CHANGES_MAX, 'an array of 1 to 64 changes').map(readChange);
}

function readAuthoritySet(members) {
  const vkeys = members.vkeys('vkeys', AUTHORITY_VKEYS_MAX, 'an array of 1 to 16 vkeys');
  const wanted = 'an integer from 1 to the number of vkeys';
  const threshold = members.count('threshold', 1, wanted);
  if (threshold > vkeys.length) throw members.wrong('threshold', `${threshold} of ${vkeys.length}`, wanted);
  return { threshold, vkeys };
}

function readChange(members) {
  const op = members.text('op');
  switch (op) {
    case 'admit':
      members.only(['op', 'role', 'vkey', 'name', 'uscc', 'live_from']);
      return { op, role: readRole(members), vkey: members.vkey('vkey'), name: displayName(members), uscc: readUscc(members), liveFrom: members.optionalTime('live_from') };
    case 'revoke':
      members.only(['op', 'vkey', 'reason', 'suspect_since']);
      return { op, vkey: members.vkey('vkey'), reason: members.words('reason', REASON_BYTES_MAX, 'a reason of 1 to 1,024 bytes'), suspectSince: members.optionalTime('suspect_since') };
    case 'authority':
      members.only(['op', 'threshold', 'vkeys']);
      return { op, set: readAuthoritySet(members) };
    case 'erase_entry':
      return { op, erasure: readErasure(members) };
    default:
      throw members.wrong('op', op, '"admit", "revoke", "authority" or "erase_entry"');
  }
}

function readErasure(members) {
  members.only(['op', 'index', 'leaf_hash', 'statement', 'statement_type', 'publisher', 'project', 'basis']);
  const type = members.named('statement_type', checkType);
  if (type === 'genesis' || type === 'key') throw members.wrong('statement_type', type, 'a type other than genesis and key');
  const project = type === 'trade' ? members.named('project', checkProject) : nullProject(members);
  return {
    index: members.count('index', 0, 'a leaf index'),
    leafHash: members.hash('leaf_hash'),
    statement: members.hash('statement'),
    type,
    publisher: members.named('publisher', checkName),
    project,
    basis: members.words('basis', REASON_BYTES_MAX, 'a legal basis of 1 to 1,024 bytes'),
  };
}

function nullProject(members) {
  const wanted = 'null, because the statement is not a trade';
  const value = members.required('project', wanted);
  if (value !== null) throw members.wrong('project', whatIs(value), wanted);
  return null;
}

const ROLES = ['publisher', 'supervisor', 'operator', 'log'];

function readRole(members) {
  const role = members.text('role');
  if (!ROLES.includes(role)) throw members.wrong('role', role, '"publisher", "supervisor", "operator" or "log"');
  return role;
}

const displayName = (members) => members.words('name', DISPLAY_NAME_BYTES_MAX, 'a name of 1 to 256 bytes');

// Not checked against GB 32100: old organisation codes occur too, and this is a log rule.
function readUscc(members) {
  const wanted = 'a code of 1 to 32 of 0-9 A-Z -, or null';
  if (members.required('uscc', wanted) === null) return null;
  const code = members.words('uscc', USCC_BYTES_MAX, wanted);
  if (!/^[0-9A-Z-]*$/.test(code)) throw members.wrong('uscc', code, wanted);
  return code;
}

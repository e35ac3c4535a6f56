// Trust policies: which logs, which witnesses, and how many of them (c2sp.org/tlog-policy). Same rules, limits
// and order as src/core/tlog/policy.rs and its folder. `openPolicy` is the one place where a
// checkpoint's origin, log signature, cosignatures and quorum are judged together. A quorum that is not met is
// data, not an error. A line with a key that we cannot verify (ML-DSA-44) is read, and its witness counts as one that has not cosigned.
// Does not judge times, and fetches nothing.
import { Refused, decodeText, hashHex, parseDecimal, shorten, within } from './bytes.js';
import { badSignature, parseCheckpoint, verifyCheckpoint } from './checkpoint.js';
import { verifyCosignature } from './cosignature.js';
import { SIZE_MAX } from './merkle.js';
import { parseNote } from './note.js';
import { COSIGNATURE_V1, ED25519, UnsupportedVkey, Vkey, hex2 } from './vkey.js';

export const POLICY_BYTES_MAX = 131072;
const OF_A_KIND_MAX = 64; // Logs, witnesses, groups.
const NOBODY = 'none';

/** A policy file to `{ genesis, until, logs, witnesses, unsupportedLogs, unsupported, groups, quorum }`; `unsupported` are witnesses. */
export function parsePolicy(bytes) {
  if (bytes.length > POLICY_BYTES_MAX) throw new Refused('TooLong', `policy has ${bytes.length} bytes, at most ${POLICY_BYTES_MAX} are read`, `策略文件有 ${bytes.length} 字节，最多读 ${POLICY_BYTES_MAX} 字节`);
  const policy = { genesis: null, until: null, logs: [], witnesses: [], unsupportedLogs: [], unsupported: [], groups: [], quorum: null };
  const members = new Set();
  for (let from = 0, number = 1; from < bytes.length; number++) {
    const feed = bytes.indexOf(0x0a, from);
    const end = feed < 0 ? bytes.length : feed;
    within(() => readLine(policy, members, bytes.subarray(from, end), feed >= 0),
      (inner) => new Refused('Line', `line ${number} of the policy is wrong: it`, `策略文件第 ${number} 行不对`, { inner }));
    from = end + 1;
  }
  if (!policy.quorum) throw new Refused('NoQuorum', 'policy has no quorum line ("quorum none" if no witness is wanted)', '策略文件没有 quorum 行（不需见证时写“quorum none”）');
  const [first] = policy.unsupportedLogs;
  if (first && policy.logs.length === 0) throw new Refused('NoUsableLog', `every log line of the policy has a key of a signature type that this program cannot verify, the first (${first.name}) 0x${hex2(first.vkey.algorithm)}: wanted one of type 0x01 (Ed25519) too`, `策略文件中账本的密钥都不能验证，第一个（${first.name}）的签名类型为 0x${hex2(first.vkey.algorithm)}；应另有 0x01（Ed25519）的密钥`);
  return policy;
}

/**
 * Parses a checkpoint and judges it: origin and key of a log of the policy, size not past `until`, every line by a
 * witness of the policy verifies, and the quorum met or not. To `{ note, checkpoint, log, cosignatures, missing, unsupported, lines,
 * quorum: { name, met, have, need } }`. `lines` has every signature line: `{ name, keyId, word, … }`, where `word` is `log`, `witness`
 * (with `witness` and `timestamp`), or, for what does not count, `twice`, `unsupported` (with `algorithm`) or `unknown` (with `nameIsKnown`).
 */
export async function openPolicy(policy, bytes) {
  const { note, checkpoint } = readCheckpoint(bytes);
  const keys = policy.logs.map(({ vkey }) => vkey).filter((vkey) => vkey.name === checkpoint.origin);
  if (keys.length === 0) {
    const want = policy.logs.map(({ vkey }) => vkey.name).join(', ');
    throw new Refused('Origin', `checkpoint is of the log ${JSON.stringify(checkpoint.origin)}, wanted a log of the policy (${want})`, `检查点属于账本 ${checkpoint.origin}，策略所列为 ${want}`);
  }
  const log = await verifyCheckpoint(note, checkpoint, keys);
  const { size } = checkpoint.tree;
  if (policy.until !== null && size > policy.until) throw new Refused('Retired', `the policy ends at tree size ${policy.until}, the checkpoint has ${size}`, `该策略只用到 ${policy.until} 条，检查点有 ${size} 条`);

  const [cosignatures, lines, cosigned, signed] = [[], [], new Set(), new Set()];
  const others = [...policy.unsupported, ...policy.unsupportedLogs.filter(({ name }) => name === checkpoint.origin)];
  const names = [...keys, ...policy.witnesses.map(({ vkey }) => vkey), ...others.map(({ vkey }) => vkey)].map(({ name }) => name);
  for (const signature of note.signatures) {
    const at = policy.witnesses.findIndex(({ vkey }) => vkey.isNamedBy(signature));
    if (at >= 0) {
      const { name, vkey } = policy.witnesses[at];
      const timestamp = await verifyCosignature(vkey, note.text, signature.bytes);
      if (timestamp === null) throw badSignature(signature);
      lines.push(word(signature, cosigned.has(at) ? { word: 'twice' } : { word: 'witness', witness: name, timestamp }));
      cosigned.add(at);
      cosignatures.push({ name, timestamp });
      continue;
    }
    const key = keys.find((one) => one.isNamedBy(signature));
    const other = others.find(({ vkey }) => vkey.isNamedBy(signature));
    if (key) {
      lines.push(word(signature, { word: signed.has(key) ? 'twice' : 'log' }));
      signed.add(key);
    } else if (other) lines.push(word(signature, { word: 'unsupported', algorithm: other.vkey.algorithm }));
    else lines.push(word(signature, { word: 'unknown', nameIsKnown: names.includes(signature.name) }));
  }
  const unsupported = policy.unsupported.map(({ name }) => name);
  const missing = [...policy.witnesses.filter((_, at) => !cosigned.has(at)).map(({ name }) => name), ...unsupported];
  return { note, checkpoint, log, cosignatures, missing, unsupported, lines, quorum: judgeQuorum(policy, cosigned) };
}

/**
 * Judges a checkpoint by the policies that are for its log and size, as over_time.rs: the one that was retired first before
 * later ones; the first by which the quorum is met decides, else the first that accepts the log's signature. To `{ policy,
 * opened }`: its place among those given, and what it says. Throws `NoneFits` if none is for it.
 */
export async function openBy(policies, bytes) {
  const { origin, tree } = readCheckpoint(bytes).checkpoint;
  // Nothing is decided by these unverified lines but which policies must hold: these then check them.
  const isFor = (policy) => policy.logs.some(({ vkey }) => vkey.name === origin) && (policy.until === null || tree.size <= policy.until);
  const until = (at) => (policies[at].until === null ? U64_MAX : policies[at].until);
  const asked = policies.map((_, at) => at).filter((at) => isFor(policies[at]))
    .sort((left, right) => (until(left) < until(right) ? -1 : until(left) > until(right) ? 1 : left - right));
  let [unmet, refused] = [null, null];
  for (const policy of asked) {
    try {
      const opened = await openPolicy(policies[policy], bytes);
      if (opened.quorum.met) return { policy, opened };
      unmet = unmet || { policy, opened };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refused = refused || error;
    }
  }
  if (unmet) return unmet;
  if (refused) throw refused;
  throw new Refused('NoneFits', `no policy given is for the log ${JSON.stringify(origin)} at size ${tree.size}: ask for the policy that stood at that size, or for the one in force now`, `所给策略都不适用：检查点属于账本 ${origin}，共 ${tree.size} 条`);
}

const word = ({ name, keyId }, more) => ({ name, keyId, ...more });

/** Whether a line counts for anything. */
export const lineCounts = (line) => line.word === 'log' || line.word === 'witness';

const U64_MAX = (1n << 64n) - 1n;

function readCheckpoint(bytes) {
  const note = within(() => parseNote(bytes), (inner) => new Refused('Note', 'checkpoint is not a signed note', '检查点不是签名文本', { inner }));
  const checkpoint = within(() => parseCheckpoint(note.text), (inner) => new Refused('Checkpoint', 'note is not a checkpoint', '该签名文本不是检查点', { inner }));
  return { note, checkpoint };
}

// Members are `{ kind: 'nobody' | 'witness' | 'unsupported' | 'group', at }`. Each group is judged after those it can refer to.
function judgeQuorum(policy, cosigned) {
  const met = [];
  const isWitnessed = ({ kind, at }) => (kind === 'witness' ? cosigned.has(at) : kind === 'group' && met[at]);
  const count = (group) => group.members.filter(isWitnessed).length;
  for (const group of policy.groups) met.push(count(group) >= group.need);
  const { kind, at } = policy.quorum;
  const [have, need] = kind === 'nobody' ? [0, 0]
    : kind === 'witness' ? [cosigned.has(at) ? 1 : 0, 1]
      : kind === 'unsupported' ? [0, 1]
        : [count(policy.groups[at]), policy.groups[at].need];
  const named = { witness: policy.witnesses, unsupported: policy.unsupported, group: policy.groups }[kind];
  const name = kind === 'nobody' ? NOBODY : named[at].name;
  return { name, met: have >= need, have, need };
}

function readLine(policy, members, line, isFinished) {
  if (!isFinished) throw new Refused('Unfinished', 'is not ended by LF', '行末没有换行');
  const control = line.find((byte) => (byte < 0x20 && byte !== 0x09) || byte === 0x7f);
  if (control !== undefined) throw new Refused('Control', `has control character 0x${hex2(control)}, only tab and LF are allowed`, `含控制字符 0x${hex2(control)}`);
  const first = line.find((byte) => byte !== 0x20 && byte !== 0x09);
  if (first === undefined) return;
  if (first === 0x23) {
    // A comment may be in any encoding. All that is ours is ASCII.
    readComment(policy, new TextDecoder('utf-8', { ignoreBOM: true }).decode(line));
    return;
  }
  const text = decodeText(line);
  if (text === null) throw new Refused('Utf8', 'is not UTF-8', '不是 UTF-8');
  const [keyword, ...rest] = wordsOf(text);
  const badWords = (want) => new Refused('Words', `has ${rest.length + 1} words, wanted "${want}"`, `有 ${rest.length + 1} 个词，应为“${want}”`);
  switch (keyword) {
    case 'log':
      if (rest.length < 1 || rest.length > 2) throw badWords('log <vkey> [<url>]');
      readLog(policy, rest);
      break;
    case 'witness':
      if (rest.length < 2 || rest.length > 3) throw badWords('witness <name> <vkey> [<url>]');
      readWitness(policy, rest);
      break;
    case 'group':
      if (rest.length < 3) throw badWords('group <name> all|any|<k> <member>…');
      readGroup(policy, members, rest);
      break;
    case 'quorum':
      if (rest.length !== 1) throw badWords('quorum <name>|none');
      if (policy.quorum) throw new Refused('SecondQuorum', 'is a second quorum line', '是第二个 quorum 行');
      policy.quorum = findMember(policy, rest[0]);
      if (!policy.quorum) throw unknownName(rest[0]);
      break;
    default:
      throw new Refused('Keyword', `begins with ${JSON.stringify(shorten(keyword))}, wanted "log", "witness", "group" or "quorum"`, `首词为 ${JSON.stringify(shorten(keyword))}，应为 log、witness、group 或 quorum`);
  }
}

function readComment(policy, line) {
  // One "#" only: "## mingzhang until 7" is a line that somebody has put out of use.
  const words = wordsOf(/^[ \t]*#([^]*)$/.exec(line)[1]);
  if (words[0] !== 'mingzhang') return;
  const [, what, value] = words;
  if (words.length === 3 && what === 'genesis' && policy.genesis === null && hashHex(value)) {
    policy.genesis = value;
    return;
  }
  const until = words.length === 3 && what === 'until' && policy.until === null ? parseDecimal(value) : null;
  if (until === null || until > SIZE_MAX) throw new Refused('Mingzhang', 'is a "# mingzhang" comment, wanted "# mingzhang genesis <64 lower-case hex digits>" or "# mingzhang until <tree size>", each at most once', '是“# mingzhang”注释，应为“# mingzhang genesis <64 位小写十六进制>”或“# mingzhang until <树的大小>”，各至多一次');
  policy.until = until;
}

function readLog(policy, [text, url = null]) {
  const vkey = readVkey(text, ED25519);
  if (vkey instanceof UnsupportedVkey) {
    checkNewKey(policy.unsupportedLogs, vkey);
    push(policy.unsupportedLogs, { name: vkey.name, vkey, url }, policy.logs);
    return;
  }
  const same = policy.logs.find((log) => log.vkey.hasKeyOf(vkey));
  if (same) throw duplicateKey(same.vkey.name);
  push(policy.logs, { vkey, url }, policy.unsupportedLogs);
}

function readWitness(policy, [name, text, url = null]) {
  const vkey = readVkey(text, COSIGNATURE_V1);
  if (vkey instanceof UnsupportedVkey) {
    checkNewKey(policy.unsupported, vkey);
    checkNewName(policy, name);
    push(policy.unsupported, { name, vkey, url }, policy.witnesses);
    return;
  }
  const same = policy.witnesses.find((witness) => witness.vkey.hasKeyOf(vkey));
  if (same) throw duplicateKey(same.name);
  checkNewName(policy, name);
  push(policy.witnesses, { name, vkey, url }, policy.unsupported);
}

function readGroup(policy, taken, [name, threshold, ...names]) {
  const members = names.map((member) => {
    const found = findMember(policy, member);
    if (!found || found.kind === 'nobody') throw unknownName(member);
    // Each witness then counts in one way only.
    const word = `${found.kind} ${found.at}`;
    if (taken.has(word)) throw new Refused('MemberTwice', `lists ${JSON.stringify(shorten(member))}, which is a member already and may be one only once`, `成员 ${shorten(member)} 已在某组中，只能出现一次`);
    taken.add(word);
    return found;
  });
  let need = threshold === 'all' ? names.length : 1;
  if (threshold !== 'all' && threshold !== 'any') {
    const count = parseDecimal(threshold);
    if (count === null || count < 1n || count > BigInt(names.length)) throw new Refused('Threshold', `has threshold ${JSON.stringify(shorten(threshold))}, wanted "all", "any" or a number from 1 to ${names.length}`, `阈值为 ${JSON.stringify(shorten(threshold))}，应为 all、any 或 1 至 ${names.length}`);
    need = Number(count);
  }
  checkNewName(policy, name);
  push(policy.groups, { name, need, members });
}

function findMember(policy, name) {
  if (name === NOBODY) return { kind: 'nobody', at: 0 };
  const witness = policy.witnesses.findIndex((row) => row.name === name);
  if (witness >= 0) return { kind: 'witness', at: witness };
  const unsupported = policy.unsupported.findIndex((row) => row.name === name);
  if (unsupported >= 0) return { kind: 'unsupported', at: unsupported };
  const group = policy.groups.findIndex((row) => row.name === name);
  return group >= 0 ? { kind: 'group', at: group } : null;
}

// A key of the type that such a line has, or of one that we know nothing of; one that we know to be for another purpose is refused.
function readVkey(text, want) {
  const vkey = within(() => parseVkey(text), (inner) => new Refused('Vkey', 'has a vkey that cannot be used', '公钥不能用', { inner }));
  if (vkey instanceof Vkey && vkey.algorithm !== want) throw new Refused('Algorithm', `has a key of signature type 0x${hex2(vkey.algorithm)}, wanted 0x${hex2(want)}`, `公钥的签名类型为 0x${hex2(vkey.algorithm)}，应为 0x${hex2(want)}`);
  return vkey;
}

function parseVkey(text) {
  try {
    return Vkey.parse(text);
  } catch (error) {
    if (error.code === 'UnknownAlgorithm') return UnsupportedVkey.parse(text);
    throw error;
  }
}

function checkNewKey(list, vkey) {
  const same = list.find((row) => row.vkey.hasKeyOf(vkey));
  if (same) throw duplicateKey(same.name);
}

function checkNewName(policy, name) {
  if (findMember(policy, name)) throw new Refused('DuplicateName', `defines ${JSON.stringify(shorten(name))}, which is defined already`, `名称 ${shorten(name)} 已有定义`);
}

function push(list, item, others = []) {
  if (list.length + others.length === OF_A_KIND_MAX) throw new Refused('TooMany', `is more than the ${OF_A_KIND_MAX} of its kind that are read`, `同类的行超过 ${OF_A_KIND_MAX} 行`);
  list.push(item);
}

const wordsOf = (text) => text.split(/[ \t]/).filter((word) => word !== '');
const duplicateKey = (first) => new Refused('DuplicateKey', `has the same public key as ${first}`, `公钥与 ${first} 相同`);
const unknownName = (name) => new Refused('UnknownName', `refers to ${JSON.stringify(shorten(name))}, which no earlier line defines`, `所指的 ${shorten(name)} 在前面没有定义`);

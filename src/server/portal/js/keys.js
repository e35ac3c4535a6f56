// Which keys are in force: a function of the log's `genesis` and `key` statements alone. Same rules and
// order as src/core/trade/keys.rs and src/core/trade/keys/evidence.rs. A signature by a key not in force never counts;
// a public key is admitted once, ever, under one name and role; a key statement is applied whole or not at all.
import { Refused, hex, within } from './bytes.js';
import { keyIdHex, lineName } from './note.js';
import { parseStatement } from './statement.js';

const EVIDENCE_ITEMS_MAX = 256;

export class KeyState {
  /** The state after record 0: its own authorities have signed it, and its log keys are in force. */
  static async fromGenesis(statement) {
    if (statement.body.kind !== 'genesis') throw new Refused('NotGenesis', `statement is of type ${statement.type}, wanted genesis`, `声明类型为 ${statement.type}，应为 genesis`);
    if (statement.follows !== null) throw new Refused('GenesisFollows', `genesis follows ${statement.follows}, wanted null`, `genesis 的 follows 为 ${statement.follows}，应为 null`);
    const { log, authority, operator } = statement.body;
    const state = new KeyState();
    Object.assign(state, {
      ledger: statement.ledger,
      genesisId: statement.id,
      operator,
      keys: [], // All ever admitted, in that order; authorities are not among them.
      publicKeys: new Map(), // Every public key ever admitted or set as an authority, in hex, so that none comes twice.
      authorities: [], // `{ index, set }`, the last is in force.
      erasures: new Map(),
      records: [{ index: 0, id: statement.id }],
    });
    for (const vkey of log) state.admit(0, { role: 'log', vkey, name: operator.name, uscc: operator.uscc, liveFrom: null });
    state.setAuthority(0, authority);
    await verifyLines(statement, authorityLines(statement, [['its own', authority]]));
    return state;
  }

  /**
   * Replays evidence from a pinned genesis id (hex). Nothing in `notes` is believed. They need not be all there
   * are: `follows` is not compared, a revocation of a key that they do not admit is passed over, and indexes are
   * those of `notes`, not of the log.
   */
  static async fromEvidence(genesisId, notes) {
    if (notes.length > EVIDENCE_ITEMS_MAX) throw new Refused('EvidenceItems', `evidence has ${notes.length} items, wanted at most ${EVIDENCE_ITEMS_MAX}`, `证据有 ${notes.length} 项，最多 ${EVIDENCE_ITEMS_MAX} 项`);
    if (notes.length === 0) throw new Refused('NoGenesis', `no genesis statement is given, wanted that with id ${genesisId}`, `缺少编号为 ${genesisId} 的 genesis 声明`);
    const parse = (item) => within(() => parseStatement(notes[item]), (inner) => new Refused('Evidence', `item ${item} of the evidence is not a statement`, `证据第 ${item} 项不是声明`, { inner }));
    const genesis = parse(0);
    if (genesis.id !== genesisId) throw new Refused('GenesisId', `genesis has id ${genesis.id}, the policy pins ${genesisId}`, `genesis 编号为 ${genesis.id}，策略文件固定的是 ${genesisId}`);
    let state = await KeyState.fromGenesis(genesis);
    for (let item = 1; item < notes.length; item++) {
      const statement = parse(item);
      if (statement.body.kind !== 'key') throw new Refused('NotKey', `item ${item} of the evidence is of type ${statement.type}, wanted key`, `证据第 ${item} 项类型为 ${statement.type}，应为 key`);
      if (statement.ledger !== state.ledger) throw new Refused('Ledger', `statement is for ledger ${statement.ledger}, wanted ${state.ledger}`, `声明写给账本 ${statement.ledger}，本账本为 ${state.ledger}`);
      await state.verify(statement);
      state = state.changed(item, statement, true);
    }
    return state;
  }

  /** The state after the record at `index`, a later one than any before: a `key` statement is verified and takes effect. */
  async apply(index, statement) {
    if (statement.body.kind !== 'key') return this;
    await this.verify(statement);
    return this.changed(index, statement, false);
  }

  /** The keys in force for the record at `index`; equally, after the first `index` records. */
  inForceAt(index) {
    return this.keys.filter((key) => key.admittedAt < index && (!key.revoked || index <= key.revoked.index));
  }

  /** The authorities in force for the record at `index`. Record 0 is judged by the set that it brings itself. */
  authorityAt(index) {
    const before = this.authorities.filter((row) => row.index < index);
    return (before.length ? before[before.length - 1] : this.authorities[0]).set;
  }

  /** The key that a statement claims to be signed by, if it is in force now and its role may sign this type. */
  signer(statement) {
    if (statement.signatures.length !== 1 || statement.chain.kind === 'keys') {
      throw new Refused('AuthoritiesSign', `${statement.type} statements are signed by authorities, wanted a statement signed by one publisher`, `${statement.type} 声明由授权机构签署，此处应为发布者一方签署的声明`);
    }
    const [signature] = statement.signatures;
    const key = this.keys.find(({ vkey }) => vkey.isNamedBy(signature));
    if (!key) throw new Refused('Unknown', `key ${lineName(signature)} was never admitted`, `密钥 ${lineName(signature)} 从未登记`);
    if (key.revoked) throw new Refused('Revoked', `key ${lineName(signature)} was revoked by record ${key.revoked.index}`, `密钥 ${lineName(signature)} 已被撤销`);
    if (!rolesFor(statement.type).includes(key.role)) throw new Refused('Role', `key of ${signature.name} has role ${key.role}, which does not sign ${statement.type} statements`, `${signature.name} 的密钥角色为 ${key.role}，不能签署 ${statement.type} 声明`);
    return key;
  }

  /** Judges and verifies every signature line of a statement. */
  async verify(statement) {
    await verifyLines(statement, this.vkeysOfLines(statement));
  }

  vkeysOfLines(statement) {
    if (statement.body.kind === 'genesis') return authorityLines(statement, [['its own', statement.body.authority]]);
    if (statement.body.kind !== 'key') return [this.signer(statement).vkey];
    const fresh = statement.body.changes.filter(({ op }) => op === 'authority');
    if (fresh.length > 1) throw new Refused('AuthorityTwice', 'statement changes the authorities more than once, wanted at most one such change', '一份声明最多变更一次授权机构');
    const inForce = this.authorities[this.authorities.length - 1].set;
    return authorityLines(statement, [['in force', inForce], ...fresh.map(({ set }) => ['new', set])]);
  }

  /** With `gaps`, the statements that are applied are a receipt's selection, not all there are. */
  changed(index, statement, gaps) {
    const state = Object.assign(new KeyState(), this, {
      keys: this.keys.map((key) => ({ ...key })),
      publicKeys: new Map(this.publicKeys),
      authorities: [...this.authorities],
      erasures: new Map(this.erasures),
    });
    for (const change of statement.body.changes) {
      if (change.op === 'admit') state.admit(index, change);
      else if (change.op === 'revoke') state.revoke(index, change, gaps);
      else if (change.op === 'authority') state.setAuthority(index, change.set);
      else state.erase(index, change.erasure, gaps);
    }
    if (!gaps && !state.keys.some((key) => key.role === 'log' && !key.revoked)) throw new Refused('LastLogKey', 'no log key would be left in force, wanted at least one', '将没有有效的账本密钥，至少应有一个');
    state.records = [...this.records, { index, id: statement.id }];
    return state;
  }

  admit(index, { role, vkey, name, uscc, liveFrom }) {
    // The log's name is the origin, and nobody else may be called so.
    if ((role === 'log') !== (vkey.name === this.ledger)) throw this.badName(vkey, role);
    this.take(vkey, 'an admitted key');
    this.keys.push({ vkey, role, name, uscc, liveFrom, admittedAt: index, revoked: null });
  }

  revoke(index, { vkey, reason }, gaps) {
    // A key that this very statement admits is not in force yet; one that it revokes is not revoked again.
    const key = this.keys.find((other) => other.vkey.equals(vkey) && !other.revoked && other.admittedAt < index);
    if (key) key.revoked = { index, reason };
    else if (!gaps) throw new Refused('NotInForce', `key ${vkey.text} is not in force, so it cannot be revoked`, `密钥 ${vkey.text} 并非有效，无从撤销`);
  }

  setAuthority(index, set) {
    const kept = this.authorities.length ? this.authorities[this.authorities.length - 1].set.vkeys : [];
    for (const vkey of set.vkeys) {
      if (vkey.name === this.ledger) throw this.badName(vkey, 'authority');
      // A key that stays is no new key; one that left the set is not taken again.
      if (!kept.some((other) => other.equals(vkey))) this.take(vkey, "an authority's");
    }
    this.authorities.push({ index, set });
  }

  /** Notes a public key that was never seen before. */
  take(vkey, use) {
    const digits = hex(vkey.publicKey);
    const before = this.publicKeys.get(digits);
    if (before) throw new Refused('Known', `public key of ${vkey.text} is already ${before}, wanted a key that was never used on this ledger`, `公钥 ${vkey.text} 在本账本已使用过，应为从未使用的公钥`);
    this.publicKeys.set(digits, use);
    const others = [...this.keys.map((key) => key.vkey), ...this.authorities.flatMap(({ set }) => set.vkeys)];
    if (others.some((other) => other.isNamedBy(vkey))) throw new Refused('KeyId', `another key is called ${vkey.name}+${keyIdHex(vkey.keyId)}, wanted a key whose key ID differs`, `已有另一密钥为 ${vkey.name}+${keyIdHex(vkey.keyId)}，密钥编号应不同`);
  }

  erase(index, erasure, gaps) {
    if (gaps) return; // Indexes mean nothing there, and no key follows from it.
    if (erasure.index >= index) throw new Refused('EraseLater', `record ${index} erases entry ${erasure.index}, wanted an earlier one`, `第 ${index} 号记录要清除第 ${erasure.index} 号，只能清除更早的`);
    if (this.records.some((record) => record.index === erasure.index)) throw new Refused('EraseKeys', `entry ${erasure.index} is a genesis or key statement, which is never erased`, `第 ${erasure.index} 号是 genesis 或 key 声明，不得清除`);
    if (this.erasures.has(erasure.index)) throw new Refused('EraseTwice', `entry ${erasure.index} was erased already`, `第 ${erasure.index} 号已清除`);
    this.erasures.set(erasure.index, { orderedAt: index, erasure });
  }

  badName(vkey, role) {
    return new Refused('Name', `key of role ${role} is named ${vkey.name}, but the name ${this.ledger} is the log keys' and theirs alone`, `角色 ${role} 的密钥名为 ${vkey.name}；名称 ${this.ledger} 属于且只属于账本密钥`);
  }
}

/** Which roles may sign a type (DESIGN 3.1). A log key signs checkpoints only. */
function rolesFor(type) {
  const roles = { trade: ['publisher'], endorse: ['supervisor'], order: ['publisher', 'supervisor'], notice: ['operator'] };
  // Own members only: a type may be called `constructor`.
  return Object.prototype.hasOwnProperty.call(roles, type) ? roles[type] : ['publisher', 'supervisor', 'operator'];
}

/**
 * The keys of the lines of a `genesis` or `key` statement: each in one of `sets`, none twice, and each set reaching
 * its threshold. A key in both counts for both.
 */
function authorityLines(statement, sets) {
  const candidates = sets.flatMap(([, set]) => set.vkeys);
  const vkeys = [];
  for (const signature of statement.signatures) {
    const vkey = candidates.find((candidate) => candidate.isNamedBy(signature));
    if (!vkey) throw new Refused('NotAuthority', `signature line by ${lineName(signature)}, which is no authority in force, wanted none else`, `签名行 ${lineName(signature)} 不是现行授权机构，不得有其他签名`);
    if (vkeys.some((other) => other.equals(vkey))) throw new Refused('LineTwice', `two signature lines by ${lineName(signature)}, wanted one a key`, `${lineName(signature)} 签了两行，每个密钥只签一行`);
    vkeys.push(vkey);
  }
  for (const [which, set] of sets) {
    const have = vkeys.filter((vkey) => set.vkeys.some((member) => member.equals(vkey))).length;
    if (have < set.threshold) throw new Refused('Threshold', `${have} of the ${set.vkeys.length} authorities of the set ${which} signed, wanted ${set.threshold}`, `授权机构 ${set.vkeys.length} 家中 ${have} 家签署，应有 ${set.threshold} 家`);
  }
  return vkeys;
}

/** Verifies each line of a statement with the key found for it. */
async function verifyLines(statement, vkeys) {
  for (let at = 0; at < vkeys.length; at++) {
    if (!(await vkeys[at].verify(statement.textBytes, statement.signatures[at].bytes))) {
      throw new Refused('Signature', `signature does not verify with ${vkeys[at].text} over the text with SHA-256 ${statement.id}`, `用 ${vkeys[at].text} 对 SHA-256 为 ${statement.id} 的正文验签不通过`);
    }
  }
}

const KEY_CODES = {
  NotGenesis: 'genesis', GenesisFollows: 'genesis', GenesisId: 'genesis', NoGenesis: 'genesis',
  NotKey: 'evidence', Evidence: 'evidence', EvidenceItems: 'evidence', Ledger: 'ledger',
  Unknown: 'key_unknown', Revoked: 'key_revoked', Role: 'key_role', AuthoritiesSign: 'authorities_sign', Signature: 'signature',
  NotAuthority: 'authority_line', LineTwice: 'authority_line', Threshold: 'authority_threshold', AuthorityTwice: 'authority_twice',
  Name: 'key_name', Known: 'key_known', KeyId: 'key_known', NotInForce: 'key_not_in_force', LastLogKey: 'last_log_key',
  EraseLater: 'erasure', EraseKeys: 'erasure', EraseTwice: 'erasure',
};

/** The stable word for programs, as KeyError::code in Rust. */
export const keyCode = (error) => KEY_CODES[error.code];

// The offline verdict: a receipt and policies in, what it proves out, or the numbered step that failed. Same
// steps, order and bindings as src/core/verify.rs. No network, no clock. Nothing in the receipt is believed: keys
// follow from the genesis id that the policy pins. Missing is failure.
import { Refused, hex, within } from './bytes.js';
import { keyIdHex } from './note.js';
import { KeyState } from './keys.js';
import { checkInclusion, leafHash } from './merkle.js';
import { openBy } from './policy.js';
import { parseReceipt } from './receipt.js';
import { parseEntry } from './record.js';
import { parseStatement } from './statement.js';

/** The steps in their order, with the names and numbers that the command line has. */
export const STEPS = [
  { number: 1, name: 'form', zh: '文件格式', en: 'the form of the file' },
  { number: 2, name: 'policy', zh: '策略适用', en: 'a policy for this ledger' },
  { number: 3, name: 'checkpoint', zh: '检查点签名', en: "the checkpoint's signatures" },
  { number: 4, name: 'inclusion', zh: '条目在树中', en: "the entry's place in the tree" },
  { number: 5, name: 'record', zh: '记录格式', en: 'the record' },
  { number: 6, name: 'keys', zh: '密钥来历', en: 'where the keys come from' },
  { number: 7, name: 'signature', zh: '声明签名', en: "the statement's signature" },
];

/** Whether nothing was shown against the receipt: what it is judged by is missing or does not fit. */
export const isUnjudged = (verdict) => !verdict.ok && verdict.step.name === 'policy';

/** What no receipt can show. */
export const NOT_SHOWN = [
  { zh: '管理机构的密钥集合之后是否另有变更未列入回执（须审计整个账本）', en: 'whether a change of the authorities was left out of the receipt (audit the log)' },
  { zh: '签名密钥在此记录之前是否已被撤销（须审计整个账本）', en: 'whether the signing key was revoked before this record (audit the log)' },
  { zh: '之后是否有更正、变更或撤回（须查询项目的后续记录）', en: "whether a later statement corrects, replaces or withdraws it (look at the project's later records)" },
  { zh: '该项目的公开是否完整、及时', en: "whether the project's disclosures are complete and in time" },
  { zh: '公告内容本身是否属实', en: 'whether what the statement says is true' },
];

/**
 * Checks the bytes of a receipt against parsed policies: one that is for its log and size decides, as `openBy` says.
 *
 * `onTick(tick, facts)` is awaited for each thing the moment it is computed: form, policy, checkpoint,
 * cosignatures, leaf, root, record, text, id, keys, key, signature.
 *
 * Returns `{ ok: true, … }`, or `{ ok: false, step, error }` with the `Refused`. Throws only for a mistake of ours.
 */
export async function verifyReceipt({ receipt, policies, onTick = () => {} }) {
  const done = { step: STEPS[0] };
  try {
    return await judge(receipt, policies, onTick, (number) => { done.step = STEPS[number - 1]; });
  } catch (error) {
    if (error instanceof Refused) return { ok: false, step: done.step, error };
    throw error;
  }
}

async function judge(bytes, policies, tick, begin) {
  // 1. The file.
  begin(1);
  const receipt = parseReceipt(bytes);
  await tick('form', { index: receipt.index, bytes: bytes.length });

  // 2. and 3. The policy, by origin and, for retired ones, up to the size they stood for; by it the checkpoint: origin,
  // log signature, cosignatures. Whether the quorum is met is data.
  begin(2);
  let judged;
  try {
    judged = await openBy(policies, receipt.checkpoint);
  } catch (inner) {
    if (!(inner instanceof Refused)) throw inner;
    if (inner.code === 'NoneFits') throw new Refused('NoPolicy', "no policy given is for this receipt's checkpoint", '没有适用于该回执的策略', { inner });
    begin(3);
    throw new Refused('Checkpoint', 'the checkpoint is not one that the policy accepts', '策略不认这个检查点', { inner });
  }
  const { policy: at, opened } = judged;
  const genesisId = policies[at].genesis;
  if (!genesisId) throw new Refused('NoGenesis', 'the policy has no line `# mingzhang genesis <64 hex>`: without it any key could be claimed to be the centre\'s', '策略没有“# mingzhang genesis <64 位十六进制>”一行：没有它，任何密钥都可以冒充');
  await tick('policy', { genesisId });
  begin(3);
  const { origin, tree } = opened.checkpoint;
  await tick('checkpoint', { origin, tree, log: opened.log });
  await tick('cosignatures', opened);

  // 4. The entry's place in the tree.
  begin(4);
  const leaf = leafHash(receipt.entry);
  await tick('leaf', { leafHash: hex(leaf), index: receipt.index });
  within(() => checkInclusion(leaf, receipt.index, tree, receipt.proof), (inner) => new Refused('Inclusion', `the entry is not in the tree of the checkpoint at index ${receipt.index}`, `条目不在检查点的树中第 ${receipt.index} 位`, { inner }));
  await tick('root', { tree, hashes: receipt.proof.length });

  // 5. The record.
  begin(5);
  const { header, note } = within(() => parseEntry(receipt.entry), (inner) => new Refused('Record', 'the entry is not a record', '条目不是记录', { inner }));
  if (header.index !== receipt.index) throw new Refused('Index', `the entry says it is record ${header.index}, the receipt proves record ${receipt.index}`, `条目自称第 ${header.index} 条，回执证明的是第 ${receipt.index} 条`);
  await tick('record', header);
  const statement = within(() => parseStatement(note), (inner) => new Refused('Statement', 'the record does not hold a statement', '记录中没有声明', { inner }));
  await tick('text', statement);
  await tick('id', { id: statement.id });

  // 6. The keys, from the pinned genesis on.
  begin(6);
  const keys = await wrapped(KeyState.fromEvidence(genesisId, receipt.evidence), (inner) => new Refused('Keys', `the keys do not follow from the pinned genesis ${genesisId}`, `密钥不能由固定的创世编号 ${genesisId} 推出`, { inner }));
  await tick('keys', { genesisId, notes: receipt.evidence.length });
  begin(7); // As in Rust: another ledger's statement is a fault of step 7.
  for (const found of [keys.ledger, statement.ledger]) {
    if (found !== origin) throw new Refused('Ledger', `this belongs to the ledger ${JSON.stringify(found)}, the checkpoint is of ${JSON.stringify(origin)}`, `这属于账本 ${found}，检查点属于 ${origin}`);
  }

  // 7. The signature, by a key that may say this. The genesis record is signed by the authority set that it names itself.
  const badSigner = (inner) => new Refused('Signature', 'the statement is not signed by a key that may say it', '声明不是由有权的密钥签署', { inner });
  within(() => keys.vkeysOfLines(statement), badSigner);
  await tick('key', { signatures: statement.signatures });
  await wrapped(keys.verify(statement), badSigner);
  const admitted = statement.chain.kind === 'keys' ? null : keys.signer(statement);
  const signers = admitted ? [admitted.vkey.text] : statement.signatures.map(({ name, keyId }) => `${name}+${keyIdHex(keyId)}`);
  await tick('signature', { signers });

  const { cosignatures, missing, lines, quorum, log } = opened;
  return {
    ok: true, header, statement, leafHash: hex(leaf), origin, tree, log, cosignatures, missing, lines, quorum, genesisId, signers, signer: admitted, policy: at,
  };
}

async function wrapped(promise, wrap) {
  try {
    return await promise;
  } catch (error) {
    throw error instanceof Refused ? wrap(error) : error;
  }
}

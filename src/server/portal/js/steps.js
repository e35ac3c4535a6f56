// The seven steps on a page, each ticked the moment it is computed, with what was found; then one sentence,
// then what was not shown. Knows no network and decides nothing: it shows what verify.js says.
import { base64 } from './bytes.js';
import { element, group, hash, said, sentence } from './dom.js';
import { formatBeijing } from './time.js';
import { keyIdHex } from './note.js';
import { lineCounts } from './policy.js';
import { NOT_SHOWN, STEPS, isUnjudged } from './verify.js';
import { hex2 } from './vkey.js';

/** Which step a tick belongs to; a step is passed when its last tick has come. */
const TICKS = {
  form: [1, true], policy: [2, true], checkpoint: [3, false], cosignatures: [3, true], leaf: [4, false], root: [4, true],
  record: [5, false], text: [5, false], id: [5, true], keys: [6, true], key: [7, false], signature: [7, true],
};

export class StepList {
  /** On the `<ol>` of a page that has the seven items, or a new one. */
  constructor(say, list = null) {
    this.say = say;
    this.list = list || element('ol', { class: 'steps' }, ...STEPS.map((step) => element('li', { 'data-step': step.number }, step[say.lang])));
    this.reset();
  }

  reset() {
    for (const step of STEPS) {
      const item = this.item(step.number);
      for (const old of item.querySelectorAll('.found')) old.remove();
      item.removeAttribute('data-state');
      item.append(element('span', { class: 'found sr state' }, `（${this.say('waiting')}）`));
    }
  }

  item(number) {
    return this.list.querySelector(`[data-step="${number}"]`);
  }

  async tick(tick, facts) {
    const [number, isLast] = TICKS[tick];
    const item = this.item(number);
    for (const line of lines(this.say, tick, facts)) item.append(element('div', { class: 'found small', 'data-tick': tick }, '✓ ', ...line));
    if (isLast) this.mark(number, tick === 'cosignatures' && !facts.quorum.met ? 'warn' : 'good', this.say('passed'));
    // Lets the browser draw: a person sees what takes time, and the page stays alive.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  fail(verdict) {
    const item = this.item(verdict.step.number);
    item.append(element('div', { class: 'found', 'data-tick': 'failed' }, said(verdict.error.explain(this.say.lang))));
    if (isUnjudged(verdict)) this.mark(verdict.step.number, 'warn', this.say('not_judged'));
    else this.mark(verdict.step.number, 'bad', this.say('failed'));
  }

  mark(number, state, word) {
    const item = this.item(number);
    item.setAttribute('data-state', state);
    item.querySelector('.state').textContent = `（${word}）`;
  }
}

function lines(say, tick, facts) {
  const line = (name, gaps) => sentence(say(name), gaps);
  switch (tick) {
    case 'form': return [line('tick_form', { bytes: facts.bytes, index: facts.index })];
    case 'policy': return [line('tick_policy', { genesis: hash(facts.genesisId) })];
    case 'checkpoint': return [line('tick_checkpoint', { origin: facts.origin, size: facts.tree.size, root: hash(base64(facts.tree.rootHash)), log: hash(facts.log.text) })];
    case 'cosignatures': {
      const shown = [line('tick_cosignatures', { witnesses: facts.cosignatures.length ? witnessTimes(say, facts.cosignatures) : say('no_witness') })];
      const { have, need } = facts.quorum;
      if (facts.missing.length) shown.push(line('tick_cosignatures_missing', { have, need, missing: facts.missing.join(say('separator')) }));
      if (facts.unsupported.length) shown.push(line('tick_unsupported', { names: facts.unsupported.join(say('separator')) }));
      // A line that counts for nothing is named: one that was changed must not be overlooked.
      for (const other of facts.lines.filter((one) => !lineCounts(one))) {
        const why = other.word === 'unknown' && other.nameIsKnown ? 'line_other_key' : `line_${other.word}`;
        shown.push(line('tick_line', { key: `${other.name}+${keyIdHex(other.keyId)}`, why: group(line(why, { algorithm: hex2(other.algorithm || 0) })) }));
      }
      return shown;
    }
    case 'leaf': return [line('tick_leaf', { leaf: hash(facts.leafHash) })];
    case 'root': return [line('tick_root', { hashes: facts.hashes })];
    case 'record': return [line('tick_record', { index: facts.index, time: formatBeijing(facts.time), link: hash(facts.link) })];
    case 'text': return [line('tick_text', { bytes: facts.textBytes.length })];
    case 'id': return [line('tick_id', { id: hash(facts.id) })];
    case 'keys': return [line('tick_keys', { notes: facts.notes })];
    case 'key': return [line('tick_key', {})];
    case 'signature': return [line('tick_signature', { signers: hash(facts.signers.join(' ')) })];
    default: throw new Error(`no words for ${tick}`);
  }
}

/** Each witness with its time, by its own clock. */
export const witnessTimes = (say, cosignatures) => cosignatures.map(({ name, timestamp }) => `${name} ${formatSeconds(timestamp)}`).join(say('separator'));

function formatSeconds(timestamp) {
  // A witness may say any time up to 2^63; a date can be made of those before the year 9999.
  return timestamp < 253402300800n ? formatBeijing(Number(timestamp) * 1000) : `${timestamp} s`;
}

/** What a good verdict is about, who signed and when it was witnessed: the gaps of the concluding sentences. */
export function conclusionGaps(say, verdict) {
  const { statement, header, origin, signer, quorum, cosignatures } = verdict;
  const [title, project] = [statement.value.get('title'), statement.chain.project];
  const about = typeof title === 'string' && project ? sentence(say('about_title'), { title: short(title), project })
    : project ? sentence(say('about_project'), { project }) : sentence(say('about_type'), { type: statement.type });
  const whose = signer ? (signer.name === signer.vkey.name ? [said(signer.name)] : [said(signer.name), '（', said(signer.vkey.name), '）']) : [say('authorities')];
  const witnessed = cosignatures.length ? sentence(say('witnessed'), { times: witnessTimes(say, cosignatures) })
    : sentence(say('witnessed_by_none'), { time: formatBeijing(header.time) });
  return { about: group(about), origin, index: header.index, signer: group(whose), witnessed: group(witnessed), have: quorum.have, need: quorum.need };
}

const short = (title) => (title.length > 200 ? `${title.slice(0, 200)}…` : title);

/** The banner of a verdict: one sentence, and what to do if it does not hold. */
export function conclusion(say, verdict) {
  if (verdict.ok) {
    const name = verdict.quorum.met ? 'holds' : 'unwitnessed';
    return element('div', { class: `banner ${verdict.quorum.met ? 'good' : 'warn'}`, 'data-verdict': name }, element('p', {}, ...sentence(say(name), conclusionGaps(say, verdict))));
  }
  const todo = { form: 'do_form', policy: 'do_policy' }[verdict.step.name] || 'do_genuine';
  // Without a policy that fits nothing speaks against the receipt, and nobody is accused.
  if (isUnjudged(verdict)) {
    return element('div', { class: 'banner warn', 'data-verdict': 'unjudged', 'data-failed': verdict.step.number, 'data-code': verdict.error.path },
      element('p', {}, say('unjudged')),
      element('p', {}, said(verdict.error.explain(say.lang))),
      element('p', {}, say(todo)));
  }
  return element('div', { class: 'banner bad', 'data-verdict': 'fails', 'data-failed': verdict.step.number, 'data-code': verdict.error.path },
    element('p', {}, ...sentence(say('fails'), { number: verdict.step.number, step: verdict.step[say.lang] })),
    element('p', {}, said(verdict.error.explain(say.lang))),
    element('p', {}, say(todo)));
}

/** What no receipt shows, after the sentences that this page adds. */
export function notShown(say, ...more) {
  return element('div', { class: 'not-shown' }, element('p', {}, element('strong', {}, say('not_shown'))),
    element('ul', {}, ...more.filter(Boolean), ...NOT_SHOWN.map((row) => element('li', {}, row[say.lang]))));
}

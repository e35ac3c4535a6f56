// "Verify here" on the page of a record: fetches the receipt and the policy once, verifies them in this
// browser, and says what that shows. Works again without the server: all it needs is loaded by then.
import { Refused } from './bytes.js';
import { element, hash, replaceChildren, sentence } from './dom.js';
import { laterRecords } from './later.js';
import { Unanswered, fetchBytes } from './ledger.js';
import { POLICY_BYTES_MAX, parsePolicy } from './policy.js';
import { RECEIPT_BYTES_MAX } from './receipt.js';
import { StepList, conclusion, notShown } from './steps.js';
import { laterWords } from './later-words.js';
import { verifyReceipt } from './verify.js';
import { speaker } from './words.js';

async function start(section) {
  const { receipt: receiptUrl, policy: policyUrl, ledger, lang, id } = section.dataset;
  const say = speaker(lang);
  const status = element('p', { role: 'status', 'aria-live': 'polite', class: 'verify-status' }, say('loading'));
  const result = element('div', { class: 'verify-result' });
  const list = section.querySelector('ol.steps');
  const steps = new StepList(say, list);
  steps.list.before(status, result);
  let loaded = null;
  let later = null;

  const run = async () => {
    again.disabled = true;
    try {
      loaded = loaded || await load(receiptUrl, policyUrl, say);
      steps.reset();
      replaceChildren(result);
      status.textContent = say('checking');
      const began = performance.now();
      const verdict = await verifyReceipt({ receipt: loaded.receipt, policies: [loaded.policy], onTick: (tick, facts) => steps.tick(tick, facts) });
      const ms = Math.max(1, Math.round(performance.now() - began));
      if (!verdict.ok) steps.fail(verdict);
      if (verdict.ok && !later) later = await laterRecords(verdict, ledger, say).then((found) => ({ found }), asUnanswered);
      show(verdict, ms);
    } catch (error) {
      if (!(error instanceof Unanswered) && !(error instanceof Refused)) throw error;
      const why = error instanceof Refused ? error.explain(say.lang) : error.message;
      status.textContent = '';
      replaceChildren(result, element('div', { class: 'banner warn', 'data-verdict': 'unanswered' }, element('p', {}, ...sentence(say('server_says'), { why }))));
    } finally {
      again.disabled = false;
    }
  };

  const show = (verdict, ms) => {
    const isAnother = verdict.ok && verdict.statement.id !== id;
    const banner = isAnother
      ? element('div', { class: 'banner bad', 'data-verdict': 'another_record' }, element('p', {}, ...sentence(say('another_record'), { shown: hash(id), proved: hash(verdict.statement.id) })))
      : conclusion(say, verdict);
    const words = verdict.ok ? laterWords(say, later) : null;
    if (words && !isAnother) banner.append(element('p', { 'data-later': words.state }, ...words.sentence, say.lang === 'zh' ? '。' : '.'));
    if (words && words.state === 'found') banner.className = 'banner warn';
    replaceChildren(result, banner);
    if (verdict.ok) {
      result.append(notShown(say, element('li', {}, ...sentence(say('policy_from_server'), { genesis: hash(verdict.genesisId) })), words && words.basis));
    }
    status.textContent = say('computed_here').replace('{ms}', ms);
  };

  const again = element('button', { type: 'button', class: 'quiet noprint', onclick: run }, say('again'));
  steps.list.after(element('p', { class: 'actions noprint' }, again));
  await run();
}

async function load(receiptUrl, policyUrl, say) {
  const [receipt, policy] = await Promise.all([fetchBytes(receiptUrl, RECEIPT_BYTES_MAX + 1, say), fetchBytes(policyUrl, POLICY_BYTES_MAX + 1, say)]);
  return { receipt, policy: parsePolicy(policy) };
}

function asUnanswered(error) {
  if (error instanceof Unanswered) return { error };
  throw error;
}

const section = document.getElementById('verify-here');
if (section) start(section);

// The form on which somebody checks what he holds: documents, receipts, policies, dropped, chosen or pasted in
// any order. With a ledger's server behind it, it asks which records register a document; without one it needs
// the receipt and the policy. All arithmetic is done here, and nothing is uploaded.
//
// Believes only policies, and says whose they are: one that the reader gives counts before the server's.
import { Refused, decodeText, utf8 } from './bytes.js';
import { element, group, hash, replaceChildren, said, sentence } from './dom.js';
import { laterRecords } from './later.js';
import { laterWords } from './later-words.js';
import { Unanswered, fetchBytes, fetchJson } from './ledger.js';
import { POLICY_BYTES_MAX, parsePolicy } from './policy.js';
import { RECEIPT_BYTES_MAX, unix } from './receipt.js';
import { documentsOf } from './statement.js';
import { StepList, conclusion, conclusionGaps, notShown } from './steps.js';
import { verifyReceipt } from './verify.js';

const RECEIPT_START = 'c2sp.org/tlog-proof@';
/** Records that register one document and are looked at, the newest first. */
const HITS_MAX = 50;

export class Checker {
  /** `ledger` and `policyUrl` are null without a server. */
  constructor(root, { say, ledger, policyUrl, hasher }) {
    Object.assign(this, { root, say, ledger, policyUrl, hasher });
    this.own = []; // `{ name, policy }` that the reader gave, the newest first.
    this.server = null; // The same of the server.
    this.serverFailed = null;
    this.receipts = []; // `{ name, bytes, card }`
    this.documents = []; // `{ name, size, digest, card }`
    this.build();
  }

  /** Fetches the server's policy. What is given meanwhile waits for it. */
  start() {
    this.started = this.policyUrl ? this.fetchPolicy() : Promise.resolve();
    return this.started;
  }

  async fetchPolicy() {
    try {
      const policy = parsePolicy(await fetchBytes(this.policyUrl, POLICY_BYTES_MAX + 1, this.say));
      this.server = { name: this.say('policy_of_server'), policy };
    } catch (error) {
      this.serverFailed = reason(error, this.say);
    }
    this.showPolicies();
  }

  build() {
    const { say } = this;
    this.input = element('input', { type: 'file', multiple: true, class: 'choose', id: 'check-file', onchange: () => this.take([...this.input.files]) });
    this.zone = element('div', { class: 'drop' },
      element('label', { for: 'check-file', class: 'drop-label' }, say('drop_here')), this.input, element('p', { class: 'small' }, say('drop_hint')));
    for (const name of ['dragenter', 'dragover']) {
      this.zone.addEventListener(name, (event) => {
        event.preventDefault();
        this.zone.setAttribute('data-over', '');
      });
    }
    this.zone.addEventListener('dragleave', () => this.zone.removeAttribute('data-over'));
    this.zone.addEventListener('drop', (event) => {
      event.preventDefault();
      this.zone.removeAttribute('data-over');
      this.take([...event.dataTransfer.files]);
    });
    // A file dropped beside the zone would replace the page.
    for (const name of ['dragover', 'drop']) window.addEventListener(name, (event) => event.preventDefault());

    this.pasted = element('textarea', { rows: 5, id: 'check-policy', spellcheck: 'false', autocomplete: 'off', 'aria-describedby': 'check-policies' });
    const use = element('button', { type: 'button', onclick: () => this.takePolicy(say('policy_pasted'), utf8(this.pasted.value.replace(/\r\n/g, '\n').replace(/([^\n])$/, '$1\n')), null) }, say('use_policy'));
    this.policies = element('ul', { class: 'policies', id: 'check-policies' });
    this.status = element('p', { role: 'status', 'aria-live': 'polite', class: 'check-status' });
    this.results = element('div', { class: 'results' });
    replaceChildren(this.root, this.zone,
      element('details', this.ledger ? {} : { open: true }, element('summary', {}, say('paste_policy')), element('label', { for: 'check-policy', class: 'sr' }, say('paste_policy')), this.pasted, element('p', { class: 'actions' }, use)),
      element('h2', {}, say('your_policies')), this.policies, element('h2', {}, say('result')), this.status, this.results);
    this.showPolicies();
  }

  showPolicies() {
    const { say } = this;
    const rows = this.inOrder().map(({ name, policy }) => {
      const origins = [...new Set(policy.logs.map(({ vkey }) => vkey.name))].join(say('separator'));
      return element('li', {}, ...sentence(say('policy_taken'), { name, origin: origins, genesis: hash(policy.genesis || '—') }));
    });
    if (this.serverFailed) rows.push(element('li', { class: 'problem' }, ...sentence(say('policy_unloaded'), { why: this.serverFailed })));
    if (rows.length === 0) rows.push(element('li', {}, say(this.policyUrl ? 'loading' : 'no_policy_yet')));
    replaceChildren(this.policies, ...rows);
  }

  inOrder() {
    return this.server ? [...this.own, this.server] : this.own;
  }

  /**
   * A verdict by the reader's own policies; only if none of them is for this log and size, by the server's. Never by both
   * together: of several the one whose quorum is met decides, and the server's may well want no witness.
   */
  async judge(receipt, steps) {
    await this.started;
    const began = performance.now();
    const groups = [this.own, this.server ? [this.server] : []].filter((rows) => rows.length > 0);
    if (groups.length === 0) groups.push([]); // Without any policy the verdict says which one is wanted.
    for (const rows of groups) {
      steps.reset();
      const verdict = await verifyReceipt({ receipt, policies: rows.map(({ policy }) => policy), onTick: (tick, facts) => steps.tick(tick, facts) });
      const isForAnother = !verdict.ok && verdict.error.code === 'NoPolicy' && rows !== groups[groups.length - 1];
      if (isForAnother) continue;
      return { verdict, chosen: verdict.ok ? rows[verdict.policy] : null, ms: Math.max(1, Math.round(performance.now() - began)) };
    }
    throw new Error('the last group is always judged');
  }

  /** Takes files one after the other, whatever they are. */
  async take(files) {
    this.input.value = ''; // So that the same file can be chosen again.
    await this.started;
    for (const file of files) await this.takeFile(file);
  }

  async takeFile(file) {
    let small = null;
    try {
      // Only what can be a receipt or a policy is read whole; a document is never looked into.
      if (file.size <= RECEIPT_BYTES_MAX) small = new Uint8Array(await file.arrayBuffer());
    } catch (error) {
      this.report('bad', sentence(this.say('unreadable'), { name: file.name, why: error.message }));
      return;
    }
    // What an editor or a mail program has put into a receipt or a policy is taken out; a document stays as it is.
    const ours = small && unix(small);
    const text = ours && decodeText(ours);
    const isReceipt = (text !== null && text.startsWith(RECEIPT_START)) || /\.tlog-proof$/i.test(file.name);
    if (isReceipt) await this.takeReceipt(file.name, ours || new Uint8Array(RECEIPT_BYTES_MAX + 1));
    else if (text !== null && looksLikePolicy(file, text)) await this.takePolicy(file.name, ours, file);
    else await this.takeDocument(file);
  }

  async takePolicy(name, bytes, file) {
    const { say } = this;
    try {
      const policy = parsePolicy(bytes);
      if (!policy.genesis) {
        this.report('warn', sentence(say('policy_no_genesis'), { name }));
        return;
      }
      this.own = [{ name, policy }, ...this.own.filter((row) => row.name !== name)];
      this.showPolicies();
      this.say_('policy_taken', { name, origin: policy.logs.map(({ vkey }) => vkey.name).join(say('separator')), genesis: policy.genesis });
      // What failed for want of a policy may hold now.
      for (const receipt of this.receipts) await this.verify(receipt);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.report('bad', sentence(say('policy_bad'), { name, why: error.explain(say.lang) }));
      if (file) await this.takeDocument(file); // It may be a document after all.
    }
  }

  async takeReceipt(name, bytes) {
    const receipt = { name, bytes, card: this.card(name) };
    this.receipts.push(receipt);
    await this.verify(receipt);
    for (const document of this.documents) this.compare(document);
  }

  async verify(receipt) {
    const { say } = this;
    const steps = new StepList(say);
    const banner = element('div', {});
    replaceChildren(receipt.card.body, banner, element('h3', {}, say('step_by_step')), steps.list);
    this.status.textContent = say('checking');
    const { verdict, chosen, ms } = await this.judge(receipt.bytes, steps);
    receipt.verdict = verdict;
    if (verdict.ok) {
      const { later, why } = await this.later(verdict);
      const shown = this.conclude(verdict, conclusion(say, verdict), laterWords(say, later, why), chosen, ms);
      banner.replaceWith(...shown);
    } else {
      steps.fail(verdict);
      banner.replaceWith(conclusion(say, verdict));
    }
    this.status.textContent = receipt.card.body.querySelector('[data-verdict] p').textContent;
  }

  /** What amends the record, if this page's server is of the same ledger. */
  async later(verdict) {
    const isOurs = this.ledger && this.server && this.server.policy.genesis === verdict.genesisId;
    if (!this.ledger) return { later: null, why: 'later_offline' };
    if (!isOurs) return { later: null, why: 'later_foreign' };
    try {
      return { later: { found: await laterRecords(verdict, this.ledger, this.say) }, why: 'later_offline' };
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      return { later: null, why: 'later_offline' };
    }
  }

  /** The banner, then what was computed where, then what it does not show. */
  conclude(verdict, banner, words, chosen, ms) {
    const { say } = this;
    if (!banner.hasAttribute('data-complete')) banner.append(element('p', { 'data-later': words.state }, ...words.sentence, say.lang === 'zh' ? '。' : '.'));
    if (words.state === 'found') banner.className = 'banner warn';
    const isServers = chosen === this.server;
    const genesis = hash(verdict.genesisId);
    const whose = element('li', {}, ...(isServers ? sentence(say('policy_from_server'), { genesis }) : sentence(say('policy_own'), { name: chosen.name })));
    const differs = !isServers && this.server && this.server.policy.genesis !== verdict.genesisId && sharesOrigin(this.server.policy, chosen.policy);
    return [banner,
      ...(differs ? [element('div', { class: 'banner bad' }, element('p', {}, say('policy_differs')))] : []),
      element('p', { class: 'small' }, say('computed_here').replace('{ms}', ms)),
      notShown(say, whose, words.basis)];
  }

  async takeDocument(file) {
    const { say } = this;
    const card = this.card(file.name);
    const abort = new AbortController();
    const progress = element('progress', { max: String(Math.max(1, file.size)), value: '0', 'aria-label': file.name });
    const label = element('p', {});
    const cancel = element('button', { type: 'button', class: 'quiet', onclick: () => abort.abort() }, say('cancel'));
    card.body.append(label, progress, element('p', { class: 'actions' }, cancel));
    const show = (done) => {
      progress.value = done;
      replaceChildren(label, ...sentence(say('hashing'), { name: file.name, percent: file.size ? Math.floor((100 * done) / file.size) : 100 }));
    };
    show(0);
    let digest;
    try {
      digest = await this.hasher.hash(file, show, abort.signal);
    } catch (error) {
      this.fill(card, 'bad', 'unreadable', sentence(say('unreadable'), { name: file.name, why: error.message }));
      return;
    }
    if (digest === null) {
      this.fill(card, 'warn', 'cancelled', sentence(say('cancelled'), { name: file.name }));
      return;
    }
    const document = { name: file.name, size: file.size, digest, card };
    this.documents.push(document);
    const shown = element('p', { class: 'digest', 'data-digest': digest }, ...sentence(say('digest_is'), { name: file.name, size: file.size, digest: hash(digest) }));
    document.answer = element('div', {});
    document.compared = element('div', {});
    replaceChildren(card.body, shown, document.compared, document.answer, element('p', { class: 'small' }, say('digest_yourself')));
    this.compare(document);
    if (this.ledger) await this.ask(document);
    else if (this.receipts.length === 0) document.answer.append(element('div', { class: 'banner', 'data-verdict': 'no_receipt' }, element('p', {}, say('no_receipt_yet'))));
    const verdict = card.body.querySelector('[data-verdict] p');
    this.status.textContent = (verdict || shown).textContent;
  }

  /** Against the receipts that the reader gave: without a network too. */
  compare(document) {
    const { say } = this;
    const rows = this.receipts.filter(({ verdict }) => verdict && verdict.ok).map(({ verdict }) => {
      const named = documentsOf(verdict.statement).find(({ sha256 }) => sha256 === document.digest);
      return element('div', { class: `banner ${named ? 'good' : 'warn'}`, 'data-verdict': named ? 'receipt_names' : 'receipt_names_not' },
        element('p', {}, ...sentence(say(named ? 'receipt_names' : 'receipt_names_not'), { index: verdict.header.index, name: named ? named.name : '' })));
    });
    replaceChildren(document.compared, ...rows);
    if (rows.length && !this.ledger) replaceChildren(document.answer);
  }

  /** Asks the ledger which records register the document, and verifies the newest receipt here. */
  async ask(document) {
    const { say } = this;
    try {
      const found = await fetchJson(`${this.ledger}api/v1/search?id=${document.digest}&limit=${HITS_MAX}`, say);
      const hits = Array.isArray(found.hits) ? found.hits : [];
      const heldBack = ['erased', 'withheld'].reduce((sum, name) => sum + (Array.isArray(found[name]) ? found[name].length : 0), 0);
      const last = Number(found.indexed_size) - 1;
      if (hits.length === 0) {
        replaceChildren(document.answer, element('div', { class: 'banner warn', 'data-verdict': 'not_found' }, element('p', {}, ...sentence(say('not_found'), { last })), element('p', {}, say('not_found_do'))));
      } else {
        await this.verifyHit(document, Number(hits[0].index));
        this.listOthers(document, hits.slice(1));
      }
      if (heldBack > 0) document.answer.append(element('p', {}, ...sentence(say('held_back'), { count: heldBack })));
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      const words = error.status ? 'server_says' : 'no_network';
      document.answer.append(element('div', { class: 'banner warn', 'data-verdict': words }, element('p', {}, ...sentence(say(words), { why: error.message }))));
    }
  }

  async verifyHit(document, index) {
    const { say } = this;
    const receipt = await fetchBytes(`${this.ledger}api/v1/receipts/${index}`, RECEIPT_BYTES_MAX + 1, say);
    const steps = new StepList(say);
    const banner = element('div', {});
    replaceChildren(document.answer, banner, element('h3', {}, say('step_by_step')), steps.list);
    const { verdict, chosen, ms } = await this.judge(receipt, steps);
    if (!verdict.ok) {
      steps.fail(verdict);
      banner.replaceWith(conclusion(say, verdict));
      return;
    }
    const named = documentsOf(verdict.statement).find(({ sha256 }) => sha256 === document.digest);
    if (!named || verdict.header.index !== BigInt(index)) {
      banner.replaceWith(element('div', { class: 'banner bad', 'data-verdict': 'server_wrong' }, element('p', {}, ...sentence(say('server_wrong'), { index }))));
      return;
    }
    const { later, why } = await this.later(verdict);
    const words = laterWords(say, later, why);
    const gaps = { ...conclusionGaps(say, verdict), later: group(words.sentence) };
    const isMet = verdict.quorum.met;
    const link = element('a', { href: `${this.ledger}${say.lang === 'zh' ? '' : 'en/'}entries/${index}` }, ...gaps.about.childNodes);
    const shown = element('div', { class: `banner ${isMet ? 'good' : 'warn'}`, 'data-verdict': isMet ? 'document_holds' : 'document_unwitnessed', 'data-later': words.state, 'data-complete': true },
      element('p', {}, ...sentence(say(isMet ? 'document_holds' : 'document_unwitnessed'), gaps)),
      element('p', {}, ...sentence(say('document_as'), { name: named.name, about: link })));
    banner.replaceWith(...this.conclude(verdict, shown, words, chosen, ms));
  }

  listOthers(document, hits) {
    if (hits.length === 0) return;
    const { say } = this;
    const rows = hits.map((hit) => element('li', {}, element('a', { href: `${this.ledger}${say.lang === 'zh' ? '' : 'en/'}entries/${Number(hit.index)}` }, String(Number(hit.index))), ' ', said(hit.title)));
    document.answer.append(element('p', {}, ...sentence(say('also'), { count: hits.length })), element('ul', {}, ...rows));
  }

  /** A place for one thing that was given, the newest first. */
  card(name) {
    const body = element('div', {});
    const card = element('section', { class: 'card verify' }, element('h3', {}, said(name)), body);
    this.results.prepend(card);
    return { card, body };
  }

  report(state, children) {
    const banner = element('div', { class: `banner ${state}`, 'data-verdict': 'problem' }, element('p', {}, ...children));
    this.results.prepend(banner);
    this.status.textContent = banner.textContent;
  }

  fill(card, state, verdict, children) {
    const banner = element('div', { class: `banner ${state}`, 'data-verdict': verdict }, element('p', {}, ...children));
    replaceChildren(card.body, banner);
    this.status.textContent = banner.textContent;
  }

  say_(name, gaps) {
    this.status.textContent = group(sentence(this.say(name), gaps)).textContent;
  }
}

/** A text that has a `quorum` line of its own; a document that is a text has none. */
const looksLikePolicy = (file, text) => file.size <= POLICY_BYTES_MAX && /(^|\n)[ \t]*quorum[ \t]/.test(text);
const sharesOrigin = (left, right) => left.logs.some(({ vkey }) => right.logs.some((log) => log.vkey.name === vkey.name));
const reason = (error, say) => {
  if (error instanceof Refused) return error.explain(say.lang);
  if (error instanceof Unanswered) return error.message;
  throw error;
};

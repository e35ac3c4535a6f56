// The checking page of a ledger's server: src/server/portal/templates/check.html.
import { Checker } from './checker.js';
import { element } from './dom.js';
import { Hasher } from './hashing.js';
import { speaker } from './words.js';

const main = document.getElementById('check');
if (main) {
  const { policy, ledger, worker, lang } = main.dataset;
  let root = document.getElementById('check-app');
  if (!root) {
    root = element('div', { id: 'check-app' });
    main.append(root);
  }
  // A path of its own, not a URL of this module: the same code runs in a page without modules.
  const hasher = new Hasher(() => new Worker(worker, { type: 'module' }));
  new Checker(root, { say: speaker(lang), ledger, policyUrl: policy, hasher }).start();
}

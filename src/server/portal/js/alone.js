// verify.html, the checking page as one file that needs no server: src/server/portal/verifier.rs puts all
// modules into one script, which is also the script of the worker.
import { Checker } from './checker.js';
import { element } from './dom.js';
import { Hasher, serveHashing } from './hashing.js';
import { speaker } from './words.js';

function start(script) {
  const workerUrl = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  const hasher = new Hasher(() => new Worker(workerUrl));
  const build = (lang) => {
    document.documentElement.lang = lang;
    for (const shown of document.querySelectorAll('[data-zh]')) shown.textContent = lang === 'en' ? shown.dataset.en : shown.dataset.zh;
    const root = element('div', { id: 'check-app' });
    document.getElementById('check-app').replaceWith(root);
    new Checker(root, { say: speaker(lang), ledger: null, policyUrl: null, hasher }).start();
  };
  for (const button of document.querySelectorAll('[data-lang]')) button.addEventListener('click', () => build(button.dataset.lang));
  build((navigator.language || '').toLowerCase().startsWith('zh') ? 'zh-CN' : 'en');
}

if (typeof document === 'undefined') serveHashing(self);
else start(document.currentScript.textContent);

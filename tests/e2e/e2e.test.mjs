// The portal in real browsers, over the real program and real data: node --test tests/e2e/e2e.test.mjs (tests/run does it).
// One process, so that all parts share one ledger and one browser. Needs chromium, fonts-noto-cjk, poppler-utils, and `npm ci` here.
import './lib/world.mjs';
import './verifying.mjs';
import './reading.mjs';
import './hostile.mjs';
import './old.mjs';

// Asking a ledger's server. Promises: every answer has a maximum before memory is taken for it, and a time
// limit; what goes wrong is an `Unanswered` with a sentence. Believes nothing: what comes back is for verify.js.

export const ANSWER_BYTES_MAX = 16 << 20;
const ANSWER_MS_MAX = 30000;

/** No answer, or a refusal. `status` is 0 if the server was not reached. */
export class Unanswered extends Error {
  constructor(status, why) {
    super(why);
    this.name = 'Unanswered';
    this.status = status;
  }
}

/** The bytes at an address. */
export async function fetchBytes(address, bytesMax, say) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ANSWER_MS_MAX);
  try {
    const response = await fetch(address, { signal: abort.signal, credentials: 'omit', headers: { 'accept-language': say.lang === 'zh' ? 'zh-CN' : 'en' } });
    const bytes = await readAtMost(response, bytesMax, say);
    if (!response.ok) throw new Unanswered(response.status, `${response.status} ${problemOf(bytes)}`.trim());
    return bytes;
  } catch (error) {
    if (error instanceof Unanswered) throw error;
    throw new Unanswered(0, abort.signal.aborted ? say('too_slow') : String(error.message));
  } finally {
    clearTimeout(timer);
  }
}

export async function fetchJson(address, say) {
  const bytes = await fetchBytes(address, ANSWER_BYTES_MAX, say);
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new Unanswered(0, 'JSON');
  }
}

async function readAtMost(response, bytesMax, say) {
  if (!response.body) return new Uint8Array(0);
  const reader = response.body.getReader();
  const pieces = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > bytesMax) {
      reader.cancel();
      throw new Unanswered(response.status, say('too_large').replace('{max}', bytesMax));
    }
    pieces.push(value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** What an RFC 9457 answer says, else nothing. */
function problemOf(bytes) {
  try {
    const { title, detail } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, 65536)));
    return [title, detail].filter((text) => typeof text === 'string').join('：').slice(0, 400);
  } catch {
    return '';
  }
}

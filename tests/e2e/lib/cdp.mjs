// A client of the DevTools protocol over WebSocket, as small as the walk in the old browser needs: Playwright no longer speaks
// to Chromium 91. Promises: a command that the browser refuses, or a browser that goes away, rejects. Knows no page; see old.mjs.
import WebSocket from 'ws';

/** Connects to the `ws://…` address that the browser printed. */
export async function connect(address) {
  const socket = new WebSocket(address, { perMessageDeflate: false, maxPayload: 64 << 20 });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return new Cdp(socket);
}

class Cdp {
  #socket;
  #waiting = new Map();
  #listeners = [];
  #last = 0;

  constructor(socket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#take(JSON.parse(data)));
    socket.on('close', () => {
      for (const { reject, method } of this.#waiting.values()) reject(new Error(`${method}: the browser went away`));
      this.#waiting.clear();
    });
  }

  /** Sends one command, to a page if `sessionId` is given. */
  send(method, params = {}, sessionId = undefined) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, method });
      this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    });
  }

  /** Calls `listener(params)` for each event of this name in that page. */
  on(method, sessionId, listener) {
    this.#listeners.push({ method, sessionId, listener });
  }

  close() {
    this.#socket.close();
  }

  #take({ id, result, error, method, params, sessionId }) {
    if (id === undefined) {
      for (const one of this.#listeners) if (one.method === method && one.sessionId === sessionId) one.listener(params);
      return;
    }
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting.reject(new Error(`${waiting.method}: ${error.message}`));
    else waiting.resolve(result);
  }
}

// The SHA-256 of a file of any size: in a worker, piece by piece, with progress, to be cancelled. Where no
// worker can be had (some policies forbid them), the same in the page, which gives way between pieces.
import { hex } from './bytes.js';
import { Sha256 } from './sha256.js';

const PIECE_BYTES = 4 << 20;

/** What a worker does: one file a message, `{ done }`, then `{ digest }` or `{ failed }`. */
export function serveHashing(scope) {
  scope.onmessage = async ({ data: file }) => {
    try {
      const digest = await hashInPieces(file, (done) => scope.postMessage({ done }), () => false);
      scope.postMessage({ digest });
    } catch (error) {
      scope.postMessage({ failed: String(error.message) });
    }
  };
  scope.postMessage({ ready: true });
}

/** Hashes files one at a time. `makeWorker` is called at once, so that a page needs no network later. */
export class Hasher {
  constructor(makeWorker) {
    this.makeWorker = makeWorker;
    this.spare = this.start();
    this.queue = Promise.resolve();
  }

  start() {
    try {
      const worker = this.makeWorker();
      const state = { worker, isReady: false };
      state.ready = new Promise((resolve) => {
        worker.onmessage = ({ data }) => { if (data.ready) { state.isReady = true; resolve(true); } };
        worker.onerror = () => resolve(false);
        // A worker that neither starts nor fails must hold nobody up.
        setTimeout(() => resolve(state.isReady), 5000);
      });
      return state;
    } catch {
      return { worker: null, ready: Promise.resolve(false) };
    }
  }

  /** The digest in hex, or null if `cancel` (an AbortSignal) was raised. Throws what reading throws. */
  hash(file, onProgress, cancel) {
    const hashed = this.queue.then(() => this.hashNow(file, onProgress, cancel));
    this.queue = hashed.catch(() => {});
    return hashed;
  }

  async hashNow(file, onProgress, cancel) {
    if (cancel.aborted) return null;
    const { worker, ready } = this.spare;
    if (!(await ready)) return hashInPieces(file, onProgress, () => cancel.aborted);
    if (cancel.aborted) return null;
    return new Promise((resolve, reject) => {
      const stop = () => {
        worker.terminate();
        this.spare = this.start();
        resolve(null);
      };
      cancel.addEventListener('abort', stop, { once: true });
      worker.onmessage = ({ data }) => {
        if (data.done !== undefined) {
          onProgress(data.done);
          return;
        }
        cancel.removeEventListener('abort', stop);
        if (data.digest) resolve(data.digest);
        else reject(new Error(data.failed));
      };
      worker.onerror = (event) => {
        cancel.removeEventListener('abort', stop);
        reject(new Error(event.message || 'worker'));
      };
      worker.postMessage(file);
    });
  }
}

async function hashInPieces(file, onProgress, isCancelled) {
  const sha256 = new Sha256();
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    const piece = await file.slice(at, at + PIECE_BYTES).arrayBuffer();
    if (isCancelled()) return null;
    sha256.update(new Uint8Array(piece));
    onProgress(Math.min(at + PIECE_BYTES, file.size));
  }
  // A file that shrinks or grows while it is read would give the digest of neither.
  if (sha256.bytes !== file.size) throw new Error(`${sha256.bytes} of ${file.size}`);
  return hex(sha256.digest());
}

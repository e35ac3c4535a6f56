// Reads tests/vectors/ for the tests beside. Each test says how many rows it wants, so that none is skipped unseen.
import { readFileSync, readdirSync } from 'node:fs';

const folder = new URL('../../vectors/', import.meta.url);

export const bytesOf = (path) => new Uint8Array(readFileSync(new URL(path, folder)));
export const json = (path) => JSON.parse(readFileSync(new URL(path, folder), 'utf8'));
export const filesUnder = (path) => readdirSync(new URL(path, folder), { recursive: true })
  .filter((name) => name.endsWith('.json')).map((name) => `${path}/${name}`);

export const modules = '../../src/server/portal/js';

/** The `Refused` that a call throws, or null if it returns. Anything else that is thrown is a mistake of ours. */
export async function refusal(call) {
  const { Refused } = await import(`../${modules}/bytes.js`);
  try {
    await call();
    return null;
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
}

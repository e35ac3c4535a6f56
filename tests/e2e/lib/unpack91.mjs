// Unpacks the Chromium 91 that the npm package chrome-aws-lambda@9.1.0 carries, with its libraries, into target/e2e/chromium-91/.
// Promises: the same folder again if it is there whole; two processes at once do not spoil it. Downloads nothing.
import { createReadStream, createWriteStream, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';

/** The folder with `chromium`, `lib/` (of aws.tar) and `swiftshader/`. */
export async function chromium91(target) {
  const folder = join(target, 'chromium-91');
  if (existsSync(folder)) return folder;
  const packed = join(dirname(createRequire(import.meta.url).resolve('chrome-aws-lambda/package.json')), 'bin');
  mkdirSync(target, { recursive: true });
  const scratch = mkdtempSync(join(target, 'chromium-91-'));
  try {
    await pipeline(createReadStream(join(packed, 'chromium.br')), createBrotliDecompress(), createWriteStream(join(scratch, 'chromium'), { mode: 0o755 }));
    await untar(join(packed, 'aws.tar.br'), scratch);
    await untar(join(packed, 'swiftshader.tar.br'), scratch);
    renameSync(scratch, folder); // Whole or not at all.
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return folder;
}

async function untar(file, folder) {
  const tar = spawn('tar', ['-x', '-C', folder], { stdio: ['pipe', 'inherit', 'inherit'] });
  const ended = new Promise((resolve, reject) => tar.once('exit', resolve).once('error', reject));
  await pipeline(createReadStream(file), createBrotliDecompress(), tar.stdin);
  const code = await ended;
  if (code !== 0) throw new Error(`tar ended with ${code} over ${file}`);
}

// Verifier keys, `<name>+<key ID, 8 hex digits>+<base64(type ‖ public key)>`. Same refusals and order as
// src/core/tlog/note/keys.rs: a vkey is never of low order nor written in a second way.
import { Refused, base64, byteLength, concat, equal, shorten, unbase64, utf8 } from './bytes.js';
import { judgePublicKey, verifyEd25519 } from './ed25519.js';
import { NAME_BYTES_MAX, keyIdHex, nameIsValid } from './note.js';
import { sha256 } from './sha256.js';

/** The signature types that we verify: over the note's text, and a timestamped cosignature (cosignature.js). */
export const ED25519 = 0x01;
export const COSIGNATURE_V1 = 0x04;
// ML-DSA-44: not verified here, but its keys are read (UnsupportedVkey).
const ML_DSA_44 = 0x06;
const ML_DSA_44_BYTES = 1312;
// Room for the keys of every algorithm that signed-note names or is likely to.
const BASE64_MAX = 4096;

export class Vkey {
  constructor(name, algorithm, publicKey) {
    this.name = name;
    this.algorithm = algorithm;
    this.publicKey = publicKey;
    this.keyId = keyIdOf(name, algorithm, publicKey);
    this.text = `${name}+${keyIdHex(this.keyId)}+${base64(concat(Uint8Array.of(algorithm), publicKey))}`;
  }

  static parse(text) {
    const { name, digits, algorithm, publicKey } = split(text);
    if (algorithm !== ED25519 && algorithm !== COSIGNATURE_V1) {
      throw new Refused('UnknownAlgorithm', `key ${name} has signature type 0x${hex2(algorithm)}, only 0x01 (Ed25519) and 0x04 (cosignature/v1) are known`, `密钥 ${name} 的签名类型为 0x${hex2(algorithm)}，只认 0x01 和 0x04`);
    }
    if (publicKey.length !== 32) throw badLength(name, publicKey, 32);
    checkPoint(name, publicKey);
    const vkey = new Vkey(name, algorithm, publicKey);
    if (parseInt(digits, 16) !== vkey.keyId) throw badKeyId(name, digits, vkey.keyId);
    if (vkey.text !== text) throw form(text);
    return vkey;
  }

  /** Whether a signature line claims to be by this key. The ID only selects: the full key decides. */
  isNamedBy(signature) {
    return signature.keyId === this.keyId && signature.name === this.name;
  }

  equals(other) {
    return this.name === other.name && this.algorithm === other.algorithm && this.hasKeyOf(other);
  }

  hasKeyOf(other) {
    return equal(this.publicKey, other.publicKey);
  }

  /** Whether `signature` is this key's of a note text. A cosigner's key signs no note text. */
  async verify(message, signature) {
    return this.algorithm === ED25519 && this.verifyRaw(message, signature);
  }

  verifyRaw(message, signature) {
    return verifyEd25519(this.publicKey, signature, message);
  }
}

/**
 * A key of a signature type that we cannot verify (ML-DSA-44, ECDSA, one of tomorrow). It is read so that a policy that names it can
 * be used: its lines are told apart from a stranger's, and never count. Length and key ID are checked of ML-DSA-44 keys only.
 */
export class UnsupportedVkey {
  static parse(text) {
    const { name, digits, algorithm, publicKey } = split(text);
    if (algorithm === ED25519 || algorithm === COSIGNATURE_V1 || publicKey.length === 0) throw form(text);
    const vkey = Object.assign(new UnsupportedVkey(), { name, algorithm, publicKey, keyId: parseInt(digits, 16) });
    if (algorithm === ML_DSA_44) {
      if (publicKey.length !== ML_DSA_44_BYTES) throw badLength(name, publicKey, ML_DSA_44_BYTES);
      const want = keyIdOf(name, algorithm, publicKey);
      if (vkey.keyId !== want) throw badKeyId(name, digits, want);
    }
    vkey.text = `${name}+${keyIdHex(vkey.keyId)}+${base64(concat(Uint8Array.of(algorithm), publicKey))}`;
    if (vkey.text !== text) throw form(text);
    return vkey;
  }

  isNamedBy(signature) {
    return signature.keyId === this.keyId && signature.name === this.name;
  }

  hasKeyOf(other) {
    return this.algorithm === other.algorithm && equal(this.publicKey, other.publicKey);
  }
}

function split(text) {
  // Base64 may have "+", so the third part is all the rest.
  const match = /^([^+]*)\+([^+]*)\+([^]*)$/.exec(text);
  if (!match) throw form(text);
  const [, name, digits, encoded] = match;
  checkName(name);
  if (!/^[0-9a-fA-F]{8}$/.test(digits) || encoded.length > BASE64_MAX) throw form(text);
  const bytes = unbase64(encoded);
  if (!bytes || bytes.length === 0) throw form(text);
  return { name, digits, algorithm: bytes[0], publicKey: bytes.subarray(1) };
}

function keyIdOf(name, algorithm, publicKey) {
  const digest = sha256(concat(utf8(`${name}\n`), Uint8Array.of(algorithm), publicKey));
  return new DataView(digest.buffer).getUint32(0);
}

const form = (text) => new Refused('Form', `vkey ${JSON.stringify(shorten(text))} is not of the form <name>+<8 lower-case hex digits>+<base64>`, `公钥 ${JSON.stringify(shorten(text))} 不是“名称+8 位小写十六进制+base64”的形式`);
const badLength = (name, { length }, want) => new Refused('Length', `key ${name} has a public key of ${length} bytes, wanted ${want}`, `密钥 ${name} 的公钥有 ${length} 字节，应为 ${want}`);
const badKeyId = (name, digits, want) => new Refused('KeyId', `key ${name} states key ID ${digits}, its name and public key have ${keyIdHex(want)}`, `密钥 ${name} 写的编号为 ${digits}，按名称和公钥应为 ${keyIdHex(want)}`);

function checkName(name) {
  if (byteLength(name) > NAME_BYTES_MAX || !nameIsValid(name)) {
    throw new Refused('Name', `key name ${JSON.stringify(shorten(name))} is empty, has more than ${NAME_BYTES_MAX} bytes, or has a space, "+" or control character`, `密钥名 ${JSON.stringify(shorten(name))} 为空、超过 ${NAME_BYTES_MAX} 字节，或含空白、“+”、控制字符`);
  }
}

// A ledger's receipts name the same few keys again and again, and looking at a point costs a power in the
// field: what was judged is remembered, for so many keys.
const judged = new Map();
const JUDGED_MAX = 512;

function checkPoint(name, publicKey) {
  const digits = base64(publicKey);
  let verdict = judged.get(digits);
  if (!verdict) {
    verdict = judgePublicKey(publicKey);
    if (judged.size >= JUDGED_MAX) judged.clear();
    judged.set(digits, verdict);
  }
  if (verdict === 'not a point') throw new Refused('Point', `key ${name} has a public key that is no canonical Ed25519 point`, `密钥 ${name} 的公钥不是规范的 Ed25519 点`);
  if (verdict === 'low order') throw new Refused('LowOrder', `key ${name} has a public key of low order, for which signatures mean nothing`, `密钥 ${name} 的公钥阶太低，其签名没有意义`);
}

export const hex2 = (byte) => byte.toString(16).padStart(2, '0');

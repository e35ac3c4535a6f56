// Typed reading of the members of one object: each refusal names the pointer, what was found and what was
// wanted. Same rules and order as src/core/trade/statement/members.rs.
import { Refused, byteLength, within } from './bytes.js';
import { whatIs } from './json.js';
import { checkHash, checkName, quoted } from './names.js';
import { parseOffsetTime } from './time.js';
import { ED25519, Vkey, hex2 } from './vkey.js';

export class Members {
  constructor(value, path = '') {
    if (!(value instanceof Map)) throw wrongMember(path, whatIs(value), 'an object');
    this.value = value;
    this.path = path;
  }

  get(name) {
    return this.value.get(name);
  }

  pointer(name) {
    return `${this.path}/${name}`;
  }

  /** Refuses members that are not among `names`. */
  only(names) {
    for (const name of this.value.keys()) {
      if (!names.includes(name)) {
        const pointer = this.pointer(name);
        throw new Refused('UnknownMember', `${pointer} is not known here, wanted only ${names.join(', ')}`, `${pointer} 不是此处的成员，只允许 ${names.join(', ')}`, { pointer });
      }
    }
  }

  wrong(name, found, wanted) {
    return wrongMember(this.pointer(name), quoted(found), wanted);
  }

  missing(name, wanted) {
    const pointer = this.pointer(name);
    return new Refused('Missing', `${pointer} is missing, wanted ${wanted}`, `缺少 ${pointer}（${wanted}）`, { pointer });
  }

  required(name, wanted) {
    const value = this.get(name);
    if (value === undefined) throw this.missing(name, wanted);
    return value;
  }

  mistyped(name, value, wanted) {
    return wrongMember(this.pointer(name), whatIs(value), wanted);
  }

  text(name, wanted = 'a string') {
    const value = this.required(name, wanted);
    if (typeof value !== 'string') throw this.mistyped(name, value, wanted);
    return value;
  }

  /** A string of 1 to `bytesMax` bytes for people to read. */
  words(name, bytesMax, wanted) {
    const text = this.text(name, wanted);
    const bytes = byteLength(text);
    if (bytes < 1 || bytes > bytesMax) throw this.wrong(name, text, wanted);
    return text;
  }

  /** A string in the form that `check` admits. */
  named(name, check) {
    const text = this.text(name);
    badForm(this.pointer(name), () => check(text));
    return text;
  }

  /** An integer of at least `min`. */
  count(name, min, wanted) {
    const value = this.required(name, wanted);
    if (typeof value !== 'number') throw this.mistyped(name, value, wanted);
    if (value < min) throw wrongMember(this.pointer(name), String(value), wanted);
    return value;
  }

  version() {
    return this.count('v', 1, 'an integer of at least 1');
  }

  hash(name) {
    const text = this.text(name, 'a SHA-256 in 64 lower-case hexadecimal digits');
    badForm(this.pointer(name), () => checkHash(text));
    return text;
  }

  /** A SHA-256 in hexadecimal, or `null`; not to be left out. */
  hashOrNull(name) {
    const wanted = 'null for the first statement of the chain, else the id of the one before';
    const value = this.required(name, wanted);
    if (value === null) return null;
    if (typeof value !== 'string') throw this.mistyped(name, value, wanted);
    return this.hash(name);
  }

  time(name) {
    const text = this.text(name, 'an RFC 3339 time with offset, such as "2026-11-23T09:02:03+08:00"');
    const pointer = this.pointer(name);
    return within(() => parseOffsetTime(text), (inner) => new Refused('Time', `${pointer} is not a time that is used here`, `${pointer} 不是有效时间`, { pointer, inner }));
  }

  optionalTime(name) {
    return this.get(name) === undefined ? null : this.time(name);
  }

  /** An object that may be left out: null then. */
  object(name) {
    const value = this.get(name);
    return value === undefined ? null : new Members(value, this.pointer(name));
  }

  requiredObject(name) {
    return new Members(this.required(name, 'an object'), this.pointer(name));
  }

  items(name, max, wanted) {
    const value = this.required(name, wanted);
    if (!Array.isArray(value)) throw this.mistyped(name, value, wanted);
    if (value.length < 1 || value.length > max) throw wrongMember(this.pointer(name), `an array of ${value.length}`, wanted);
    return value;
  }

  objects(name, max, wanted) {
    return this.items(name, max, wanted).map((item, at) => new Members(item, `${this.pointer(name)}/${at}`));
  }

  /** An Ed25519 vkey whose name the ledger admits. */
  vkey(name) {
    return parseVkey(this.text(name, 'a vkey'), this.pointer(name));
  }

  /** An array of 1 to `max` such vkeys, no two with the same public key, nor the same name and key ID. */
  vkeys(name, max, wanted) {
    const vkeys = [];
    this.items(name, max, wanted).forEach((item, at) => {
      const pointer = `${this.pointer(name)}/${at}`;
      if (typeof item !== 'string') throw wrongMember(pointer, whatIs(item), 'a vkey');
      const vkey = parseVkey(item, pointer);
      if (vkeys.some((other) => other.hasKeyOf(vkey) || other.isNamedBy(vkey))) {
        throw new Refused('KeyTwice', `${pointer} is the public key or the key ID of another key in the same list, wanted different keys`, `${pointer} 与同一列表中的另一公钥或其编号重复`, { pointer });
      }
      vkeys.push(vkey);
    });
    return vkeys;
  }
}

function parseVkey(text, pointer) {
  const vkey = within(() => Vkey.parse(text), (inner) => new Refused('Vkey', `${pointer} is not a verifier key that is admitted`, `${pointer} 不是可登记的公钥`, { pointer, inner }));
  if (vkey.algorithm !== ED25519) {
    throw new Refused('Algorithm', `${pointer} is a key of signature type 0x${hex2(vkey.algorithm)}, wanted 0x01 (Ed25519)`, `${pointer} 的签名类型为 0x${hex2(vkey.algorithm)}，应为 0x01（Ed25519）`, { pointer });
  }
  badForm(pointer, () => checkName(vkey.name));
  return vkey;
}

const badForm = (pointer, check) => within(check, (inner) => new Refused('Name', `${pointer} is not of the admitted form`, `${pointer} 的写法不对`, { pointer, inner }));
const wrongMember = (pointer, found, wanted) => new Refused('Member', `${pointer} is ${found}, wanted ${wanted}`, `${pointer} 为 ${found}，应为 ${wanted}`, { pointer });

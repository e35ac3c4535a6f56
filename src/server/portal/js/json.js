// The strict grammar of statements (DESIGN 3.1, docs/format.md 2.1): one JSON object on one line. Same
// rules, order and positions as src/core/trade/json.rs. `JSON.parse` would take duplicate names, fractions, lone
// surrogates and other spellings, so that two readers could read two things in one signed text.
//
// A value is null, true, false, a number (an integer below 2^53), a string, an Array or a Map. A Map, and not
// an object: a member may be called `constructor`.
import { Refused, decodeText, shorten, utf8ValidUpTo } from './bytes.js';

const DEPTH_MAX = 16;
const INTEGER_LIMIT = 2 ** 53;

/** Reads one JSON object from the bytes of a line, which has no line feed at its end. */
export function parseJson(line) {
  const text = decodeText(line);
  if (text === null) {
    const at = utf8ValidUpTo(line);
    throw fault('Utf8', at, `byte 0x${line[at].toString(16).padStart(2, '0')}`);
  }
  const parser = new Parser(line);
  if (line[0] !== 0x7b) throw parser.fault('FirstByte');
  const value = parser.value(1);
  if (parser.at < line.length) throw parser.fault('LastByte');
  return value;
}

/** What a value is, in a word for messages. */
export function whatIs(value) {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return 'a truth value';
  if (typeof value === 'number') return 'an integer';
  if (typeof value === 'string') return 'a string';
  return Array.isArray(value) ? 'an array' : 'an object';
}

/** The value at a JSON pointer (RFC 6901), or undefined. Names need no `~` escapes here. */
export function atPointer(value, pointer) {
  if (pointer === '') return value;
  if (!pointer.startsWith('/')) return undefined;
  let found = value;
  for (const segment of pointer.slice(1).split('/')) {
    if (found instanceof Map) found = found.get(segment);
    else if (Array.isArray(found) && /^(0|[1-9][0-9]{0,15})$/.test(segment)) found = found[Number(segment)];
    else return undefined;
    if (found === undefined) return undefined;
  }
  return found;
}

const isDigit = (byte) => byte >= 0x30 && byte <= 0x39;
const isLower = (byte) => byte >= 0x61 && byte <= 0x7a;

class Parser {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  value(depth) {
    const byte = this.bytes[this.at];
    if (byte === 0x22) return this.string();
    if (byte === 0x7b || byte === 0x5b) {
      if (depth > DEPTH_MAX) throw this.fault('Depth');
      return byte === 0x7b ? this.object(depth) : this.array(depth);
    }
    if (byte === 0x2d || isDigit(byte)) return this.integer();
    if (byte === 0x74) return this.literal('true', true);
    if (byte === 0x66) return this.literal('false', false);
    if (byte === 0x6e) return this.literal('null', null);
    throw this.fault('Value');
  }

  object(depth) {
    this.at++; // `{`
    const members = new Map();
    let twice = null;
    this.spaces();
    if (this.bytes[this.at] === 0x7d) {
      this.at++;
      return members;
    }
    for (;;) {
      const nameAt = this.at;
      const name = this.name();
      this.spaces();
      if (this.bytes[this.at] !== 0x3a) throw this.fault('Colon');
      this.at++;
      this.spaces();
      const value = this.inside(name, () => this.value(depth + 1));
      if (members.has(name)) twice = twice || fault('NameTwice', nameAt, `\`${shorten(name, 24)}\` again`);
      else members.set(name, value);
      this.spaces();
      if (this.bytes[this.at] === 0x7d) break;
      if (this.bytes[this.at] !== 0x2c) throw this.fault('ObjectNext');
      this.at++;
      this.spaces();
    }
    this.at++; // `}`
    if (twice) throw twice; // Told last, so that the first fault of the grammar is told first.
    return members;
  }

  array(depth) {
    this.at++; // `[`
    const items = [];
    this.spaces();
    if (this.bytes[this.at] === 0x5d) {
      this.at++;
      return items;
    }
    for (;;) {
      items.push(this.inside(items.length, () => this.value(depth + 1)));
      this.spaces();
      if (this.bytes[this.at] === 0x5d) break;
      if (this.bytes[this.at] !== 0x2c) throw this.fault('ArrayNext');
      this.at++;
      this.spaces();
    }
    this.at++; // `]`
    return items;
  }

  inside(segment, read) {
    try {
      return read();
    } catch (error) {
      if (error instanceof Refused) error.pointer = `/${segment}${error.pointer}`;
      throw error;
    }
  }

  spaces() {
    while (this.bytes[this.at] === 0x20) this.at++;
    const byte = this.bytes[this.at];
    if (byte === 0x09 || byte === 0x0a || byte === 0x0d) throw this.fault('Space');
  }

  name() {
    if (this.bytes[this.at] !== 0x22) throw this.fault('NameQuote');
    const start = this.at + 1;
    let end = start;
    while (isLower(this.bytes[end]) || isDigit(this.bytes[end]) || this.bytes[end] === 0x5f) end++;
    if (this.bytes[end] !== 0x22 || !isLower(this.bytes[start])) throw this.fault('Name');
    this.at = end + 1;
    return this.slice(start, end);
  }

  integer() {
    const negative = this.bytes[this.at] === 0x2d;
    const from = this.at + (negative ? 1 : 0);
    let end = from;
    while (isDigit(this.bytes[end])) end++;
    const digits = this.slice(from, end);
    const oneSpelling = digits === '0' ? !negative : /^[1-9]/.test(digits);
    // A fraction, an exponent or any letter glued to the digits belongs to the same mistaken number.
    const glued = end < this.bytes.length && /[.+\-a-zA-Z]/.test(String.fromCharCode(this.bytes[end]));
    if (!oneSpelling || glued) throw this.fault('Number');
    if (digits.length > 16 || Number(digits) >= INTEGER_LIMIT) throw this.fault('NumberRange');
    this.at = end;
    return negative ? -Number(digits) : Number(digits);
  }

  literal(word, value) {
    for (let k = 0; k < word.length; k++) if (this.bytes[this.at + k] !== word.charCodeAt(k)) throw this.fault('Value');
    this.at += word.length;
    return value;
  }

  string() {
    const quote = this.at;
    this.at++;
    let decoded = '';
    for (;;) {
      const from = this.at;
      this.run();
      decoded += this.slice(from, this.at);
      const byte = this.bytes[this.at];
      if (byte === 0x22) break;
      if (byte === 0x5c) {
        decoded += this.escape();
      } else if (byte === undefined) {
        this.at = quote;
        throw this.fault('StringEnd');
      } else {
        throw this.fault('Control');
      }
    }
    this.at++;
    return decoded;
  }

  /** Moves over characters that stand for themselves, up to a quotation mark, a backslash, a control or the end. */
  run() {
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte === undefined || byte === 0x22 || byte === 0x5c || byte < 0x20) return;
      if (byte < 0xef) {
        this.at++;
        continue;
      }
      // Noncharacters are U+FDD0..U+FDEF and the last two of each plane: their first byte is EF or above.
      const length = byte === 0xef ? 3 : 4;
      if (isNoncharacter(this.slice(this.at, this.at + length).codePointAt(0))) throw this.fault('Noncharacter');
      this.at += length;
    }
  }

  escape() {
    const simple = { 0x22: '"', 0x5c: '\\', 0x2f: '/', 0x62: '\b', 0x66: '\f', 0x6e: '\n', 0x72: '\r', 0x74: '\t' }[this.bytes[this.at + 1]];
    if (simple !== undefined) {
      this.at += 2;
      return simple;
    }
    let code = this.hex4(this.at);
    if (code === null) throw this.fault('Escape');
    let length = 6;
    if (code >= 0xd800 && code < 0xe000) {
      const low = code < 0xdc00 ? this.hex4(this.at + 6) : null;
      if (low === null || low < 0xdc00 || low > 0xdfff) throw this.fault('Surrogate');
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      length = 12;
    }
    if (code === 0) throw this.fault('Nul');
    if (isNoncharacter(code)) throw this.fault('Noncharacter');
    this.at += length;
    return String.fromCodePoint(code);
  }

  /** The value of `\uXXXX` at `at`, if that is what stands there, else null. */
  hex4(at) {
    if (this.bytes[at] !== 0x5c || this.bytes[at + 1] !== 0x75) return null;
    let digits = '';
    for (let k = 2; k < 6; k++) digits += String.fromCharCode(this.bytes[at + k]);
    return /^[0-9a-fA-F]{4}$/.test(digits) ? parseInt(digits, 16) : null;
  }

  /** The text of bytes that are known to be UTF-8. Short and plain is the usual. */
  slice(from, end) {
    if (end - from <= 64) {
      let short = '';
      for (let at = from; at < end; at++) {
        if (this.bytes[at] >= 0x80) return decodeText(this.bytes.subarray(from, end));
        short += String.fromCharCode(this.bytes[at]);
      }
      return short;
    }
    return decodeText(this.bytes.subarray(from, end));
  }

  fault(rule) {
    return fault(rule, this.at, excerpt(decodeText(this.bytes.subarray(this.at))));
  }
}

const isNoncharacter = (code) => (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;

/** What stands at the start of `rest`, for a message: a token, shortened, or the name of an invisible character. */
function excerpt(rest) {
  if (rest === '') return 'the end of the line';
  const code = rest.codePointAt(0);
  if (/^[\p{Cc}\p{White_Space}\ufeff]/u.test(rest) || isNoncharacter(code)) return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  const token = /^["\\]/.test(rest) ? rest : /^[^][^,\]}:\p{White_Space}\p{Cc}]*/u.exec(rest)[0];
  return `\`${shorten(token, 24).replace(/\p{Cc}/gu, '\ufffd')}\``;
}

function fault(rule, offset, found) {
  const [wanted, zh] = RULES[rule];
  return new Refused(rule, `found ${found} at byte ${offset}, wanted ${wanted}`, `第 ${offset} 字节：见到 ${found}，${zh}`, { pointer: '', offset });
}

// One row a rule, named as the variants of Rule in src/core/trade/json/error.rs.
const RULES = {
  Utf8: ['UTF-8', '要求为 UTF-8'],
  FirstByte: ['`{` as the first byte', '首字节应为 `{`'],
  LastByte: ['nothing after the `}` that closes the outer object', '最外层 `}` 之后不应再有内容'],
  Space: ['only spaces (U+0020) between tokens', '记号之间只允许空格（U+0020）'],
  Value: ['a value', '此处应为一个值'],
  ArrayNext: ['`,` or `]`', '应为 `,` 或 `]`'],
  ObjectNext: ['`,` or `}`', '应为 `,` 或 `}`'],
  NameQuote: ['a member name in quotation marks', '应为带引号的成员名'],
  Colon: ['`:` after the member name', '成员名后应为 `:`'],
  Name: ['a member name of the form [a-z][a-z0-9_]*, without escapes', '成员名应为 [a-z][a-z0-9_]* 且不用转义'],
  NameTwice: ['each member name once in an object', '同一对象中每个成员名只能出现一次'],
  Number: ['an integer of the form -?(0|[1-9][0-9]{0,15}), not -0', '数字应为整数 -?(0|[1-9][0-9]{0,15})，且不是 -0'],
  NumberRange: ['an integer between -9007199254740991 and 9007199254740991', '整数绝对值应小于 2^53'],
  StringEnd: ['a quotation mark that ends the string', '字符串应以引号结束'],
  Control: ['control characters written as escapes', '控制字符须转义'],
  Escape: ['one of \\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u and four hexadecimal digits', '转义应为 \\" \\\\ \\/ \\b \\f \\n \\r \\t 或 \\u 加四位十六进制'],
  Nul: ['a string without U+0000', '字符串不得含 U+0000'],
  Surrogate: ['a high surrogate followed by a low one, both as \\u escapes', '代理项须成对并都写成 \\u 转义'],
  Noncharacter: ['a string without Unicode noncharacters', '字符串不得含 Unicode 非字符'],
  Depth: ['at most 16 levels of objects and arrays', '对象与数组最多嵌套 16 层'],
};

// The admitted forms of names and identifiers (DESIGN 3.1). Same rules as src/core/trade/names.rs. The names of
// witnesses and of other people's logs follow signed-note's own, wider rule: see note.js.
import { Refused, shorten } from './bytes.js';

/** A name that a ledger admits: its origin, a publisher, supervisor, operator or authority. */
export function checkName(name) {
  const good = /^[a-z0-9._/-]{1,128}$/.test(name) && name.split('/').every((segment) => !['', '.', '..'].includes(segment));
  if (!good) throw new Refused('Name', `name ${quoted(name)} is not 1 to 128 of a-z 0-9 . / _ - without empty, "." or ".." segment`, `名称 ${quoted(name)} 应为 1 至 128 个 a-z 0-9 . / _ - 字符，斜杠之间不得为空、“.”或“..”`);
}

/** A project or lot id. */
export function checkProject(id) {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(id)) throw new Refused('Project', `id ${quoted(id)} is not [A-Za-z0-9][A-Za-z0-9._-]{0,63}`, `编号 ${quoted(id)} 应为 [A-Za-z0-9][A-Za-z0-9._-]{0,63}`);
}

export function checkType(name) {
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) throw new Refused('Type', `type ${quoted(name)} is not [a-z][a-z0-9_]{0,63}`, `类型 ${quoted(name)} 应为 [a-z][a-z0-9_]{0,63}`);
}

/** A statement id, or any SHA-256 in hex. */
export function checkHash(text) {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new Refused('Hash', `${quoted(text)} is not a SHA-256 in 64 lower-case hexadecimal digits`, `${quoted(text)} 应为 64 位小写十六进制的 SHA-256`);
}

export const quoted = (text) => JSON.stringify(shorten(text));

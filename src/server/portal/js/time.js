// Points in time: the ledger's own, and those that publishers state. Same rules as src/core/trade/time.rs: one
// spelling for a record's time, years 1949 to 9999, no second 60. Reads no clock. (`Date` would take other
// spellings, and days that no month has.)
import { Refused, shorten } from './bytes.js';

const DAY_MS = 86400000;
const MIN_MS = daysFromCivil(1949, 1, 1) * DAY_MS;
const MAX_MS = daysFromCivil(10000, 1, 1) * DAY_MS - 1;
const CLOCK = '^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})';
const RECORD = new RegExp(`${CLOCK}\\.([0-9]{3})Z$`);
const STATED = new RegExp(`${CLOCK}(?:\\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})$`);

/** Milliseconds since 1970 of the one form that a record's time has. */
export function parseTime(text) {
  const match = RECORD.exec(text);
  if (!match) throw new Refused('Record', `time ${quoted(text)} is not of the form 2026-11-23T01:02:03.456Z`, `时间 ${quoted(text)} 不是 2026-11-23T01:02:03.456Z 的形式`);
  return instant(text, match, Number(match[7]), 0);
}

/** An RFC 3339 time with its offset to `{ ms, offsetMinutes }`. What is finer than a millisecond is cut off. */
export function parseOffsetTime(text) {
  const form = () => new Refused('Stated', `time ${quoted(text)} is not RFC 3339 with an offset, such as 2026-11-23T09:02:03+08:00`, `时间 ${quoted(text)} 不是带时区的 RFC 3339 时间，如 2026-11-23T09:02:03+08:00`);
  const match = STATED.exec(text);
  if (!match) throw form();
  const [, , , , , , , fraction = '', zone] = match;
  let offsetMinutes = 0;
  if (zone !== 'Z') {
    const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4))];
    // RFC 3339 section 4.3: -00:00 says that the offset is not known.
    if (hours > 23 || minutes > 59 || zone === '-00:00') throw form();
    offsetMinutes = (zone[0] === '-' ? -1 : 1) * (hours * 60 + minutes);
  }
  return { ms: instant(text, match, Number(`${fraction}00`.slice(0, 3)), offsetMinutes), offsetMinutes };
}

/** A record's time as it stands in the log. */
export function formatTime(ms) {
  const { date, clock } = civil(ms);
  return `${date}T${clock}.${String(((ms % 1000) + 1000) % 1000).padStart(3, '0')}Z`;
}

/** The same for people in China: 2026-11-23 09:02:03 (+08:00), whatever zone this machine is set to. */
export function formatBeijing(ms) {
  const { date, clock } = civil(ms + 8 * 3600000);
  return `${date} ${clock} (+08:00)`;
}

function instant(text, [, ...fields], ms, offsetMinutes) {
  const [year, month, day, hour, minute, second] = fields.slice(0, 6).map(Number);
  const inCalendar = month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month) && hour < 24 && minute < 60 && second < 60;
  if (!inCalendar) throw new Refused('Calendar', `time ${quoted(text)} is not in the calendar (a second 60 is not used here)`, `时间 ${quoted(text)} 不在日历上（不用第 60 秒）`);
  const at = daysFromCivil(year, month, day) * DAY_MS + ((hour * 60 + minute - offsetMinutes) * 60 + second) * 1000 + ms;
  if (year < 1949 || at < MIN_MS || at > MAX_MS) throw new Refused('Range', `time ${quoted(text)} is outside the years 1949 to 9999`, `时间 ${quoted(text)} 不在 1949 至 9999 年之间`);
  return at;
}

function daysInMonth(year, month) {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** Days from 1970-01-01 (Howard Hinnant's algorithm): years begin in March, so that the leap day is their last. */
function daysFromCivil(year, month, day) {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return era * 146097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719468;
}

function civil(ms) {
  const text = new Date(ms).toISOString(); // Only ever for instants that were parsed, four-digit years.
  return { date: text.slice(0, 10), clock: text.slice(11, 19) };
}

const quoted = (text) => JSON.stringify(shorten(text, 40));

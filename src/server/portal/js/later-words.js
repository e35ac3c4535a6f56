// Later corrections in words: the clause for the sentence, and what it rests on, which is the server's word as
// far as it was not checked here.
import { element, group, sentence } from './dom.js';

/** `later` is `{ found }` or `{ error }` of later.js, or null if it was not asked. To `{ state, sentence, basis }`. */
export function laterWords(say, later, reason = 'later_offline') {
  if (!later || later.error) return { state: 'not_asked', sentence: [say('later_not_asked')], basis: basis(say(reason)) };
  const { found } = later;
  if (!found) return { state: 'no_project', sentence: [say('later_no_project').replace(/[。.]$/, '')], basis: null };
  const more = found.count === 0 ? say('later_zero')
    : found.open > 0 ? group(sentence(say('later_unchained'), { open: found.open })) : say('later_chained');
  const rests = basis(group(sentence(say('later_server'), { count: found.count })), more);
  if (found.amendments.length > 0) {
    const list = found.amendments.map(({ index, effect }) => say('later_by').replace('{index}', index).replace('{effect}', say(`effect_${effect}`))).join(say('separator'));
    return { state: 'found', sentence: sentence(say('later_found'), { list }), basis: null };
  }
  return { state: 'none', sentence: sentence(say('later_none'), { last: found.last }), basis: rests };
}

const basis = (...children) => element('li', {}, ...children);

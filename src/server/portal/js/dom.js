// Making elements. Promises: whatever others wrote goes in as text, never as markup, stands in <bdi> so that
// it turns no direction of writing but its own, and has every character that cannot be seen made visible: the
// same rule as src/server/portal/quoted.rs.

/** An element: `attributes` by name (`on…` are listeners), children are elements or strings of ours. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** What others wrote: a publisher, a file's name, a server. */
export function said(text, tag = 'bdi') {
  const made = document.createElement(tag);
  made.textContent = visible(String(text));
  return made;
}

export const hash = (digits) => element('code', { class: 'hash' }, digits);

/** A sentence of ours with gaps `{name}`, each filled with an element or, as something others wrote, with a text. */
export function sentence(words, gaps) {
  const parts = words.split(/\{([a-z_]+)\}/);
  return parts.map((part, at) => {
    if (at % 2 === 0) return part;
    const gap = gaps[part];
    return gap instanceof Node ? gap : said(gap);
  });
}

/** Children as one, for a gap. */
export const group = (children) => element('span', {}, ...children);

export function replaceChildren(parent, ...children) {
  parent.textContent = '';
  parent.append(...children);
}

// Controls (but LF and tab), bidi controls, what has no width, tags: whatever makes a text look like another.
const UNSEEN = /(?![\n\t])[\p{Cc}\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

export const visible = (text) => text.replace(UNSEEN, (character) => `⟦U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}⟧`);

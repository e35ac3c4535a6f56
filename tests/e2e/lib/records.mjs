// What a ledger holds, as its API tells it: for choosing what a test looks at.

/** All records, each with its statement. */
export async function records(ledger) {
  const all = [];
  let page = await ledger.json('/api/v1/records?limit=256');
  while (page.records.length > 0) {
    all.push(...page.records);
    page = await ledger.json(`/api/v1/records?limit=256&after=${all.at(-1).index}`);
  }
  return all;
}

/** The first document that a record names and the ledger keeps: `{ index, name, bytes }`. */
export async function firstDocument(ledger) {
  for (const { index, statement } of await records(ledger)) {
    for (const { name, sha256 } of statement.documents ?? []) {
      const response = await fetch(`${ledger.url}/api/v1/documents/${sha256}`);
      if (response.ok) return { index, name, bytes: Buffer.from(await response.arrayBuffer()) };
    }
  }
  throw new Error('the demo keeps no document');
}

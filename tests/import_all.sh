#!/usr/bin/env bash
# Imports real data into one ledger, and holds it to what was promised:
# bash tests/import_all.sh DATA PROGRAM [--write-docs]
#
# DATA is the folder with ocds/, cn/yichang/ and cn/national-2026-03/; PROGRAM a mingzhang.
# Promises: over 4,000 records; the audit is clean; every receipt verifies; a second run logs nothing
# and keeps no opening twice; the facts of each file are as many as those in fields, details.extra, documents, commitments and
# refusals together, and every fact of an OCDS release stands in the log, in a document, in an opening or in a refusal (tests/facts.py, which
# shares no code with the importer); no name, number or address of a person that tests/people.py finds stands in the clear, and at most one
# in a thousand names of bodies is hidden, by a hand count; the table of what was refused and why is the one in docs/import.md, between the marks
# (--write-docs puts it there). Leaves nothing behind, prints seconds and counts.
# Does not: judge what the notices say.
set -euo pipefail

data=$(cd "${1:?DATA}" && pwd)
program=$(realpath "${2:?PROGRAM}")
write=${3-}
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
page=$repository/docs/import.md
records_min=4000

scratch=$(mktemp -d)
server=''
leave() {
    [ -z "$server" ] || { kill -INT "$server" && wait "$server" || true; }
    rm -rf "$scratch"
}
trap leave EXIT
export LANG=en_US.UTF-8

fail() {
    echo "import_all: $*" >&2
    exit 1
}

# import SOURCE RUN FILE…: imports, wants exit 0 or 3 (something was refused), prints the JSON.
import() {
    local source=$1 run=$2 code=0
    shift 2
    "$program" import "$source" --json --ledger "$url" --key "$scratch/data/centre.key" \
        --openings "$scratch/openings.jsonl" --receipts "$scratch/receipts" \
        --report "$scratch/$source-$run.md" "$@" >"$scratch/$source-$run.json" 2>"$scratch/$source-$run.err" || code=$?
    [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || {
        cat "$scratch/$source-$run.json" "$scratch/$source-$run.err" >&2
        fail "import $source ended with $code"
    }
    jq -r --arg s "$SECONDS" --arg name "$source, run $run" \
        '"\($name): \(.found) items, \(.logged) logged, \(.known) known, \(.refused | length) refused (at \($s) s)"' \
        "$scratch/$source-$run.json"
}

"$program" init --data "$scratch/data" --origin "import.mingzhang.example" >/dev/null
"$program" serve --data "$scratch/data" --listen 127.0.0.1:0 --json >"$scratch/serve.out" 2>"$scratch/serve.err" &
server=$!
url=''
for _ in $(seq 240); do
    url=$(jq -r 'select(.code == "serving") | .url' "$scratch/serve.out" 2>/dev/null | head -n 1)
    [ -n "$url" ] && curl -fsS "$url/readyz" >/dev/null 2>&1 && break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.25
done
[ -n "$url" ] || fail "the ledger did not come up: $(cat "$scratch/serve.err")"

# Names in the report are those under DATA, on every machine in the same order.
cd "$data"
notices=(cn/yichang/*.jsonl cn/national-2026-03/*.jsonl)
mapfile -t releases < <(find ocds -name '*.json*' ! -path 'ocds/schema-*' ! -path 'ocds/extensions/*' | LC_ALL=C sort)
[ -f "${notices[0]}" ] && [ "${#releases[@]}" -gt 0 ] || fail "$data does not hold what is to be imported"

import notices 1 "${notices[@]}"
import ocds 1 "${releases[@]}"
kept=$(sha256sum <"$scratch/openings.jsonl")
import notices 2 "${notices[@]}"
import ocds 2 "${releases[@]}"
[ "$(jq -s 'map(.logged) | add' "$scratch"/*-2.json)" -eq 0 ] || fail "a second run logged something"
[ "$(sha256sum <"$scratch/openings.jsonl")" = "$kept" ] || fail "a second run kept openings again"
[ -z "$(jq .ref "$scratch/openings.jsonl" | sort | uniq -d)" ] || fail "openings of one ref were kept twice"

logged=$(jq -s 'map(.logged) | add' "$scratch"/*-1.json)
[ "$logged" -gt "$records_min" ] || fail "$logged records, wanted over $records_min"

for run in "$scratch"/*-[12].json; do
    jq -e '.facts | .source == .fields + .extra + .documents + .withheld + .repeated + .refused' "$run" >/dev/null ||
        fail "the facts of $run do not add up: $(jq -c .facts "$run")"
done
for _ in $(seq 240); do
    curl -fsS "$url/api/v1/search?limit=1" | jq -e '.indexed_size == .tree_size' >/dev/null && break
    sleep 0.5
done
"$program" export ndjson --ledger "$url" -o "$scratch/all.ndjson" >/dev/null 2>&1 || fail "the log is not exported"
jq .index "$scratch/all.ndjson" | cmp -s - <(seq 0 $((logged + 1))) || fail "the export is not the log in its order"
mapfile -t lines < <(printf '%s\n' "${releases[@]}" | grep '\.jsonl$')
python3 "$repository/tests/facts.py" "${lines[@]}" -- "$scratch/all.ndjson" "$scratch/openings.jsonl" "$scratch/data/documents" "$scratch/ocds-1.json" ||
    fail "facts were lost"
python3 "$repository/tests/people.py" "$scratch/all.ndjson" "$scratch/openings.jsonl" "$repository"/tests/data/people/{judged,not-names}.txt ||
    fail "people are in the clear, or bodies hidden"

"$program" audit "$url" --policy "$scratch/data/policy" --json >"$scratch/audit.json" ||
    fail "the audit is not clean: $(head -c 2000 "$scratch/audit.json")"
echo "audit: clean (at $SECONDS s)"

receipts=$(find "$scratch/receipts" -name '*.tlog-proof' | wc -l)
[ "$receipts" -eq "$logged" ] || fail "$receipts receipts of $logged records"
"$program" verify "$scratch/receipts" --policy "$scratch/data/policy" --json >"$scratch/verify.json" ||
    fail "a receipt does not verify: $(head -c 2000 "$scratch/verify.json")"
jq -e --argjson n "$logged" '.verdicts == [.verdicts[0]] and .verdicts[0].hold == $n' "$scratch/verify.json" >/dev/null ||
    fail "not every receipt was verified"
echo "receipts: $receipts, all hold (at $SECONDS s)"

{
    cat "$scratch/notices-1.md"
    echo
    cat "$scratch/ocds-1.md"
} >"$scratch/table.md"
cat "$scratch/table.md"
mark() {
    echo "<!-- $1: tests/import_all.sh DATA PROGRAM --write-docs -->"
}
if [ "$write" = --write-docs ]; then
    awk -v begin="$(mark begin)" -v end="$(mark end)" -v table="$scratch/table.md" '
        $0 == begin { print; while ((getline line <table) > 0) print line; skip = 1; next }
        $0 == end { skip = 0 }
        !skip { print }' "$page" >"$scratch/page.md"
    cp "$scratch/page.md" "$page"
else
    awk -v begin="$(mark begin)" -v end="$(mark end)" '$0 == end { on = 0 } on { print } $0 == begin { on = 1 }' "$page" |
        diff - "$scratch/table.md" || fail "docs/import.md has another table (above: <); --write-docs puts this one there"
fi
echo "import: $logged records in one ledger, in $SECONDS s"

#!/usr/bin/env bash
# Checks a log with nothing of ours: sha256sum, openssl, jq, curl.
#
#     bash examples/check-without-us.sh URL|FOLDER GENESIS_ID INDEX
#
# Shows: the genesis is the pinned one; every record's link is the leaf hash of the record before;
# all leaves together have the root that the log's key signed; the statement of record INDEX is
# signed by a key that the log admits for its publisher. Does not: count the authorities'
# signatures, look at revocations, roles, chains and times, or ask witnesses. `mingzhang audit` does.
set -euo pipefail
log=$1 genesis=$2 index=$3
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT

get() { case $log in http*) curl -fsS "$log/$1" ;; *) cat "$log/$1" ;; esac; }
leaf_hash() { { printf '\000'; cat "$1"; } | sha256sum | cut -c1-64; }
say() { echo "ok  $*"; }
fail() { echo "NO  $*" && exit 1; }

# A vkey is name+id+base64(type, 32 key bytes); before the key goes the fixed DER head of Ed25519.
public_key() {
    { printf '\060\052\060\005\006\003\053\145\160\003\041\000'; cut -d+ -f3- | base64 -d | tail -c 32; } |
        openssl pkey -pubin -inform DER
}
# A signature line ends in base64(4 bytes of key id, 64 of signature).
signature() { cut -d' ' -f3 | base64 -d | tail -c 64; }
signed() { openssl pkeyutl -verify -pubin -inkey "$1" -rawin -in "$2" -sigfile "$3" >/dev/null; }

# root FROM TO: RFC 6962: split at the largest power of two below the count.
root() {
    local from=$1 to=$2 k=1
    [ $((to - from)) -eq 1 ] && sed -n "$((from + 1))p" "$work/leaves" && return
    while [ $((k * 2)) -lt $((to - from)) ]; do k=$((k * 2)); done
    printf "$(echo "01$(root "$from" $((from + k)))$(root $((from + k)) "$to")" | sed 's/../\\x&/g')" |
        sha256sum | cut -c1-64
}

get checkpoint >"$work/checkpoint"
origin=$(sed -n 1p "$work/checkpoint") size=$(sed -n 2p "$work/checkpoint")
[ "$size" -le 256000 ] || fail "$size records: this script knows paths of 1,000 bundles"

before=$(printf '0%.0s' {1..64}) n=0
while [ "$n" -lt "$size" ]; do # One bundle of 256 entries, each behind its length; the last is partial.
    width=$((size - n)) partial=.p/$((size - n))
    [ "$width" -ge 256 ] && width=256 partial=
    get "tile/entries/$(printf %03d $((n / 256)))$partial" >"$work/bundle"
    at=0
    for ((i = 0; i < width; i++, n++)); do
        bytes=$((16#$(od -An -tx1 -j$at -N2 "$work/bundle" | tr -d ' ')))
        tail -c +$((at + 3)) "$work/bundle" | head -c $bytes >"$work/$n" || [ $? -eq 141 ]
        at=$((at + 2 + bytes))
        [ "$(head -n 1 "$work/$n" | cut -d' ' -f1,2)" = "$n $before" ] || fail "record $n: its link"
        before=$(leaf_hash "$work/$n") && echo "$before" >>"$work/leaves"
    done
done
say "$size records, each linked to the one before"

sed -n 2p "$work/0" >"$work/text"
[ "$(sha256sum <"$work/text" | cut -c1-64)" = "$genesis" ] || fail "the genesis is not the pinned one"
say "genesis $genesis"

[ "$(root 0 "$size")" = "$(sed -n 3p "$work/checkpoint" | base64 -d | od -An -v -tx1 | tr -d ' \n')" ] || fail "the root"
jq -r '.log[0]' "$work/text" | public_key >"$work/log.pem"
head -n 3 "$work/checkpoint" >"$work/tree"
grep "^— $origin " "$work/checkpoint" | head -n 1 | signature >"$work/signature"
signed "$work/log.pem" "$work/tree" "$work/signature" || fail "the checkpoint's signature"
say "root of size $size, signed by the log's key in the genesis"

sed -n 2p "$work/$index" >"$work/text" && sed -n 4p "$work/$index" | signature >"$work/signature"
publisher=$(jq -r .publisher "$work/text")
for ((i = 0, found = 0; i < index; i++)); do
    sed -n 2p "$work/$i" | jq -r --arg name "$publisher+" \
        'select(.type == "key").changes[] | select(.op == "admit").vkey | select(startswith($name))'
done >"$work/vkeys"
while read -r vkey; do
    public_key <<<"$vkey" >"$work/key.pem"
    signed "$work/key.pem" "$work/text" "$work/signature" && found=1
done <"$work/vkeys"
[ "$found" -eq 1 ] || fail "record $index: no admitted key of $publisher has signed it"
say "record $index: statement $(sha256sum <"$work/text" | cut -c1-64), signed by $publisher"
jq -r '"    " + .issued + "  " + .title' "$work/text"

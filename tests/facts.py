#!/usr/bin/env python3
"""Counts facts in and facts out, without any code of ours: python3 tests/facts.py RELEASES.jsonl… -- EXPORT.ndjson OPENINGS.jsonl DOCUMENTS-DIR IMPORT.json

For each release (a line), every leaf value must stand in a statement that has the release's ocid and id, in what opens its
commitments, or in a document; or the answer of the import names a refusal at its place, of at least so many facts. Numbers are compared
by their digits. Prints counts; ends with 1 and the places if a fact is lost.
"""
import collections
import json
import os
import sys


class Digits(str):
    pass


def load(text):
    return json.loads(text, parse_float=Digits, parse_int=Digits)


def leaves(value, path=""):
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, path + "/" + name)
    elif isinstance(value, list) and value:
        for at, inner in enumerate(value):
            yield from leaves(inner, f"{path}/{at}")
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)


def main():
    cut = sys.argv.index("--")
    export, openings, documents, answer = sys.argv[cut + 1 :]
    # By file and line: the place in the release, and how many facts are refused there.
    refusals = collections.defaultdict(dict)
    with open(answer, encoding="utf-8") as file:
        for one in json.load(file)["refused"]:
            number, slash, place = one["line"].partition("/")
            refusals[one["file"], number][slash + place] = one["facts"]
    held = collections.defaultdict(str)
    kept = {}
    with open(openings, encoding="utf-8") as file:
        for line in file:
            opened = json.loads(line)
            kept[opened["statement"]] = "\n".join(one["value"] for one in opened["openings"].values())
    with open(export, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            statement = load(json.dumps(record["statement"]))
            codes = {code["scheme"]: code["value"] for code in statement.get("codes", [])}
            if "ocid" not in codes:
                continue
            text = "\n" + "\n".join(value for _, value in leaves(statement)) + "\n" + kept.get(record["id"], "")
            for document in statement["documents"]:
                with open(os.path.join(documents, document["sha256"]), encoding="utf-8") as body:
                    text += "\n" + "\n".join(value for _, value in leaves(load(body.read())))
            held[codes["ocid"], codes.get("ocds_release_id", "").strip()] += text
    lost = total = refused = 0
    for path in sys.argv[1:cut]:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                release = load(line)
                left = refusals[path, str(number)]
                text = held[release.get("ocid"), str(release.get("id", "")).strip()]
                for pointer, value in leaves(release):
                    total += 1
                    # What is withheld stands in the openings as JSON, with its escapes.
                    if value not in text and json.dumps(value, ensure_ascii=False)[1:-1] not in text:
                        # The first section of a release carries what stands around all of them: refused with it, that is named by its place.
                        open_places = [place for place in left if left[place] > 0]
                        own = (place for place in open_places if (pointer + "/").startswith(place + "/"))
                        place = next(own, next(iter(open_places), None))
                        if place is not None:
                            left[place] -= 1
                            refused += 1
                            continue
                        lost += 1
                        print(f"{path}:{number} {pointer}: {value[:80]!r} is nowhere")
    print(f"facts: {total} in, {refused} refused, {lost} lost")
    sys.exit(lost > 0)


main()

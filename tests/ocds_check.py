"""Holds an OCDS export against code that others wrote: libcoveocds 0.17.0 and ocdsmerge, without the network.

    python3 tests/ocds_check.py RELEASE_PACKAGE.json RECORD_PACKAGE.json

Exits 1 if libcoveocds finds anything in the release package, or if a compiled release of the record package is not what ocdsmerge
makes of its releases. Does not check record packages by schema: the library fetches a schema for them.
"""

import json
import os
import subprocess
import sys
import tempfile

import ocdsmerge

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "data", "ocds")
CLEAN = ("validation_errors", "additional_fields", "additional_checks", "additional_closed_codelist_values")


def covered(path):
    """What libcoveocds finds, as a list of sentences."""
    zipped = os.path.join(DATA, "ocds-1__1__5-schema.zip")
    program = os.path.join(os.path.dirname(sys.executable), "libcoveocds")
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--standard-zip", zipped, "--output-dir", os.path.join(folder, "out"), os.path.abspath(path)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        return [done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "libcoveocds failed"]
    found = json.loads(done.stdout)
    missing = [f"{name} is not in libcoveocds' answer" for name in CLEAN if name not in found]
    return missing + [f"{name}: {json.dumps(found[name], ensure_ascii=False)[:2000]}" for name in CLEAN if found.get(name)]


def merged(path):
    """Where compiled releases are not ocdsmerge's."""
    with open(os.path.join(DATA, "dereferenced-release-schema.json"), encoding="utf-8") as file:
        merger = ocdsmerge.Merger(json.load(file))
    with open(path, encoding="utf-8") as file:
        package = json.load(file)
    wrong = [] if package["records"] else ["there is no record"]
    for record in package["records"]:
        theirs = merger.create_compiled_release(record["releases"])
        ours = record["compiledRelease"]
        for name in sorted(set(theirs) | set(ours)):
            if theirs.get(name) != ours.get(name):
                wrong.append(
                    f"{record['ocid']} {name}:\n  ours   {json.dumps(ours.get(name), ensure_ascii=False)[:1500]}"
                    f"\n  theirs {json.dumps(theirs.get(name), ensure_ascii=False)[:1500]}"
                )
    return wrong


def main():
    releases, records = sys.argv[1:3]
    wrong = covered(releases) + merged(records)
    for sentence in wrong:
        print(sentence)
    print("ocds: clean" if not wrong else f"ocds: {len(wrong)} findings")
    return 1 if wrong else 0


sys.exit(main())

"""Holds an OCDS export against code that others wrote: libcoveocds 0.17.0 and ocdsmerge, without the network.

    python3 tests/ocds_check.py RELEASE_PACKAGE.json RECORD_PACKAGE.json [SOURCE…]

With sources (releases one a line, or a release package) that were imported, only a validation error that they do not have counts.
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


def cover(path):
    """libcoveocds' answer."""
    zipped = os.path.join(DATA, "ocds-1__1__5-schema.zip")
    program = os.path.join(os.path.dirname(sys.executable), "libcoveocds")
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--standard-zip", zipped, "--output-dir", os.path.join(folder, "out"), os.path.abspath(path)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise SystemExit("libcoveocds failed: " + done.stderr.strip()[-500:])
    return json.loads(done.stdout)


def covered(path):
    """What libcoveocds finds, as a list of sentences."""
    found = cover(path)
    missing = [f"{name} is not in libcoveocds' answer" for name in CLEAN if name not in found]
    return missing + [f"{name}: {json.dumps(found[name], ensure_ascii=False)[:2000]}" for name in CLEAN if found.get(name)]


def errors(path):
    """Validation errors by what they are, not by where."""
    return {(e["type"], e["field"], e["description"]) for e in cover(path)["validation_errors"]}


def new_errors(path, sources):
    """Validation errors that the sources did not have."""
    releases = []
    for source in sources:
        with open(source, encoding="utf-8") as file:
            text = file.read()
        try:
            parts = [json.loads(text)]
        except json.JSONDecodeError:
            parts = [json.loads(line) for line in text.splitlines() if line.strip()]
        for part in parts:
            releases += part.get("releases") or [part]
    package = {
        "uri": "https://example.com/source",
        "version": "1.1",
        "publishedDate": "2020-01-01T00:00:00Z",
        "publisher": {"name": "source"},
        "extensions": [],
        "releases": releases,
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(package, file)
        file.flush()
        before = errors(file.name)
    if not releases:
        return ["the sources hold no release"]
    return [f"new validation error: {error}" for error in sorted(errors(path) - before)]


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
    releases, records, sources = sys.argv[1], sys.argv[2], sys.argv[3:]
    wrong = (new_errors(releases, sources) if sources else covered(releases)) + merged(records)
    for sentence in wrong:
        print(sentence)
    print("ocds: clean" if not wrong else f"ocds: {len(wrong)} findings")
    return 1 if wrong else 0


sys.exit(main())

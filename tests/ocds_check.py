"""Holds an OCDS export against code that others wrote: libcoveocds 0.17.0 and ocdsmerge, without the network.

    python3 tests/ocds_check.py RELEASE_PACKAGE.json RECORD_PACKAGE.json [SOURCE…]

With sources (releases one a line, or a release package) that were imported, only a validation error that they do not have counts.
Exits 1 if libcoveocds finds anything in the release package, or if a compiled or versioned release of the record package is not what
ocdsmerge makes of its releases. The extensions that a package names are answered from `data/ocds/extensions` over loopback. Does not check
record packages by schema: the library fetches a schema for them.
"""

import functools
import http.server
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import zipfile

import json_merge_patch
import ocdsmerge

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "data", "ocds")
EXTENSIONS = {
    "ocds_lots_extension": "lots",
    "ocds_bid_extension": "bids",
    "ocds_enquiry_extension": "enquiries",
    "ocds_withheldInformation_extension": "withheldInformation",
}
CLEAN = ("validation_errors", "additional_fields", "additional_checks", "additional_closed_codelist_values")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Answers with the copies of the extensions, and says nothing of it."""

    def log_message(self, *_):
        pass


@functools.lru_cache
def extensions_at():
    """Where the copies of the extensions are served."""
    handler = functools.partial(Quiet, directory=os.path.join(DATA, "extensions"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def local(urls):
    """The same extensions, at the copies; one that is not there stays as it is and is then not found."""
    found = []
    for url in urls:
        name = next((own for registered, own in EXTENSIONS.items() if f"/{registered}/" in url), None)
        found.append(f"{extensions_at()}/{name}/extension.json" if name else url)
    return found


def schema_with(urls):
    """The release schema with the extensions that are named."""
    with zipfile.ZipFile(os.path.join(DATA, "ocds-1__1__5-schema.zip")) as zipped:
        name = next(name for name in zipped.namelist() if name.endswith("/release-schema.json"))
        schema = json.load(io.TextIOWrapper(zipped.open(name), encoding="utf-8"))
    for registered, own in EXTENSIONS.items():
        if any(f"/{registered}/" in url for url in urls):
            with open(os.path.join(DATA, "extensions", own, "release-schema.json"), encoding="utf-8") as file:
                schema = json_merge_patch.merge(schema, json.load(file))
    return schema


def cover(path):
    """libcoveocds' answer."""
    with open(path, encoding="utf-8") as file:
        package = json.load(file)
    package["extensions"] = local(package.get("extensions", []))
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(package, file)
        file.flush()
        return cover_file(file.name)


def cover_file(path):
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
    with open(path, encoding="utf-8") as file:
        package = json.load(file)
    merger = ocdsmerge.Merger(schema_with(package.get("extensions", [])))
    wrong = [] if package["records"] else ["there is no record"]
    for record in package["records"]:
        pairs = [(merger.create_compiled_release(record["releases"]), record["compiledRelease"], "compiled")]
        if "versionedRelease" in record:
            theirs = merger.create_versioned_release(record["releases"])
            pairs.append((theirs, record["versionedRelease"], "versioned"))
        for theirs, ours, which in pairs:
            for name in sorted(set(theirs) | set(ours)):
                if theirs.get(name) == ours.get(name):
                    continue
                wrong.append(
                    f"{record['ocid']} {which} {name}:\n  ours   {json.dumps(ours.get(name), ensure_ascii=False)[:1500]}"
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

"""Files of a stopped ledger that are deleted, emptied, cut or changed: what is truth is missed, what is derived is made anew."""

import hashlib
import json
import re
import shutil

from judge import Seen, statement_id
from ledger import ORIGIN, run, wait_for
from table import copy_folder, row

WAYS = ('deleted', 'emptied', 'cut', 'changed')


def damage(path, way, chance):
    content = path.read_bytes()
    if way == 'deleted':
        path.unlink()
    elif way == 'emptied':
        path.write_bytes(b'')
    elif way == 'cut':
        path.write_bytes(content[: len(content) // 2])
    elif content:
        at = chance.randrange(len(content))
        path.write_bytes(content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :])


def kind(path):
    """Files that differ only in a number are of one kind."""
    return re.sub(r'[0-9a-f]{8,}|\b[0-9]+\b', 'N', str(path))


@row('damaged files', 'each kind of file of a stopped ledger is deleted, emptied, cut and changed by a bit: audit names it, or serve refuses by name, or it is made whole again; every answer is the one from before or an error')
def damaged_files(bench):
    world = bench.world()
    world.rest_mib = None
    world.serve()
    document = bytes(bench.random.randrange(256) for _ in range(5000))
    digest = hashlib.sha256(document).hexdigest()
    world.post_one(project='WITH-DOCUMENT', documents='[{"name":"a.pdf","media_type":"application/pdf","size":%d,"sha256":"%s"}]' % (len(document), digest))
    world.server.ask('/api/v1/documents/' + digest, 'PUT', document)
    world.post_many(300)
    opened = post_with_opening(world, bench.random)
    world.post(3)
    wait_for(world.is_indexed, 20)
    paths = ['/checkpoint', '/head', '/tile/entries/000', '/tile/0/000', '/api/v1/documents/' + digest, '/api/v1/openings/' + opened, '/api/v1/keys', '/api/v1/projects/%s/WITH-DOCUMENT' % world.signer.name]
    paths += ['/api/v1/records/%d' % index for index in (0, 1, 2, 100, 255, 256, world.size() - 1)]
    before = {path: answer(world, path) for path in paths}
    world.server.stop()
    acknowledged = dict(world.seen.acknowledged)
    template = world.folder / 'template'
    template.mkdir()
    copy_folder(world.data, template / 'data')
    copy_folder(world.keys, template / 'keys')
    kinds = {}
    for path in sorted(p.relative_to(template) for p in template.rglob('*') if p.is_file()):
        if path.name != 'lock' and not path.name.startswith(('authority', 'centre', 'operator')):
            kinds.setdefault(kind(path), []).append(path)
    cases = [(name, way, found) for name, found in kinds.items() for way in WAYS]
    cases = sorted(bench.random.sample(cases, min(len(cases), bench.many(36, len(cases), len(cases)))))
    outcomes, faults = {}, []
    for name, way, found in cases:
        for path in found if bench.part == 'exhaustive' else [bench.random.choice(found)]:
            for part in ('data', 'keys'):
                shutil.rmtree(world.folder / part, ignore_errors=True)
                copy_folder(template / part, world.folder / part)
            world.seen = Seen(world.log_key)
            world.seen.acknowledged.update(acknowledged)
            damage(world.folder / path, way, bench.random)
            outcome, wrong = what_becomes(world, template, path, before)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            if wrong:
                faults.append('%s %s: %s' % (path, way, wrong))
                print('   %s' % faults[-1], flush=True)
    bench.demand('nothing wrong is served, no damage goes unnoticed', not faults, '%d of %d wrong; %s; kinds: %s' % (len(faults), sum(outcomes.values()), outcomes, ' '.join(sorted(kinds))))
    for part in ('data', 'keys'):
        shutil.rmtree(world.folder / part)
        copy_folder(template / part, world.folder / part)
    world.seen = Seen(world.log_key)
    world.seen.acknowledged.update(acknowledged)


def post_with_opening(world, chance):
    """A statement with one committed name, and its opening: the id."""
    opening = {'salt': '%064x' % chance.getrandbits(256), 'value': '张三'}
    pointer, publisher = '/details/extra/manager', world.signer.name
    committed = '\n'.join(['mingzhang-commitment-v1', ORIGIN, publisher, 'WITH-OPENING', pointer, opening['salt'], opening['value']])
    details = '{"extra":{"manager":{"commitment":"%s","class":"person"}}}' % hashlib.sha256(committed.encode()).hexdigest()
    text = world.text(project='WITH-OPENING').replace('"details":{}', '"details":' + details)
    body = json.dumps({'note': world.signer.note(text), 'openings': {pointer: opening}})
    status, _, said = world.server.ask('/api/v1/statements', 'POST', body.encode(), {'content-type': 'application/json'})
    if status != 201:
        raise RuntimeError('a post with an opening is answered %d: %s' % (status, said[:300]))
    world.seen.receipt(statement_id(text), said)
    return statement_id(text)


def answer(world, path):
    """Status and what is said, without what changes from one process to the next."""
    status, _, body = world.server.ask(path)
    if path in ('/checkpoint', '/head'):
        body = b'\n'.join(body.split(b'\n')[:3])
    return status, body


def difference(was, now):
    at = next((i for i, (a, b) in enumerate(zip(was, now)) if a != b), min(len(was), len(now)))
    return '%s where it said %s' % (now[max(0, at - 30) : at + 50], was[max(0, at - 30) : at + 50])


def what_becomes(world, template, path, before):
    """(outcome, what is wrong)"""
    named = run('audit', world.data, '--policy', template / 'data/policy')[0]
    if named == 101:
        return 'audit panics', 'audit panics'
    server = world.serve(wait=20)
    if not server.url:
        code, said = server.refused(), server.err(2000)
        wrong = '' if code not in (None, 0, 101) and code > 0 and said.strip() else 'it ended with %s: %s' % (code, said[-200:])
        return 'refused at start', wrong
    wait_for(world.is_indexed, 10)
    wrong = []
    for asked, was in before.items():
        try:
            now = answer(world, asked)
        except OSError as gone:  # It ended by itself: by its own exit code and with a word, and not for what is derived.
            code, said = server.refused(), server.err(2000)
            right = code == 7 and said.strip() and 'index' not in path.parts
            return 'ended after its start', '' if right else 'GET %s: %s, it ended with %s: %s' % (asked, gone, code, said[-300:])
        if now != was and now[0] < 400:
            wrong.append('GET %s says %d %s' % (asked, now[0], difference(was[1], now[1])))
        # What lies outside the log may be absent without a fault: documents, and openings, which nobody need give. (A damaged opening is one.)
        elif now != was and not named and not asked.startswith('/api/v1/documents/') and not (asked.startswith('/api/v1/openings/') and not (world.folder / path).exists()):
            wrong.append('GET %s is %d (was %d) and audit was clean' % (asked, now[0], was[0]))
    world.post_one()
    server.stop()
    holds, figure = world.log_holds()
    after = run('audit', world.data, '--policy', template / 'data/policy')[0]
    if not holds and not after:
        wrong.append('the judge says %s, audit nothing' % figure)
    whole = (world.folder / path).exists() and (template / path).read_bytes() == (world.folder / path).read_bytes()
    outcome = 'named by audit, served' if after else 'made whole' if named else 'whole after start' if whole else 'not needed'
    if 'FORK: two roots' in figure:
        wrong.append(figure)
    return outcome, '; '.join(wrong[:3])

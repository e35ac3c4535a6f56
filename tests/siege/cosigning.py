"""Whatever strangers ask, the newest head is cosigned: a reader's request moves nothing."""

import json
import os
import pathlib
import subprocess
import sys
import time

import speed
from ledger import COSIGN_S_MAX, wait_for
from table import Skip, row, seconds_since

FORMS = ['/checkpoint', '/head', '/tile/0/000.p/2', '/tile/entries/000.p/2', '/', '/search', '/verify', '/entries/1', '/feed.atom', '/robots.txt', '/metrics', '/healthz', '/readyz', '/no-such-page']


def routes(world):
    """Every route that can be read, with things that are there put in; also those of the portal and of the log's own files."""
    described = json.loads(world.server.ask('/api/v1/openapi.json')[2])
    there = {'sha256': '0' * 64, 'publisher': world.signer.name, 'project': 'READ-1', 'id': next(iter(world.seen.acknowledged)), 'index': '1'}
    paths = FORMS + ['/api/v1/consistency?from=1&to=2', '/projects/%s/READ-1' % world.signer.name]
    for path, methods in described['paths'].items():
        if 'get' in methods:
            for name, value in there.items():
                path = path.replace('{%s}' % name, value)
            paths.append(path)
    return paths


@row('reads beside witnesses', 'three witnesses, two needed: anonymous GET and HEAD of every route, between posts and while a witness is away: each time the newest head is cosigned within %d s' % COSIGN_S_MAX)
def reads_beside_witnesses(bench):
    world = bench.world(witnesses=3)
    world.serve()
    world.post_one(project='READ-1')
    bench.demand('before: the newest head is cosigned', wait_for(world.is_cosigned, speed.patience(COSIGN_S_MAX), 0.2))
    paths, late, statuses, worst = routes(world), [], {}, 0.0
    # All routes in one go while a round is open; then each of those that speak of witnesses on its own.
    for asked in [paths] + [[path] for path in paths if 'witness' in path or 'cosign' in path or path in ('/checkpoint', '/head', '/healthz')]:
        began = time.monotonic()
        world.post_one()
        for path in asked:
            for method in ('GET', 'HEAD'):
                status = world.server.ask(path, method)[0]
                statuses[status] = statuses.get(status, 0) + 1
        world.post_one()
        if not wait_for(world.is_cosigned, speed.patience(COSIGN_S_MAX), 0.1):
            told = world.server.json('/api/v1/witnesses')
            late.append('after %s: %s of %s' % (asked[0] if len(asked) == 1 else 'all', told['met_size'], told['head_size']))
            break
        worst = max(worst, seconds_since(began))
    bench.demand('the newest head is cosigned each time', not late, late or 'worst %.1f s; %d routes, statuses %s' % (worst, len(paths), statuses))
    bench.demand('no route answers 500', 500 not in statuses, statuses)


def findings(said):
    """Of each failure that schemathesis reports: the route, and what was received."""
    route, found = '', []
    for line in said.split('\n'):
        if line.startswith('____'):
            route = line.strip('_ ')
        elif line.strip().startswith(('- ', 'Received:')) or 'Error' in line[:40]:
            found.append('%s: %s;' % (route, line.strip()))
    return found or [said[-800:]]


@row('every route, odd values', 'schemathesis goes through the whole OpenAPI with made-up values while posts go on and three witnesses cosign: no answer of 500, no answer that the description does not know, no head goes uncosigned for %d s' % COSIGN_S_MAX)
def every_route(bench):
    try:
        import schemathesis  # noqa: F401
    except ImportError:
        raise Skip('the Python package schemathesis is not installed')
    world = bench.world(witnesses=3).begin()
    config = world.folder / 'schemathesis.toml'
    # 503 (full, come again), 507 (disk) and 500 are all "server errors" to it; only the last is a fault.
    config.write_text('[checks]\nnot_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "503", "507"]\n')
    output = open(world.folder / 'schemathesis.out', 'w+')
    process = subprocess.Popen(
        [sys.executable, '-c', 'from schemathesis.cli import schemathesis; schemathesis()', '--config-file', config, 'run', world.server.url + '/api/v1/openapi.json',
         '--checks', 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance', '--max-examples', str(bench.many(8, 50, 400)),
         '--phases', 'examples,coverage,fuzzing', '--seed', str(bench.random.randrange(1 << 30)), '--request-timeout', '20', '--no-color', '--continue-on-failure'],
        stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=world.folder, env=dict(os.environ, SCHEMATHESIS_HOOKS='schemathesis_hooks', PYTHONPATH=str(pathlib.Path(__file__).parent)),
    )  # fmt: skip
    began, met_at, worst, posts, last = time.monotonic(), time.monotonic(), 0.0, 0, None
    limit = bench.many(100, 600, 6000)
    while process.poll() is None and seconds_since(began) < limit:
        posts += world.post_one()[0] in (200, 201)
        told = world.server.json('/api/v1/witnesses')
        if told['met_size'] != last:
            met_at, last = time.monotonic(), told['met_size']
        worst = max(worst, seconds_since(met_at))
        time.sleep(0.3)
    ended = process.poll()
    if ended is None:
        process.terminate()
        process.wait(20)
    output.seek(0)
    said = output.read()
    output.close()
    summary = [line for line in said.split('\n') if any(word in line for word in ('generated', 'Tested', 'passed', 'failed'))][-4:]
    bench.demand('schemathesis finds nothing', ended == 0, 'exit %s; %s' % (ended, ' | '.join(summary) if ended == 0 else ' '.join(findings(said))))
    bench.demand('posts and cosigning go on meanwhile', posts > 3 and worst < speed.patience(COSIGN_S_MAX), '%d posts in %.0f s, longest without a new cosigned head %.1f s' % (posts, seconds_since(began), worst))

"""System calls that fail, one at a time, in the shipped process; and a standard error that cannot be written."""

import collections
import os
import re
import shutil
import time
from http.client import HTTPException

import speed
from disk import fill
from judge import Seen
from ledger import Posters, wait_for
from table import copy_folder, row, seconds_since

CALLS = 'openat linkat link rename renameat renameat2 write pwrite64 writev fsync fdatasync close unlink unlinkat mkdir read pread64'.split()
FULL = {'openat', 'linkat', 'link', 'rename', 'renameat', 'renameat2', 'write', 'pwrite64', 'writev', 'mkdir'}
POSTS = 3
PANIC = 101  # What a Rust program ends with that did not choose its exit code.


@row('failing calls', 'EIO and ENOSPC injected by strace into one instance of a system call on the data folder or on last-signed, while it starts and takes %d posts: writing resumes by itself, or the process ends with an exit code that it chose' % POSTS, needs=['strace'])
def failing_calls(bench):
    world = bench.world().begin()
    world.server.stop()
    world.rest_mib = None
    template = world.folder / 'template'
    template.mkdir()
    copy_folder(world.data, template / 'data')
    copy_folder(world.keys, template / 'keys')
    instances = calls_of_a_clean_run(bench, world, template)
    rounds = [(*instance, error) for instance in instances for error in (['EIO', 'ENOSPC'] if instance[0] in FULL else ['EIO'])]
    kinds = collections.Counter(call for call, *_ in rounds)
    chosen = sorted(bench.random.sample(rounds, min(len(rounds), bench.many(32, 150, len(rounds)))))
    faults, injected, ends = [], collections.Counter(), collections.Counter()
    for call, path, number, error in chosen:
        what = '%s %d on %s: %s' % (call, number, path, error)
        reached, outcome, wrong = one_round(world, template, call, world.folder / path, number, error)
        injected[reached] += 1
        ends[outcome] += 1
        if wrong:
            faults.append('%s: %s' % (what, wrong))
            print('   %s' % faults[-1], flush=True)
    bench.demand('after each fault the ledger goes on, or ended with its own exit code and starts again', not faults, '%d of %d rounds wrong' % (len(faults), len(chosen)))
    # Some three in four are: files of the search have random names, and strace counts by thread.
    bench.demand('the faults were met', injected[True] >= 0.5 * len(chosen), '%d of %d rounds; %s; of %d instances: %s' % (injected[True], len(chosen), dict(ends), len(rounds), dict(kinds)))


def calls_of_a_clean_run(bench, world, template):
    """(call, path, number) of each call on the store; the number is strace's own count, one a thread and path."""
    trace = world.folder / 'trace'
    restore(world, template)
    prefix = ['strace', '-f', '-qq', '-y', '--seccomp-bpf', '-e', 'signal=none', '-e', 'trace=%s' % ','.join('?' + call for call in CALLS), '-o', trace]
    server = world.serve(prefix=prefix)
    for _ in range(POSTS):
        world.post_one()
    server.stop()
    counts, most = collections.Counter(), collections.Counter()
    for line in trace.read_text(errors='replace').split('\n'):
        found = re.match(r'(\d+) +(\w+)\((.*)', line)
        if not found:
            continue
        thread, call, arguments = found.groups()
        paths = re.findall(r'%s/[^>",]+' % re.escape(str(world.folder)), arguments)
        # openat names its folder first, as AT_FDCWD<…> does, so the last but one path of linkat and rename is what they take.
        paths = [path[len(str(world.folder)) + 1 :] for path in paths]
        if call == 'openat':
            paths = paths[:1]
        if paths and paths[0].split('/')[0] in ('data', 'keys'):
            counts[thread, call, paths[0]] += 1
            most[call, paths[0]] = max(most[call, paths[0]], counts[thread, call, paths[0]])
    return sorted((call, path, number) for (call, path), count in most.items() for number in range(1, count + 1))


def restore(world, template):
    for part in ('data', 'keys'):
        shutil.rmtree(world.folder / part, ignore_errors=True)
        copy_folder(template / part, world.folder / part)
    world.seen = Seen(world.log_key)


def one_round(world, template, call, path, number, error):
    """(whether the fault was met, what became of the process, what is wrong)"""
    restore(world, template)
    trace = world.folder / 'trace'
    trace.unlink(missing_ok=True)
    prefix = ['strace', '-f', '-qq', '-P', path, '-e', 'signal=none', '-e', 'trace=' + call, '-e', 'inject=%s:error=%s:when=%d' % (call, error, number), '-o', trace]
    server = world.serve(prefix=prefix, wait=20)
    if server.url:
        for _ in range(POSTS):
            try:
                world.post_one(timeout=10)
            except (OSError, ValueError, HTTPException):
                wait_for(lambda: not server.is_alive(), 1)
        if server.is_alive():
            goes_on, figure = world.posts_go_on()
            if not goes_on and server.is_alive():
                told = world.ready()[1]
                server.kill()
                return True, 'stuck', 'it lives and posts do not go on (%s; /readyz %s)' % (figure, told)
    if server.url and server.is_alive():
        outcome, code = 'went on', server.stop()
    else:
        wait_for(lambda: not server.is_alive(), 10)
        code = server.process.poll()
        outcome = 'ended at start' if not server.url else 'ended'
        server.kill()
        if code in (None, 0, PANIC) or code < 0 or code > 128:
            return True, outcome, 'it ended with %s: %s' % (code, server.err())
    met = trace.exists() and 'INJECTED' in trace.read_text(errors='replace')
    if outcome == 'went on' and code != 0:
        return met, outcome, 'it ended with %s when told to: %s' % (code, server.err())
    if outcome != 'went on' and not met:
        return met, outcome, 'it ended with %s without a fault: %s' % (code, server.err())
    if not world.serve(wait=20).url:
        return met, outcome, 'it does not start again: ' + world.server.err()
    goes_on, figure = world.posts_go_on()
    world.server.stop()
    for holds, what in ((goes_on, figure), world.log_holds(), world.audit()):
        if not holds:
            return met, outcome, what
    return met, outcome, ''


@row('broken stderr', 'standard error is /dev/full, or a pipe whose reader died, and the disk is full for a moment: writing resumes, or the process ends by itself; /readyz is not 200 while posts are refused', needs=['a small disk'])
def broken_stderr(bench):
    disk = bench.small_disk(160)
    for mode in ('a dead pipe', '/dev/full'):
        world = bench.world(data=disk / mode.replace('/', '-').replace(' ', '-'))
        if mode == '/dev/full':
            error = os.open('/dev/full', os.O_WRONLY)
        else:
            reading, error = os.pipe()
        server = world.serve(stderr=error)
        os.close(error)
        if mode != '/dev/full':
            os.close(reading)
        posters = Posters(world, 4)
        wait_for(lambda: len(posters.acknowledged) > 20, 20)
        full = fill(disk / 'fill')
        refused = sum(posters.refused.values())
        wait_for(lambda: sum(posters.refused.values()) > refused + 8 or not server.is_alive(), 10)
        lies = server.is_alive() and all(is_lie(world) for _ in range(3))
        count = len(posters.acknowledged)
        full.unlink()
        began = time.monotonic()
        wait_for(lambda: len(posters.acknowledged) > count + 10 or not server.is_alive(), speed.patience(25))
        lives = server.is_alive()
        resumed = len(posters.acknowledged) > count + 10
        posters.stop()
        bench.demand('%s: /readyz does not say that it writes while posts are refused' % mode, not lies)
        bench.demand('%s: writing resumes, or the process ends' % mode, resumed or not lives, '%d posts in %.1f s' % (len(posters.acknowledged) - count, seconds_since(began)) if lives else 'it ended with %s' % server.process.returncode)
        if not lives:
            bench.demand('%s: it ended with an exit code of its own' % mode, server.process.returncode not in (0, PANIC) and server.process.returncode > 0, server.process.returncode)
            world.serve()


def is_lie(world):
    try:
        status = world.post_one(timeout=10)[0]
        return status in (503, 507) and world.ready()[0] and world.post_one(timeout=10)[0] in (503, 507)
    except (OSError, ValueError):
        return False

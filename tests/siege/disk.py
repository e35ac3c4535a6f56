"""A disk that is full, has no inodes left, or may not be written."""

import os
import subprocess
import time

import speed
from ledger import Posters, start, wait_for
from table import row, seconds_since

FLOOR_MIB = 64  # Below this much room a post is 507: src/ledger/admission.rs.


def free_bytes(folder):
    told = os.statvfs(folder)
    return told.f_bavail * told.f_frsize


def fill(path, leave=0):
    """Fills the disk that holds this path, but for `leave` bytes, to the last one; gives the file that holds the room."""
    with open(path, 'wb', buffering=0) as file:
        try:
            os.posix_fallocate(file.fileno(), 0, max(1, free_bytes(path.parent) - leave))
        except OSError:
            pass
        for size in () if leave else (1 << 20, 4096, 1):
            file.seek(0, 2)
            try:
                while file.write(b'\0' * size):
                    pass
            except OSError:
                pass
    return path


@row('full disk', 'filled below the floor, then to the last byte again and again under posters: below the floor posts are 507 and /readyz is 503; the process lives, reading goes on, writing resumes by itself within 15 s', needs=['a small disk'])
def full_disk(bench):
    disk = bench.small_disk(256)
    world = bench.world(data=disk / 'data')
    server = world.serve()
    posters = Posters(world, 4)
    wait_for(lambda: len(posters.acknowledged) > 50, 20)
    full = fill(disk / 'fill', leave=40 << 20)
    low = wait_for(lambda: world.post_one()[0] == 507, speed.patience(10), 0.2)
    ready = world.ready()
    bench.demand('below the floor a post is 507 and /readyz is 503', low and not ready[0], 'post 507: %s, /readyz %s' % (low, ready[1]))
    full.unlink()
    resumed, reads, worst = [], [], 0.0
    rounds = bench.many(3, 10, 60)
    for _ in range(rounds):
        count = len(posters.acknowledged)
        wait_for(lambda: len(posters.acknowledged) > count + 10 or not server.is_alive(), 15)
        time.sleep(bench.random.random() * 0.3)  # The last byte goes at another moment each time.
        full = fill(disk / 'fill')
        refused = sum(posters.refused.values())
        wait_for(lambda: sum(posters.refused.values()) > refused + 20 or not server.is_alive(), 10)
        if server.is_alive():
            reads.append(server.ask('/checkpoint')[0] == 200 and server.ask('/api/v1/records/1')[0] == 200)
        full.unlink()
        began, count = time.monotonic(), len(posters.acknowledged)
        resumed.append(wait_for(lambda: len(posters.acknowledged) > count + 10 or not server.is_alive(), speed.patience(15)) and server.is_alive())
        worst = max(worst, seconds_since(began))
        if not resumed[-1]:
            break
    alive = server.is_alive()
    posters.stop()
    # The first thing that many an operator does.
    server.stop()
    full = fill(disk / 'fill')
    server = world.serve(wait=30)
    reads_full = bool(server.url) and server.ask('/checkpoint')[0] == 200 and server.ask('/api/v1/records/1')[0] == 200
    ready = world.ready() if server.url else (None, server.err())
    full.unlink()
    bench.demand('started again at 0 bytes free it is read from, and /readyz is 503', reads_full and not ready[0], ready[1])
    bench.demand('at 0 bytes free the process lives', alive, '%d times' % len(resumed) if alive else 'ended with %s: %s' % (server.process.returncode, server.err()))
    bench.demand('reading goes on', reads and all(reads), '%d of %d' % (sum(reads), rounds))
    bench.demand('writing resumes by itself', len(resumed) == rounds and all(resumed), '%d of %d, worst %.1f s' % (sum(resumed), rounds, worst))
    bench.demand('no post gets an answer that none may get', not posters.strange, posters.strange[:2] or 'none')


@row('no inodes', 'inodes run out while bytes are free: the refusal names inodes, /readyz is 503, reading goes on, writing resumes by itself', needs=['a small disk'])
def no_inodes(bench):
    disk = bench.small_disk(256, inodes=200)
    world = bench.world(data=disk / 'data')
    server = world.serve()
    said = []

    def is_refused():
        status, body = world.post_one()
        if status not in (200, 201):
            said.append((status, body.decode(errors='replace')))
            time.sleep(0.1)
        return status == 507 or len(said) > 100

    # The first refusals may be those of a ledger that opens its log again; then it knows why.
    out = wait_for(is_refused, 60, 0)
    ready = world.ready()
    bench.demand('the refusal names inodes', out and 'inode' in said[-1][1].lower(), said[-1:] and '%d %s' % (said[-1][0], said[-1][1][:200]))
    bench.demand('/readyz is 503 meanwhile', not ready[0], ready[1])
    bench.demand('reading goes on', server.is_alive() and server.ask('/checkpoint')[0] == 200)
    subprocess.run(['mount', '-o', 'remount,nr_inodes=100000', disk], check=True)
    # The common judgement says whether posts go on.


@row('read-only disk', 'the disk is read-only when the ledger starts, and then while it runs: it refuses by name or serves reads, takes no post, and goes on when the disk can be written again', needs=['a small disk', 'strace'])
def read_only_disk(bench):
    disk = bench.small_disk(160)
    world = bench.world(data=disk / 'data').begin()
    world.server.stop()
    subprocess.run(['mount', '-o', 'remount,ro', disk], check=True)
    server = world.serve(wait=20)
    if server.url:
        status = world.post_one()[0]
        bench.demand('read-only at start: no post is taken, reads are', status in (503, 507) and server.ask('/checkpoint')[0] == 200, 'post %d' % status)
        bench.demand('read-only at start: /readyz is 503', not world.ready()[0], world.ready()[1])
    else:
        code = server.refused()
        bench.demand('read-only at start: refused by name', code not in (None, 0, 101) and 'ead-only' in server.err(), 'exit %s %s' % (code, server.err()))
    server.kill()
    subprocess.run(['mount', '-o', 'remount,rw', disk], check=True)
    # A disk with open files cannot be remounted so; the system calls answer as they would on one that has become read-only.
    server = world.serve()
    posters = Posters(world, 4)
    wait_for(lambda: len(posters.acknowledged) > 20, 20)
    calls = ','.join('?' + call for call in ('link', 'linkat', 'rename', 'renameat', 'renameat2', 'mkdir', 'mkdirat', 'unlink', 'unlinkat'))
    strace = start(['strace', '-f', '-qq', '-p', server.pid(), '-e', 'trace=' + calls, '-e', 'inject=%s:error=EROFS' % calls, '-o', '/dev/null'], stderr=subprocess.DEVNULL)
    refused = sum(posters.refused.values())
    held = wait_for(lambda: sum(posters.refused.values()) > refused + 20 or not server.is_alive(), speed.patience(15))
    reads = server.is_alive() and server.ask('/checkpoint')[0] == 200
    ready = world.ready() if server.is_alive() else (False, 'it ended with %s' % server.process.returncode)
    strace.terminate()
    strace.wait(10)
    count = len(posters.acknowledged)
    resumed = wait_for(lambda: len(posters.acknowledged) > count + 10 or not server.is_alive(), speed.patience(20))
    alive = server.is_alive()
    posters.stop()
    bench.demand('read-only while it runs: posts are refused, /readyz is 503, reads go on', held and reads and not ready[0], '%s, /readyz %s' % (posters.refused, ready[1]))
    bench.demand('read-only while it runs: writing resumes by itself', alive and resumed, '%d posts' % (len(posters.acknowledged) - count) if alive else 'it ended with %s: %s' % (server.process.returncode, server.err()))

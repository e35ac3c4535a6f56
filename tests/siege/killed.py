"""SIGKILL and SIGSTOP of the process that writes."""

import signal
import time

import speed
from ledger import Posters, wait_for
from table import copy_folder, row, seconds_since

CONNECTIONS = 64
START_S_MAX = 5
SAMPLE = 12


@row('kill -9', 'killed at a random moment under 64 posters, every fourth time again while it recovers: it starts within %d s, what was acknowledged is found, nothing that was signed shrinks' % START_S_MAX)
def kill_9(bench):
    world, cycles = bench.world(), bench.many(100, 300, 2000)
    again, unclear, strange, starts, missing = [], 0, [], [], []
    for cycle in range(cycles):
        if cycle % 4 == 3:
            world.serve(wait=bench.random.random() * 0.04).kill()
        began = time.monotonic()
        if not world.serve().url:
            bench.demand('it starts after kill %d' % cycle, False, world.server.err())
            return
        starts.append(seconds_since(began))
        missing += what_is_missing(world, bench.random)
        posters = Posters(world, CONNECTIONS, again)
        if not wait_for(lambda: posters.acknowledged, speed.patience(20), 0.005):
            strange.append('no post in %d s after kill %d' % (speed.patience(20), cycle))
        time.sleep(bench.random.random() * 0.12)
        world.server.kill()
        posters.stop()
        unclear += len(posters.unclear)
        strange += posters.strange
        # Half of what had no answer is posted again and must not be logged twice; the rest is left to its fate.
        again = posters.again + posters.unclear[::2]
    bench.demand('it starts within %d s' % START_S_MAX, *speed.within(max(starts), START_S_MAX, '%d starts, worst' % len(starts)))
    bench.demand('what was acknowledged is found after each start', not missing, missing[:3] or '%d looked up' % (SAMPLE * (cycles - 1)))
    bench.demand('no post gets an answer that none may get', not strange, strange[:3] or 'none')
    bench.demand('kills met posts under way', unclear > cycles, '%d without an answer in %d kills' % (unclear, cycles))


def what_is_missing(world, chance):
    """Of a sample of what was acknowledged, what is not found at its index; and whether the log has shrunk."""
    seen = world.seen
    size = seen.checkpoint(world.server.ask('/head')[2].decode())
    missing = ['head has %s records, %d were signed' % (size, max(seen.roots))] if size != max(seen.roots) and (size or 0) < max(seen.roots) else []
    for statement in chance.sample(sorted(seen.acknowledged), min(SAMPLE, len(seen.acknowledged))):
        status, _, body = world.server.ask('/api/v1/statements/' + statement)
        if status != 200 or b'"index":%d,' % seen.acknowledged[statement] not in body.replace(b' ', b''):
            missing.append('%s at %d: %d %s' % (statement, seen.acknowledged[statement], status, body[:80]))
    return missing


@row('stopped writer', 'SIGSTOP under posters while a second process starts on its folder, and on a copy with its keys: the second is refused each time, the first goes on when continued')
def stopped_writer(bench):
    world = bench.world().begin()
    first, taken, strange = world.server, [], []
    for turn in range(bench.many(4, 25, 200)):
        posters = Posters(world, 8)
        wait_for(lambda: len(posters.acknowledged) > 8, 20)
        first.signal(signal.SIGSTOP)
        second = world.data if turn % 2 == 0 else world.folder / ('copy-%d' % turn)
        if turn % 2:
            copy_folder(world.data, second)
        other = type(first)(second, world.keys, world.folder / 'second.stderr', wait=8)
        if other.url:
            taken.append('turn %d: it serves %s' % (turn, second.name))
        other.kill()
        first.signal(signal.SIGCONT)
        count = len(posters.acknowledged)
        if not wait_for(lambda: len(posters.acknowledged) > count + 8, speed.patience(20)):
            strange.append('turn %d: no posts %d s after it was continued' % (turn, speed.patience(20)))
        strange += posters.stop().strange
    bench.demand('the second process is refused', not taken, '; '.join(taken[:3]) or '%d times' % (turn + 1))
    bench.demand('the first goes on each time', not strange, strange[:3] or '%d acknowledged' % len(world.seen.acknowledged))

"""The judge, shown evidence of a worse world: each row is right if the judge says WRONG.

A harness that cannot fail shows nothing. Each family of demands has its canary: what was lost, forked, cut, stalled, held or
told wrongly is made up here, from a real ledger, and must be found.
"""

import copy
import signal
import time

import ledger
import speed
from judge import Seen, judge, sha256, two_roots
from strangers import Honest
from table import copy_folder, row


def sees(bench, what, faults, word):
    bench.demand('seen: ' + what, any(word in fault for fault in faults), '; '.join(faults[:2]) or 'nothing was found')


@row('canary: what was told', 'a lost and a moved acknowledgement, a second root, a size that is cut off, a receipt that proves nothing, a forged checkpoint: the judge finds each')
def what_was_told(bench):
    world = bench.world()
    world.serve()
    text = world.text()
    body = world.server.post(world.signer.note(text))[2]
    world.seen.receipt(ledger.statement_id(text), body)
    world.post(4)
    world.server.stop()
    faults, size = judge(world.data, world.seen)
    bench.demand('nothing is found where nothing is wrong', not faults, faults[:2])

    def after(change):
        seen = copy.copy(world.seen)
        seen.acknowledged, seen.roots, seen.faults = dict(seen.acknowledged), dict(seen.roots), list(seen.faults)
        change(seen)
        return judge(world.data, seen)[0]

    some, index = sorted(world.seen.acknowledged.items())[0]
    sees(bench, 'an acknowledged statement that is not there', after(lambda seen: seen.acknowledged.update({'0' * 64: 3})), 'LOST')
    sees(bench, 'an acknowledged statement at another place', after(lambda seen: seen.acknowledged.update({some: index + 1})), 'LOST')
    sees(bench, 'another root of a size', after(lambda seen: seen.roots.update({size - 1: bytes(32)})), 'FORK')
    sees(bench, 'another root of the head', after(lambda seen: seen.roots.update({size: bytes(32)})), 'FORK')
    sees(bench, 'two roots told one after the other', after(lambda seen: [seen.root(size, bytes(32)), seen.root(size, sha256(b''))]), 'FORK')
    sees(bench, 'a signed size beyond the log', after(lambda seen: seen.roots.update({size + 1: bytes(32)})), 'CUT')
    told = body.decode()
    last = told.index('index %d\\n' % world.seen.acknowledged[ledger.statement_id(text)])
    sees(bench, 'a receipt with another proof', after(lambda seen: seen.receipt(ledger.statement_id(text), told[:last] + told[last:].replace('\\n', '\\n%s\\n' % ('A' * 43 + '='), 1))), 'does not show')
    sees(bench, 'a receipt of another statement', after(lambda seen: seen.receipt(some if some != ledger.statement_id(text) else '1' * 64, told)), 'does not show')
    sees(bench, 'a checkpoint that the log did not sign', after(lambda seen: seen.checkpoint((world.data / 'log/head').read_text().replace('\n%d\n' % size, '\n%d\n' % (size + 1)))), 'not signed')


@row('canary: what is stored', 'one bit of an entry changed, half a bundle, no head: the judge finds each, and audit ends with more than 0')
def what_is_stored(bench):
    world = bench.world()
    world.serve()
    world.post(5)
    world.server.stop()
    path = max((world.data / 'log/tile/entries/000.p').iterdir(), key=lambda found: int(found.name))
    content = path.read_bytes()
    # Each bit of a header too: there a change takes away the spaces by which it is read.
    header = content.rindex(b'\n%s' % b'{"type":"trade"') - 100
    unseen = []
    for at in (*range(header, header + 120), len(content) // 2):
        changed = bytearray(content)
        changed[at] ^= 1
        path.write_bytes(changed)
        faults, _ = judge(world.data, world.seen)
        unseen += [] if faults else [at]
    bench.demand('seen: one bit of an entry, at 121 places', not unseen, unseen or '; '.join(faults[:2]))
    code, said = world.audit()
    bench.demand('seen by audit: one bit of an entry', not code, said)
    path.write_bytes(content[: len(content) // 2])
    sees(bench, 'half a bundle', judge(world.data, world.seen)[0], 'LOST')
    path.write_bytes(content)
    head = (world.data / 'log/head').read_bytes()
    (world.data / 'log/head').unlink()
    sees(bench, 'no head', judge(world.data, world.seen)[0], 'cannot be read')
    (world.data / 'log/head').write_bytes(head)
    bench.demand('nothing is found when all is put back', not judge(world.data, world.seen)[0])


@row('canary: what goes on', 'a process that is stopped, witnesses that are dead, memory that is held, a process that ends badly: each demand that is made after every row fails')
def what_goes_on(bench):
    world = bench.world(witnesses=3).begin()
    for witness in world.witnesses[1:]:
        ledger.end(witness)
    holds, figure = world.cosigning_goes_on(limit=5)
    bench.demand('seen: no quorum of witnesses', not holds, figure)
    world.server.signal(signal.SIGSTOP)
    holds, figure = world.posts_go_on(limit=3)
    bench.demand('seen: a process that takes no posts', not holds, figure)
    world.server.signal(signal.SIGCONT)
    holds, figure = world.memory_is_back(rest_mib=world.server.memory_mib() - ledger.REST_MIB_MAX - 40, limit=5)
    bench.demand('seen: memory that is held', not holds, figure)
    world.server.signal(signal.SIGKILL)
    world.server.process.wait(20)
    holds, figure = ledger.wait_for(lambda: world.ready()[0], 1), 'no answer'
    bench.demand('seen: a process that is gone', not holds and not world.server.is_alive(), figure)
    bench.worlds.remove(world)  # Its witnesses are dead; the common judgement has nothing to say of it.
    for witness in world.witnesses:
        ledger.end(witness)


@row('canary: how quick', 'a process that answers nothing, a time and a rate that are over their limits, and that stall: each is seen where it is judged, and a stall everywhere')
def how_quick(bench):
    world = bench.world().begin(posts=1)
    world.server.signal(signal.SIGSTOP)
    posters, honest = ledger.Posters(world, 2), Honest(world.server)
    time.sleep(1)
    rate, unserved = len(posters.acknowledged), ledger.quantile(honest.seconds, 0.99)
    world.server.signal(signal.SIGCONT)
    posters.stop()
    honest.stop()
    part = speed.judged
    try:
        for speed.judged in (True, False):
            name = 'judged' if speed.judged else 'ci'
            for what, seen in (('a time over its limit', speed.within(0.6, 0.5)), ('a rate under its limit', speed.at_least(49, 100))):
                bench.demand('%s: %s is %s' % (name, what, 'wrong' if speed.judged else 'told and let pass'), seen[0] != speed.judged and speed.judged == ('MISSED' not in seen[1]), seen[1])
            for what, (holds, figure) in (
                ('a stalled time', speed.within(6, 0.5)), ('a stalled rate', speed.at_least(9, 100)), ('no answer at all', speed.within(unserved, 0.5)),
                ('no post at all', speed.at_least(rate, 0)),
            ):  # fmt: skip
                bench.demand('seen: %s: %s' % (name, what), not holds, figure)
    finally:
        speed.judged = part


@row('canary: two histories', 'two processes with one key that do not see each other (the key copied): the receipts of both show the fork')
def two_histories(bench):
    world = bench.world()
    world.serve()
    world.post(3)
    world.server.stop()
    other = copy.copy(world)
    other.data, other.keys, other.seen = world.folder / 'other-data', world.folder / 'other-keys', Seen(world.log_key)
    copy_folder(world.data, other.data)
    copy_folder(world.keys, other.keys)
    for ledger_of in (other, world):
        ledger_of.serve()
        ledger_of.post_one()
        ledger_of.server.stop()
    bench.demand('seen: both have signed a root of one size', two_roots(world.seen, other.seen), two_roots(world.seen, other.seen))
    both = copy.copy(world.seen)
    both.roots, both.faults = dict(both.roots), []
    both.checkpoint((other.data / 'log/head').read_text())
    sees(bench, 'the head of the other process', both.faults, 'FORK')

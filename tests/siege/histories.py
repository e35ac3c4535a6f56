"""Two processes on one key, and copies put back: one log key must not sign two histories."""

import shutil

import speed
from judge import Seen, two_roots
from ledger import Posters, Server, run, wait_for
from table import copy_folder, row


def posts_until(world, count, seconds=None):
    posters, seconds = Posters(world, 2), seconds or speed.patience(20)
    wait_for(lambda: len(posters.acknowledged) >= count or not world.server.is_alive(), seconds)
    return len(posters.stop().acknowledged)


def on_another_folder(world, data, arguments=(), seconds=6):
    """Serves another data folder with the same keys: (server, what it said, what it acknowledged)."""
    mine, world.server = world.server, Server(data, world.keys, world.folder / 'other.stderr', [*world.arguments, *arguments], wait=20)
    other, seen, world.seen = world.server, world.seen, Seen(world.log_key)
    if other.url:
        posts_until(world, 5, seconds)
    told, world.seen, world.server = world.seen, seen, mine
    return other, told


@row('two processes on one key', 'a second serve on the same folder, on a copy, on a copy by way of a link to the keys, and a restore, while the first writes: each is refused before it has signed, and the first goes on')
def two_processes(bench):
    world = bench.world().begin()
    copy, link = world.folder / 'copy', world.folder / 'link'
    link.symlink_to(world.data)
    keys_link, keys = world.folder / 'keys-link', world.keys
    keys_link.symlink_to(keys)
    for name, data, key_folder in (('the same folder', world.data, keys), ('the same folder by a link', link, keys), ('a copy', copy, keys), ('a copy, keys by a link', copy, keys_link)):
        world.keys = key_folder
        if data == copy:  # As somebody moves disks, or tries something out: it is the newest when it is taken.
            shutil.rmtree(copy, ignore_errors=True)
            copy_folder(world.data, copy)
        other, told = on_another_folder(world, data)
        world.keys = keys
        before = posts_until(world, 5)
        forks = two_roots(world.seen, told)
        bench.demand('%s: refused' % name, not other.url, 'it serves, %d receipts, %d sizes with two roots' % (len(told.acknowledged), len(forks)) if other.url else other.err(110))
        bench.demand('%s: the first goes on' % name, before >= 5, '%d posts' % before)
        other.kill()
        for size in forks:
            world.seen.faults.append('FORK: two roots of size %d were signed' % size)
    code, said = run('backup', '--data', world.data, world.folder / 'backup')
    bench.demand('a backup while it writes', code == 0, said[-100:])
    posts_until(world, 3)
    code, said = run('restore', world.folder / 'backup', '--data', world.folder / 'restored', '--keys', keys)
    bench.demand('restore of an older backup while it writes: refused', code not in (0, 101), 'exit %d %s' % (code, said[-110:].replace('\n', ' ')))


@row('restored copies', 'without witnesses: an old copy of the data is put back, with the newest last-signed, or without any: serve refuses, and signs nothing; with the newest data it goes on')
def restored_copies(bench):
    world = bench.world().begin()
    world.rest_mib = None
    for turn in range(bench.many(2, 8, 50)):
        world.server.stop()
        copy_folder(world.data, world.folder / 'old')
        world.serve()
        posts_until(world, 1 + bench.random.randrange(40))
        world.server.stop() if turn % 2 else world.server.kill()
        signed = (world.keys / 'last-signed').read_bytes()
        for name in ('the newest last-signed', 'no last-signed', 'an empty last-signed'):
            if name == 'no last-signed':
                (world.keys / 'last-signed').unlink()
            elif name == 'an empty last-signed':
                (world.keys / 'last-signed').write_bytes(b'')
            other, told = on_another_folder(world, world.folder / 'old')
            bench.demand('%d. old data, %s: refused' % (turn + 1, name), not other.url and not told.acknowledged, '%d receipts, %d sizes with two roots' % (len(told.acknowledged), len(two_roots(world.seen, told))) if other.url else other.err(110))
            other.kill()
            (world.keys / 'last-signed').write_bytes(signed)
        shutil.rmtree(world.folder / 'old')
        if not bench.demand('%d. the newest data serves' % (turn + 1), world.serve().url, world.server.err(110)):
            return


@row('snapshot and witnesses', 'three witnesses, two needed: old data with their own old last-signed, and with none: nothing is signed before the witnesses were asked, and they know a larger tree; the newest data goes on')
def snapshot_and_witnesses(bench):
    world = bench.world(witnesses=3).begin()
    world.rest_mib = None
    wait_for(world.is_cosigned, speed.patience(30))
    world.server.stop()
    copy_folder(world.data, world.folder / 'old')
    signed_old = (world.keys / 'last-signed').read_bytes()
    world.serve()
    posts_until(world, 20)
    bench.demand('the newest head is cosigned', wait_for(world.is_cosigned, speed.patience(30), 0.2))
    world.server.stop()
    signed = (world.keys / 'last-signed').read_bytes()
    for name, content in (('its old last-signed', signed_old), ('no last-signed', None)):
        data = world.folder / ('restored-' + name.split()[0])
        copy_folder(world.folder / 'old', data)
        (world.keys / 'last-signed').unlink() if content is None else (world.keys / 'last-signed').write_bytes(content)
        other, told = on_another_folder(world, data)
        bench.demand('%s: nothing is signed' % name, not told.acknowledged, '%d receipts, %d sizes with two roots' % (len(told.acknowledged), len(two_roots(world.seen, told))))
        if other.url:
            ready = other.ask('/readyz')[0]
            bench.demand('%s: /readyz is 503' % name, ready == 503, ready)
        other.kill()
    (world.keys / 'last-signed').write_bytes(signed)

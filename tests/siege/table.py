"""The table of rows, what a row is given, and what is judged after each of them."""

import os
import random
import shutil
import subprocess
import time
import traceback

from ledger import World, end, scratch

rows = []


class Skip(Exception):
    """A row that cannot be tried here, and why."""


class Row:
    def __init__(self, name, demands, needs, open_fault, attack):
        self.name, self.demands, self.needs, self.open_fault, self.attack = name, demands, needs, open_fault, attack


def row(name, demands, needs=(), open_fault=''):
    """`demands` says in words what must hold while the attack goes on; `needs` what of the machine it takes.

    `open_fault` names what is known to be wrong still: CI prints it and leaves the row out, unless it is named; every other run tries it.
    """

    def add(attack):
        rows.append(Row(name, demands, needs, open_fault, attack))
        return attack

    return add


def own_mounts():
    return os.environ.get('SIEGE_OWN_MOUNTS') == '1'


# The only reasons for which a row may be left out of the part that CI runs.
NEEDS = {
    'a small disk': (own_mounts, 'mounting a small disk needs root and a mount namespace (unshare -m)'),
    'strace': (lambda: shutil.which('strace'), 'the package strace is not installed'),
    'faketime': (lambda: shutil.which('faketime'), 'the package faketime is not installed'),
}


class Bench:
    """What one row is tried on: fresh worlds, a seeded source of chance, and the book of its demands."""

    def __init__(self, row, part, seed):
        self.row, self.part, self.random = row, part, random.Random('%s %s' % (seed, row.name))
        self.folder = scratch / row.name.replace(' ', '-').replace('/', '-')
        self.worlds, self.verdicts = [], []

    def many(self, ci, usual, exhaustive):
        return {'ci': ci, 'usual': usual, 'exhaustive': exhaustive}[self.part]

    def world(self, **how):
        self.worlds.append(World(self.folder / ('world-%d' % len(self.worlds)), **how))
        return self.worlds[-1]

    def small_disk(self, megabytes, inodes=None):
        """A tmpfs of this size; the mounts of this run are its own."""
        disk = self.folder / 'disk'
        disk.mkdir(parents=True)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=%dm%s' % (megabytes, ',nr_inodes=%d' % inodes if inodes else ''), 'siege', disk], check=True)
        return disk

    def demand(self, what, holds, figure=''):
        self.verdicts.append((what, bool(holds), str(figure)))
        print('   %s %s: %s' % ('RIGHT' if holds else 'WRONG', what, figure), flush=True)
        return bool(holds)

    def after(self, world):
        """What every row demands in the end, whatever it did."""
        server, started = world.server, True
        if server is None or not server.is_alive():
            self.demand('it starts again', world.serve().url, world.server.err())
            started, server = bool(world.server.url), world.server
        if started:
            self.demand('posts go on', *world.posts_go_on())
            self.demand('/readyz says so', *world.ready())
            if world.witnesses:
                self.demand('cosigning goes on', *world.cosigning_goes_on())
            if getattr(world, 'rest_mib', None):
                self.demand('memory is back to rest', *world.memory_is_back())
            code = server.stop()
            self.demand('it ends when told to', code == 0, 'exit %s' % code)
        self.demand('nothing acknowledged is lost, no size has two roots', *world.log_holds())
        self.demand('audit is clean', *world.audit())

    def run(self):
        """RIGHT, WRONG, or the reason why it was not tried."""
        for need in self.row.needs:
            present, reason = NEEDS[need]
            if not present():
                return 'skipped', reason
        try:
            self.row.attack(self)
            for world in self.worlds:
                self.after(world)
        except Skip as reason:
            return 'skipped', str(reason)
        except Exception as error:  # A row that breaks off has shown nothing, and that is a fault.
            self.demand('the row comes to its end', False, '%s: %s' % (type(error).__name__, error))
            traceback.print_exc()
        finally:
            for world in self.worlds:
                for process in [world.server and world.server.process, *world.witnesses]:
                    if process:
                        end(process)
            if own_mounts() and os.path.ismount(self.folder / 'disk'):
                subprocess.run(['umount', '-l', self.folder / 'disk'])
            if not os.environ.get('SIEGE_KEEP'):
                shutil.rmtree(self.folder, ignore_errors=True)
        held = bool(self.verdicts) and all(holds for _, holds, _ in self.verdicts)
        return ('RIGHT' if held else 'WRONG'), ''


def copy_folder(source, target):
    """cp -a of a folder that may be in use; files that vanish meanwhile are left out."""
    subprocess.run(['cp', '-a', str(source), str(target)], stderr=subprocess.DEVNULL)


def seconds_since(began):
    return time.monotonic() - began

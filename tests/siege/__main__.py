"""Besieges the release binary: runs it as processes, attacks them from outside, and judges what is left.

    python3 tests/siege [--part ci | --exhaustive] [--seed N] [--list] [ROW…]

README.md says what each row demands and what it does not show. Exit code: 0 all right, 1 something is wrong, 2 nothing is wrong but
a row could not be tried here (its reason is printed; it counts as nothing). The last line is `N right, N wrong, N skipped, N open`.
"""

import argparse
import os
import resource
import shutil
import sys
import time


def main():
    parser = argparse.ArgumentParser(prog='python3 tests/siege')
    parser.add_argument('--part', choices=['ci', 'usual'], default='usual', help='ci: at most six minutes on two cores; speed is measured and not judged')
    parser.add_argument('--exhaustive', action='store_true', help='2,000 kills, every system call, every kind of damage')
    parser.add_argument('--seed', default=str(time.time_ns() % 1_000_000_007), help='repeats the random choices of a run (not the scheduling)')
    parser.add_argument('--list', action='store_true', help='the rows and what they demand')
    parser.add_argument('rows', nargs='*', help='only rows whose names contain one of these')
    arguments = parser.parse_args()
    if not arguments.list:
        mounts_of_our_own()

    import ledger
    import speed
    import table
    import canaries, clock, cosigning, disk, faults, files, histories, killed, strangers  # noqa: F401, E401 (each adds its rows)

    rows = [row for row in table.rows if not arguments.rows or any(part in row.name for part in arguments.rows)]
    if arguments.list:
        for row in rows:
            print('%-34s %s' % (row.name, row.demands))
        return 0
    if not rows:
        parser.error('no such row; --list shows them')
    if not os.access(ledger.BINARY, os.X_OK):
        parser.error('no binary at %s: cargo build --locked --release, or set MINGZHANG' % ledger.BINARY)
    part = 'exhaustive' if arguments.exhaustive else arguments.part
    speed.judged = part != 'ci'
    print('siege: %s, part %s, --seed %s' % (ledger.BINARY, part, arguments.seed), flush=True)
    began, told = time.monotonic(), []
    for row in rows:
        print('== %s: %s' % (row.name, row.demands), flush=True)
        start, bench = time.monotonic(), table.Bench(row, part, arguments.seed)
        if part == 'ci' and row.open_fault and not arguments.rows:
            print('   !!! NOT IN THIS PART !!! open fault: %s' % row.open_fault, flush=True)
            told.append((row, 'open', row.open_fault, [], 0))
            continue
        verdict, reason = bench.run()
        if verdict == 'skipped':
            print('   !!! SKIPPED !!! %s' % reason, flush=True)
            if part == 'ci' and reason not in [declared for _, declared in table.NEEDS.values()]:
                verdict = 'WRONG'
        told.append((row, verdict, reason, bench.verdicts, time.monotonic() - start))
    print_table(told)
    count = lambda wanted: sum(verdict == wanted for _, verdict, *_ in told)
    print('siege: %.0f s, --seed %s' % (time.monotonic() - began, arguments.seed))
    print('%d right, %d wrong, %d skipped, %d open' % (count('RIGHT'), count('WRONG'), count('skipped'), count('open')))
    return 1 if count('WRONG') else 2 if count('skipped') or count('open') else 0


def print_table(told):
    print('\n== what each row demands, and the figures')
    for row, verdict, reason, verdicts, seconds in told:
        print('%-7s %s (%.0f s): %s' % (verdict, row.name, seconds, row.demands))
        for what, holds, figure in verdicts:
            print('        %s %s: %s' % ('   ' if holds else '!!!', what, figure))
        if reason:
            print('        not tried: %s' % reason)
    print()


def mounts_of_our_own():
    """Starts anew in a mount and process namespace, if this is root: what is mounted or started there cannot outlive it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if os.geteuid() or os.environ.get('SIEGE_OWN_MOUNTS') or not shutil.which('unshare'):
        return
    spaces = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
    if os.system('%s true 2>/dev/null' % ' '.join(spaces)) == 0:
        os.execvpe('unshare', [*spaces, sys.executable, *sys.orig_argv[1:]], dict(os.environ, SIEGE_OWN_MOUNTS='1'))


if __name__ == '__main__':
    sys.exit(main())

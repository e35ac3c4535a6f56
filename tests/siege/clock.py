"""A clock that is wrong at the start, or steps while the ledger runs. Witnesses are none here: nobody else knows the time."""

import datetime
import glob
import json
import time

from ledger import Posters, wait_for
from table import row

DAY_S = 86_400


def faked(step_file):
    """The environment in which the wall clock of the process is moved by the seconds in this file; its other clocks are true."""
    library = next(iter(glob.glob('/usr/lib/*/faketime/libfaketimeMT.so.1') + glob.glob('/usr/lib/faketime/libfaketimeMT.so.1')))
    return {'LD_PRELOAD': library, 'FAKETIME_TIMESTAMP_FILE': str(step_file), 'FAKETIME_NO_CACHE': '1', 'DONT_FAKE_MONOTONIC': '1', 'FAKETIME_DONT_FAKE_MONOTONIC': '1'}


def ahead_s(body):
    """By how much the time of an answered post is ahead of the true clock."""
    told = json.loads(body)['time'].replace('Z', '+00:00')
    return datetime.datetime.fromisoformat(told).timestamp() - time.time()


@row('clock at start', 'one start with the clock ten years ahead, without a word of the operator: no record is stamped with it, and with the right clock again everything goes on', needs=['faketime'])
def clock_at_start(bench):
    world = bench.world().begin()
    world.server.stop()
    step = world.folder / 'step'
    for ahead, name in ((3650 * DAY_S, 'ten years'), (31 * DAY_S, '31 days')):
        step.write_text('+%d' % ahead)
        server = world.serve(environment=faked(step), wait=20)
        if server.url:
            status, body = world.post_one()
            bench.demand('%s ahead: no post is taken' % name, status not in (200, 201), 'post %d, %.0f s ahead' % (status, ahead_s(body)) if status in (200, 201) else 'post %d' % status)
            bench.demand('%s ahead: /readyz is 503' % name, not world.ready()[0], world.ready()[1])
            server.stop()
        else:
            code = server.refused()
            bench.demand('%s ahead: refused by name' % name, code not in (None, 0, 101) and 'clock' in server.err().lower(), 'exit %s %s' % (code, server.err(120)))
    world.rest_mib = None
    world.serve()
    status, body = world.post_one()
    bench.demand('with the right clock records bear the right time', status == 201 and ahead_s(body) < 10, 'post %d, %.1f s ahead' % (status, ahead_s(body) if status == 201 else 0))


@row('clock that steps', 'a step of a day forward and a day back while it runs under posters, without a word of the operator: no record is more than an hour ahead of the true clock, times never go back', needs=['faketime'])
def clock_that_steps(bench):
    world = bench.world()
    step = world.folder / 'step'
    step.write_text('+0')
    world.serve(environment=faked(step))
    if not world.post(3) == 3:
        bench.demand('it takes posts under libfaketime', False, world.server.err())
        return
    for seconds in (DAY_S, -DAY_S, 0):
        step.write_text('%+d' % seconds)
        posters = Posters(world, 4)
        wait_for(lambda: sum(posters.refused.values()) > 8 or len(posters.acknowledged) > 30, 8)
        posters.stop()
        worst = max((ahead_s(body) for _, body in posters.acknowledged), default=0)
        bench.demand('%+d s: no record is far ahead' % seconds, worst < 3600, '%d taken, %d refused, at most %.1f s ahead' % (len(posters.acknowledged), sum(posters.refused.values()), worst))
        bench.demand('%+d s: no answer that none may get' % seconds, not posters.strange, posters.strange[:1] or 'none')
    world.server.stop()  # The true clock judges what is left.

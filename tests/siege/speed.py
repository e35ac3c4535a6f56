"""How quick is quick enough: the one place where time is judged.

The whole siege holds each time and each rate against the limit of its row. The part `ci` does not: it shares its machine with others, and a
busy neighbour is no fault of the ledger. There the figures are printed with their limits, and only a stall is wrong: ten times worse than
the limit (no time under STALL_S is one), or nothing for a minute where something must come.
"""

judged = True  # False in the part `ci`.

STALL_TIMES = 10
STALL_S = 5
PATIENCE_S = 60


def within(seconds, limit, what=''):
    """(it holds, figure) of a time that was measured; of none at all it is infinite."""
    holds = seconds <= (limit if judged else max(limit * STALL_TIMES, STALL_S))
    return holds, ('%s %.0f ms' % (what, seconds * 1000)).strip() + told(seconds <= limit, 'at most %.0f ms' % (limit * 1000))


def at_least(per_s, limit, what=''):
    """(it holds, figure) of a rate that was measured."""
    holds = per_s >= (limit if judged else limit / STALL_TIMES) and per_s > 0
    return holds, ('%.0f/s %s' % (per_s, what)).strip() + told(per_s >= limit, 'at least %.0f/s' % limit)


def patience(seconds):
    """For how long to wait for what must come: that costs nothing where it comes at once."""
    return seconds if judged else max(seconds * 2, PATIENCE_S)


def told(kept, limit):
    return '' if judged else ' !!! MEASURED, NOT JUDGED in this part !!! its limit, %s, is %s' % (limit, 'kept' if kept else 'MISSED')

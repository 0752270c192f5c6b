"""How long to wait before a worker is replaced that has ended by itself."""

#: By the number of ends before it, none of which came after a good run.
PAUSES_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
#: A worker that ran for so long heals the count.
RAN_WELL_S = 30.0


def after_end(ends: int, ran_s: float) -> tuple[int, float]:
    """The count of ends in a row from now on, and the pause before the next worker, in seconds."""
    before = 0 if ran_s >= RAN_WELL_S else ends
    return before + 1, PAUSES_S[min(before, len(PAUSES_S) - 1)]

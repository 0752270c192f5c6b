"""When a worker whose connection was lost reads everything again: not at the same moment as all others."""

#: What reading one instance takes of the registry, with as much room again for everybody else.
READ_S = 10e-6
#: A shorter wait spreads nothing, and is left out.
WORTH_WAITING_S = 0.01
#: However many there are, a worker waits no longer.
MOST_S = 60.0


def spread_s(followers: int, instances: int) -> float:
    """Over how many seconds so many followers spread their reading of so many instances.

    The registry answers a read only when it has made those that came with it. If that takes longer than
    the followers wait, none of them gets its answer, all ask again, and so on.
    """
    return min(MOST_S, max(0, followers - 1) * instances * READ_S)

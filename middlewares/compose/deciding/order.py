"""Which parts wait for which: the order follows from the values that they use."""

from collections.abc import Collection, Mapping, Sequence


def ring_of(needs: Mapping[str, Collection[str]]) -> Sequence[str]:
    """Parts that wait for each other in a ring, the first one again at its end; empty if none do.

    A part that is needed, but not there, is left out.
    """
    done: set[str] = set()
    for first in needs:
        path: list[str] = []
        waiting = [iter((first,))]
        while waiting:
            name = next(waiting[-1], None)
            if name is None:
                waiting.pop()
                if path:
                    done.add(path.pop())
            elif name in path:
                return [*path[path.index(name) :], name]
            elif name in needs and name not in done:
                path.append(name)
                waiting.append(iter(sorted(needs[name])))
    return ()

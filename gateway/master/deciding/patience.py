"""When a worker has had time enough: it hangs, does not get ready, or does not end."""

from dataclasses import dataclass

#: Without a word for so long, a worker's event loop hangs. One that stops ends its connections and may be slower.
HANGS_AFTER_S = 10.0
ENDS_SILENTLY_FOR_S = 20.0
#: Two looks are never counted as further apart: in longer gaps the master did not run either.
MOST_BETWEEN_LOOKS_S = 1.5


@dataclass(slots=True)
class Waited:
    """How long a worker kept the master waiting, in time in which the master itself ran.

    A suspended machine, a SIGSTOP of all processes or a stall of the master adds next to nothing.
    """

    silent_s: float = 0.0
    lived_s: float = 0.0
    stopping_s: float = 0.0

    def looked(self, since_look_s: float, *, stopping: bool) -> None:
        """Count the time since the look before."""
        counted_s = min(since_look_s, MOST_BETWEEN_LOOKS_S)
        self.silent_s += counted_s
        self.lived_s += counted_s
        if stopping:
            self.stopping_s += counted_s


@dataclass(frozen=True, slots=True)
class Seen:
    """What the master knows of a worker."""

    #: `awaited`: it is to get ready; `serving`; or `stopping`.
    phase: str
    waited: Waited
    #: Most seconds until it is ready, and until it has ended.
    ready_within_s: float
    ends_within_s: float
    #: What keeps it from being ready, in its own words.
    waits_for: str = ""


def why_to_end(seen: Seen) -> str:
    """Why the worker is to be killed; empty: it has time left."""
    waited = seen.waited
    if seen.phase == "awaited":
        if waited.lived_s < seen.ready_within_s:
            return ""
        silent = waited.silent_s >= seen.ready_within_s
        what = "it has said nothing" if silent else "it gave no reason"
        return f"not ready within {seen.ready_within_s:g} s: {seen.waits_for or what}"
    if seen.phase == "stopping":
        if waited.stopping_s >= seen.ends_within_s:
            return f"it has not ended within {seen.ends_within_s:g} s"
        limit_s = ENDS_SILENTLY_FOR_S
    else:
        limit_s = HANGS_AFTER_S
    return f"its event loop has hung for {limit_s:g} s" if waited.silent_s >= limit_s else ""

"""When an instance is suspected to hang, and when its requests are moved: decided from times alone."""

from collections.abc import Iterable

#: With the sweep's interval well below the half second within which a hang is to be noticed.
SILENT_FOR_S = 0.3
#: A suspected instance has so long to answer the probe that asks it, before its requests are moved.
MOVED_AFTER_S = 0.5


def silent_since(waiting_s: Iterable[float], answered_s: float) -> float | None:
    """Since when an instance owes an answer: its oldest request that no answered one has overtaken.

    `waiting_s` is when each unanswered request was sent, `answered_s` when the latest answered one
    was. A slow request beside quick ones is overtaken, and says nothing of the instance.
    """
    return min((sent_s for sent_s in waiting_s if sent_s > answered_s), default=None)


def is_suspect(since_s: float | None, siblings_answered_s: Iterable[float], now_s: float) -> bool:
    """It has been silent for long, while a sibling has answered a request that was sent later.

    Where every instance is slow, nothing that was sent later has been answered yet.
    """
    return (
        since_s is not None
        and now_s - since_s >= SILENT_FOR_S
        and any(answered_s >= since_s for answered_s in siblings_answered_s)
    )

"""Decides from times when an instance is suspected to hang, and when its requests are moved."""

from collections.abc import Iterable

#: With the sweep's interval this is well below half a second, within which a hang must be noticed.
SILENT_FOR_S = 0.3
#: A suspected instance has this long to answer its probe before its requests are moved.
MOVED_AFTER_S = 0.5


def silent_since(waiting_s: Iterable[float], answered_s: float) -> float | None:
    """Since when an instance is silent: since its oldest request that no answered one has overtaken.

    `waiting_s` is when each unanswered request was sent, `answered_s` when the latest answered one was
    sent. A slow request among quick ones is overtaken, and says nothing about the instance.
    """
    return min((sent_s for sent_s in waiting_s if sent_s > answered_s), default=None)


def is_suspect(since_s: float | None, siblings_answered_s: Iterable[float], now_s: float) -> bool:
    """Whether it has been silent for long while a sibling has answered a request that was sent later.

    If every instance is slow, no later request has been answered yet.
    """
    return (
        since_s is not None
        and now_s - since_s >= SILENT_FOR_S
        and any(answered_s >= since_s for answered_s in siblings_answered_s)
    )

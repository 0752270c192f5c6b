"""What the log says of a copy."""

from typing import Any

from middlewares.exchange import Exchange
from middlewares.mirror.deciding.comparing import Verdict
from middlewares.mirror.original import Original
from middlewares.side_requests import SideAnswer

#: The record names at most so many differences, and so much of each.
_MOST_LOGGED = 5
_MOST_CHARACTERS = 200


def copy_event(
    route: str,
    mirror: str,
    original: Original,
    exchange: Exchange,
    outcome: str,
    answer: SideAnswer | None,
    verdict: Verdict | str,
) -> dict[str, Any]:
    """The record of a copy; `exchange` is the copy's own, and `verdict` may be why there is none."""
    event: dict[str, Any] = {
        "correlation_id": exchange.correlation_id,
        "route": route,
        "mirror": mirror,
        "outcome": outcome,
    }
    if exchange.attempts:
        event["upstream_instance"] = exchange.attempts[-1].instance_id
    if original.seen is not None:
        event["status"] = original.seen.status
    if original.head_s is not None:
        event["upstream_ms"] = round(original.head_s * 1000, 3)
    if exchange.upstream_s is not None:
        event["mirror_ms"] = round(exchange.upstream_s * 1000, 3)
    if answer is None:
        return event
    event["mirror_status"] = answer.status
    if isinstance(verdict, str):
        event["not_compared"] = verdict
        return event
    event["result"] = "different" if verdict.found else "same"
    if verdict.found:
        places = (f"{one.kind} {one.at or one.place}".rstrip() for one in verdict.found)
        event["differences"] = [place[:_MOST_CHARACTERS] for place in places][:_MOST_LOGGED]
    if verdict.unread:
        event["not_compared"] = verdict.unread
    return event

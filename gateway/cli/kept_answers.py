"""What the commands of `lockgate cache` share: they ask a gateway, and show what it keeps."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import urlencode

from gateway.cli.api_keys import gateway_with_token as gateway_with_token
from gateway.cli.gateway_client import GatewayClient
from gateway.cli.missing_workers import missing_workers
from gateway.cli.output import print_below, print_lines, print_progress, print_rows
from gateway.stack.failures import UsageError
from middlewares.telemetry.printable import printable

#: A prefix may take a million answers, some hundred of them in each call to Redis.
PURGED_WITHIN_S = 120.0
_HEADINGS = ("route", "hits", "misses", "ratio", "collapsed", "stored", "not stored")

_LABELS = {
    "route": "route",
    "url": "url",
    "store": "kept in",
    "cache_status": "Cache-Status",
    "status": "status",
    "bytes": "bytes",
    "age_s": "age, s",
    "etag": "ETag",
    "vary": "varies by",
    "tags": "tags",
}


def purge_asked(
    url: str | None, prefix: str | None, tag: str | None, *, soft: bool
) -> Mapping[str, Any]:
    """The document of a purge; raises UsageError unless exactly one of these is given."""
    given = {"url": url, "prefix": prefix, "tag": tag}
    asked = {name: value for name, value in given.items() if value is not None}
    if len(asked) != 1:
        raise UsageError("say what is purged: a URL, --prefix or --tag, and one of them alone")
    return {**asked, **({"soft": True} if soft else {})}


def purge(gateway: GatewayClient, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    body = json.dumps(asked).encode()
    answer: Mapping[str, Any] = gateway.change(
        "POST", "/cache/purge", within_s=PURGED_WITHIN_S, body=body
    )
    return answer


def show(
    gateway: GatewayClient, url: str, method: str, headers: Sequence[str]
) -> Mapping[str, Any]:
    asked = [("url", url), ("method", method), *(("header", header) for header in headers)]
    answer: Mapping[str, Any] = gateway.get(f"/cache/show?{urlencode(asked)}")
    return answer


def print_shown(document: Mapping[str, Any]) -> None:
    """Print the answer to `GET /cache/show`: first whether it is served, then what is kept."""
    served = "served from the cache" if document["served"] else "not served from the cache"
    lines = [f"{served}: {document['why']}"]
    lines += [
        f"  {label:14}{_shown(document[name])}"
        for name, label in _LABELS.items()
        if document.get(name) not in (None, [])
    ]
    print_lines(*map(printable, lines))
    print_below(missing_workers(document))


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def print_purged(document: Mapping[str, Any], *, soft: bool) -> None:
    what = "made stale" if soft else "purged"
    print_lines(f"{what}: {_answers(document['purged'])}")
    if not document["purged"] and "detail" not in document:
        print_progress(
            "lockgate: nothing was kept there. A URL is one with its scheme, port and query, as clients send "
            "them; --prefix takes all that begin so, and * is a letter like others"
        )
    if "detail" in document:
        print_progress(f"lockgate: {document['detail']}")


def print_stats(document: Mapping[str, Any]) -> None:
    """Print the answer to `GET /cache`."""
    rows = [
        (
            route,
            *(str(one[key]) for key in ("hits", "misses")),
            _percent(one["hit_ratio"]),
            *(str(one[key]) for key in ("collapsed", "stored", "not_stored")),
        )
        for route, one in document["routes"].items()
    ]
    print_rows(_HEADINGS, rows, to_the_right=_HEADINGS[1:])
    print_below(chain(_sentences(document), missing_workers(document)))


def _sentences(document: Mapping[str, Any]) -> Iterator[str]:
    memory, redis, purging = document["memory"], document["redis"], document["purges"]
    yield f"memory: {_kept(memory)}, {memory['evicted']} evicted, {memory['refused']} refused"
    if redis is not None:
        yield (
            "redis: is away"
            if redis["away"]
            else f"redis: {_kept(redis)}, {redis['evicted']} evicted"
        )
    for title, counts in (
        ("misses", document["misses"]),
        ("not stored", document["not_stored"]),
    ):
        if counts:
            yield f"{title}: {_listed(counts)}"
    if not document["used"]:
        yield "no route of the gateway's file has a cache"
    elif not purging["current"]:
        yield "purges: the registry is away; what others purge meanwhile is purged here once it is back"


def _kept(store: Mapping[str, Any]) -> str:
    return f"{_answers(store['entries'])}, {_size(store['bytes'])} of {_size(store['max_bytes'])}"


def _size(number: int) -> str:
    """Bytes in the largest unit that they fill, as in 1.5 MiB."""
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if number >= 1024**power:
            return f"{number / 1024**power:.3g} {unit}"
    return f"{number} bytes"


def _listed(counts: Mapping[str, int]) -> str:
    by_number: Sequence[tuple[str, int]] = sorted(counts.items(), key=lambda one: -one[1])
    return ", ".join(f"{number} {why}" for why, number in by_number)


def _answers(number: int) -> str:
    return f"{number} {'answer' if number == 1 else 'answers'}"


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1%}"

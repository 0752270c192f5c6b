"""What `lockgate split` does: it asks a gateway, changes shares, and waits until all gateways have them."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from gateway.cli.gateway_client import GatewayClient
from gateway.cli.output import print_below, print_progress, print_rows
from gateway.stack.failures import StackError, UsageError
from middlewares.split.deciding.weights import Unclear, named_by

_HEADINGS = ("route", "share", "weight", "percent", "in the file", "status", "changed by", "since")
_LEFT_OUT = ("since", "in the file")
_POLL_S = 0.2
_RULE = "write a share and its weight from 0, such as 2=25"

Split = Mapping[str, Any]


def all_splits(gateway: GatewayClient) -> list[Split]:
    splits: list[Split] = gateway.change("GET", "/splits")["splits"]
    return splits


def named(splits: Sequence[Split], route: str, gateway: GatewayClient) -> Split:
    """The split of a route; StackError if it has none."""
    for one in splits:
        if one["route"] == route:
            return one
    there = ", ".join(one["route"] for one in splits) or "none"
    raise StackError(f"no route {route} of {gateway.url} has a split; routes with one: {there}")


def told(words: Sequence[str], split: Split) -> dict[str, float]:
    """The weights by share that words such as `2=25` ask for. Raises UsageError."""
    found: dict[str, float] = {}
    for word in words:
        # A range has a sign of equality itself, as in >=2=25.
        name, sign, number = word.rpartition("=")
        if not sign or not name:
            raise UsageError(f"{word}: {_RULE}")
        try:
            weight = float(number.removesuffix("%"))
            share = named_by(name, split["shares"])
        except Unclear as error:
            raise UsageError(f"{word}: {error}") from None
        except ValueError:
            weight = -1.0
        if not 0 <= weight < float("inf"):
            raise UsageError(f"{word}: {_RULE}")
        if share in found:
            raise UsageError(f"{word}: {share} has a weight already")
        found[share] = weight
    return found


def change(gateway: GatewayClient, route: str, shares: Mapping[str, float]) -> Split:
    body = json.dumps({"shares": shares}).encode()
    answer: Split = gateway.change("PUT", f"/splits/{quote(route, safe='')}", body=body)
    return answer


def everywhere(gateway: GatewayClient, split: Split, within_s: float) -> Split:
    """Wait until the workers of all gateways go by a change; the split as it is then, or when the time is up."""
    until_s = time.monotonic() + within_s
    while split["behind"] != [] and time.monotonic() < until_s:
        time.sleep(_POLL_S)
        now = [one for one in all_splits(gateway) if one["route"] == split["route"]]
        if not now:
            return split
        split = now[0]
    return split


def print_splits(splits: Sequence[Split]) -> None:
    rows = [row for one in splits for row in _rows(one)]
    title = f"{len(splits)} {'split' if len(splits) == 1 else 'splits'}"
    print_rows(_HEADINGS, rows, title=title, left_out=_LEFT_OUT)
    for one in splits:
        print_below(list(_told_of(one)))


def print_waited(split: Split) -> None:
    """Say whether all gateways have it."""
    behind = split["behind"]
    if behind is None:
        print_progress("lockgate: the registry is away, so nobody knows which gateways have it")
    elif behind:
        print_progress(f"lockgate: {len(behind)} workers do not have it yet: {', '.join(behind)}")
    else:
        print_progress("lockgate: all gateways have it")


def _rows(split: Split) -> Iterator[tuple[str, ...]]:
    for name, weight in split["shares"].items():
        yield (
            split["route"],
            name,
            f"{weight:g}",
            f"{split['percent'][name]:g} %",
            f"{split['file'][name]:g}",
            split["status"].replace("_", " "),
            split["changed_by"],
            split["since"] or "-",
        )


def _told_of(split: Split) -> Iterator[str]:
    """What becomes of it next, and why it was changed."""
    route = split["route"]
    if split["registry"] == "away":
        yield f"{route}: the registry is away; the shares stay as they are"
    if split.get("next_step") is not None:
        waits = split["waits_for"] or "the end of this period"
        yield f"{route}: {split['canary']} gets {split['next_step']:g} % next; {waits}"
    evidence = split.get("evidence")
    if evidence is not None and "breach" in evidence:
        yield f"{route}: {_why(split['canary'], evidence)}"


def _why(canary: str, evidence: Mapping[str, Any]) -> str:
    """What the canary was taken back for, or stopped."""
    sides = [evidence["canary"], evidence["stable"]]
    if evidence["breach"] == "errors":
        rates = [f"{100 * one['failed'] / one['requests']:.3g} %" for one in sides]
        numbers = [f"{one['failed']} of {one['requests']} requests" for one in sides]
        told = (
            f"{rates[0]} of {canary} failed ({numbers[0]}), {rates[1]} of the others ({numbers[1]})"
        )
    else:
        times = [evidence.get(f"latency_p{part}_ms", {}) for part in (50, 90)]
        told = f"{canary} was slower: " + ", ".join(
            f"{words} {one.get('canary', '?')} ms, the others {one.get('stable', '?')} ms"
            for words, one in zip(("typically", "the slowest tenth from"), times, strict=True)
        )
    return f"{told}; by chance at most once in {1 / max(evidence['p'], 1e-15):,.0f} times"

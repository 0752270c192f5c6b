"""A route's split as the layer uses it."""

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.config.compiled.levels import merged
from gateway.config.file.split import Named, Rollback, Split, is_service
from middlewares.split.deciding.evidence import Margins
from middlewares.split.deciding.identities import By
from middlewares.split.deciding.identities import Named as Kind
from middlewares.split.deciding.plan import Plan
from middlewares.split.policy import Override, Share, SplitPolicy
from middlewares.version_ranges import parse_range


def split_of(levels: Sequence[Split | None]) -> SplitPolicy | None:
    """The split of what all levels say; None: there is none."""
    section = merged(levels)
    if section is None:
        return None
    by, name = _by(section)
    # In one order, whatever the file's: another order of the same shares is no other split.
    shares = sorted(section.shares.items())
    return SplitPolicy(
        tuple(
            Share(one, weight, None if is_service(one) else parse_range(one))
            for one, weight in shares
        ),
        _plan(section, [one for one, _ in shares]),
        by,
        name,
        None if section.override is None else Override(*_named(section.override)),
    )


def rows(
    levels: Sequence[tuple[str, Any]], split: SplitPolicy | None
) -> Iterator[tuple[str, Any, str]]:
    """Each row of the policy in words, with the level that says it.

    `levels` are those that say `split`, the most specific one first.
    """
    if not levels:
        return
    source = levels[0][0]
    if split is None:
        yield "split", None, source
        return
    yield "split.by", f"{split.by} {split.name.decode()}".strip(), source
    shares = [f"{share.name}: {share.weight:g}" for share in split.shares]
    yield "split.shares", ", ".join(shares), source
    plan = split.plan
    if plan.is_watched:
        yield "split.canary", split.names[plan.canary], source
    if plan.steps:
        steps = " → ".join(f"{step:g} %" for step in plan.steps)
        yield "split.steps", f"{steps}, each {plan.over_s:g} s and {plan.requests} requests", source
    if plan.margins is not None:
        yield "split.rollback", f"{_margins_text(plan.margins)}; then {plan.on_breach}", source
    if split.override is not None:
        yield "split.override", f"{split.override.kind} {split.override.name.decode()}", source


def _margins_text(margins: Margins) -> str:
    worse = []
    if margins.errors is not None:
        worse.append(f"{100 * margins.errors:g} % more failures")
    if margins.latency is not None:
        worse.append(f"{margins.latency:g} times as slow")
    return f"{' or '.join(worse)} in {margins.over_s:g} s of {margins.requests} requests or more"


def _plan(section: Split, names: Sequence[str]) -> Plan:
    canary = names.index(section.meant_canary or names[0])
    rollback = section.rollback
    if rollback is None and section.steps and "rollback" not in section.model_fields_set:
        rollback = Rollback()
    return Plan(
        canary,
        None if rollback is None else _margins(rollback),
        "freeze" if section.on_breach == "freeze" else "rollback",
        section.steps,
        section.over_s,
        section.requests,
    )


def _margins(section: Rollback) -> Margins:
    return Margins(section.errors, section.latency, section.over_s, section.requests)


def _by(section: Split) -> tuple[By, bytes]:
    return _named(section.by) if isinstance(section.by, Named) else (section.by, b"")


def _named(section: Named) -> tuple[Kind, bytes]:
    if section.header is not None:
        return "header", section.header.lower().encode("ascii")
    return "cookie", (section.cookie or "").encode("ascii")

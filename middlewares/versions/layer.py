"""The layer that finds out which version a request is for, and tells of versions that are deprecated."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import VersionGone
from middlewares.memory import Memory
from middlewares.proxied_answers import ProxiedAnswer, proxied
from middlewares.version_ranges import VersionRange, line_of
from middlewares.versions.callers import Caller, VersionCalls, caller_of
from middlewares.versions.deciding.choosing import (
    Chosen,
    Registered,
    choose,
    deprecation,
    deprecation_of,
)
from middlewares.versions.deciding.fields import SERVED, deprecation_fields, edits_of
from middlewares.versions.deciding.naming import Raw, named, read
from middlewares.versions.policy import Deprecated, VersionsPolicy

#: Instances without a version are counted under this name.
WITHOUT_VERSION = "none"
_USER_AGENT = b"user-agent"


class _Choice(NamedTuple):
    """What was chosen, and all that it was chosen by besides the texts in the request."""

    policy: VersionsPolicy
    registered: Registered
    gone: tuple[VersionRange, ...]
    chosen: Chosen


def versions_middleware(
    *,
    registered: Callable[[str], Registered],
    unix_s: Callable[[], float],
    calls: VersionCalls,
) -> Middleware:
    """Write the ranges of versions that a request may go to into its Exchange.

    Its answer says by which fields it varies, and what is deprecated. `registered` gives the versions of a
    service's instances. Raises BadRequest, VersionConflict, VersionNotFound, VersionGone, NoHealthyInstance.
    """
    met: Memory[tuple[str, tuple[Raw, ...]], _Choice] = Memory(
        "versions", entries=4096, entry_bytes=1024
    )

    @web.middleware
    def version(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        route = exchange.route
        policy = None if route is None else route.policy.versions
        return handler(request) if policy is None else versioned(request, handler, exchange, policy)

    async def versioned(
        request: web.Request, handler: Handler, exchange: Exchange, policy: VersionsPolicy
    ) -> web.StreamResponse:
        route = exchange.route
        assert route is not None, "the policy is the route's"
        now_s = unix_s()
        vary = policy.vary
        exchange.error_fields = (("Vary", vary),) if vary else ()
        try:
            chosen = chosen_for(exchange, policy, now_s)
        except VersionGone as failure:
            told = next(
                (one for one in policy.deprecated if one.versions.text == failure.ended), None
            )
            note(exchange, told)
            calls.count(
                *(route.id, failure.ended, caller(exchange), now_s),
                is_deprecated=True,
                refused=True,
            )
            raise
        exchange.ranges += chosen.ranges
        exchange.version = chosen.text
        if chosen.is_oldest:
            exchange.ranges_anew = lambda: chosen_for(exchange, policy, unix_s()).ranges
        note(exchange, deprecation_of(policy, chosen.ranges))
        answer = await handler(request)
        changed = proxied(answer)
        if changed is None:
            told = deprecation_of(policy, chosen.ranges)
            fields = () if told is None else deprecation_fields(told)
            for name, value in (*((("Vary", vary),) if vary else ()), *fields):
                answer.headers.add(name, value)
            return answer
        # Only what is kept has to say it by itself.
        served = served_version(changed) if exchange.has_cache else exchange.served_version
        told = deprecation(policy, served)
        if vary or told is not None:
            changed.edit_head(edits_of(vary, told))
        calls.count(
            *(route.id, label(told, served), caller(exchange), now_s),
            is_deprecated=told is not None,
        )
        return answer

    def chosen_for(exchange: Exchange, policy: VersionsPolicy, now_s: float) -> Chosen:
        route = exchange.route
        assert route is not None, "the policy is the route's"
        raw = read(policy, rest_of(exchange), exchange.section.fields, exchange.query)
        there, gone = registered(route.service), policy.gone(now_s)
        key = (route.id, raw)
        known = met.recall(key)
        if (
            known is not None
            and known.policy is policy
            and known.registered is there
            and known.gone == gone
        ):
            return known.chosen
        is_split = route.policy.split is not None
        chosen = choose(policy, named(raw), there, now_s, is_split=is_split)
        size = sum(len(text) for one in raw for text in (*one.texts, *one.others))
        met.keep(key, _Choice(policy, there, gone, chosen), size)
        return chosen

    return version


def rest_of(exchange: Exchange) -> str:
    """The raw path behind the route's prefix; empty if the route has none."""
    hit, route = exchange.hit, exchange.route
    if hit is not None:
        return hit.rest
    return exchange.path[len(route.prefix) :] if route is not None else ""


def note(exchange: Exchange, told: Deprecated | None) -> None:
    """Have an error of the gateway's own tell of the deprecation too."""
    if told is not None:
        exchange.error_fields += deprecation_fields(told)


def served_version(answer: ProxiedAnswer) -> str | None:
    """The version that has answered, also with an answer that was kept."""
    lines = answer.field_lines
    return next((value.decode("ascii") for name, value in reversed(lines) if name == SERVED), None)


def label(told: Deprecated | None, served: str | None) -> str:
    """What a call is counted under: the deprecated range, or the line of the version."""
    if told is not None:
        return told.versions.text
    line = None if served is None else line_of(served)
    return WITHOUT_VERSION if line is None else line.text


def caller(exchange: Exchange) -> Caller:
    identity = exchange.identity
    subject = None if identity is None else identity.subject
    return caller_of(subject, exchange.section.user_agent)

"""The layer that finds out who asks, and admits or refuses them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.auth.deciding import COOKIE, Identity, Missing, Requirement, credentials_in
from middlewares.auth.way import Answered, Asked, Undecided, Way
from middlewares.exchange import EXCHANGE
from middlewares.failures import AuthUnavailable, BadRequest, Failure, Forbidden, Unauthorized
from middlewares.head_changes import HeadChanges
from middlewares.telemetry.metrics import GatewayMetrics

#: One text for every credential that is not admitted: which of these it is helps only who guesses.
NOT_VALID = "the credential is not valid here: it may be mistyped, unknown, revoked or expired"
NONE_SENT = "this route needs a credential, and the request has none that it takes"
FOR_NOBODY = "nobody may use this route: its configuration does not say who may"
TWO_CREDENTIALS = "the request has more than one credential: send one of them"
#: For the log.
TAKEN_BY_NONE = "no way of the route takes a credential of this kind"

_log = structlog.get_logger()


def auth_middleware(
    *,
    scheme_of: Callable[[web.Request], str],
    metrics: GatewayMetrics,
) -> Middleware:
    """Write the identity into the Exchange, or refuse the request.

    `scheme_of` tells what the client used, `http` or `https`. Raises BadRequest, Unauthorized, Forbidden and
    AuthUnavailable.
    """

    @web.middleware
    def authenticate(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        route = exchange.route
        if route is None or (needed := route.policy.auth) is None:
            return handler(request)
        if needed.is_open:
            exchange.changes = HeadChanges(needed.removed)
            return handler(request)
        credentials = credentials_in(exchange.section)
        live = exchange.ways
        asked = Asked(request, exchange, credentials, scheme_of)
        if needed.has_sessions or credentials.may_be_wrong:
            mistake = _mistake_in(asked, needed, live)
            if mistake is not None:
                if not needed.shadow:
                    raise BadRequest(mistake)
                pass_unrefused(asked, needed, live, mistake)
                return handler(request)
        # Only a service that answers preflights by itself gets them; any other answer is behind the door.
        if request.method == "OPTIONS" and route.answer is None and exchange.section.is_preflight:
            exchange.changes = _changes(asked, needed, live, b"")
            return handler(request)
        if len(needed.ways) == 1:  # the quick way, for nearly all routes
            way = live[needed.ways[0]]
            taking = [way] if way.takes(asked) else []
        else:
            taking = [way for name in needed.ways if (way := live[name]).takes(asked)]
        if len(taking) == 1:
            identity = taking[0].known(asked)
            if identity is not None and (needed.is_bare or needed.missing(identity) is None):
                admit(asked, needed, live, identity)
                return handler(request)
        return decided(request, handler, asked, needed, live, taking)

    async def decided(
        request: web.Request,
        handler: Handler,
        asked: Asked,
        needed: Requirement,
        live: Mapping[str, Way],
        taking: Sequence[Way],
    ) -> web.StreamResponse:
        try:
            found = await found_out(asked, needed, live, taking)
        except Failure as failure:
            if not needed.shadow:
                raise
            pass_unrefused(asked, needed, live, failure.detail)
            return await handler(request)
        if isinstance(found, Identity):
            admit(asked, needed, live, found)
        elif needed.shadow:
            pass_unrefused(asked, needed, live, "the way answers by itself")
        else:
            return found.answer
        return await handler(request)

    def pass_unrefused(
        asked: Asked, needed: Requirement, live: Mapping[str, Way], detail: str
    ) -> None:
        """Let a request pass that a shadow would refuse; nobody has sent it, as far as an instance knows."""
        exchange = asked.exchange
        way = needed.ways[0] if needed.ways else ""
        _log.info("auth.shadow_refused", detail=detail, why=exchange.auth_refusal)
        metrics.auth_decided(way, "shadow_refused")
        exchange.identity = None
        exchange.changes = _changes(asked, needed, live, b"")

    async def found_out(
        asked: Asked, needed: Requirement, live: Mapping[str, Way], taking: Sequence[Way]
    ) -> Identity | Answered:
        """Ask each way that takes the request. Raises Unauthorized, Forbidden or AuthUnavailable."""
        exchange = asked.exchange
        lacking: tuple[Way, Missing] | None = None
        answered: Answered | None = None
        undecided: Undecided | None = None
        for way in taking:
            known = way.known(asked)
            if known is not None and needed.missing(known) is None:
                return known  # before anybody else is asked
        for way in taking:
            verdict = way.known(asked) or await way.decide(asked)
            if isinstance(verdict, Identity):
                missing = needed.missing(verdict)
                if missing is None:
                    return verdict
                lacking = lacking or (way, missing)
                exchange.identity = verdict
                count(way, needed, "forbidden")
            elif isinstance(verdict, Answered):
                answered = answered or verdict
                count(way, needed, "answered")
            elif isinstance(verdict, Undecided):
                undecided = undecided or verdict
                exchange.auth_refusal = f"{way.name}: {verdict.why}"
                count(way, needed, "undecided")
            else:
                exchange.auth_refusal = f"{way.name}: {verdict.why}"
                count(way, needed, "refused")
        if lacking is not None:
            way, missing = lacking
            exchange.auth_refusal = f"{way.name}: {missing.detail}"
            challenge = way.challenge(asked, scopes=missing.scopes) if missing.scopes else None
            raise Forbidden(
                f"you may not use this route: {missing.detail}", (challenge,) if challenge else ()
            )
        # The credential may be good, so an answer that sends its client away would be wrong.
        if undecided is not None:
            raise AuthUnavailable(undecided.retry_after_s)
        if answered is not None:
            return with_challenges(asked, needed, live, answered)
        return await refused(asked, needed, live, taking)

    def with_challenges(
        asked: Asked, needed: Requirement, live: Mapping[str, Way], answered: Answered
    ) -> Answered:
        """A way's own answer; a 401 has the challenges of the other ways too."""
        if answered.answer.status == 401:
            challenges = [live[name].challenge(asked) for name in needed.ways]
            for challenge in dict.fromkeys(challenges):
                if challenge is not None:
                    answered.answer.headers.add("WWW-Authenticate", challenge)
        return answered

    async def refused(
        asked: Asked, needed: Requirement, live: Mapping[str, Way], taking: Sequence[Way]
    ) -> Answered:
        """What somebody gets whom no way admits. Raises Unauthorized or Forbidden."""
        if not needed.ways:
            raise Forbidden(FOR_NOBODY)
        ways_in = [live[name] for name in needed.ways]
        shown = _shows_one(asked, needed)
        if not taking and not shown:
            for way in ways_in:
                answer = await way.without_credential(asked)
                if answer is not None:
                    count(way, needed, "answered")
                    return answer
        if not taking:
            count(ways_in[0], needed, "refused")
            if shown:
                asked.exchange.auth_refusal = TAKEN_BY_NONE
        challenges = [way.challenge(asked, refused=shown) for way in ways_in]
        raise Unauthorized(
            NOT_VALID if taking or shown else NONE_SENT,
            tuple(dict.fromkeys(one for one in challenges if one is not None)),
        )

    def count(way: Way, needed: Requirement, decision: str) -> None:
        if not needed.shadow:
            metrics.auth_decided(way.name, decision)

    def admit(
        asked: Asked, needed: Requirement, live: Mapping[str, Way], identity: Identity
    ) -> None:
        exchange = asked.exchange
        exchange.identity = identity
        if needed.has_sessions:
            exchange.changes = _changes(asked, needed, live, identity.sent_lines)
        else:  # as on nearly all routes
            exchange.changes = HeadChanges(needed.removed, added=identity.sent_lines)
        metrics.auth_decided(identity.way, "admitted")

    return authenticate


def _shows_one(asked: Asked, needed: Requirement) -> bool:
    """Whether there is a credential in a field that one of the ways reads."""
    credentials = asked.credentials
    return (credentials.scheme is not None and needed.reads_authorization) or (
        credentials.api_key is not None and needed.reads_api_key
    )


def _mistake_in(asked: Asked, needed: Requirement, live: Mapping[str, Way]) -> str | None:
    """What is wrong if it has a field twice, or more than one credential that the route's ways read."""
    credentials = asked.credentials
    if credentials.mistake:
        return credentials.mistake
    found = (credentials.scheme is not None and needed.reads_authorization) + (
        credentials.api_key is not None and needed.reads_api_key
    )
    if needed.has_sessions and (cookie := credentials.cookie) is not None:
        # A log-in that was begun has a cookie too, which is no credential.
        found += any(
            way.takes(asked) and way.without_session(cookie) != cookie
            for way in map(live.__getitem__, needed.ways)
        )
    return TWO_CREDENTIALS if found > 1 else None


def _changes(
    asked: Asked, needed: Requirement, live: Mapping[str, Way], lines: bytes
) -> HeadChanges:
    if not needed.has_sessions or needed.pass_credentials:  # as nearly all
        return HeadChanges(needed.removed, added=lines)
    cookie = asked.credentials.cookie
    if cookie is None:
        return HeadChanges(needed.removed, added=lines)
    left = cookie
    for name in needed.ways:
        left = live[name].without_session(left)
    if left == cookie:
        return HeadChanges(needed.removed, added=lines)
    if not left:
        return HeadChanges(needed.removed | {COOKIE}, added=lines)
    return HeadChanges(needed.removed, {COOKIE: left}, lines)

"""The layer that changes the heads of requests and of instances' answers by the rules of their route."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import AmbiguousPath, BadRequest, HeaderTooLarge
from middlewares.head_changes import FieldEdits, HeadChanges, merged
from middlewares.proxied_answers import ProxiedAnswer, proxied
from middlewares.routing.deciding import target_behind
from middlewares.routing.policy import RoutePolicy
from middlewares.transform.deciding.fields import FieldPlan, TooLong, parted
from middlewares.transform.deciding.paths import NoPath, UnsafeValue, filled_path
from middlewares.transform.deciding.varying import VARY_MARKS, missing_vary
from middlewares.transform.policy import RequestRules
from middlewares.transform.values import RequestValues

#: Puts the client's side of a service's URLs into the fields of its answer.
Relocate = Callable[[web.Request, Exchange, ProxiedAnswer], None]


def heads_middleware(*, relocate: Relocate, most_bytes: int) -> Middleware:
    """Change what the instance gets and what the client gets, as the route's policy says.

    `relocate` is called for the answers of routes with `rewrite_location`. `most_bytes`: as long may a target be,
    and the headers that rules set by values of the request; HeaderTooLarge says that they are longer. Raises
    BadRequest and AmbiguousPath where the request has no value for its new path, or one that can't stand there.
    """

    @web.middleware
    def change(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        exchange = request[EXCHANGE]
        assert exchange.route is not None, "the gate lets no other request through"
        policy = exchange.route.policy
        values = RequestValues(exchange, request.method)
        if policy.request is not None:
            change_request(exchange, values, policy.request, most_bytes)
        if policy.response is None and not policy.rewrites_location and not policy.varies_by:
            return handler(request)
        return answered(request, handler, values, policy)

    async def answered(
        request: web.Request,
        handler: Handler,
        values: RequestValues,
        policy: RoutePolicy,
    ) -> web.StreamResponse:
        response = await handler(request)
        answer = proxied(response)
        if answer is not None:
            if policy.rewrites_location:
                relocate(request, request[EXCHANGE], answer)
            if policy.response is not None and policy.response.headers is not None:
                answer.edit_head(_edits(policy.response.headers, values, most_bytes))
            if policy.varies_by:
                vary(answer, policy.varies_by)
        return response

    return change


def vary(answer: ProxiedAnswer, names: Sequence[bytes]) -> None:
    """Tell caches in front of the gateway which of the client's headers the answer depends on."""
    fields = answer.field_lines if answer.may_have(VARY_MARKS) else ()
    if line := missing_vary(fields, names):
        answer.edit_head(FieldEdits(added=(line,), marks=()))


def change_request(
    exchange: Exchange, values: RequestValues, rules: RequestRules, most_bytes: int
) -> None:
    """Write what the instance gets into the Exchange. Raises BadRequest, AmbiguousPath and HeaderTooLarge."""
    if rules.path is not None or rules.query is not None:
        target = exchange.sent_target = _target(exchange, values, rules)
        if len(target) > most_bytes:
            raise HeaderTooLarge(f"by the rules, the request line has more than {most_bytes} bytes")
    plan = rules.headers
    if plan is None:
        return
    edits = _edits(plan, values, most_bytes)
    before = exchange.changes
    if before is not None and before.added and plan.names:
        # What auth adds is there for rules as what the client has sent is.
        added, ruled = parted(before.added, plan.names)
        if ruled:
            there = FieldEdits(added=ruled, marks=())
            before = before._replace(added=added, edits=(*before.edits, there))
    exchange.changes = merged(before, HeadChanges(edits=(edits,)))


def _edits(plan: FieldPlan, values: RequestValues, most_bytes: int) -> FieldEdits:
    try:
        return plan.edits(values, most_bytes)
    except TooLong:
        raise HeaderTooLarge(
            f"with the request's values, the headers that rules set have more than {most_bytes} bytes"
        ) from None


def _target(exchange: Exchange, values: RequestValues, rules: RequestRules) -> str:
    """The target that the instance gets."""
    assert exchange.route is not None
    target = exchange.sent_target
    if target is None:
        target = target_behind(exchange.route, exchange.hit, exchange.target)
    path, mark, query = target.partition("?")
    if rules.path is not None:
        try:
            path = filled_path(rules.path, values)
        except NoPath as missing:
            raise BadRequest(
                f"the path for the service needs {missing}, which the request has not"
            ) from None
        except UnsafeValue as unsafe:
            raise AmbiguousPath(f"in the path for the service, {unsafe}") from None
    if rules.query is not None:
        after = rules.query.changed(query, values)
        if after != query:
            query, mark = after, "?" if after else ""
    return path + mark + query

"""Changes the heads of the gateway's own errors where a route asks for it."""

from collections.abc import Callable

from aiohttp import web

from middlewares.exchange import EXCHANGE
from middlewares.head_changes import edited
from middlewares.routing.policy import RoutePolicy
from middlewares.transform.deciding.fields import TooLong
from middlewares.transform.deciding.varying import missing_vary
from middlewares.transform.values import RequestValues

#: The policy that holds for an error; None: none does.
PolicyOf = Callable[[web.Request], RoutePolicy | None]


def changing_errors(
    policy_of: PolicyOf, most_bytes: int
) -> Callable[[web.Request, web.StreamResponse], None]:
    """Make the function that applies `response.headers` to the answer of a failure, with `response.errors`.

    Where values of the request would make more than `most_bytes`, the answer stays.
    """

    def change(request: web.Request, response: web.StreamResponse) -> None:
        policy = policy_of(request)
        if policy is None or policy.response is None:
            return
        rules = policy.response
        if not rules.errors or rules.headers is None:
            return
        headers = response.headers
        fields = [
            (name.encode("latin-1"), value.encode("utf-8", "surrogateescape"))
            for name, value in headers.items()
        ]
        values = RequestValues(request[EXCHANGE], request.method)
        try:
            edits = rules.headers.edits(values, most_bytes)
        except TooLong:
            return
        after = edited(fields, edits)
        if line := missing_vary(after, policy.varies_by):
            after.append(line)
        if after != fields:
            headers.clear()
            headers.extend(
                # Bytes that are not UTF-8 can't be sent in the gateway's own answers.
                (name.decode("ascii"), value.decode("utf-8", "replace"))
                for name, value in after
            )

    return change

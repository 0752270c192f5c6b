"""Each row of tests/routes/table.yaml through a gateway that is reloaded from file to file."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import pytest
from structlog.testing import capture_logs

from tests.conftest import StartUpstream
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.raw_clients import exchange
from tests.support.route_table import Row, rows
from tests.support.upstreams import ScriptedUpstream

SUBJECTS = [(subject, tuple(some)) for subject, some in groupby(rows(), lambda row: row.subject)]
STATUSES = {"route_not_found": 404, "ambiguous_path": 400}
SERVICES = sorted(
    {route["service"] for row in rows() for route in row.routes if "service" in route}
)


@dataclass(frozen=True, slots=True)
class Came:
    """What a request led to; `taken` are the service and the target of what was sent on."""

    status: int
    route: str | None
    reason: str | None
    taken: tuple[tuple[str, str], ...]
    location: tuple[str, ...]


def in_origin_form(row: Row) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in row.fields)
    return f"{row.ask} HTTP/1.1\r\nHost: {row.host}\r\n{lines}\r\n".encode()


def in_absolute_form(row: Row) -> bytes:
    """Such a head is not a plain one, so it is read carefully; so is HTTP/1.0."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in row.fields)
    authority = f"http://{row.host}" if row.asked_target.startswith("/") else ""
    return f"{row.method} {authority}{row.asked_target} HTTP/1.1\r\nHost: {row.host}\r\n{lines}\r\n".encode()


def in_http_1_0(row: Row) -> bytes:
    return in_origin_form(row).replace(b" HTTP/1.1", b" HTTP/1.0", 1)


class Services:
    """An upstream for each service of the table, which answers with the service's name."""

    def __init__(self, upstreams: dict[str, ScriptedUpstream]) -> None:
        self._upstreams = upstreams

    @property
    def section(self) -> dict[str, object]:
        return {
            name: {"urls": [f"http://127.0.0.1:{upstream.port}"]}
            for name, upstream in self._upstreams.items()
        }

    def taken(self) -> tuple[tuple[str, str], ...]:
        """The service and the target of each request since the last call."""
        found: list[tuple[str, str]] = []
        for name, upstream in self._upstreams.items():
            found += [(name, one.target.decode()) for one in upstream.requests]
            upstream.requests.clear()
        return tuple(found)


async def ask(configured: Configured, services: Services, sent: bytes) -> Came:
    with capture_logs() as logs:
        answer = await exchange(configured.gateway.port, sent, to_head=sent.startswith(b"HEAD "))
    (line,) = [one for one in logs if one["event"] == "request"]
    is_problem = answer.values(b"Content-Type") == [b"application/problem+json"]
    return Came(
        answer.status,
        line.get("route"),
        json.loads(answer.body)["reason"] if is_problem and answer.body else None,
        services.taken(),
        tuple(value.decode() for value in answer.values(b"Location")),
    )


def expected(row: Row, came: Came) -> Came:
    """What the table says; where it says nothing, what came."""
    if row.refused is not None:
        status, reason = STATUSES[row.refused], row.refused
        if row.method.islower():  # refused before a route is looked for
            status, reason = 400, "bad_request"
        elif row.asked_target.partition("?")[0] == "/":  # the page
            is_read = row.method in ("GET", "HEAD")
            status, reason = (200, None) if is_read else (405, "method_not_allowed")
        return Came(status, None, reason, (), ())
    (route,) = [route for route in row.routes if route["name"] == row.wins]
    if "redirect" in route:
        location = came.location if row.location is None else (row.location,)
        return Came(row.status or came.status, row.wins, None, (), location)
    target = row.target
    if target is None:
        target = came.taken[0][1] if "rewrite" in route and came.taken else row.asked_target
    return Came(200, row.wins, None, ((route["service"], target),), ())


@pytest.mark.parametrize("form", [in_origin_form, in_absolute_form, in_http_1_0])
async def test_a_request_goes_where_the_table_says(
    start_configured: StartConfigured, start_upstream: StartUpstream, form: Callable[[Row], bytes]
) -> None:
    services = Services({name: await start_upstream() for name in SERVICES})
    configured = await start_configured("discover: false", registers=False)
    wrong = []
    for subject, some in SUBJECTS:
        routes = some[0].routes
        configured.write(
            json.dumps({"discover": False, "services": services.section, "routes": routes})
        )
        reloaded = await configured.gateway.admin("POST", "/config/reload")
        assert reloaded.status == 200, (subject, reloaded.body)
        for row in some:
            came = await ask(configured, services, form(row))
            if came != expected(row, came):
                wrong.append((str(row), expected(row, came), came))
    assert wrong == []

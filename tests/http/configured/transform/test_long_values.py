"""Values of a request that make more of a rule than a head may have are refused, and reach no instance."""

import json

import pytest

from tests.http.configured.conftest import StartConfigured

FILE = """
    defaults:
      limits: null
      response: {errors: true, headers: {set: {X-Told: "{query.a}{query.a}"}}}
    routes:
      - name: headers
        match: {prefix: /headers}
        service: order_service
        request: {headers: {set: {X-A: "{header.X-L}", X-B: "{header.X-L}"}}}
      - name: query
        match: {prefix: /query}
        service: order_service
        request: {query: {add: {a: "{header.X-L}"}}}
      - {name: answer, match: {prefix: /answer}, service: order_service}
"""


@pytest.mark.parametrize(
    ("path", "value", "asked"),
    [
        ("/headers", "b" * 40_000, 0),
        ("/query", "\xff" * 40_000, 0),
        ("/answer?a=" + "c" * 40_000, "", 1),
        ("/nowhere?a=" + "c" * 40_000, "", 0),
    ],
)
async def test_what_gets_too_long_is_refused(
    start_configured: StartConfigured, path: str, value: str, asked: int
) -> None:
    configured = await start_configured(FILE)
    answer = await configured.ask(path, f"X-L: {value}")
    reason = "route_not_found" if path.startswith("/nowhere") else "header_too_large"
    assert json.loads(answer.body)["reason"] == reason
    assert answer.values(b"X-Told") == []
    assert len(configured.upstream.requests) == asked
    # A short one goes on.
    answer = await configured.ask(path.replace("c" * 40_000, "c"), "X-L: b")
    assert answer.status == (404 if path.startswith("/nowhere") else 200)

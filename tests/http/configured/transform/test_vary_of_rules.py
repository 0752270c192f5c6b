"""Answers that depend on a header of the request by a rule say so in Vary."""

import pytest

from tests.http.configured.conftest import StartConfigured

ANSWERED = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{}Content-Length: 2\r\n\r\n{{}}"
#: A field that makes the gateway read the head field by field.
CAREFUL = "X-Odd: \xff"


@pytest.mark.parametrize("odd", [(), (CAREFUL,)], ids=["plain", "careful"])
@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ('request: {headers: {set: {X-Plan: "{header.X-Who}"}}}', [b"x-who"]),
        ('request: {query: {set: {who: "{header.X-Who}{header.X-A}"}}}', [b"x-a, x-who"]),
        ('request: {path: "/in/{header.X-Who}"}', [b"x-who"]),
        ('request: {json: [{set: {/who: "{header.X-Who}"}}]}', [b"x-who"]),
        ('response: {headers: {set: {X-Told: "{header.X-Who}"}, remove: [Vary]}}', [b"x-who"]),
        ('response: {json: [{set: {/who: "{header.X-Who}"}}]}', [b"x-who"]),
        ('response: {headers: {set: {X-Told: "{query.a}"}}}', []),
    ],
)
async def test_vary_names_the_headers_that_rules_use(
    start_configured: StartConfigured, rules: str, names: list[bytes], odd: tuple[str, ...]
) -> None:
    configured = await start_configured(
        f"""
        defaults: {{limits: null}}
        routes: [{{name: r, match: {{prefix: /}}, service: order_service, {rules}}}]
        """,
        ANSWERED.format("").encode(),
    )
    answer = await configured.ask("/x", "X-Who: me", "X-A: a", *odd)
    assert (answer.status, answer.values(b"Vary")) == (200, names)


@pytest.mark.parametrize(
    ("said", "after"),
    [
        ("Vary: Origin\r\n", [b"Origin", b"x-who"]),
        ("Vary: Origin , X-Who\r\n", [b"Origin , X-Who"]),
        ("Vary: *\r\n", [b"*"]),
        ("Connection: Vary\r\n", [b"x-who"]),
    ],
)
async def test_what_a_service_says_in_vary_stays(
    start_configured: StartConfigured, said: str, after: list[bytes]
) -> None:
    configured = await start_configured(
        """
        defaults: {limits: null, request: {headers: {set: {X-Plan: "{header.X-Who}"}}}}
        """,
        ANSWERED.format(said).encode(),
    )
    assert (await configured.ask("/api/order/x")).values(b"Vary") == after


async def test_errors_that_rules_hold_for_have_it_too(start_configured: StartConfigured) -> None:
    configured = await start_configured(
        """
        defaults: {limits: null, response: {errors: true, headers: {set: {X-Told: "{header.X-Who}"}}}}
        """
    )
    answer = await configured.ask("/nowhere", "X-Who: me")
    assert (answer.status, answer.values(b"X-Told")) == (404, [b"me"])
    assert answer.values(b"Vary") == [b"x-who"]

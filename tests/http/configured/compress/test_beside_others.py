"""Compression beside the policies inside of it, which see plain bodies, over a real gateway."""

import json

import pytest

from tests.http.configured.compress.test_answers import FILE, JSON, LARGE, answer_of, decoded
from tests.http.configured.conftest import StartConfigured
from tests.support.eventually import eventually

GZIP = "Accept-Encoding: gzip"


@pytest.mark.parametrize("times", [1, 100])
async def test_what_an_answer_has_cost_is_read_before_it_is_compressed(
    start_configured: StartConfigured, times: int
) -> None:
    body = json.dumps({"padding": "some text " * 1000 * times, "n": 25}).encode()
    configured = await start_configured(
        """
        limits:
          tokens: {budget: 100, window: 60s, by: everyone, cost: {json: /n}, reserve: 10}
        routes:
          - name: a
            match: {prefix: /}
            service: order_service
            limits: [tokens]
            compress: {}
        """,
        answer_of(body, JSON),
    )
    limiter = configured.gateway.gateway.limiter
    for left in (90, 65, 40):
        answer = await configured.ask("/", GZIP)
        assert decoded(answer) == body
        (limit,) = answer.values(b"ratelimit")
        assert b"r=%d" % left in limit
        await eventually(lambda: not limiter.reserved().get("tokens"))


async def test_what_was_compressed_is_counted(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE, answer_of(LARGE, JSON))
    assert b"gateway_compressed" not in (await configured.ask("/metrics")).body
    answer = await configured.ask("/", GZIP)
    await configured.ask("/")
    before, after = len(LARGE), len(answer.body)

    async def is_told() -> bool:
        text = (await configured.ask("/metrics")).body.decode()
        return (
            'gateway_compressed_answers_total{encoding="gzip"} 1.0' in text
            and f'gateway_compressed_bytes_total{{encoding="gzip",when="before"}} {before}.0'
            in text
            and f'gateway_compressed_bytes_total{{encoding="gzip",when="after"}} {after}.0' in text
        )

    await eventually(is_told)


@pytest.mark.parametrize("times", [1, 30])
async def test_a_composition_is_compressed(start_configured: StartConfigured, times: int) -> None:
    part = json.dumps({"some": "text of a part " * 500 * times}).encode()
    configured = await start_configured(
        """
        services: {part_service: {urls: ["http://127.0.0.1:PORT"], health: {path: /health}}}
        routes:
          - name: composed
            match: {path: /composed}
            limits: null
            respond: {compose: {parts: {one: {service: part_service, path: /one}}}}
            compress: {}
        """,
        answer_of(part, JSON),
        registers=False,
    )
    answer = await configured.ask("/composed", GZIP)
    assert json.loads(decoded(answer)) == {"one": json.loads(part)}
    plain = await configured.ask("/composed")
    assert plain.body == decoded(answer)
    assert plain.values(b"vary") == answer.values(b"vary") == [b"Accept-Encoding"]


async def test_rules_for_headers_come_before_it(start_configured: StartConfigured) -> None:
    configured = await start_configured(
        """
        routes:
          - name: a
            match: {prefix: /}
            service: order_service
            limits: null
            compress: {}
            response: {headers: {set: {Content-Type: text/plain}, remove: [Cache-Control]}}
        """,
        answer_of(b"text " * 1000, "Content-Type: image/png", "Cache-Control: no-transform"),
    )
    answer = await configured.ask("/", GZIP)
    assert decoded(answer) == b"text " * 1000
    assert answer.values(b"content-type") == [b"text/plain"]


async def test_an_error_of_the_gateway_passes(start_configured: StartConfigured) -> None:
    configured = await start_configured(
        "routes: [{name: a, match: {prefix: /}, service: nobody, compress: {over: 0}}]"
    )
    answer = await configured.ask("/", GZIP)
    assert answer.status == 503
    assert json.loads(answer.body)["reason"] == "no_healthy_instance"

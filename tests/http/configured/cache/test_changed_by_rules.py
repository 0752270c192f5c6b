"""What rules put into requests and answers tells kept answers apart."""

import asyncio
import os
import subprocess
import sys

import pytest

from tests.http.configured.conftest import StartConfigured
from tests.support.caching import status_of
from tests.support.eventually import eventually
from tests.support.raw_clients import RawAnswer
from tests.support.upstreams import Received

FILE = """
    routes:
      - name: all
        match: {{prefix: /}}
        service: order_service
        limits: null
        cache: {{default_ttl: 60s}}
        {rules}
"""


async def seen(received: Received, writer: asyncio.StreamWriter) -> None:
    """Answers with what the service was told."""
    told = b",".join(received.values(b"x-told"))
    body = b"told " + told + b" at " + received.target
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Internal: secret\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )


def field(answer: RawAnswer, name: str) -> str | None:
    values = answer.values(name.encode())
    return values[0].decode() if values else None


async def test_what_the_service_is_told_by_a_rule_is_in_the_key(
    start_configured: StartConfigured,
) -> None:
    rules = 'request: {headers: {set: {X-Told: "{header.Foo}"}}}'
    configured = await start_configured(FILE.format(rules=rules), seen)
    for foo in ("one", "two", "one", "two"):
        answer = await configured.ask("/", f"Foo: {foo}")
        assert answer.body == f"told {foo} at /".encode()
    assert len(configured.upstream.requests) == 2
    assert (await configured.ask("/")).body == b"told  at /"


async def test_what_the_client_is_told_by_a_rule_is_in_the_key(
    start_configured: StartConfigured,
) -> None:
    rules = 'response: {headers: {set: {X-For: "{client_ip} {header.Foo}"}}}'
    configured = await start_configured(FILE.format(rules=rules), seen, TRUSTED_PROXIES="127.0.0.1")
    for client in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
        answer = await configured.ask("/", "Foo: a", f"X-Forwarded-For: {client}")
        assert field(answer, "X-For") == f"{client} a"
    assert "hit" in status_of(answer)
    assert len(configured.upstream.requests) == 2


async def test_an_answer_with_the_correlation_id_in_it_is_not_kept(
    start_configured: StartConfigured,
) -> None:
    rules = 'response: {headers: {set: {X-Again: "{correlation_id}"}}}'
    configured = await start_configured(FILE.format(rules=rules), seen)
    for _ in range(2):
        answer = await configured.ask("/")
        assert field(answer, "X-Again") == field(answer, "X-Correlation-ID")
        assert "detail=correlation-id" in status_of(answer)
    assert len(configured.upstream.requests) == 2


@pytest.mark.parametrize("sent", ["{header.Foo}", "/{header.Foo}"])
async def test_values_that_look_like_others_are_told_apart(
    start_configured: StartConfigured, sent: str
) -> None:
    rules = f'request: {{headers: {{set: {{X-Told: "{sent}{{header.Bar}}"}}}}}}'
    configured = await start_configured(FILE.format(rules=rules), seen)
    for fields in (("Foo: a", "Bar: b"), ("Foo: ab",), ("Bar: ab",), ("Foo: a, b",)):
        await configured.ask("/", *fields)
    assert len(configured.upstream.requests) == 4


async def test_no_answer_is_used_that_was_made_by_rules_of_the_past(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE.format(rules=""), seen)
    assert field(await configured.ask("/"), "X-Internal") == "secret"
    assert "hit" in status_of(await configured.ask("/"))

    configured.write(FILE.format(rules="response: {headers: {remove: [X-Internal]}}"))

    async def is_removed() -> bool:
        return field(await configured.ask("/"), "X-Internal") is None

    await eventually(is_removed)
    answer = await configured.ask("/")
    assert "hit" in status_of(answer)
    assert field(answer, "X-Internal") is None


FINGERPRINT = """
from discovery.base.steps import at_once
from gateway.config.compiled.compiling import compiling
from gateway.config.file.loading import read_bytes
from gateway.config.settings import load_settings
from gateway.worker.told_apart import fingerprint_of

text = '''
routes:
  - name: all
    match: {prefix: /shop}
    service: order_service
    rewrite: {strip: /shop}
    rewrite_location: true
    request: {headers: {set: {X-A: "{header.Foo}", X-B: "{client_ip}"}, remove: [X-C, X-D]}, query: {remove: [a, b]}}
    response: {headers: {remove: [X-E, X-F, X-G], rename: {X-H: X-I}}}
'''
configuration = read_bytes(text.encode()).configuration
compiled = at_once(compiling(configuration, load_settings({})))
print(fingerprint_of(next(iter(compiled.matcher.order()))).hex())
"""


def test_gateways_agree_on_what_a_route_is() -> None:
    """Sets have another order in each process."""
    said = set()
    for seed in ("1", "2", "3"):
        done = subprocess.run(
            [sys.executable, "-c", FINGERPRINT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        said.add(done.stdout)
    assert len(said) == 1

"""Advice for an instance's registrant: for each kind of evidence the one sentence that helps."""

import errno
import os
import socket
import ssl

import pytest

from discovery.health import evidence_texts as texts
from discovery.health.advice import advice
from discovery.model.errors import ForbiddenAddress
from discovery.model.words import COMMAND_LINE, HTTP, PYTHON, Words

INVALID_CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed")
INVALID_CERTIFICATE.verify_message = "certificate is not valid for 'orders.inside'."
HOST = "orders.inside"


def answered(status: int) -> str:
    return texts.answers_otherwise("GET /health", status, ((200, 299),))


@pytest.mark.parametrize(
    ("evidence", "names"),
    [
        (answered(400), ["Host field", "health_host", "--health-host"]),
        (answered(421), ["Host field", "--health-host"]),
        (answered(401), ["no login", "--health-path", "--health-status"]),
        (answered(403), ["no login", "--health-path", "--health-host"]),
        (answered(404), ["health_path,", "--health-path", "health_path=None", "--tcp"]),
        (answered(405), ["answers GET", "--health-path"]),
        (answered(501), ["answers GET"]),
        (answered(418), ["--health-path", "--health-status"]),
        (answered(429), ["rate limit"]),
        (answered(500), ["log"]),
        (answered(503), ["log"]),
        *((answered(status), ["no redirect", "--health-path"]) for status in (301, 302, 307, 308)),
        (texts.answers_another_body("GET /health", 200), ["health.body", "--health-body"]),
        (texts.not_answered("GET /health", 2), ["hangs"]),
        (
            texts.broke_off("GET /health", "the upstream's response is not HTTP", "0x16"),
            ["HTTP server", "--tcp"],
        ),
    ],
)
def test_an_answer_that_is_not_expected(evidence: str, names: list[str]) -> None:
    advised = advice(evidence, HOST)
    assert [name for name in names if name not in advised] == []


@pytest.mark.parametrize(
    ("error", "names"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), ["ADVERTISE_HOST"]),
        (
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
            ["can resolve", "--host"],
        ),
        (OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH)), ["has a way to", "--host"]),
        (OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)), ["has a way to"]),
        (TimeoutError(), ["has a way to"]),
        (TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)), ["has a way to"]),
        (ForbiddenAddress("169.254.1.2"), ["REGISTRY_ALLOWED_HOSTS"]),
        (INVALID_CERTIFICATE, ["name orders.inside", "authority"]),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), ["TLS", "http"]),
    ],
)
def test_a_connection_that_fails(error: BaseException, names: list[str]) -> None:
    advised = advice(texts.connect_failed(error), HOST)
    assert [name for name in names if name not in advised] == []


REFUSED = texts.connect_failed(
    ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_loopback_host_that_refuses_may_be_that_of_another_machine(host: str) -> None:
    advised = advice(REFUSED, host)
    assert "--port" in advised
    assert f"{host} is the gateway's own machine" in advised
    assert "ADVERTISE_HOST" in advised


def test_another_host_that_refuses_may_listen_on_loopback_alone() -> None:
    advised = advice(REFUSED, "10.0.0.7")
    assert "--port" in advised
    assert "127.0.0.1 alone" in advised


@pytest.mark.parametrize("evidence", ["", "other gateways' probes fail", "connected"])
def test_of_what_is_not_known_nothing_is_made_up(evidence: str) -> None:
    assert advice(evidence, HOST) == ""


def test_what_an_instance_sends_is_no_pattern_and_no_template() -> None:
    evidence = texts.broke_off("GET /health", "the upstream's response is not HTTP", "{0} {host} (")
    assert "HTTP server" in advice(evidence, HOST)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("Name does not resolve", "can resolve"),
        ("Host is unreachable", "has a way to"),
        ("Network unreachable", "has a way to"),
        ("nodename nor servname provided, or not known", "can resolve"),
    ],
)
def test_a_gateway_on_another_system_has_other_words_for_the_same(words: str, named: str) -> None:
    """The messages of musl (Alpine) and macOS got no advice."""
    assert named in advice(f"connect failed: {words}", HOST)


@pytest.mark.parametrize(
    ("words", "advised"),
    [
        (
            COMMAND_LINE,
            "give the path of its health check (--health-path), or --tcp if it has none",
        ),
        (
            PYTHON,
            "give the path of its health check (health_path), or health_path=None if it has none",
        ),
        (
            HTTP,
            "give the path of its health check (health_check_url), or no health_check_url if it has none",
        ),
    ],
)
def test_it_is_in_the_words_of_the_registration(words: Words, advised: str) -> None:
    """Each sentence named all three ways to register, though its reader had used one."""
    assert advice(answered(404), HOST, words) == advised

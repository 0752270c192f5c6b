"""Evidence says what was asked; only operators see the texts with addresses."""

import errno
import os
import socket
import ssl

import pytest

from discovery.health import evidence_texts as texts
from discovery.model.errors import ForbiddenAddress

INVALID_CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed")
INVALID_CERTIFICATE.verify_message = "certificate is not valid for 'orders.inside'."
HANDSHAKE = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (((200, 299),), "GET /health answers 404, expected 200 to 299"),
        (((200, 299), (401, 401)), "GET /health answers 404, expected 200 to 299 or 401"),
    ],
)
def test_a_status_that_was_not_expected_is_named_with_those_that_were(
    expected: tuple[tuple[int, int], ...], text: str
) -> None:
    assert texts.answers_otherwise("GET /health", 404, expected) == text


@pytest.mark.parametrize(
    ("error", "text", "public"),
    [
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('10.0.0.7', 9000)"),
            f"connect failed: {os.strerror(errno.ECONNREFUSED)}",
            f"connect failed: {os.strerror(errno.ECONNREFUSED)}",
        ),
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "connect failed: Name or service not known",
            "connect failed: Name or service not known",
        ),
        (TimeoutError(), "connect failed: timed out", "connect failed: timed out"),
        (
            ForbiddenAddress("orders.inside is 169.254.0.1: link-local"),
            (
                "connect failed: the address is never connected to"
                " (orders.inside is 169.254.0.1: link-local)"
            ),
            "connect failed: the address is never connected to",
        ),
        (
            INVALID_CERTIFICATE,
            (
                "connect failed: the certificate is not valid"
                " (certificate is not valid for 'orders.inside'.)"
            ),
            "connect failed: the certificate is not valid",
        ),
        (HANDSHAKE, f"connect failed: no TLS ({HANDSHAKE})", "connect failed: no TLS"),
        (OSError("10.0.0.7 is odd"), "connect failed (10.0.0.7 is odd)", "connect failed"),
        (ConnectionResetError(), "connect failed", "connect failed"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_failed_connect_names_addresses_only_in_brackets(
    error: Exception, text: str, public: str
) -> None:
    assert texts.connect_failed(error) == text
    assert texts.for_anybody(text) == public


def test_what_an_instance_sent_is_not_for_anybody() -> None:
    text = texts.broke_off("GET /health", "the upstream's answer is not HTTP", "b'secret' at 17")
    assert text == "GET /health: the upstream's answer is not HTTP (b'secret' at 17)"
    assert texts.for_anybody(text) == "GET /health: the upstream's answer is not HTTP"

"""What a discovery document must say."""

from typing import Any

import pytest

from middlewares.auth.ways.oidc.deciding.provider import (
    document_url,
    is_guarded,
    is_this_machine,
    read_document,
)
from middlewares.auth.ways.oidc.deciding.tokens import NotAsAgreed

ISSUER = "https://id.example"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/a",
    "token_endpoint": f"{ISSUER}/t",
    "jwks_uri": f"{ISSUER}/k",
}


@pytest.mark.parametrize("issuer", ["https://id.example/realms/x", "https://id.example/realms/x/"])
def test_the_document_is_below_the_issuer(issuer: str) -> None:
    expected = "https://id.example/realms/x/.well-known/openid-configuration"
    assert document_url(issuer) == expected


def test_a_short_document_is_enough() -> None:
    provider = read_document(DOCUMENT, ISSUER, has_secret=True)
    assert provider.end_session_endpoint is None
    assert not provider.says_iss
    assert provider.client_method == "client_secret_basic"
    assert read_document(DOCUMENT, ISSUER, has_secret=False).client_method == "none"


@pytest.mark.parametrize(
    ("supported", "method"),
    [
        (["client_secret_post"], "client_secret_post"),
        (["client_secret_post", "client_secret_basic"], "client_secret_basic"),
        (["private_key_jwt"], "client_secret_basic"),
        ("client_secret_post", "client_secret_basic"),
    ],
)
def test_the_client_proves_itself_as_the_provider_takes_it(supported: Any, method: str) -> None:
    document = {**DOCUMENT, "token_endpoint_auth_methods_supported": supported}
    assert read_document(document, ISSUER, has_secret=True).client_method == method


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": ISSUER + "/"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": "http://id.example/t"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://id.example/a#b"},
        {"authorization_endpoint": "https://id.example/a\r\nb"},
        {"jwks_uri": "//id.example/k"},
        {"end_session_endpoint": "http://id.example/e"},
        {"end_session_endpoint": 7},
    ],
)
def test_a_document_that_is_not_right_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(NotAsAgreed):
        read_document({**DOCUMENT, **wrong}, ISSUER, has_secret=True)


@pytest.mark.parametrize("document", [None, [], "x", 7])
def test_what_is_no_object_is_no_document(document: Any) -> None:
    with pytest.raises(NotAsAgreed):
        read_document(document, ISSUER, has_secret=True)


@pytest.mark.parametrize(
    ("url", "guarded"),
    [
        ("https://id.example", True),
        ("http://localhost:9400/x", True),
        ("http://127.0.0.7", True),
        ("http://[::1]:9", True),
        ("http://id.localhost", True),
        ("http://id.example", False),
        ("http://127.0.0.1.example", False),
        ("http://localhost.example", False),
        ("https://", False),
        ("https://[", False),
        ("https://id.example:x", False),
        ("https://id.exämple", False),
    ],
)
def test_plain_http_is_for_this_machine_alone(url: str, guarded: bool) -> None:
    assert is_guarded(url) is guarded


def test_names_that_only_look_like_this_machine_are_not_it() -> None:
    assert not any(
        map(is_this_machine, ["", "127.0.0.1x", "1.127.0.0.1", "notlocalhost", "0.0.0.0"])
    )

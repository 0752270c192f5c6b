"""What an issuer publishes about itself, and which addresses of it are trusted."""

import json
from typing import Any

import pytest

from middlewares.auth.ways.jwt.deciding.discovery_document import (
    BadDocument,
    document_of,
    is_private_on_its_way,
    locations,
    url_in,
)

ISSUER = "https://id.example/realm"


def content(**more: Any) -> bytes:
    return json.dumps({"issuer": ISSUER, "jwks_uri": "https://id.example/keys", **more}).encode()


@pytest.mark.parametrize(
    ("issuer", "usual", "other"),
    [
        (
            "https://id.example",
            "https://id.example/.well-known/openid-configuration",
            "https://id.example/.well-known/oauth-authorization-server",
        ),
        (
            "https://id.example/",
            "https://id.example/.well-known/openid-configuration",
            "https://id.example/.well-known/oauth-authorization-server",
        ),
        (
            "https://id.example:8443/a/b",
            "https://id.example:8443/a/b/.well-known/openid-configuration",
            "https://id.example:8443/.well-known/oauth-authorization-server/a/b",
        ),
    ],
)
def test_a_document_is_where_openid_and_oauth_have_it(issuer: str, usual: str, other: str) -> None:
    assert locations(issuer) == (usual, other)


def test_a_document_names_where_the_keys_are() -> None:
    assert url_in(document_of(content(), ISSUER), "jwks_uri") == "https://id.example/keys"


@pytest.mark.parametrize(
    "said",
    [
        content(issuer=ISSUER + "/"),
        content(issuer=None),
        b"[]",
        b"<html>",
        content()[:-1] + b', "issuer": "' + ISSUER.encode() + b'"}',
    ],
    ids=["other", "none", "list", "page", "twice"],
)
def test_a_document_of_another_issuer_is_refused(said: bytes) -> None:
    with pytest.raises(BadDocument):
        document_of(said, ISSUER)


@pytest.mark.parametrize(
    "url",
    [None, 5, "", "keys", "http://id.example/keys", "file:///etc/passwd", "https:///keys"],
    ids=repr,
)
def test_an_address_that_anybody_could_answer_at_is_refused(url: object) -> None:
    with pytest.raises(BadDocument, match="jwks_uri"):
        url_in(document_of(content(jwks_uri=url), ISSUER), "jwks_uri")


@pytest.mark.parametrize(
    ("url", "is_private"),
    [
        ("https://a", True),
        ("http://localhost:80/x", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:1/", True),
        ("http://a", False),
        ("http://localhost.a", False),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1.a", False),
        ("https://user@a", False),
        ("https://a:99999", False),
        ("ftp://localhost", False),
        ("https://[", False),
    ],
)
def test_https_and_this_machine_are_private(url: str, is_private: bool) -> None:
    assert is_private_on_its_way(url) is is_private

"""Challenges, and the documents that they lead to."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.resource_metadata import WELL_KNOWN, ResourceMetadata, bearer_challenge

ABOUT = f'resource_metadata="https://a.example{WELL_KNOWN}/x"'


def test_a_challenge_says_no_error_where_nothing_was_sent() -> None:
    assert bearer_challenge("https", b"a.example", "/x") == f"Bearer {ABOUT}"


def test_a_challenge_says_what_is_wrong_with_the_token() -> None:
    refused = bearer_challenge("https", b"a.example", "/x", refused=True)
    assert refused == f'Bearer error="invalid_token", {ABOUT}'
    lacking = bearer_challenge("https", b"a.example", "/x", refused=True, scopes=["a", "b"])
    assert lacking == f'Bearer error="insufficient_scope", scope="a b", {ABOUT}'


@pytest.mark.parametrize("host", [b"", b'a"b', b"a b", b"a/b", b"a\\b", "ä".encode(), b"x" * 300])
def test_a_host_that_is_none_is_not_repeated(host: bytes) -> None:
    assert bearer_challenge("http", host, "/x") == "Bearer"


@given(st.text(max_size=30))
def test_no_path_ends_the_quoted_text(path: str) -> None:
    challenge = bearer_challenge("http", b"a", f"/{path}")
    assert challenge.count('"') == 2
    assert challenge.isascii()
    assert challenge.isprintable()
    assert "\\" not in challenge


def test_a_document_is_about_what_the_client_had_asked_for() -> None:
    metadata = ResourceMetadata(None, f"{WELL_KNOWN}/x/*", ("users",), ("https://i",), ("a",))
    assert json.loads(metadata.document("https", b"a:8443", f"{WELL_KNOWN}/x/y")) == {
        "resource": "https://a:8443/x/y",
        "authorization_servers": ["https://i"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["a"],
    }


def test_a_document_names_no_issuers_where_none_has_an_address() -> None:
    metadata = ResourceMetadata(None, WELL_KNOWN, ("users",), ())
    assert json.loads(metadata.document("https", b"a", WELL_KNOWN)) == {
        "resource": "https://a",
        "bearer_methods_supported": ["header"],
    }

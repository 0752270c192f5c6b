"""What CORS_ORIGINS may say, and how it is compared with what browsers send."""

import pytest

from gateway.config.origins import parse_origins


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://app.example", "https://app.example"),
        ("https://App.Example", "https://app.example"),
        ("HTTPS://app.example", "https://app.example"),
        ("https://app.example:443", "https://app.example"),
        ("https://app.example:0443", "https://app.example"),
        ("http://app.example:80", "http://app.example"),
        ("http://app.example:443", "http://app.example:443"),
        ("https://app.example:8443", "https://app.example:8443"),
        ("https://app.example/", "https://app.example"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://[0:0::1]:3000", "http://[::1]:3000"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("*", "*"),
    ],
)
def test_an_origin_is_compared_as_browsers_send_it(text: str, origin: str) -> None:
    assert parse_origins(text) == (origin,)


def test_a_list_has_commas_and_any_space() -> None:
    assert parse_origins(" https://a.example ,http://b.example,, ") == (
        "https://a.example",
        "http://b.example",
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://*.example.com", "name each origin, or [*] alone"),
        ("*.example.com", "no wildcard"),
        ("app.example", "write https://app.example$"),
        ("//app.example", "write https://app.example$"),
        ("null", "any page can send null"),
        ("https://app.example/app", "write https://app.example$"),
        ("https://app.example//", "write https://app.example$"),
        ("https://me:secret@app.example", "write https://app.example$"),
        ("https://app.example?x", "write https://app.example$"),
        ("https://bücher.example", "xn--"),
        ("https://app.example:", "scheme://host:port"),
        ("https://app.example:x", "scheme://host:port"),
        ("https://app example", "scheme://host"),
        ("https://", "scheme://host"),
        ("https://app.example:65536", "between 1 and 65535"),
        ("https://app.example:0", "between 1 and 65535"),
        ("https://[::1", "scheme://host"),
        ("https://[:::1]", "no IPv6 address"),
    ],
)
def test_what_would_never_match_is_refused_with_what_to_write(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_origins(f"https://good.example, {text}")

"""Who is sent to log in, and who is refused."""

import pytest

from middlewares.auth.ways.oidc.deciding.navigating import navigates


@pytest.mark.parametrize(
    ("method", "fields", "expected"),
    [
        ("GET", {}, True),
        ("HEAD", {}, True),
        ("POST", {}, False),
        ("OPTIONS", {}, False),
        ("GET", {b"accept": b"text/html,application/xhtml+xml,*/*;q=0.8"}, True),
        ("GET", {b"accept": b"TEXT/HTML ; q=1"}, True),
        ("GET", {b"accept": b"*/*"}, True),
        ("GET", {b"accept": b"application/json"}, False),
        ("GET", {b"accept": b"application/json, */*"}, False),
        ("GET", {b"accept": b"image/avif,image/webp,*/*"}, False),
        ("GET", {b"accept": b"text/event-stream"}, False),
        ("GET", {b"sec-fetch-mode": b"navigate"}, True),
        ("GET", {b"sec-fetch-mode": b" Navigate "}, True),
        ("GET", {b"sec-fetch-mode": b"cors", b"accept": b"text/html"}, False),
        ("GET", {b"sec-fetch-mode": b"websocket"}, False),
        ("GET", {b"sec-fetch-mode": b""}, False),
        ("GET", {b"upgrade": b"websocket", b"accept": b"text/html"}, False),
        ("GET", {b"x-requested-with": b"XMLHttpRequest", b"accept": b"text/html"}, False),
    ],
)
def test_a_page_may_be_interrupted_and_a_program_may_not(
    method: str, fields: dict[bytes, bytes], expected: bool
) -> None:
    assert navigates(method, fields) is expected

"""Request targets in absolute form, and those that only look like it."""

import pytest

from middlewares.request_target import split_target


@pytest.mark.parametrize(
    ("target", "authority", "path"),
    [
        ("/api/price/x?y", None, "/api/price/x?y"),
        ("/x?u=http://h/y", None, "/x?u=http://h/y"),
        ("//h/x", None, "//h/x"),
        ("http://h/api/price/x?y", "h", "/api/price/x?y"),
        ("HTTP://h:80/x", "h:80", "/x"),
        ("https://[::1]:80/x", "[::1]:80", "/x"),
        ("http://h", "h", "/"),
        ("http://h?y=/z", "h", "/?y=/z"),
        ("http://h//x", "h", "//x"),
        ("http://user@h/x", "user@h", "/x"),
        ("http:///x", "", "/x"),
        ("ftp://h/x", None, "ftp://h/x"),
        ("*", None, "*"),
        ("h:80", None, "h:80"),
    ],
)
def test_an_absolute_form_target_is_taken_apart(
    target: str, authority: str | None, path: str
) -> None:
    assert split_target(target) == (authority, path)

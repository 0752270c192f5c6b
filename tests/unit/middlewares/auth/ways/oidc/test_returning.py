"""Where a browser goes after a log-in: never to another host."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from middlewares.auth.ways.oidc.deciding.returning import (
    MOST_CHARACTERS,
    ROOT,
    is_safe,
    return_target,
)


@given(st.one_of(st.text(), st.text("/\\.:@?#%\t\r\n ehttps", max_size=12).map("/".__add__)))
@example("//evil.example")
@example("/\\evil.example")
@example("/\t/evil.example")
@example("/\n/evil.example")
@example("https://evil.example")
@example("/%2F/evil.example")
@example("\udcff")
def test_every_target_stays_on_its_host(target: str) -> None:
    found = return_target(target)
    assert is_safe(found)
    assert found.isascii()
    assert found.isprintable()
    # As browsers read a Location (WHATWG URL): with backslashes as slashes, and without tabs and line ends.
    read = found.replace("\\", "/").replace("\t", "").replace("\n", "").replace("\r", "")
    assert read == found
    assert urlsplit(urljoin("https://app.example/", found)).netloc == "app.example"


@given(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='\\#<>"^`{}'))
)
def test_an_ordinary_target_stays_as_it_is(rest: str) -> None:
    target = "/a" + rest
    assert return_target(target) == target


@pytest.mark.parametrize(
    "target",
    [
        *("", "x", "//", "/oidc/callback?code=1", "/oidc/logout", "/" + "a" * MOST_CHARACTERS),
        # Each `{` is three characters in the cookie, which browsers keep up to 4096 bytes.
        "/?" + "{" * (MOST_CHARACTERS // 2),
    ],
)
def test_a_target_that_can_not_be_kept_is_the_root(target: str) -> None:
    assert return_target(target) == ROOT

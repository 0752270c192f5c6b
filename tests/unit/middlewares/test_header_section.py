"""What the layers read in a header section."""

import pytest

from middlewares.failures import BadRequest
from middlewares.header_section import HeaderSection

HOST = (b"Host", b"shop.example")
HTTP_1_0, HTTP_1_1 = (1, 0), (1, 1)


def test_it_finds_what_the_layers_ask_for() -> None:
    section = HeaderSection(
        [
            HOST,
            (b"x-correlation-id", b"first"),
            (b"X-Correlation-ID", b"second"),
            (b"X-Forwarded-For", b"192.0.2.1"),
            (b"x-forwarded-for", b"192.0.2.2"),
            (b"USER-AGENT", b"curl/8"),
        ]
    )

    assert section.host == b"shop.example"
    assert section.claimed_id == "first"
    assert section.forwarded_for == ("192.0.2.1", "192.0.2.2")
    assert section.user_agent == "curl/8"


def test_nothing_is_found_where_nothing_is() -> None:
    section = HeaderSection([(b"Accept", b"*/*"), (b"X-Correlation-IE", b"x")])

    assert (section.host, section.claimed_id, section.forwarded_for) == (None, None, ())
    assert section.user_agent == ""


def test_a_user_agent_can_stand_in_a_log() -> None:
    assert HeaderSection([(b"User-Agent", b"caf\xe9 \xff")]).user_agent.isprintable()


@pytest.mark.parametrize("value", [b"a" * 5000, b"\xff" * 5000, b"a" + "ü€😀".encode() * 500])
def test_of_a_long_user_agent_a_log_has_the_beginning(value: bytes) -> None:
    logged = HeaderSection([(b"User-Agent", value)]).user_agent
    assert 1020 < len(logged.encode()) <= 1024
    assert value.decode("utf-8", "replace").startswith(logged)


def test_a_section_is_checked_for_each_version() -> None:
    section = HeaderSection([(b"Transfer-Encoding", b"chunked"), HOST])
    section.check(HTTP_1_1)

    with pytest.raises(BadRequest):
        section.check(HTTP_1_0)
    section.check(HTTP_1_1)


def test_one_that_is_refused_is_refused_again() -> None:
    section = HeaderSection((HOST, HOST))

    for _ in range(2):
        with pytest.raises(BadRequest):
            section.check(HTTP_1_1)

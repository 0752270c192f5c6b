"""The cookies of a session: split, put together, and taken out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.ways.oidc.deciding.cookies import (
    MOST_COOKIE_BYTES,
    MOST_LOGINS,
    MOST_PARTS,
    Names,
    TooLarge,
    login_lines,
    logout_lines,
    pairs_of,
    read_login,
    read_session,
    session_lines,
    without,
)

NAMES = Names("staff")
VALUES = st.text("abcXYZ019-_", min_size=1, max_size=300)


def field_of(lines: list[str]) -> bytes:
    """The Cookie field of a browser that has kept these Set-Cookie values."""
    kept = [line.split(";")[0] for line in lines if "; Max-Age=0" not in line]
    return "; ".join(kept).encode()


@given(VALUES, st.integers(1, 60))
def test_a_value_of_any_size_comes_back(piece: str, times: int) -> None:
    value = (piece * times)[: MOST_PARTS * 3900]
    lines = session_lines(value, NAMES, 3600)
    assert all(len(line) <= MOST_COOKIE_BYTES for line in lines)
    assert read_session(b"a=1; " + field_of(lines) + b"; b=2", NAMES) == value


@pytest.mark.parametrize("way", ["s", "s" * 63])
def test_every_line_fits_whatever_the_way_is_called(way: str) -> None:
    names = Names(way)
    for size in (1, 3800, 3900, 4000, 8000, 15000):
        lines = session_lines("v" * size, names, 10**9)
        assert max(map(len, lines)) <= MOST_COOKIE_BYTES
        assert len(session_lines("v" * 3900, names, 1)) <= 2


def test_a_value_that_no_browser_keeps_is_too_large() -> None:
    with pytest.raises(TooLarge):
        session_lines("v" * MOST_COOKIE_BYTES * MOST_PARTS, NAMES, 1)


def test_parts_that_are_not_needed_any_more_end() -> None:
    large = session_lines("v" * 9000, NAMES, 60)
    sent = [name for name, _ in pairs_of(field_of(large))]
    small = session_lines("v" * 10, NAMES, 60, [*sent, NAMES.login("s" * 43), "theme"])
    ended = [line.split("=")[0] for line in small if "Max-Age=0" in line]
    assert ended == [NAMES.part(1), NAMES.part(2)]


@pytest.mark.parametrize(
    "field",
    [
        b"",
        b"__Host-lockgate.staff",
        b"__Host-lockgate.staff=",
        b"__Host-lockgate.staff=abc",
        b"__Host-lockgate.staff=0.abc",
        b"__Host-lockgate.staff=6.abc",
        b"__Host-lockgate.staff=2.abc",
        b"__Host-lockgate.staff=2.abc; __Host-lockgate.staff.2=def",
        b"__Host-lockgate.staff=2.abc; __Host-lockgate.staff.1=",
        b"__Host-lockgate.staff=2.abc; __Host-lockgate.staff.1=d=f",
        b"__Host-lockgate.staff=1.abc; __Host-lockgate.staff=1.abc",
        b"__Host-lockgate.staff=2.a; __Host-lockgate.staff.1=b; __Host-lockgate.staff.1=b",
        b"__host-lockgate.staff=1.abc",
        b"lockgate.staff=1.abc",
        b"__Host-lockgate.staff=1.\xff",
        b"__Host-lockgate.staffs=1.abc",
        b'__Host-lockgate.staff="1.abc"',
    ],
)
def test_what_is_no_whole_is_no_session(field: bytes) -> None:
    assert read_session(field, NAMES) is None


@given(st.binary(max_size=200))
def test_no_field_is_too_odd(field: bytes) -> None:
    read_session(field, NAMES)
    read_login(field, NAMES, "s" * 43)
    left = without(field, NAMES)
    assert without(left, NAMES) == left


_PIECES = [
    *("a=1", "b", " c=2", "", "__Host-lockgate.staff2=z"),
    *("__Host-lockgate.staff=1.x", "__Host-lockgate.staff.1=y", "__Host-lockgate.staff.login-q=l"),
]


@given(st.lists(st.sampled_from(_PIECES)))
def test_only_ours_are_taken_out(pieces: list[str]) -> None:
    left = without(";".join(pieces).encode(), NAMES).decode()
    ours = ("__Host-lockgate.staff=", "__Host-lockgate.staff.")
    kept = [piece.strip() for piece in pieces if not piece.startswith(ours)]
    assert [piece.strip() for piece in left.split(";")] == (kept or [""])


def test_a_log_in_is_found_by_its_state_if_it_is_there_once() -> None:
    state = "s" * 43
    (line,) = login_lines("sealed", NAMES, state, ["theme"], 600)
    field = field_of([line])
    assert read_login(field, NAMES, state) == "sealed"
    assert read_login(field, NAMES, "t" * 43) is None
    assert read_login(field + b"; " + field, NAMES, state) is None


def test_many_log_ins_that_were_begun_end_when_one_more_begins() -> None:
    sent = [NAMES.login(chr(97 + number) * 43) for number in range(MOST_LOGINS)]
    assert len(login_lines("x", NAMES, "z" * 43, sent[:-1], 600)) == 1
    lines = login_lines("x", NAMES, "z" * 43, [*sent, NAMES.session, "theme"], 600)
    assert [line.split("=")[0] for line in lines[1:]] == sent


def test_a_log_out_ends_the_parts_that_were_sent() -> None:
    sent = ["theme", NAMES.session, NAMES.part(1), NAMES.login("s" * 43)]
    assert [line.split("=")[0] for line in logout_lines(NAMES, sent)] == sent[1:3]

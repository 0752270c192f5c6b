"""The arithmetic beside that of hishel, another cache by RFC 9111, over random answers and requests.

Where the two differ on purpose, the test leaves the case out and says why.
"""

import uuid
from types import SimpleNamespace

import pytest
from hishel import (
    CacheMiss,
    CacheOptions,
    FromCache,
    Headers,
    IdleClient,
    Request,
    Response,
    StoreAndUse,
)
from hishel import Entry as TheirEntry
from hishel._core import _spec as theirs
from hishel._core._headers import parse_cache_control
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from middlewares.cache.deciding.dates import imf_date
from middlewares.cache.deciding.directives import request_directives, response_directives
from middlewares.cache.deciding.freshness import CACHEABLE_BY_DEFAULT, worked_out
from middlewares.cache.deciding.lines import lines_by_name
from middlewares.cache.deciding.reusing import Use, reuse
from middlewares.cache.deciding.storing import Kept, NotKept, Requested, judge
from middlewares.cache.entry import Entry, FieldLine, Freshness, Head
from middlewares.cache.policy import CachePolicy

POLICY = CachePolicy()
OPTIONS = CacheOptions(shared=True, supported_methods=["GET"], allow_stale=False)
NOW_S = 1_795_900_000

SECONDS = st.one_of(st.integers(0, 200), st.integers(0, 2**33))
#: Each stands once and is well-formed; what they say of other ones is tested further below.
DIRECTIVES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["max-age", "s-maxage", "stale-if-error"]), SECONDS.map(str)),
        st.tuples(
            st.sampled_from(
                [
                    "no-store",
                    "no-cache",
                    "private",
                    "public",
                    "must-revalidate",
                    "proxy-revalidate",
                    "x",
                ]
            ),
            st.none(),
        ),
        st.tuples(
            st.sampled_from(["private", "no-cache"]), st.sampled_from(['"x-one"', '"x-one, x-two"'])
        ),
        st.just(("x", '"max-age=5, no-store"')),
    ),
    max_size=4,
    unique_by=lambda directive: directive[0],
).map(
    lambda directives: ", ".join(
        name if value is None else f"{name}={value}" for name, value in directives
    )
)
STATUSES = st.sampled_from(
    [200, 201, 203, 204, 206, 299, 301, 302, 304, 404, 410, 418, 429, 500, 501, 503]
)
OFFSETS = st.integers(-400, 400)


@st.composite
def answers(draw: st.DrawFn, *, says_how_long: bool = False) -> tuple[int, list[FieldLine]]:
    """A status and fields; with `says_how_long` there is a lifetime, and a Date that has passed."""
    fields: list[FieldLine] = [(b"X-One", b"1"), (b"X-Two", b"2"), (b"Keep-Alive", b"3")]
    if line := draw(DIRECTIVES):
        fields.append((b"Cache-Control", line.encode()))
    offsets = draw(
        st.dictionaries(st.sampled_from([b"Date", b"Expires", b"Last-Modified"]), OFFSETS)
    )
    if says_how_long:
        offsets |= {b"Date": -abs(draw(OFFSETS)), b"Expires": draw(OFFSETS)}
    fields.extend((name, imf_date(NOW_S + offset)) for name, offset in offsets.items())
    return draw(STATUSES), fields


def theirs_of(status: int, fields: list[FieldLine]) -> Response:
    return Response(status, Headers({name.decode(): value.decode() for name, value in fields}))


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """hishel takes the time from the system, and here from this one."""
    now = SimpleNamespace(at_s=float(NOW_S))
    monkeypatch.setattr(theirs, "time", SimpleNamespace(time=lambda: now.at_s))
    return now


# The clock is set anew in each example that moves it.
with_clock = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def freshness_of(status: int, fields: list[FieldLine]) -> Freshness:
    directives = response_directives(lines_by_name(fields), ())
    return worked_out(
        status, lines_by_name(fields), directives, POLICY, requested_s=NOW_S, responded_s=NOW_S
    )


@with_clock
@given(answers())
def test_lifetimes_are_the_same(answer: tuple[int, list[FieldLine]]) -> None:
    """Theirs is below 0 where Expires is before Date, and ours is 0: both are never fresh."""
    status, fields = answer
    ours = freshness_of(status, fields)
    said = theirs.get_freshness_lifetime(theirs_of(status, fields), is_cache_shared=True)
    if ours.is_heuristic:
        return  # These are compared in the next test.
    if not {b"Cache-Control", b"Expires"} & {name for name, _ in fields}:
        # They guess for each status, we for those of RFC 9110 §15.1.
        assert status not in CACHEABLE_BY_DEFAULT or said is None
    elif said is not None and not _is_guessed(fields):
        # §1.2.2 lets a cache take 2^31, theirs takes one less.
        assert ours.lifetime_s == pytest.approx(max(0, said), abs=1 if said == 2**31 - 1 else 0)


def _is_guessed(fields: list[FieldLine]) -> bool:
    directives = response_directives(lines_by_name(fields), ())
    return (
        directives.max_age_s is None
        and directives.s_maxage_s is None
        and all(name != b"Expires" for name, _ in fields)
    )


@with_clock
@given(st.integers(-(10**9), 100), st.sampled_from(sorted(CACHEABLE_BY_DEFAULT)))
def test_guessed_lifetimes_are_the_same_up_to_a_day(offset: int, status: int) -> None:
    """They stop at a week. They cut to whole seconds, and guess times below 0, which are never fresh."""
    fields = [(b"Last-Modified", imf_date(NOW_S + offset)), (b"Date", imf_date(NOW_S))]
    said = theirs.get_freshness_lifetime(theirs_of(status, fields), is_cache_shared=True)
    assert said is not None
    assert int(freshness_of(status, fields).lifetime_s) == min(86_400, max(0, said))


@with_clock
@given(st.none() | st.integers(-400, 400), st.none() | st.integers(0, 400))
def test_an_answer_is_never_younger_than_for_them(
    clock: SimpleNamespace, date: int | None, age: int | None
) -> None:
    """They read no Age; without one both are the same."""
    clock.at_s = float(NOW_S)
    fields = [] if date is None else [(b"Date", imf_date(NOW_S + date))]
    their_age = theirs.get_age(theirs_of(200, fields))
    if age is not None:
        fields.append((b"Age", b"%d" % age))
    assert freshness_of(200, fields).initial_age_s == max(their_age, age or 0)


@with_clock
@given(answers(), st.booleans())
def test_what_is_kept_is_the_same(
    answer: tuple[int, list[FieldLine]], has_credentials: bool
) -> None:
    """They also keep what can neither be fresh nor be validated, and are used for nothing then."""
    status, fields = answer
    fields = [*fields, (b"ETag", b'"a"')]
    headers = Headers({"authorization": "x"} if has_credentials else {})
    their_verdict = CacheMiss(OPTIONS, Request("GET", "http://a/", headers)).next(
        theirs_of(status, fields)
    )
    request = Requested("GET", has_credentials, request_directives((), ()), False)
    verdict = judge(
        request, Head(status, b"", fields, 1), POLICY, requested_s=NOW_S, responded_s=NOW_S
    )
    said_nothing = (
        _is_guessed(fields) and not response_directives(lines_by_name(fields), ()).is_public
    )
    if said_nothing and status not in CACHEABLE_BY_DEFAULT:
        # RFC 9111 §3 has nothing that allows to keep it.
        assert not isinstance(their_verdict, StoreAndUse)
        assert isinstance(verdict, NotKept)
        return
    assert isinstance(verdict, Kept) == isinstance(their_verdict, StoreAndUse)
    if isinstance(verdict, Kept) and isinstance(their_verdict, StoreAndUse):
        our_names = {name.decode().lower() for name, _ in verdict.fields}
        # We add a Date where there is none (RFC 9110 §6.6.1).
        assert our_names - {"date"} == set(their_verdict.response.headers) - {"date"}


@with_clock
@given(answers(says_how_long=True), st.integers(0, 900), st.booleans())
def test_what_is_used_without_asking_is_the_same(
    clock: SimpleNamespace, answer: tuple[int, list[FieldLine]], later_s: int, no_cache: bool
) -> None:
    """Left out is what they do not work out when an answer is kept, but with each use.

    They take no Date for now and one ahead for no age, however long ago the answer came, and guess lifetimes
    anew.
    """
    status, fields = answer
    clock.at_s = float(NOW_S + later_s)
    ours = freshness_of(status, fields)
    entry = Entry(status, b"", (), (), 0, ours, stored_s=0.0, url=b"")
    control = ["no-cache"] if no_cache else []
    used = reuse(entry, request_directives([line.encode() for line in control], ()), float(later_s))

    asked = Request("GET", "http://a/", Headers({"cache-control": control} if control else {}))
    kept = TheirEntry(uuid.uuid4(), Request("GET", "http://a/"), theirs_of(status, fields))
    state = IdleClient(OPTIONS).next(asked, [kept])
    assert (used.use is Use.FRESH) == isinstance(state, FromCache)
    if isinstance(state, FromCache):
        assert used.age_s == int(state.entry.response.headers["age"])


HOSTILE = st.lists(
    st.sampled_from(
        [
            "max-age",
            "s-maxage",
            "=",
            "5",
            "500",
            ",",
            " ",
            '"',
            "-",
            ".",
            "no-store",
            "private",
            "x",
            ";",
        ]
    ),
    max_size=14,
).map("".join)


@with_clock
@given(HOSTILE)
def test_what_is_malformed_is_never_fresh_for_longer_than_for_them(line: str) -> None:
    """A number that they cannot read is none for them, and 0 for us."""
    fields = [(b"Cache-Control", line.encode())]
    ours = response_directives(lines_by_name(fields), ())
    read = parse_cache_control(line)
    # They end a string that is not closed at once, so its inside is no string.
    assert ours.no_store or not read.no_store or '"' in line
    for our_time, their_time in ((ours.max_age_s, read.max_age), (ours.s_maxage_s, read.s_maxage)):
        if our_time is not None and their_time is not None:
            assert our_time <= max(their_time, 0)

"""Answers that the cache judges, at one time."""

from middlewares.cache.deciding.dates import imf_date
from middlewares.cache.deciding.directives import NO_DIRECTIVES
from middlewares.cache.deciding.storing import Kept, NotKept, Requested, judge
from middlewares.cache.entry import FieldLine, Freshness, Head
from middlewares.cache.policy import CachePolicy

NOW_S = 1_795_900_000.0
DAY_S = 86_400
YEAR_1 = b"Mon, 01 Jan 0001 00:00:00 GMT"
YEAR_9999 = b"Fri, 31 Dec 9999 23:59:59 GMT"

GET = Requested("GET", has_credentials=False, directives=NO_DIRECTIVES, is_keyed_by_subject=False)
POLICY = CachePolicy()
TARGETED = CachePolicy(targeted=(b"cdn-cache-control", b"surrogate-control"))


def answer(*fields: FieldLine, status: int = 200, length: int | None = 1) -> Head:
    return Head(status, b"", fields, length)


def judged(
    head: Head,
    *,
    request: Requested = GET,
    policy: CachePolicy = POLICY,
    requested_s: float = NOW_S,
    responded_s: float = NOW_S,
) -> Kept | NotKept:
    return judge(request, head, policy, requested_s=requested_s, responded_s=responded_s)


def kept(
    *fields: FieldLine, status: int = 200, policy: CachePolicy = POLICY, **times: float
) -> Kept:
    verdict = judged(answer(*fields, status=status), policy=policy, **times)
    assert isinstance(verdict, Kept), verdict
    return verdict


def freshness(*fields: FieldLine, **more: object) -> Freshness:
    return kept(*fields, **more).freshness


def why_not(head: Head, **more: object) -> str:
    verdict = judged(head, **more)
    assert isinstance(verdict, NotKept), verdict
    return verdict.why


def control(value: bytes) -> FieldLine:
    return (b"Cache-Control", value)


def at(name: bytes, seconds_from_now: float) -> FieldLine:
    return (name, imf_date(NOW_S + seconds_from_now))


MAX_AGE = control(b"max-age=60")
DATE = at(b"Date", 0)
ETAG = (b"ETag", b'"a"')

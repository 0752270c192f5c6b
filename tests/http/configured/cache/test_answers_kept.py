"""Which answers of a service are kept, over a real gateway: those that say odd things above all."""

import asyncio

from tests.http.configured.conftest import StartConfigured
from tests.support.upstreams import Received

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {targeted: [CDN-Cache-Control, Surrogate-Control]}
"""
YEAR_1, YEAR_9999 = "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"
FRESH = "Cache-Control: max-age=60"
#: The fields of an answer, and whether a second request is answered with it.
ROWS = [
    ((FRESH,), True),
    (("Cache-Control: max-age=0",), False),
    (("Cache-Control: max-age=60", "Cache-Control: no-store"), False),
    (("Cache-Control: max-age=60, private",), False),
    (("Cache-Control: max-age=60 private",), False),
    (('Cache-Control: max-age="60"',), True),
    (('Cache-Control: x="a, no-store, b", max-age=60',), True),
    (('Cache-Control: x="a, max-age=60',), False),
    (("Cache-Control: max-age=60, max-age=0",), False),
    (("Cache-Control: max-age=-60",), False),
    (("Cache-Control: max-age=6O",), False),
    (("Cache-Control: max-age=" + "9" * 5000,), True),
    (("Cache-Control: " + "," * 5000 + "max-age=60",), True),
    (("Cache-Control: " + "x, " * 1500 + "no-store", FRESH), False),
    ((FRESH, "Age: 9223372036854775808"), False),
    ((FRESH, "Age: " + "9" * 5000), False),
    ((FRESH, "Age: 30"), True),
    ((FRESH, "Age: 60"), False),
    ((FRESH, f"Date: {YEAR_1}"), False),
    ((FRESH, f"Date: {YEAR_9999}"), True),
    ((FRESH, "Date: yesterday"), True),
    ((f"Expires: {YEAR_1}",), False),
    ((f"Expires: {YEAR_9999}",), True),
    (("Expires: 0",), False),
    ((f"Expires: {YEAR_9999}", "Expires: 0"), False),
    ((f"Last-Modified: {YEAR_1}",), True),
    ((f"Last-Modified: {YEAR_9999}",), False),
    ((FRESH, "Vary: *"), False),
    ((FRESH, "Vary: " + ", ".join(f"x-{number}" for number in range(1000))), False),
    ((FRESH, "Vary: Accept"), True),
    ((FRESH, "Set-Cookie: a=b"), False),
    (("Connection: Cache-Control", "Cache-Control: no-store", f"Last-Modified: {YEAR_1}"), False),
    (("Connection: cache-control", "Cache-Control: private", f"Expires: {YEAR_9999}"), False),
    (("Connection: vary", FRESH, "Vary: *"), False),
    (("Connection: age", FRESH, "Age: 60"), False),
    (("Connection: x-hop", FRESH, "X-Hop: 1"), True),
    ((FRESH, "Cache-Tag: " + ",".join(map(str, range(1000)))), False),
    (("CDN-Cache-Control: max-age=60", "Cache-Control: no-store"), True),
    (("CDN-Cache-Control: no-store", FRESH), False),
    (("CDN-Cache-Control: no-cache", FRESH), False),
    (("CDN-Cache-Control: private", FRESH), False),
    (("CDN-Cache-Control: max-age=60, &&&&&", "Cache-Control: no-store"), False),
    (('CDN-Cache-Control: max-age="60"', "Cache-Control: no-store"), False),
    (("CDN-Cache-Control: no-store,", FRESH), True),
    (("CDN-Cache-Control:", FRESH), True),
    (("CDN-Cache-Control: max-age=9223372036854775808", "Cache-Control: max-age=0"), False),
    (("Surrogate-Control: max-age=60", "Cache-Control: private"), True),
    (("Surrogate-Control: max-age=60;other", "Cache-Control: private"), False),
]


async def test_a_second_request_is_answered_with_what_may_be_kept(
    start_configured: StartConfigured,
) -> None:
    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        fields, _ = ROWS[int(received.target[1:])]
        head = ("HTTP/1.1 200 OK", *fields, "Content-Length: 2", "", "ok")
        writer.write("\r\n".join(head).encode())

    configured = await start_configured(FILE, answer)
    wrong = []
    for number, (fields, is_kept) in enumerate(ROWS):
        first, second = [await configured.ask(f"/{number}") for _ in range(2)]
        assert (first.body, second.body) == (b"ok", b"ok"), fields
        status = second.values(b"cache-status")[0]
        if status.startswith(b"lockgate; hit") is not is_kept:
            wrong.append((str(fields)[:80], status))
    assert wrong == []


#: A status and the fields of an answer, and whether a second request is answered with it.
STATUSES = [
    (203, (FRESH,), True),
    (204, (FRESH,), True),
    (206, (FRESH, "Content-Range: bytes 0-1/2"), False),
    (299, (FRESH,), True),
    (301, (f"Last-Modified: {YEAR_1}",), True),
    (302, (f"Last-Modified: {YEAR_1}",), False),
    (302, (FRESH,), True),
    (302, ("Cache-Control: public", f"Last-Modified: {YEAR_1}"), True),
    (404, (f"Last-Modified: {YEAR_1}",), True),
    (403, (f"Last-Modified: {YEAR_1}",), False),
    (418, (FRESH,), True),
    (500, (f"Last-Modified: {YEAR_1}",), False),
    (500, (FRESH,), True),
    (501, (f"Last-Modified: {YEAR_1}",), True),
    (599, (FRESH,), True),
    (200, (f"{FRESH}, must-understand",), True),
    (200, (f"{FRESH}, no-store, must-understand",), True),
    (200, (f"{FRESH}, must-understand, private, no-store",), False),
    (404, (f"{FRESH}, MUST-UNDERSTAND, NO-STORE",), True),
    (206, (f"{FRESH}, must-understand, no-store",), False),
    (299, (f"{FRESH}, must-understand",), False),
    (599, (f"{FRESH}, must-understand",), False),
    (599, (f"{FRESH}, must-understand, no-store",), False),
]


async def test_what_is_kept_depends_on_the_status(start_configured: StartConfigured) -> None:
    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        status, fields, _ = STATUSES[int(received.target[1:])]
        length = () if status == 204 else ("Content-Length: 2",)
        head = (f"HTTP/1.1 {status} Some", *fields, *length, "", "" if status == 204 else "ok")
        writer.write("\r\n".join(head).encode())

    configured = await start_configured(FILE, answer)
    wrong = []
    for number, (status, fields, is_kept) in enumerate(STATUSES):
        answers = [await configured.ask(f"/{number}") for _ in range(2)]
        assert [one.status for one in answers] == [status, status]
        said = answers[1].values(b"cache-status")[0]
        if said.startswith(b"lockgate; hit") is not is_kept:
            wrong.append((status, fields, said))
    assert wrong == []

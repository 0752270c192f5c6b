"""The door: whom it admits with which ways, what it refuses, and what instances then get."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from middlewares.auth.deciding import Identity, Requirement
from middlewares.auth.layer import NONE_SENT, NOT_VALID, TAKEN_BY_NONE, auth_middleware
from middlewares.auth.way import Answered, Asked, NotAdmitted, Undecided, Verdict, Way
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import AuthUnavailable, BadRequest, Failure, Forbidden, Unauthorized
from middlewares.head_changes import HeadChanges
from middlewares.header_section import HeaderSection
from middlewares.hygiene.deciding import FieldLine
from middlewares.routing.policy import RoutePolicy
from middlewares.routing.route import Route
from middlewares.telemetry.metrics import GatewayMetrics

ADA = Identity("tokens", "jwt", "ada", frozenset(["read"]))
READS = frozenset([b"authorization"])


class StubWay:
    """A way that takes `Bearer NAME…` and decides as it is told."""

    def __init__(self, name: str = "tokens", verdict: Verdict = ADA, known: bool = False) -> None:
        self.name = name
        self.verdict = verdict
        self.remembers = known
        self.redirects: web.Response | None = None
        self.asked = 0

    def challenge(
        self, asked: Asked, *, refused: bool = False, scopes: Sequence[str] = ()
    ) -> str | None:
        said = f' scope="{" ".join(scopes)}"' if scopes else ""
        return f'Bearer realm="{self.name}"{said}'

    def takes(self, asked: Asked) -> bool:
        return (asked.credentials.bearer or b"").startswith(self.name.encode())

    def known(self, asked: Asked) -> Identity | None:
        return self.verdict if self.remembers and isinstance(self.verdict, Identity) else None

    async def decide(self, asked: Asked) -> Verdict:
        self.asked += 1
        return self.verdict

    async def without_credential(self, asked: Asked) -> Answered | None:
        return None if self.redirects is None else Answered(self.redirects)

    def without_session(self, cookie: bytes) -> bytes:
        kept = [one for one in cookie.split(b"; ") if not one.startswith(b"session=")]
        return b"; ".join(kept)

    async def run(self) -> None: ...

    def describe(self) -> Mapping[str, object]:
        return {}


class Door:
    def __init__(self, needed: Requirement | None, *ways: StubWay) -> None:
        self.registry = CollectorRegistry()
        self.metrics = GatewayMetrics(self.registry, {})
        self.policy = RoutePolicy(auth=needed)
        self.ways: Mapping[str, Way] = {way.name: way for way in ways}
        self.layer = auth_middleware(scheme_of=lambda _: "http", metrics=self.metrics)

    async def ask(self, *fields: FieldLine, method: str = "GET") -> Exchange:
        """The exchange of a request that was let in."""
        request = make_mocked_request(method, "/a")
        exchange = Exchange("id", 0.0, "127.0.0.1", HeaderSection(fields), None, "/a", "/a")
        exchange.route, exchange.ways = Route("r", "s", "", self.policy), self.ways
        request[EXCHANGE] = exchange
        self.exchange = exchange
        self.reached = False

        async def handler(_: web.Request) -> web.StreamResponse:
            self.reached = True
            return web.Response()

        self.answer: Any = await self.layer(request, handler)
        return exchange

    async def refusal(self, *fields: FieldLine) -> Failure:
        with pytest.raises(Failure) as caught:
            await self.ask(*fields)
        assert not self.reached
        return caught.value


def bearer(token: str) -> FieldLine:
    return b"Authorization", f"Bearer {token}".encode()


NEEDED = Requirement(("tokens",), reads=READS, removed=READS)


async def test_a_route_without_auth_admits_everybody_and_changes_nothing() -> None:
    exchange = await Door(None, StubWay()).ask(bearer("tokens"))
    assert exchange.identity is None
    assert exchange.changes is None


@pytest.mark.parametrize("known", [True, False])
async def test_an_admitted_client_is_told_to_the_instance_and_its_credential_is_not(
    known: bool,
) -> None:
    way = StubWay(known=known)
    exchange = await Door(NEEDED, way).ask(bearer("tokens"))
    assert exchange.identity is ADA
    assert exchange.changes == HeadChanges(
        READS, added=b"X-Auth-Subject: ada\r\nX-Auth-Scopes: read\r\nX-Auth-Method: jwt\r\n"
    )
    assert way.asked == (0 if known else 1)


async def test_without_a_credential_the_answer_names_every_way_in() -> None:
    needed = Requirement(("tokens", "others"), reads=READS)
    refusal = await Door(needed, StubWay(), StubWay("others")).refusal()
    assert isinstance(refusal, Unauthorized)
    assert refusal.detail == NONE_SENT
    assert refusal.challenges == ('Bearer realm="tokens"', 'Bearer realm="others"')


@pytest.mark.parametrize("token", ["tokens", "unlike any", ""])
async def test_every_credential_that_is_not_valid_gets_the_same_words(token: str) -> None:
    door = Door(NEEDED, StubWay(verdict=NotAdmitted("it has expired")))
    refusal = await door.refusal(bearer(token))
    assert isinstance(refusal, Unauthorized)
    assert refusal.detail == NOT_VALID


async def test_the_log_is_told_why_a_credential_is_refused() -> None:
    door = Door(NEEDED, StubWay(verdict=NotAdmitted("it has expired")))
    await door.refusal(bearer("tokens"))
    assert door.exchange.auth_refusal == "tokens: it has expired"


async def test_a_credential_that_no_way_takes_is_counted_and_the_log_is_told() -> None:
    door = Door(NEEDED, StubWay())
    await door.refusal((b"Authorization", b"Digest x"))
    assert door.exchange.auth_refusal == TAKEN_BY_NONE
    labels = {"way": "tokens", "decision": "refused"}
    counted = door.registry.get_sample_value("gateway_auth_decisions_total", labels)
    assert counted == 1


async def test_the_first_way_that_admits_decides() -> None:
    needed = Requirement(("tokens", "token"), reads=READS)
    first, second = StubWay("tokens", NotAdmitted("no")), StubWay("token")
    exchange = await Door(needed, first, second).ask(bearer("tokens"))
    assert exchange.identity is ADA
    assert (first.asked, second.asked) == (1, 1)


async def test_what_a_way_knows_spares_the_others_their_work() -> None:
    needed = Requirement(("tokens", "token"), reads=READS)
    first, second = StubWay("tokens", NotAdmitted("no")), StubWay("token", known=True)
    exchange = await Door(needed, first, second).ask(bearer("tokens"))
    assert exchange.identity is ADA
    assert (first.asked, second.asked) == (0, 0)


async def test_what_nobody_can_say_now_is_a_503_unless_another_way_admits() -> None:
    needed = Requirement(("tokens", "token"), reads=READS)
    away = StubWay("tokens", Undecided("the registry is away", 1))
    refusal = await Door(needed, away, StubWay("token", NotAdmitted("no"))).refusal(
        bearer("tokens")
    )
    assert isinstance(refusal, AuthUnavailable)
    assert refusal.retry_after_s == 1
    assert (await Door(needed, away, StubWay("token")).ask(bearer("tokens"))).identity is ADA


@pytest.mark.parametrize("known", [True, False])
async def test_a_missing_scope_is_named_and_the_log_knows_who_lacks_it(known: bool) -> None:
    needed = Requirement(("tokens",), all_scopes=("read", "write"), reads=READS)
    door = Door(needed, StubWay(known=known))
    refusal = await door.refusal(bearer("tokens"))
    assert isinstance(refusal, Forbidden)
    assert "the scope write" in refusal.detail
    assert refusal.challenges == ('Bearer realm="tokens" scope="write"',)
    assert door.exchange.identity is ADA


async def test_two_credentials_are_refused_whatever_they_are() -> None:
    reads = frozenset([b"authorization", b"x-api-key"])
    door = Door(Requirement(("tokens",), reads=reads), StubWay(known=True))
    assert isinstance(await door.refusal(bearer("tokens"), (b"X-API-Key", b"k")), BadRequest)
    assert isinstance(await door.refusal(bearer("tokens"), bearer("tokens")), BadRequest)


async def test_a_field_that_no_way_reads_is_the_services_own() -> None:
    exchange = await Door(NEEDED, StubWay()).ask(bearer("tokens"), (b"X-API-Key", b"k"))
    assert exchange.identity is ADA


async def test_a_session_beside_another_credential_is_one_too_many() -> None:
    needed = Requirement(("tokens",), reads=READS, has_sessions=True)
    door = Door(needed, StubWay())
    assert isinstance(
        await door.refusal(bearer("tokens"), (b"Cookie", b"a=1; session=2")), BadRequest
    )
    assert (await door.ask(bearer("tokens"), (b"Cookie", b"a=1"))).identity is ADA


@pytest.mark.parametrize(
    ("cookie", "changes"),
    [
        (b"a=1; session=2; b=3", HeadChanges(replaced={b"cookie": b"a=1; b=3"})),
        (b"session=2", HeadChanges(frozenset([b"cookie"]))),
        (b"a=1", HeadChanges()),
    ],
)
async def test_only_cookies_of_ours_are_taken_out(cookie: bytes, changes: HeadChanges) -> None:
    class WithSession(StubWay):
        def takes(self, asked: Asked) -> bool:
            return True

    door = Door(Requirement(("tokens",), has_sessions=True), WithSession(known=True))
    exchange = await door.ask((b"Cookie", cookie))
    assert exchange.changes == changes._replace(added=ADA.sent_lines)


async def test_a_way_may_answer_a_request_without_a_credential() -> None:
    way = StubWay()
    way.redirects = web.Response(status=302)
    door = Door(NEEDED, way)
    await door.ask()
    assert door.answer.status == 302
    assert not door.reached
    # Whoever has shown a credential gets no log-in page for it.
    assert isinstance(await door.refusal((b"Authorization", b"Digest x")), Unauthorized)


async def test_a_shadow_refuses_nobody_and_says_whom_it_would_have() -> None:
    needed = Requirement(("tokens",), shadow=True, reads=READS, removed=READS)
    door = Door(needed, StubWay(verdict=NotAdmitted("it has expired")))
    with capture_logs() as logs:
        exchange = await door.ask(bearer("tokens"))
    assert door.reached
    assert exchange.identity is None
    assert exchange.changes == HeadChanges(READS)
    (event,) = [one for one in logs if one["event"] == "auth.shadow_refused"]
    assert event["why"] == "tokens: it has expired"
    assert (await Door(needed, StubWay()).ask(bearer("tokens"))).identity is ADA


@pytest.mark.parametrize(
    "fields",
    [
        [bearer("tokens"), bearer("tokens")],
        [bearer("tokens"), (b"X-API-Key", b"k")],
        [(b"X-API-Key", b"k"), (b"X-API-Key", b"k"), (b"Cookie", b"session=1; a=1")],
        [bearer("tokens"), (b"Cookie", b"session=1; a=1")],
    ],
)
async def test_a_shadow_does_not_refuse_two_credentials_either(fields: list[FieldLine]) -> None:
    reads = frozenset([b"authorization", b"x-api-key"])
    needed = Requirement(("tokens",), shadow=True, reads=reads, removed=reads, has_sessions=True)
    door = Door(needed, StubWay(known=True))
    with capture_logs() as logs:
        exchange = await door.ask(*fields)
    assert door.reached
    assert exchange.identity is None
    assert exchange.changes is not None
    assert exchange.changes.removed == reads
    assert all(b"session" not in one for one in exchange.changes.replaced.values())
    (event,) = [one for one in logs if one["event"] == "auth.shadow_refused"]
    assert "more than one" in event["detail"]


async def test_a_preflight_needs_no_credential_and_another_options_does() -> None:
    door = Door(NEEDED, StubWay())
    asks = (b"Access-Control-Request-Method", b"PUT")
    exchange = await door.ask((b"Origin", b"https://a.example"), asks, method="OPTIONS")
    assert door.reached
    assert exchange.identity is None
    with pytest.raises(Unauthorized):
        await door.ask(asks, method="OPTIONS")


async def test_a_route_of_which_nothing_is_said_admits_nobody() -> None:
    assert isinstance(await Door(Requirement(()), StubWay()).refusal(bearer("tokens")), Forbidden)

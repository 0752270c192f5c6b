"""What an authority refuses is told, and not asked again before its time."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.redis.acme.conftest import StartKeeper
from tests.support.eventually import eventually
from tests.support.keepers import RunningKeeper
from tests.support.stub_authority import StubAuthority

pytest.importorskip("acme", reason="the extra acme is not installed")

A, B = "a.example", "b.example"
PREFIX = "urn:ietf:params:acme:error:"


@pytest.fixture
async def authority() -> AsyncIterator[StubAuthority]:
    made = StubAuthority()
    await made.start()
    yield made
    await made.stop()


async def why(one: RunningKeeper, domain: str = A) -> str:
    """What /status says of the last order, once it has failed."""

    def told() -> str:
        certificates = one.keeper.describe().get("certificates", {})
        return str(certificates.get(domain, {}).get("why", ""))

    return await eventually(told)


async def test_where_there_are_too_many_orders_none_is_sent_before_its_time(
    authority: StubAuthority, start_keeper: StartKeeper
) -> None:
    authority.fields = {"Retry-After": "7200"}
    first = await start_keeper("a", authority.spec(A, B))
    assert await why(first) == "rateLimited: slowly"
    # Another gateway, and a start anew, wait too; for both domains.
    second = await start_keeper("b", authority.spec(A, B))
    await why(second)
    for domain in (A, B):
        told = second.keeper.describe()["certificates"][domain]
        assert 7000 < told["again_in_s"] <= 7200
    assert authority.asked["newOrder"] == 1


async def test_a_pause_that_the_authority_asks_for_is_waited_for(
    authority: StubAuthority, start_keeper: StartKeeper
) -> None:
    authority.status = 400
    authority.fields = {"Retry-After": "3600"}
    authority.document = {"type": f"{PREFIX}malformed", "detail": "no"}
    one = await start_keeper("a", authority.spec(A, B))
    assert await why(one) == "malformed: no"
    assert await why(one, B) == "malformed: no"  # only that domain waits
    assert one.keeper.describe()["certificates"][A]["again_in_s"] > 3000
    assert authority.asked["newOrder"] == 2


async def test_an_authority_that_refuses_every_nonce_is_not_asked_for_ever(
    authority: StubAuthority, start_keeper: StartKeeper
) -> None:
    authority.status = 400
    authority.document = {"type": f"{PREFIX}badNonce", "detail": "no"}
    one = await start_keeper("a", authority.spec(A))
    assert "refused 30 nonces" in await why(one)


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (201, {}),
        (201, []),
        (201, "text"),
        (201, {"authorizations": 5, "status": "pending"}),
        (201, {"authorizations": ["x"], "status": "valid", "certificate": 5}),
        (500, {"type": 5, "detail": {"a": 1}}),
        (404, None),
    ],
)
async def test_what_is_no_acme_is_a_failure(
    authority: StubAuthority, start_keeper: StartKeeper, status: int, document: Any
) -> None:
    authority.status, authority.document = status, document
    one = await start_keeper("a", authority.spec(A))
    assert await why(one)
    assert one.served == {}


async def test_an_authority_whose_own_certificate_is_not_trusted_is_not_told_anything(
    authority: StubAuthority, start_keeper: StartKeeper
) -> None:
    stranger = StubAuthority()
    spec = authority.spec(A)
    await stranger.start()
    try:
        other = stranger.spec(A)
        with capture_logs() as logs:
            one = await start_keeper("a", type(spec)((A,), directory=other.directory, ca=spec.ca))
            assert "can't be reached" in await why(one)
        assert stranger.asked == {}
        assert "certificate.renewal_failed" in [entry["event"] for entry in logs]
    finally:
        await stranger.stop()

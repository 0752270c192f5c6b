"""A shortage of the gateway itself is no verdict on an instance, wherever it shows."""

import asyncio
import errno
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from discovery.base.shortage import is_own_shortage
from discovery.health.book import HealthBook
from discovery.health.machine import ProbeTimes, Thresholds, Verdict
from discovery.health.prober import Prober
from discovery.model.addresses import AddressPolicy, AllowedHosts, listeners
from discovery.model.instance import Instance, parse_registration
from discovery.view.view import Entry, View
from gateway.hop.probe import HealthProbe
from gateway.upstream.dialing import Dialer
from gateway.upstream.limits import UpstreamLimits
from gateway.upstream.looking_up import look_up
from gateway.upstream.pool import Pool
from middlewares.failures import OutOfResources, UpstreamUnreachable
from tests.support.byte_connections import ANY
from tests.support.eventually import eventually
from tests.support.shortages import no_descriptors


@pytest.fixture
async def instance() -> AsyncIterator[Instance]:
    """An instance that accepts connections."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Instance(name="price", id="p1", host="127.0.0.1", port=port)


def dialer() -> Dialer:
    return Dialer(AddressPolicy(AllowedHosts.parse("")))


@pytest.mark.parametrize(
    "name", ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL", "EAGAIN"]
)
def test_these_are_shortages_of_our_own(name: str) -> None:
    assert is_own_shortage(OSError(getattr(errno, name), "why"))


def test_so_is_a_want_of_memory_and_what_follows_from_one_of_them() -> None:
    assert is_own_shortage(MemoryError())
    follows = RuntimeError("the registry does not answer")
    follows.__cause__ = OSError(errno.EMFILE, "too many")
    assert is_own_shortage(follows)


@pytest.mark.parametrize("error", [ConnectionRefusedError(111, "no"), TimeoutError(), OSError()])
def test_a_refusal_and_a_time_out_are_none(error: OSError) -> None:
    assert not is_own_shortage(error)
    assert not is_own_shortage(None)


@pytest.mark.parametrize("suspected", [False, True])
async def test_a_probe_that_can_not_be_made_is_no_verdict(
    instance: Instance, suspected: bool
) -> None:
    """Each counted as a failure: after a minute of "Too many open files" a healthy service was removed."""
    probe = HealthProbe(dialer(), 2.0)

    with no_descriptors():
        assert await probe(instance, suspected) is None

    assert await probe(instance, False) == Verdict(True, "connected")


async def test_a_probe_whose_time_the_gateways_own_pause_used_up_is_no_verdict() -> None:
    """The instance may have answered meanwhile, and nobody looked."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        instance = parse_registration(
            "price",
            "a",
            {"host": "127.0.0.1", "port": silent.getsockname()[1], "health_check_url": "/h"},
        )
        probe = HealthProbe(dialer(), 0.3)
        # On a busy machine the first ones may be late themselves.
        late = Verdict(False, "GET /h is not answered within 0.3 s")
        assert await eventually(lambda: probe(instance, False)) == late

        asked = asyncio.create_task(probe(instance, False))
        await asyncio.sleep(0.05)
        time.sleep(1.0)  # noqa: ASYNC251  # the event loop stands
        assert await asked is None


async def test_no_verdict_changes_nothing_and_the_next_probe_counts(instance: Instance) -> None:
    verdicts: list[Verdict | None] = [None, Verdict(True, "200"), None, None, None, None, None]
    asked = 0

    async def probe(_instance: Instance, _suspected: bool) -> Verdict | None:
        nonlocal asked
        asked += 1
        if asked == 8:
            raise RuntimeError("a mistake of ours")
        return verdicts[asked - 1] if asked <= len(verdicts) else None

    book = HealthBook(lambda *_: None)
    times = ProbeTimes(0.001, eager_interval_s=0.001)
    prober = Prober(probe=probe, book=book, thresholds=Thresholds(fall=1), times=times)
    prober.view_changed(View(), View("e", 1, {"price": {"price/p1": Entry(instance, 0)}}), None)

    await eventually(lambda: asked > 10)

    assert book.status("price/p1") == "healthy"
    assert book.health("price/p1").evidence == "200"
    await prober.close()


async def test_a_request_that_can_not_be_sent_is_overload_and_blames_nobody(
    instance: Instance,
) -> None:
    pool = Pool(instance, dialer(), UpstreamLimits())

    with no_descriptors(), pytest.raises(OutOfResources):
        await pool.open(deadlines=ANY)

    assert not issubclass(OutOfResources, UpstreamUnreachable)
    pool.give_back(await pool.open(deadlines=ANY))


async def test_requests_leave_the_last_descriptors_to_probes(instance: Instance) -> None:
    own = dialer()
    own.requests_below = 0

    with pytest.raises(OutOfResources):
        await Pool(instance, own, UpstreamLimits()).open(deadlines=ANY)

    assert await HealthProbe(own, 2.0)(instance, False) == Verdict(True, "connected")


@pytest.mark.parametrize("before", [(), ("localhost",), ("other.invalid",)], ids=str)
def test_a_resolver_without_descriptors_does_not_say_that_there_is_no_such_name(
    before: tuple[str, ...],
) -> None:
    """After other look-ups it gave their errors, which counted against the instance."""
    for name in before:
        with suppress(OSError):
            look_up(name)
    with no_descriptors(), pytest.raises(OSError, match="Too many open files") as failed:
        look_up("price.example")
    assert is_own_shortage(failed.value)


async def test_whether_an_address_is_our_own_listeners_is_not_guessed(instance: Instance) -> None:
    """Without a socket to find out, the address was taken for somebody else's."""
    own = Dialer(AddressPolicy(own_listeners=listeners([("0.0.0.0", instance.port)])))

    with no_descriptors(), pytest.raises(OSError, match="Too many open files") as failed:
        await own.connect(instance, lambda _: asyncio.Protocol(), within_s=2.0)
    assert is_own_shortage(failed.value)

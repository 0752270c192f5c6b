"""The registry behind Sentinel on real servers: registrations and traffic survive a failover."""

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from discovery import AsyncServiceRegistry, RegistrySettings, RegistryUnavailable, ServiceRegistry
from discovery.base.tasks import end
from discovery.store.clients import connect, connect_async
from discovery.view.view import Event, View
from discovery.view.watcher import Watcher
from middlewares.limits.deciding import Ask, Check, Policy
from middlewares.limits.limiter import SharedLimiter
from tests.support.eventually import eventually
from tests.support.forwarders import Forwarder
from tests.support.gateways import RunningGateway, gateway_settings
from tests.support.registry_groups import FAILOVER_S, NAME, FailoverGroup, Sentinel, running
from tests.support.registry_servers import RegistryServer
from tests.support.upstreams import ScriptedUpstream

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def group(tmp_path: Path) -> Iterator[FailoverGroup]:
    with running(FailoverGroup(tmp_path)) as group:
        yield group


async def fail_over(group: FailoverGroup) -> None:
    """Kill the primary and wait until the sentinels have made the replica the master."""
    group.replicate()
    group.primary.kill()
    await eventually(group.failed_over, within_s=FAILOVER_S)


async def test_what_is_registered_survives_a_failover_and_registration_works_after(
    group: FailoverGroup,
) -> None:
    snapshots: list[View] = []

    def note(_: View, after: View, event: Event | None) -> None:
        if event is None:
            snapshots.append(after)

    settings = RegistrySettings(group.url())
    watcher = Watcher(settings)
    watcher.listen(note)
    following = asyncio.create_task(watcher.run())
    with ServiceRegistry(settings) as registry:
        async with AsyncServiceRegistry(settings=settings) as asynchronous:
            try:
                registry.register_service("price", "localhost", 1, instance_id="a", ttl_s=600)
                await asynchronous.register_service(
                    "price", "localhost", 2, instance_id="b", ttl_s=600
                )
                await eventually(lambda: len(watcher.view.registered("price")) == 2)
                before = watcher.view

                await fail_over(group)

                await eventually(lambda: len(snapshots) >= 2 and watcher.connected, within_s=30)
                assert watcher.view.epoch == before.epoch
                assert watcher.view.services == before.services
                assert registry.list_services() == await asynchronous.list_services()
                assert registry.heartbeat("price", "a")
                assert await asynchronous.heartbeat("price", "b")
                registry.register_service("price", "localhost", 3, instance_id="c", ttl_s=600)
                await asynchronous.deregister_service("price", "a")
                await eventually(
                    lambda: [e.instance.id for e in watcher.view.registered("price")] == ["b", "c"]
                )
            finally:
                await end(following)


async def test_traffic_through_a_gateway_never_fails_during_a_failover(
    group: FailoverGroup,
) -> None:
    upstream = await ScriptedUpstream.start()
    gateway = await RunningGateway.start(
        gateway_settings({"REDIS_URL": group.url(), "RATE_LIMIT_REQUESTS": "100000"})
    )
    statuses: list[int] = []

    async def ask() -> None:
        while True:
            statuses.append((await gateway.get("/api/price/x")).status)
            await asyncio.sleep(0.01)

    asking = None
    try:
        await gateway.register("price", upstream.port, ttl=600)
        asking = asyncio.create_task(ask())
        await eventually(lambda: len(statuses) > 10)
        await fail_over(group)
        await eventually(lambda: gateway.member.watcher.connected, within_s=30)
        reached = len(statuses)
        await eventually(lambda: len(statuses) > reached + 10)
        await gateway.register("orders", upstream.port)
        assert (await gateway.get("/api/orders/x")).status == 200
    finally:
        if asking is not None:
            await end(asking)
        await gateway.stop()
        await upstream.stop()
    assert set(statuses) == {200}


async def test_the_limiter_counts_on_after_a_failover(group: FailoverGroup) -> None:
    limiter = SharedLimiter(RegistrySettings(group.url()), live_workers=lambda: 1)
    deciding = asyncio.create_task(limiter.run())
    ask = Ask((Check(Policy("default", 1000, 600_000_000), "client"),))
    try:
        assert (await limiter.decide(ask)).remaining == 999
        await fail_over(group)
        # The replica has a copy of the window, so the admission from before the failover still counts.
        decision = await eventually(lambda: _shared(limiter, ask), within_s=30)
        assert decision <= 998
    finally:
        await end(deciding)
        await limiter.close()


async def _shared(limiter: SharedLimiter, ask: Ask) -> int:
    """What is left according to the registry; 0 while the limiter decides alone."""
    remaining = (await limiter.decide(ask)).remaining
    return 0 if limiter.alone else remaining


async def test_a_replica_that_a_sentinel_names_is_not_taken_for_the_master(
    group: FailoverGroup,
) -> None:
    """Without asking for the role, the watcher would follow the replica and not say so."""
    with connect(group.url()) as client:
        assert client.ping()
    with group.primary.client() as client:
        client.replicaof("127.0.0.1", group.replica.port)  # type: ignore[arg-type]
    registry = ServiceRegistry(RegistrySettings(group.url()))
    with contextlib.closing(registry), pytest.raises(RegistryUnavailable, match="is a replica"):
        registry.list_services()
    async with AsyncServiceRegistry(group.url()) as asynchronous:
        with pytest.raises(RegistryUnavailable, match="is a replica"):
            await asynchronous.list_services()


async def test_a_sentinel_that_hangs_is_not_waited_for_again_and_again(
    group: FailoverGroup,
) -> None:
    """A caller with a shorter time-out than that sentinel's never reached the next one."""
    group.sentinels[0].pause()
    client = connect_async(group.url(), blocking=True)

    async def ask() -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                return bool(await client.ping())
        return False

    try:
        assert await eventually(ask)
    finally:
        group.sentinels[0].resume()
        await client.aclose()


async def test_an_unknown_name_is_told(group: FailoverGroup) -> None:
    url = group.url().replace("/registry", "/another")
    registry = ServiceRegistry(RegistrySettings(url))
    with contextlib.closing(registry), pytest.raises(RegistryUnavailable, match="'another'"):
        registry.list_services()


async def test_passwords_of_servers_and_of_sentinels_are_their_own(tmp_path: Path) -> None:
    """The passwords contain every character with a meaning in URLs."""
    password, sentinel_password = "p@ss:w/rd?", "s&nt=nel"
    group = FailoverGroup(
        tmp_path,
        options=("--requirepass", password, "--masterauth", password),
        login={"password": password},
        sentinel_lines=(
            f'sentinel auth-pass registry "{password}"',
            f"requirepass {sentinel_password}",
        ),
        sentinel_login={"password": sentinel_password},
    )
    with running(group):
        url = group.url("default:p%40ss%3Aw%2Frd%3F@", "/0?sentinel_password=s%26nt%3Dnel")
        with ServiceRegistry(RegistrySettings(url)) as registry:
            registry.register_service("price", "localhost", 1)
            await fail_over(group)
            assert [one["name"] for one in registry.list_services()] == ["price"]
        async with AsyncServiceRegistry(url) as asynchronous:
            assert [one["name"] for one in await asynchronous.list_services()] == ["price"]
        async with AsyncServiceRegistry(group.url(after="/0")) as stranger:
            with pytest.raises(RegistryUnavailable):
                await stranger.list_services()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
async def test_tls_to_the_sentinels_and_to_the_server(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    """A forwarder takes TLS off on the way, because the servers in the wheel have no TLS."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    with RegistryServer(tmp_path / "server") as server:
        async with Forwarder(server.port, tls) as to_server:
            # It names the port with TLS, at which it sees no server itself.
            sentinel = Sentinel(tmp_path / "sentinel", to_server.port, 1)
            async with Forwarder(sentinel.port, tls) as to_sentinel:
                base = f"rediss+sentinel://127.0.0.1:{to_sentinel.port}/{NAME}"
                try:
                    settings = RegistrySettings(f"{base}?ssl_ca_certs={certificate[0]}")
                    async with AsyncServiceRegistry(settings=settings) as registry:
                        await eventually(lambda: _registers(registry))
                    with ServiceRegistry(settings) as synchronous:
                        found = await asyncio.to_thread(synchronous.discover_service, "price")
                        assert found == "http://localhost:1"
                    async with AsyncServiceRegistry(base) as trusting_others:
                        with pytest.raises(RegistryUnavailable, match="certificate"):
                            await trusting_others.list_services()
                finally:
                    sentinel.kill()


async def _registers(registry: AsyncServiceRegistry) -> bool:
    """False while the sentinel is still starting."""
    try:
        await registry.register_service("price", "localhost", 1, instance_id="a")
    except RegistryUnavailable:
        return False
    return True

"""The Python API on a real registry: synchronous and asynchronous calls give the same answers."""

import asyncio
import inspect
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

import discovery
import shared.service_discovery
from discovery import (
    AsyncServiceRegistry,
    DiscoveryError,
    InvalidRegistration,
    RegistrySettings,
    RegistryUnavailable,
    ServiceNotFound,
    ServiceRegistry,
    SettingsError,
    get_service_registry,
)
from discovery.store import scripts
from discovery.store.keys import registry_keys
from tests.support.registry_servers import RegistryServer, free_port

NAME = "price_service"
LEASE_S = 60.0


class Api:
    """Both kinds of registry with one interface: `await api.get_service(…)`."""

    def __init__(self, registry: ServiceRegistry | AsyncServiceRegistry) -> None:
        self.registry = registry

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            done = getattr(self.registry, name)(*args, **kwargs)
            return await done if inspect.isawaitable(done) else done

        return call


MakeApi = Callable[[RegistrySettings], Api]


@pytest.fixture(params=["synchronous", "asynchronous"])
async def make_api(request: pytest.FixtureRequest) -> AsyncIterator[MakeApi]:
    made: list[Api] = []

    def make(settings: RegistrySettings) -> Api:
        if request.param == "synchronous":
            api = Api(ServiceRegistry(settings))
        else:
            api = Api(AsyncServiceRegistry(settings=settings))
        made.append(api)
        return api

    yield make
    for api in made:
        await api.close()


@pytest.fixture
def api(make_api: MakeApi, registry_url: str) -> Api:
    return make_api(RegistrySettings(registry_url))


@pytest.fixture
async def gateway(registry_url: str) -> AsyncIterator[AsyncServiceRegistry]:
    """A registry through which a test reports what a gateway would."""
    async with AsyncServiceRegistry(registry_url) as registry:
        yield registry


async def say(gateway: AsyncServiceRegistry, key: str, status: str) -> None:
    await gateway.call(scripts.report("g1", LEASE_S, [(key, status, "200")]))


def away(settings_of: str = "") -> RegistrySettings:
    """Settings of a registry that nobody serves."""
    return RegistrySettings(settings_of or f"redis://127.0.0.1:{free_port()}/0")


# Registering


async def test_a_registration_is_answered_with_the_instance_as_services_shows_it(api: Api) -> None:
    registered = await api.register_service(
        NAME,
        "localhost",
        8002,
        instance_id="a1",
        health_check_url="/health",
        metadata={"zone": "a"},
        weight=3,
        version="1.2.3",
        ttl_s=30,
    )
    (service,) = await api.list_services()
    assert service == {
        "name": NAME,
        "route": "/api/price",
        "healthy": 0,
        "total": 1,
        "instances": [registered],
    }
    assert registered["health_check_url"] == "http://localhost:8002/health"
    assert (registered["id"], registered["status"], registered["weight"]) == ("a1", "starting", 3)
    assert (registered["version"], registered["metadata"]) == ("1.2.3", {"zone": "a"})


async def test_an_instance_without_an_id_gets_one_of_its_own(api: Api) -> None:
    ids = [(await api.register_service(NAME, "localhost", 8002))["id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(name.startswith(f"{NAME}-") for name in ids)


async def test_registering_the_same_id_again_replaces_the_instance(api: Api) -> None:
    for port in (1, 2):
        await api.register_service(NAME, "localhost", port, instance_id="a1")
    (service,) = await api.list_services()
    assert [one["port"] for one in service["instances"]] == [2]


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "Price"},
        {"host": "a b"},
        {"port": 0},
        {"port": "8002"},
        {"instance_id": "a/b"},
        {"instance_id": ""},
        {"health_check_url": "http://elsewhere/"},
        {"metadata": {"a": []}},
        {"weight": -1},
        {"version": "1"},
        {"ttl_s": 0},
    ],
)
async def test_a_bad_argument_is_refused_before_anything_is_sent(
    make_api: MakeApi, bad: dict[str, Any]
) -> None:
    good = {"name": NAME, "host": "localhost", "port": 8002}
    with pytest.raises(InvalidRegistration):
        await make_api(away()).register_service(**(good | bad))


# Finding


async def test_without_a_gateway_a_heartbeat_is_evidence_enough(api: Api) -> None:
    await api.register_service(NAME, "localhost", 8002, instance_id="a1")
    found = await api.get_service(NAME)
    assert (found["name"], found["host"], found["port"]) == (NAME, "localhost", 8002)
    assert await api.discover_service(NAME) == "http://localhost:8002"


async def test_with_a_gateway_only_what_passes_its_probes_is_found(
    api: Api, gateway: AsyncServiceRegistry
) -> None:
    await gateway.call(scripts.sweep("g1", LEASE_S, 60.0))
    await api.register_service(NAME, "localhost", 8002, instance_id="a1")
    assert await api.get_service(NAME) is None
    await say(gateway, f"{NAME}/a1", "healthy")
    assert (await api.get_service(NAME))["status"] == "healthy"
    await say(gateway, f"{NAME}/a1", "unhealthy")
    assert await api.get_service(NAME) is None
    with pytest.raises(ServiceNotFound, match=NAME):
        await api.discover_service(NAME)


async def test_instances_are_found_at_random_by_weight(api: Api) -> None:
    await api.register_service(NAME, "localhost", 1, instance_id="light", weight=1)
    await api.register_service(NAME, "localhost", 2, instance_id="heavy", weight=4)
    await api.register_service(NAME, "localhost", 3, instance_id="none", weight=0)
    found = Counter([(await api.get_service(NAME))["id"] for _ in range(300)])
    assert found["none"] == 0
    assert 20 < found["light"] < 110


async def test_all_healthy_instances_are_found_each_once(
    api: Api, gateway: AsyncServiceRegistry
) -> None:
    await gateway.call(scripts.sweep("g1", LEASE_S, 60.0))
    for port, instance_id in enumerate(("a1", "a2", "a3", "ill", "drained"), start=1):
        await api.register_service(NAME, "localhost", port, instance_id=instance_id)
        status = "unhealthy" if instance_id == "ill" else "healthy"
        await say(gateway, f"{NAME}/{instance_id}", status)
    await api.drain(NAME, "drained")
    found = await api.instances(NAME)
    assert sorted(one["id"] for one in found) == ["a1", "a2", "a3"]
    assert sorted(one["url"] for one in await api.instances("price")) == [
        f"http://localhost:{port}" for port in (1, 2, 3)
    ]


async def test_what_is_unknown_is_none_or_not_found(api: Api) -> None:
    assert await api.get_service(NAME) is None
    assert await api.instances(NAME) == []
    assert await api.list_services() == []
    with pytest.raises(ServiceNotFound):
        await api.discover_service(NAME)
    assert await api.heartbeat(NAME, "a1") is False
    assert await api.drain(NAME, "a1") is False
    assert await api.deregister_service(NAME, "a1") is False


async def test_a_name_that_is_the_beginning_of_another_finds_only_its_own(api: Api) -> None:
    await api.register_service("price_service_2", "localhost", 8002)
    assert await api.get_service("price_service") is None
    assert await api.get_service("price") is None


async def test_a_short_name_finds_what_the_gateway_sends_requests_for_it_to(api: Api) -> None:
    """/api/price answered, but discover_service("price") raised ServiceNotFound."""
    await api.register_service("price", "localhost", 1, instance_id="short")
    assert await api.discover_service("price") == "http://localhost:1"
    await api.register_service("price_service", "localhost", 2, instance_id="long")
    assert await api.discover_service("price") == "http://localhost:2"
    assert await api.discover_service("price_service") == "http://localhost:2"
    await api.drain("price_service", "long")  # it is still registered
    assert await api.get_service("price") is None
    await api.deregister_service("price_service", "long")
    assert await api.discover_service("price") == "http://localhost:1"


async def test_a_short_name_is_found_in_the_last_answer_too(
    make_api: MakeApi, own_registry: RegistryServer
) -> None:
    api = make_api(RegistrySettings(own_registry.url))
    await api.register_service("price_service", "localhost", 8002)
    assert await api.discover_service("price") == "http://localhost:8002"
    own_registry.kill()
    assert await api.discover_service("price") == "http://localhost:8002"


@pytest.mark.parametrize("name", ["", "Price", "price_service/", "*"])
async def test_what_is_no_name_finds_nothing(api: Api, name: str) -> None:
    """The empty name meant all services and found an instance of any of them."""
    await api.register_service("price_service", "localhost", 8002)
    assert await api.get_service(name) is None
    assert await api.instances(name) == []
    with pytest.raises(ServiceNotFound):
        await api.discover_service(name)


@pytest.mark.parametrize("call", ["heartbeat", "drain", "deregister_service"])
async def test_a_change_of_what_can_not_be_there_is_refused(api: Api, call: str) -> None:
    for name, instance_id in (("Price", "a1"), (NAME, "a/b"), ("", "")):
        with pytest.raises(InvalidRegistration):
            await getattr(api, call)(name, instance_id)


# The life of an instance


async def test_a_heartbeat_renews_the_lease(api: Api, gateway: AsyncServiceRegistry) -> None:
    await api.register_service(NAME, "localhost", 8002, instance_id="a1")
    before = now = (await gateway.call(scripts.snapshot())).records[0].lapses_at_ms
    async with asyncio.timeout(20):
        while now == before:  # within the same millisecond
            assert await api.heartbeat(NAME, "a1") is True
            now = (await gateway.call(scripts.snapshot())).records[0].lapses_at_ms
    assert before < now < before + 5000


async def test_a_draining_instance_is_listed_and_not_found(api: Api) -> None:
    await api.register_service(NAME, "localhost", 8002, instance_id="a1")
    assert await api.drain(NAME, "a1") is True
    assert await api.drain(NAME, "a1") is True
    assert await api.get_service(NAME) is None
    (service,) = await api.list_services()
    assert [one["status"] for one in service["instances"]] == ["draining"]
    assert await api.heartbeat(NAME, "a1") is True
    assert await api.get_service(NAME) is None


async def test_a_deregistered_instance_is_gone(api: Api) -> None:
    await api.register_service(NAME, "localhost", 8002, instance_id="a1")
    assert await api.deregister_service(NAME, "a1") is True
    assert await api.deregister_service(NAME, "a1") is False
    assert await api.list_services() == []
    assert await api.heartbeat(NAME, "a1") is False


async def test_what_has_lapsed_is_neither_found_nor_listed_even_before_it_is_swept(
    api: Api, registry_url: str
) -> None:
    await api.register_service(NAME, "localhost", 8002, instance_id="a1")
    with redis.Redis.from_url(registry_url) as client:
        client.zadd(registry_keys("default")[3], {f"{NAME}/a1": 1})
    assert await api.get_service(NAME) is None
    assert await api.list_services() == []


async def test_a_foreign_record_is_skipped_with_a_warning(api: Api, registry_url: str) -> None:
    await api.register_service(NAME, "localhost", 8002, instance_id="a1")
    keys = registry_keys("default")
    with redis.Redis.from_url(registry_url) as client:
        for key, record in (
            (f"{NAME}/junk", "junk"),
            (f"{NAME}/host", '1 1 active {"host":"a b","port":1}'),
            ("Not-A-Name/x", '1 1 active {"host":"h","port":1}'),
        ):
            client.hset(keys[1], key, record)
            client.zadd(keys[2], {key: 0})
    with capture_logs() as logs:
        (service,) = await api.list_services()
        assert (await api.get_service(NAME))["id"] == "a1"
    assert [one["id"] for one in service["instances"]] == ["a1"]
    assert {line["key"] for line in logs if line["event"] == "registry.invalid_record"} == {
        f"{NAME}/junk",
        f"{NAME}/host",
        "Not-A-Name/x",
    }


async def test_namespaces_know_nothing_of_each_other(make_api: MakeApi, registry_url: str) -> None:
    one = make_api(RegistrySettings(registry_url, "one"))
    other = make_api(RegistrySettings(registry_url, "other"))
    await one.register_service(NAME, "localhost", 8002)
    assert await other.get_service(NAME) is None


# The registry being away


async def until_it_is_none(api: Api, name: str) -> None:
    """Look a service up until there is none or the look-up is refused."""
    async with asyncio.timeout(20):
        while await api.get_service(name) is not None:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)


@pytest.mark.registry_hangs
@pytest.mark.parametrize("how", ["kill", "pause"])
async def test_lookups_give_the_last_known_answer_until_it_is_as_old_as_a_lease(
    make_api: MakeApi, own_registry: RegistryServer, how: str
) -> None:
    api = make_api(RegistrySettings(own_registry.url, "default", 0.2, 5))
    await api.register_service(NAME, "localhost", 8002, instance_id="a1", ttl_s=60)
    known = await api.list_services()
    assert (await api.get_service(NAME))["id"] == "a1"

    getattr(own_registry, how)()
    assert await api.list_services() == known
    assert await api.discover_service(NAME) == "http://localhost:8002"
    with pytest.raises(RegistryUnavailable):
        await api.get_service("orders_service")

    with pytest.raises(RegistryUnavailable):
        await until_it_is_none(api, NAME)
    with pytest.raises(RegistryUnavailable):
        await api.list_services()


@pytest.mark.registry_hangs
@pytest.mark.parametrize("how", ["kill", "pause"])
async def test_changes_are_refused_at_once_and_work_again_when_it_is_back(
    make_api: MakeApi, own_registry: RegistryServer, how: str
) -> None:
    api = make_api(RegistrySettings(own_registry.url))
    await api.register_service(NAME, "localhost", 8002, instance_id="a1")
    getattr(own_registry, how)()
    with pytest.raises(RegistryUnavailable) as told:
        await api.register_service(NAME, "localhost", 8002, instance_id="a1")
    assert own_registry.url in str(told.value)
    for call in ("heartbeat", "drain", "deregister_service"):
        with pytest.raises(RegistryUnavailable):
            await getattr(api, call)(NAME, "a1")

    own_registry.start() if how == "kill" else own_registry.resume()
    await api.register_service(NAME, "localhost", 8002, instance_id="a1")
    assert await api.discover_service(NAME) == "http://localhost:8002"


async def test_lookups_do_not_believe_a_registry_that_lost_its_data(
    make_api: MakeApi, registry_url: str
) -> None:
    """After FLUSHALL every look-up said "not found" until the services had registered again."""
    api = make_api(RegistrySettings(registry_url))
    for instance_id in ("a1", "a2"):
        await api.register_service(NAME, "localhost", 8002, instance_id=instance_id, ttl_s=60)
    assert await api.get_service(NAME) is not None
    (known,) = await api.list_services()

    with redis.Redis.from_url(registry_url) as client:
        client.flushall()
    assert await api.discover_service(NAME) == "http://localhost:8002"
    assert [service["total"] for service in await api.list_services()] == [known["total"]]

    await api.register_service(NAME, "localhost", 8002, instance_id="a1", ttl_s=60)
    assert [service["total"] for service in await api.list_services()] == [known["total"]]
    for instance_id in ("a1", "a2"):
        await api.register_service(NAME, "localhost", 8002, instance_id=instance_id, ttl_s=60)
        await api.deregister_service(NAME, instance_id)
    assert await api.get_service(NAME) is None
    assert await api.list_services() == []


async def test_what_does_not_come_back_after_a_loss_of_data_is_forgotten(
    make_api: MakeApi, registry_url: str
) -> None:
    api = make_api(RegistrySettings(registry_url, "default", 0.2, 1))
    await api.register_service(NAME, "localhost", 8002, instance_id="a1", ttl_s=60)
    assert await api.get_service(NAME) is not None
    with redis.Redis.from_url(registry_url) as client:
        client.flushall()
    await until_it_is_none(api, NAME)


async def test_a_registry_that_was_never_there_is_unavailable(make_api: MakeApi) -> None:
    api = make_api(away())
    for call in (api.get_service(NAME), api.discover_service(NAME), api.list_services()):
        with pytest.raises(RegistryUnavailable):
            await call


async def test_an_error_shows_no_password(make_api: MakeApi) -> None:
    api = make_api(away(f"redis://me:geheim@127.0.0.1:{free_port()}/0"))
    with pytest.raises(RegistryUnavailable) as told:
        await api.list_services()
    assert "geheim" not in str(told.value)


def test_every_error_is_a_discovery_error() -> None:
    for error in (ServiceNotFound, RegistryUnavailable, InvalidRegistration, SettingsError):
        assert issubclass(error, DiscoveryError)


# The synchronous registry alone


def test_the_documented_import_is_the_same_object() -> None:
    assert shared.service_discovery.get_service_registry is discovery.get_service_registry
    assert shared.service_discovery.ServiceRegistry is discovery.ServiceRegistry
    assert shared.service_discovery.DiscoveryError is discovery.DiscoveryError


def test_there_is_one_object_for_each_url(
    registry_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", registry_url)
    with get_service_registry() as registry:
        assert registry is get_service_registry()
        assert registry is get_service_registry(registry_url)
        assert registry is not get_service_registry(registry_url.replace("/0", "/1"))


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        get_service_registry("127.0.0.1:6379")


def test_eight_threads_share_one_registry(registry_url: str) -> None:
    """Each thread registers an instance, sends heartbeats, finds it and removes it, all at the same time."""
    failures: list[str] = []
    begin = threading.Barrier(8)

    def work(registry: ServiceRegistry, number: int) -> None:
        begin.wait()
        try:
            for turn in range(15):
                name, instance_id = f"service-{number}", f"i{turn}"
                registry.register_service(name, "localhost", number + 1, instance_id=instance_id)
                assert registry.heartbeat(name, instance_id)
                assert registry.discover_service(name) == f"http://localhost:{number + 1}"
                assert registry.deregister_service(name, instance_id)
        except Exception as error:
            failures.append(repr(error))

    with ServiceRegistry(RegistrySettings(registry_url)) as registry:
        threads = [threading.Thread(target=work, args=(registry, n)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert registry.list_services() == []


def test_a_closed_registry_can_be_used_again(registry_url: str) -> None:
    registry = ServiceRegistry(RegistrySettings(registry_url))
    with registry:
        registry.register_service(NAME, "localhost", 8002)
    with registry:
        assert registry.get_service(NAME) is not None


# The asynchronous registry alone


async def test_both_registries_have_the_same_calls() -> None:
    def calls(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(call).parameters)
            for name, call in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    asynchronous = calls(AsyncServiceRegistry)
    assert calls(ServiceRegistry).items() <= asynchronous.items()
    assert asynchronous.keys() - calls(ServiceRegistry).keys() == {"watch", "call"}


async def test_watch_yields_each_change_of_a_service_and_none_of_another(
    gateway: AsyncServiceRegistry,
) -> None:
    await gateway.register_service(NAME, "localhost", 1, instance_id="a1")
    changes = gateway.watch(NAME)
    async with asyncio.timeout(10):
        first = await anext(changes)
        await gateway.register_service("orders", "localhost", 9)
        await gateway.register_service(NAME, "localhost", 2, instance_id="a2")
        await say(gateway, f"{NAME}/a1", "healthy")
        await gateway.drain(NAME, "a1")
        await gateway.deregister_service(NAME, "a1")
        seen = [await anext(changes) for _ in range(4)]
    await changes.aclose()  # type: ignore[attr-defined]
    assert (first.kind, first.service, first.instances) == ("snapshot", NAME, ("a1",))
    assert [(change.kind, change.instance_id, change.instances) for change in seen] == [
        ("registered", "a2", ("a1", "a2")),
        ("health_changed", "a1", ("a1", "a2")),
        ("draining", "a1", ("a1", "a2")),
        ("deregistered", "a1", ("a2",)),
    ]


async def test_watch_without_a_name_yields_the_changes_of_all(
    gateway: AsyncServiceRegistry,
) -> None:
    await gateway.register_service("orders", "localhost", 1, instance_id="a")
    await gateway.register_service(NAME, "localhost", 1, instance_id="a")
    changes = gateway.watch()
    async with asyncio.timeout(10):
        assert [(await anext(changes)).service for _ in range(2)] == ["orders", NAME]
        await gateway.deregister_service("orders", "a")
        assert (await anext(changes)).kind == "deregistered"
    await changes.aclose()  # type: ignore[attr-defined]


async def test_watch_of_what_is_no_name_is_refused(gateway: AsyncServiceRegistry) -> None:
    with pytest.raises(InvalidRegistration):
        await anext(gateway.watch("Price"))

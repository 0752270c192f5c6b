"""The users of deploy/registry.acl on a real server: each can do its work and nothing else."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from string import Template

import pytest
import redis

from discovery import AsyncServiceRegistry, RegistrySettings, ServiceRegistry
from discovery.base.tasks import end
from discovery.model.instance import parse_registration
from discovery.store import scripts
from discovery.store.clients import connect
from discovery.store.keys import KEY_NAMES, registry_keys
from discovery.view.watcher import Watcher
from gateway.acme.deciding.state import Proof, encode_proof
from gateway.acme.store import Store
from middlewares.auth.ways.api_keys.deciding.records import KeyRecord
from middlewares.auth.ways.api_keys.deciding.ring import Ended
from middlewares.auth.ways.api_keys.store import Place
from middlewares.auth.ways.oidc.deciding.ending import Mark
from middlewares.auth.ways.oidc.store import SessionStore
from middlewares.cache.purging.everywhere import Purged
from middlewares.cache.purging.log import PurgeLog
from middlewares.split.deciding.plan import State
from middlewares.split.store import Asked as SplitAsked
from middlewares.split.store import SplitStore
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway, gateway_settings
from tests.support.keyrings import create, store_at
from tests.support.purging import PURGE_ONE, keep, worker
from tests.support.registry_servers import RegistryServer
from tests.support.upstreams import ScriptedUpstream

ACL_FILE = Path(__file__).parents[2] / "deploy" / "registry.acl"
PASSWORDS = {
    "LOCKGATE_OPERATOR_PASSWORD": "operator-secret",
    "LOCKGATE_SERVICE_PASSWORD": "service-secret",
    "LOCKGATE_GATEWAY_PASSWORD": "gateway-secret",
}
USERS = {"lockgate_service": "service-secret", "lockgate_gateway": "gateway-secret"}
#: The command by which a client introduces itself; it is refused, and the client goes on without.
INTRODUCTION = "client|setinfo"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A server with the file as it is, with passwords filled in."""
    folder = tmp_path_factory.mktemp("registry")
    acl_file = folder / "registry.acl"
    acl_file.write_text(Template(ACL_FILE.read_text()).substitute(PASSWORDS))
    login = {"password": "operator-secret"}
    with RegistryServer(folder, "--aclfile", str(acl_file), login=login) as server:
        yield server


@pytest.fixture(autouse=True)
def _empty(server: RegistryServer) -> None:
    with server.client() as client:
        client.flushall()
        client.acl_log_reset()


def url(server: RegistryServer, user: str) -> str:
    return f"redis://{user}:{USERS[user]}@127.0.0.1:{server.port}/1"


def refused(server: RegistryServer) -> set[str]:
    """The commands that the server has refused."""
    with server.client() as client:
        return {entry["object"] for entry in client.acl_log()} - {INTRODUCTION}


@pytest.fixture
async def following(server: RegistryServer) -> AsyncIterator[Watcher]:
    """A watcher with a service's rights."""
    watcher = Watcher(RegistrySettings(url(server, "lockgate_service")))
    task = asyncio.create_task(watcher.run())
    yield watcher
    await end(task)


async def test_a_service_can_register_find_and_watch(
    server: RegistryServer, following: Watcher
) -> None:
    service = url(server, "lockgate_service")
    with ServiceRegistry(RegistrySettings(service)) as registry:
        registry.register_service("price", "localhost", 1, instance_id="a")
        assert registry.heartbeat("price", "a")
        assert registry.discover_service("price") == "http://localhost:1"
        assert len(registry.list_services()) == 1
        await eventually(lambda: following.view.is_registered("price"))
        assert registry.drain("price", "a")
        assert registry.deregister_service("price", "a")
        await eventually(lambda: not following.view.is_registered("price"))
    async with AsyncServiceRegistry(service) as asynchronous:
        await asynchronous.register_service("price", "localhost", 1, instance_id="a")
        assert (await asynchronous.call(scripts.standing("price/a"))).state == "starting"
        assert await asynchronous.discover_service("price") == "http://localhost:1"
    assert refused(server) == set()


async def test_a_gateway_can_watch_probe_sweep_register_and_limit(server: RegistryServer) -> None:
    upstream = await ScriptedUpstream.start()
    gateway = await RunningGateway.start(
        gateway_settings(
            {
                "REDIS_URL": url(server, "lockgate_gateway"),
                "RATE_LIMIT_REQUESTS": "2",
                "UNHEALTHY_REMOVE_AFTER": "1",
            }
        )
    )
    try:
        await gateway.register("price", upstream.port, ttl=1)
        async with AsyncServiceRegistry(url(server, "lockgate_service")) as registry:
            await eventually(lambda: registry.get_service("price"))
        statuses = [(await gateway.get("/api/price/x")).status for _ in range(3)]
        assert statuses == [200, 200, 429]
        answer = await gateway.admin("POST", "/services/price/instances/i1/heartbeat")
        assert answer.status == 204
        await gateway.admin("POST", "/services/price/instances/i1/drain")
        await eventually(lambda: not gateway.member.watcher.view.is_registered("price"))
    finally:
        await gateway.stop()
        await upstream.stop()
    assert refused(server) == set()


async def test_a_gateway_may_purge_its_cache_everywhere(server: RegistryServer) -> None:
    here = url(server, "lockgate_gateway")
    log = PurgeLog(RegistrySettings(here), "c")
    async with worker(here, "a") as a, worker(here, "b") as b:
        keep(a, b)
        assert await a.purging.purge([PURGE_ONE]) == Purged(2)
        for _ in range(3):
            await log.record("[]", most_bytes=1)
    await log.close()
    assert refused(server) == set()


async def test_a_gateway_may_keep_splits(server: RegistryServer) -> None:
    store = SplitStore(RegistrySettings(url(server, "lockgate_gateway")), "a")
    state = State((5.0, 95.0))
    asked = [SplitAsked("orders:a", "", state, 5000, 0, {"c": 1})]
    for _ in range(2):
        await store.sync({"orders:a": 0}, asked)
    await store.change("orders:a", 0, state)
    await store.leave()
    await store.close()
    with server.client() as client:  # one that nobody has asked for in a long time
        client.select(1)
        (used,) = client.keys("*:splits:used")
        client.zadd(used, {"orders:b": 1})
    again = SplitStore(RegistrySettings(url(server, "lockgate_gateway")), "a")
    await again.sync({}, asked)
    await again.close()
    assert refused(server) == set()


async def test_a_gateway_may_run_each_script_to_its_end(server: RegistryServer) -> None:
    """Rare paths too: a dead gateway's verdicts, a removal for ill health."""
    instance = parse_registration("price", "a", {"host": "h", "port": 1}, default_ttl_s=600)
    async with AsyncServiceRegistry(url(server, "lockgate_gateway")) as registry:
        await registry.call(scripts.register(instance))
        for gateway, status in (("dead", "healthy"), ("g", "unhealthy"), ("g", "healthy")):
            await registry.call(scripts.report(gateway, 60, [(instance.key, status, "")]))
        with server.client() as client:
            client.select(1)
            client.zadd(registry_keys("default")[7], {"dead": 1})
        await registry.call(scripts.sweep("g", 60, 60))
        await registry.call(scripts.report("g", 60, [(instance.key, "unhealthy", "")]))
        with server.client() as client:
            client.select(1)
            client.zadd(registry_keys("default")[6], {instance.key: 1})
        await registry.call(scripts.sweep("g", 60, 60))
        assert (await registry.call(scripts.snapshot())).removed == {instance.key}
    assert refused(server) == set()


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize(
    "command",
    [
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("KEYS", "*"),
        ("SCAN", "0"),
        ("CONFIG", "GET", "*"),
        ("ACL", "LIST"),
        ("CLIENT", "LIST"),
        ("SCRIPT", "FLUSH"),
        ("SHUTDOWN",),
        ("REPLICAOF", "NO", "ONE"),
        ("MONITOR",),
        ("PUBLISH", "channel", "x"),
        ("RENAME", "{lockgate:default}:meta", "{lockgate:default}:known"),
        ("GET", "another"),
        ("HGET", "another", "field"),
        ("HSET", "{lockgate:default}:another", "field", "x"),
        ("EVAL", "return redis.call('HGET', KEYS[1], 'x')", "1", "another"),
        ("EVAL", "return redis.call('HGET', 'another', 'x')", "0"),
        ("EVAL", "return redis.call('FLUSHALL')", "0"),
        ("XREAD", "STREAMS", "another", "0"),
    ],
    ids=" ".join,
)
def test_anything_else_is_refused(
    server: RegistryServer, user: str, command: tuple[str, ...]
) -> None:
    with (
        connect(url(server, user)) as client,
        pytest.raises(redis.ResponseError, match=r"(?i)permission|can't (run|access)|ACL"),
    ):
        client.execute_command(*command)


async def test_a_gateway_may_run_each_script_of_the_keys(server: RegistryServer) -> None:
    async with store_at(url(server, "lockgate_gateway")) as store:
        digest = await create(store, record=KeyRecord("old", (), 0, 1))
        await create(store, "k2")
        await store.used([("k2", 5)])
        await store.rotate("k2", b"x" * 32, 0)
        await store.tell([Ended("k3", digest, 5)])
        await store.revoke("k2")
        page = await store.changes(Place("", 0), "")
        assert [row[0] for row in page.rows] == [b"k3", b"k2"]
    assert refused(server) == set()


async def test_a_service_sees_no_key(server: RegistryServer) -> None:
    async with store_at(url(server, "lockgate_gateway")) as store:
        await create(store)
    for name in ("meta", "records", "digests"):
        with (
            connect(url(server, "lockgate_service")) as service,
            pytest.raises(redis.ResponseError, match=r"(?i)permission|ACL"),
        ):
            service.hget(f"{{lockgate:default}}:keys:{name}", "k1")


async def test_a_gateway_may_run_each_script_of_certificates_and_a_service_sees_none(
    server: RegistryServer,
) -> None:
    settings = RegistrySettings(url(server, "lockgate_gateway"))
    store = Store(settings, "https://ca.example/dir", worker="w")
    with server.client() as operator:
        for key in store.keys:  # of another type: they are replaced
            operator.select(1)
            operator.rpush(key, "odd")
    turn = await store.claim(5.0)
    assert turn is not None
    proof = encode_proof(Proof("a.example", "http-01", "t.x"), 20.0)
    await store.change(turn, 5.0, {"account": "pem", "of no use": ""}, {"t": proof})
    state = await store.look("", 10.0)
    assert state is not None
    assert state.account == "pem"
    assert (await store.proof("t", 10.0)) == state.proofs["t"]
    await store.end(turn)
    await store.close()
    assert refused(server) == set()
    for key in store.keys:
        with (
            connect(url(server, "lockgate_service")) as service,
            pytest.raises(redis.ResponseError, match=r"(?i)permission|ACL"),
        ):
            service.hget(key, "account")


def test_a_service_does_not_touch_the_limits(server: RegistryServer) -> None:
    key = "{lockgate:default}:limit:default:client"
    source = "return redis.call('RPUSH', KEYS[1], 'x')"
    with connect(url(server, "lockgate_gateway")) as gateway:
        gateway.eval(source, 1, key)
    with (
        connect(url(server, "lockgate_service")) as service,
        pytest.raises(redis.ResponseError, match=r"(?i)permission|ACL"),
    ):
        service.eval("return redis.call('HGET', KEYS[1], 'x')", 1, key)


def test_without_a_password_nobody_comes_in(server: RegistryServer) -> None:
    for login in ("", "lockgate_service:wrong@", "lockgate_gateway:service-secret@"):
        with (
            connect(f"redis://{login}127.0.0.1:{server.port}/0") as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()


@pytest.mark.parametrize("user", USERS)
def test_the_file_names_every_key_of_the_registry(user: str) -> None:
    (line,) = [one for one in ACL_FILE.read_text().splitlines() if one.startswith(f"user {user}")]
    named = re.findall(r"~\{lockgate:\*\}:(\w+)(?= )", line)
    assert named == list(KEY_NAMES)


async def test_a_gateway_may_do_all_that_log_ins_need(server: RegistryServer) -> None:
    store = SessionStore(RegistrySettings(url(server, "lockgate_gateway")), "staff")
    try:
        secret = await store.secret(b"s" * 32)
        assert await store.secret(b"t" * 32) == secret
        assert await store.use_once("state", 60)
        assert not await store.use_once("state", 60)
        assert (await store.begin_renewal("i", 0, "token")).word == "yours"
        assert (await store.begin_renewal("i", 0, "other")).word == "wait"
        await store.hold_off("i", 1000)
        await store.keep("i", 1, "sealed", 60, "token")
        assert (await store.begin_renewal("i", 0, "other")).sealed == "sealed"
        assert await store.newest("i") == "sealed"
        mark = Mark("id", "i", 1000.0)
        await store.mark(mark, 3600, 1000.0)
        assert await store.newest("i") is None
        marks, known_to, is_all = await store.marks_after("")
        assert (marks, is_all) == ([mark], True)
        assert await store.marks_after(known_to) == ([], known_to, True)
    finally:
        await store.close()
    assert refused(server) == set()

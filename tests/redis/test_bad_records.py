"""Records that somebody else wrote into the registry: a bad one is skipped and hides no other."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from discovery import AsyncServiceRegistry, RegistrySettings, ServiceRegistry
from discovery.base.tasks import end
from discovery.model.instance import parse_registration
from discovery.store import scripts
from discovery.store.keys import registry_keys, tag
from discovery.view.view import Event, View
from discovery.view.watcher import Watcher
from middlewares.limits.deciding import Ask, Check, Policy
from middlewares.limits.limiter import SharedLimiter
from tests.support.eventually import eventually

KEYS = registry_keys("default")
META, INSTANCES, INDEX, LEASES, VERDICTS, STATUS = KEYS[:6]
UNHEALTHY, GATEWAYS, KNOWN, REMOVED, WORKERS, ACKS, PROBATION, EVENTS = KEYS[6:]
NESTED = b"[" * 100_000
DIGITS = b"9" * 5000
LAST_ID = f"{2**64 - 1}-{2**64 - 1}"
#: A lease that ends in 2096.
FAR_MS = 4e12
RECORD = json.dumps({"host": "127.0.0.1", "port": 9, "ttl": 15.0}).encode()

Write = Callable[["redis.Redis"], Any]


def record(value: bytes, *, member: bytes = b"bad/1", lease_ms: float = FAR_MS) -> Write:
    """A record and its lease, as `register` writes them."""

    def write(client: "redis.Redis") -> None:
        client.hset(INSTANCES, member, value)
        client.zadd(LEASES, {member: lease_ms})
        client.zadd(INDEX, {member: 0})

    return write


def metadata(text: bytes) -> Write:
    body = b'{"host":"127.0.0.1","port":9,"metadata":{"a":' + text + b"}}"
    return record(b"1 15000 active " + body)


def event(**fields: bytes) -> Write:
    """An entry of the stream with the next revision, unless the fields give another."""

    def write(client: "redis.Redis") -> None:
        rev: Any = client.hincrby(META, "rev", 1)
        client.xadd(EVENTS, {"rev": rev, "member": "bad/1", **fields})

    return write


def registered(**fields: bytes) -> Write:
    whole = {"registered_at": b"1", "ttl": b"15000", "record": RECORD}
    return event(kind=b"registered", **{**whole, **fields})


def value(key: str, field: str, of: bytes) -> Write:
    return lambda client: client.hset(key, field, of)


def score(key: str, member: str | bytes, of: float) -> Write:
    return lambda client: client.zadd(key, {member: of})


def another_type(key: str) -> Write:
    def write(client: "redis.Redis") -> None:
        client.delete(key)
        client.set(key, "x")

    return write


CASES: dict[str, Write] = {
    "record nested 100,000 deep": record(b"1 15000 active " + NESTED),
    "record of 1 MiB": record(b"1 15000 active " + b'{"a":"' + b"x" * 2**20 + b'"}'),
    "no record": record(b""),
    "no record at all": score(INDEX, "bad/1", 0),
    "record not UTF-8": record(b"1 15000 active \xff\xfe"),
    "registered at 5,000 digits": record(DIGITS + b" 15000 active " + RECORD),
    "registered in the year 3170843": record(b"1" + b"0" * 17 + b" 15000 active " + RECORD),
    "registered in the year 10000": record(b"253402300800000 15000 active " + RECORD),
    "ttl of 5,000 digits": record(b"1 " + DIGITS + b" active " + RECORD, lease_ms=1),
    "port of 5,000 digits": record(b'1 15000 active {"host":"h","port":' + DIGITS + b"}"),
    "port 1e400": record(b'1 15000 active {"host":"h","port":1e400}'),
    "port NaN": record(b'1 15000 active {"host":"h","port":NaN}'),
    "host a list": record(b'1 15000 active {"host":["h"],"port":1}'),
    "metadata NaN": metadata(b"NaN"),
    "metadata lone surrogate": metadata(b'"\\ud800"'),
    "metadata integer of 4,000 digits": metadata(b"9" * 4000),
    "metadata nested": metadata(b'{"b":{}}'),
    "member not UTF-8": record(b"1 15000 active " + RECORD, member=b"bad/\xff"),
    "member without /": record(b"1 15000 active " + RECORD, member=b"bad"),
    "member empty": record(b"1 15000 active " + RECORD, member=b""),
    "member with control characters": record(RECORD, member=b"bad/\x1b[2J\n\x00"),
    "lease +inf": record(b"1 15000 active " + RECORD, lease_ms=math.inf),
    "lease -inf": record(b"1 15000 active " + RECORD, lease_ms=-math.inf),
    "lease 1e300": record(b"1 15000 active " + RECORD, lease_ms=1e300),
    "lapsed lease of nothing": score(LEASES, b"\xff\x00", 1),
    "index score": score(INDEX, "zzz/1", 7),
    "status of another release": value(STATUS, "bad/1", b"\xff"),
    "verdict": value(VERDICTS, "g|good/1", b"\xff"),
    "known +inf": score(KNOWN, "bad", math.inf),
    "known not a name": score(KNOWN, b"\xff/", 1),
    "removed +inf": score(REMOVED, b"\xff", math.inf),
    "probation +inf": score(PROBATION, b"\xff", math.inf),
    "unhealthy nothing": score(UNHEALTHY, b"\xff", 1),
    "unhealthy for long, says one key alone": score(UNHEALTHY, "good/1", 1),
    "gateway for ever": score(GATEWAYS, "ghost", math.inf),
    "worker for ever": score(WORKERS, "x|y", math.inf),
    "acknowledgement": value(ACKS, "w|good/1", b"x"),
    "revision not a number": value(META, "rev", b"x"),
    "revision of 31 digits": value(META, "rev", b"1" + b"0" * 30),
    "revision at its end": value(META, "rev", b"%d" % (2**63 - 1)),
    "revision past counting": value(META, "rev", b"%d" % 10**17),
    "revision negative": value(META, "rev", b"-7"),
    "epoch not UTF-8": value(META, "epoch", b"\xff\xfe"),
    "epoch empty": value(META, "epoch", b""),
    "swept not a number": value(META, "swept", b"x"),
    "swept nan": value(META, "swept", b"nan"),
    "resumed for ever": value(META, "resumed", b"inf"),
    "cleared": value(META, "cleared ghost", b"\xff"),
    "event without fields": event(),
    "event not UTF-8": event(kind=b"\xff", member=b"\xff"),
    "event: revision of 31 digits": event(rev=b"1" + b"0" * 30, kind=b"draining"),
    "event: revision of 5,000 digits": event(rev=DIGITS, kind=b"draining"),
    "event: record nested": registered(record=NESTED),
    "event: record not UTF-8": registered(record=b"\xff"),
    "event: registered at 5,000 digits": registered(registered_at=DIGITS),
    "event: registered in the year 3170843": registered(registered_at=b"1" + b"0" * 17),
    "event: ttl of 5,000 digits": registered(ttl=DIGITS),
    "event with the last id there is": lambda client: client.xadd(EVENTS, {"a": "b"}, id=LAST_ID),
    "event: health of nobody": event(kind=b"health_changed", to=b"\xff", evidence=b"\xff"),
    **{f"another type of {key}": another_type(key) for key in KEYS},
}


@pytest.fixture
def client(registry_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(registry_url) as client:
        yield client


@asynccontextmanager
async def following(url: str) -> AsyncIterator[Watcher]:
    watcher = Watcher(RegistrySettings(url))
    task = asyncio.create_task(watcher.run())
    try:
        yield watcher
    finally:
        await end(task)


def instance(key: str) -> Any:
    name, _, instance_id = key.partition("/")
    body = {"host": "localhost", "port": 1}
    return parse_registration(name, instance_id, body, default_ttl_s=3600)


async def keep_house(registry: AsyncServiceRegistry) -> None:
    """Do what a gateway does all the time."""
    await registry.call(scripts.sweep("g", 60, 60, worker="w", worker_lease_s=60))
    await registry.call(scripts.report("g", 60, [("good/1", "healthy", "200")]))


def has(watcher: Watcher, key: str) -> bool:
    return watcher.connected and key in watcher.view.services.get(key.partition("/")[0], {})


def listed(services: list[dict[str, Any]]) -> list[str]:
    return [service["name"] for service in services]


@pytest.mark.parametrize("write", CASES.values(), ids=CASES)
async def test_what_is_bad_in_one_place_hides_nobody_else(
    registry_url: str, client: "redis.Redis", write: Write
) -> None:
    """One of these records cut a running gateway off from all events, another kept it from starting."""
    async with AsyncServiceRegistry(registry_url) as registry, following(registry_url) as running:
        await registry.call(scripts.register(instance("good/1")))
        await keep_house(registry)
        await eventually(lambda: has(running, "good/1"))

        write(client)
        await keep_house(registry)
        await registry.call(scripts.register(instance("later/1")))
        await eventually(lambda: has(running, "later/1"))
        is_there = client.hexists(INSTANCES, "good/1")
        assert is_there or write is CASES[f"another type of {INSTANCES}"]
        async with following(registry_url) as new:
            await eventually(lambda: has(new, "later/1"))
            assert has(new, "good/1") == is_there
        expected = ["good", "later"] if is_there else ["later"]
        assert set(listed(await registry.list_services())) >= set(expected)
        with ServiceRegistry(RegistrySettings(registry_url)) as synchronous:
            assert set(listed(synchronous.list_services())) >= set(expected)
            if is_there:
                assert synchronous.get_service("good") is not None
        await registry.call(scripts.drain("later/1"))
        drained = await registry.call(scripts.drained("later/1"))
        assert (drained.workers, drained.in_flight) == (1, 0)


async def test_what_is_left_out_is_named_once_and_not_with_every_snapshot(
    registry_url: str, client: "redis.Redis"
) -> None:
    bad = {"record nested 100,000 deep": "bad/1", "known +inf": "bad"}
    CASES["record nested 100,000 deep"](client)
    CASES["known +inf"](client)
    with capture_logs() as logs:
        async with following(registry_url) as watcher:
            snapshots = 0

            def count(_before: View, _after: View, event: Event | None) -> None:
                nonlocal snapshots
                snapshots += event is None

            watcher.listen(count)
            for number in range(1, 4):
                await eventually(lambda: snapshots >= number)  # noqa: B023
                client.hincrby(META, "rev", 5)  # a jump: all is read again
                event(kind=b"draining")(client)
    warnings = [line for line in logs if line["event"] == "registry.invalid_record"]
    assert sorted(line["key"] for line in warnings) == sorted(bad.values())
    assert {line["log_level"] for line in warnings} == {"warning"}


async def test_whatever_ends_the_following_nothing_is_said_to_be_connected(
    registry_url: str,
) -> None:
    """An unexpected error ended the watcher, and /status said "connected" for ever."""

    def fails(_before: View, _after: View, event: Event | None) -> None:
        if event is not None:
            raise RuntimeError("nobody thought of it")

    with capture_logs() as logs:
        async with (
            AsyncServiceRegistry(registry_url) as registry,
            following(registry_url) as watcher,
        ):
            await eventually(lambda: watcher.connected)
            watcher.listen(fails)
            await registry.call(scripts.register(instance("good/1")))
            await eventually(lambda: not watcher.connected)
            await eventually(lambda: has(watcher, "good/1"))  # from the next snapshot
    assert [line["log_level"] for line in logs if line["event"] == "registry.not_followed"] == [
        "error"
    ]


async def test_a_key_of_another_type_is_taken_away_and_said(
    registry_url: str, client: "redis.Redis"
) -> None:
    another_type(LEASES)(client)
    async with AsyncServiceRegistry(registry_url) as registry:
        swept = await registry.call(scripts.sweep("g", 60, 60))
        assert swept.mended == (LEASES,)
        assert (await registry.call(scripts.sweep("g", 60, 60))).mended == ()


_scores = st.floats(allow_nan=False) | st.sampled_from([1.0, FAR_MS])
_names = st.binary(max_size=12) | st.sampled_from([b"bad/1", b"bad", b"g|bad/1", b"w|bad/1"])
_values = (
    st.binary(max_size=24)
    | st.sampled_from([b"nan", b"inf", b"-1", DIGITS])
    | st.binary(max_size=8).map(lambda tail: b"1 15000 active " + tail)
)
_fields = _names | st.sampled_from([b"epoch", b"rev", b"swept", b"resumed", b"cleared ghost"])
_fields |= st.sampled_from([b"url g", b"url ghost", b"why g|good/1", b"why ghost|good/1", b"why "])
_writes = st.one_of(
    st.tuples(
        st.just("hash"),
        st.sampled_from([META, INSTANCES, VERDICTS, STATUS, ACKS]),
        _fields,
        _values,
    ),
    st.tuples(
        st.just("zset"),
        st.sampled_from([INDEX, LEASES, UNHEALTHY, GATEWAYS, KNOWN, REMOVED, WORKERS, PROBATION]),
        _names,
        _scores,
    ),
    st.tuples(st.just("stream"), st.just(EVENTS), _names, _values),
)


@given(write=_writes)
@settings(
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(write=("zset", INDEX, b"bad/1", 3.0))
def test_any_bytes_in_any_one_place_never_hide_the_other_instances(
    registry_url: str, client: "redis.Redis", write: tuple[str, str, bytes, Any]
) -> None:
    def call(command: scripts.Command[Any]) -> Any:
        source = scripts.script_source(command.script)
        return command.decode(client.eval(source, len(KEYS), *KEYS, *command.args))

    client.flushall()
    call(scripts.register(instance("good/1")))
    kind, key, name, given_value = write
    if kind == "hash":
        client.hset(key, name, given_value)
    elif kind == "zset":
        client.zadd(key, {name: given_value})
    else:
        client.xadd(key, {name: given_value})
    with capture_logs():
        for _ in range(2):
            call(scripts.sweep("g", 60, 60, worker="w", worker_lease_s=60))
        call(scripts.report("g", 60, [("good/1", "healthy", "200")]))
        call(scripts.register(instance("later/1")))
        for services in ((), ("good",)):
            keys = {one.instance.key for one in call(scripts.snapshot(*services)).records}
            assert "good/1" in keys
        assert {one.instance.key for one in call(scripts.snapshot("later")).records} == {"later/1"}
        call(scripts.leases([instance("good/1")]))
        assert call(scripts.renew(["good/1", name]))[0]
        call(scripts.standing("good/1"))
        call(scripts.drain("good/1"))
        call(scripts.acknowledge("w", 60, [("good/1", 1, 0)]))
        call(scripts.drained("good/1"))
        call(scripts.deregister("good/1"))


@pytest.mark.parametrize("write", ["string", "entry", "digits", "last"])
async def test_a_limit_that_is_broken_for_one_client_is_kept_for_the_others(
    registry_url: str, client: "redis.Redis", write: str
) -> None:
    """One key of another type made every worker decide alone, for all clients."""
    key = f"{tag('default')}:limit:default:bad"
    if write == "string":
        client.set(key, "x")
    elif write == "last":
        client.rpush(key, f"{10**15} 1 1", "x")
    else:
        client.rpush(key, {"entry": b"x", "digits": b" ".join([DIGITS] * 3)}[write])
    policy = Policy("default", 2, 60_000_000)
    limiter = SharedLimiter(RegistrySettings(registry_url), live_workers=lambda: 1)
    task = asyncio.create_task(limiter.run())
    for name in ("bad", "good"):
        decisions = [await limiter.decide(Ask((Check(policy, name),))) for _ in range(3)]
        assert [one.allowed for one in decisions] == [True, True, False]
        assert not any(one.locally for one in decisions)
    await end(task)
    await limiter.close()

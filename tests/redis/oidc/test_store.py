"""The scripts of a renewal against their twin in Python, and what a registry keeps of log-ins."""

import asyncio
import itertools
from dataclasses import dataclass

import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from discovery.model.settings import RegistrySettings
from middlewares.auth.ways.oidc.deciding.ending import Mark
from middlewares.auth.ways.oidc.store import FROM_THE_FIRST, MARKS_PER_READ, SessionStore
from tests.support.registry_servers import RegistryServer

_TOKENS = st.sampled_from(["a", "b", "c"])
_STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "keep"]), st.integers(0, 4), _TOKENS), max_size=12
)
_numbers = itertools.count()


@dataclass(slots=True)
class Twin:
    """What the scripts do to one session, as long as nothing lapses."""

    newest: tuple[int, str] | None = None
    lock: str | None = None

    def begin(self, generation: int, token: str) -> tuple[str, str]:
        if self.newest is not None and self.newest[0] > generation:
            return "newer", self.newest[1]
        if self.lock is None:
            self.lock = token
            return "yours", ""
        return "wait", ""

    def keep(self, generation: int, sealed: str, token: str) -> None:
        if self.newest is None or self.newest[0] < generation:
            self.newest = generation, sealed
        if self.lock == token:
            self.lock = None


@given(_STEPS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_scripts_do_what_their_twin_does(
    registry_server: RegistryServer, steps: list[tuple[str, int, str]]
) -> None:
    async def run() -> None:
        store = SessionStore(RegistrySettings(registry_server.url), "twin")
        twin, session = Twin(), f"s{next(_numbers)}"
        try:
            for number, (step, generation, token) in enumerate(steps):
                if step == "keep":
                    twin.keep(generation, f"sealed-{number}", token)
                    await store.keep(session, generation, f"sealed-{number}", 60, token)
                else:
                    answer = await store.begin_renewal(session, generation, token)
                    assert (answer.word, answer.sealed) == twin.begin(generation, token)
                newest = await store.newest(session)
                assert newest == (None if twin.newest is None else twin.newest[1])
        finally:
            await store.close()

    asyncio.run(run())


async def test_everything_that_is_kept_ends_by_itself(registry_url: str) -> None:
    store = SessionStore(RegistrySettings(registry_url), "staff")
    try:
        await store.begin_renewal("i", 0, "token")
        await store.keep("i", 0, "sealed", 60)
        await store.use_once("state", 60)
        await store.mark(Mark("sub", "ada", 1000.0), 3600, 1000.0)
    finally:
        await store.close()
    with redis.Redis.from_url(registry_url) as client:
        kept = {key: client.pttl(key) for key in client.scan_iter("*:oidc:*")}
    assert len(kept) == 4
    assert all(0 < ttl_ms <= 3_600_000 for ttl_ms in kept.values())
    assert not any(b"ada" in key or b"state" in key for key in kept)


async def test_many_marks_are_read_in_several_turns(registry_url: str) -> None:
    store = SessionStore(RegistrySettings(registry_url), "staff")
    try:
        for number in range(MARKS_PER_READ + 1):
            await store.mark(Mark("id", str(number), 1000.0), 3600, 1000.0)
        first, known_to, is_all = await store.marks_after(FROM_THE_FIRST)
        assert (len(first), is_all) == (MARKS_PER_READ, False)
        rest, _, is_all = await store.marks_after(known_to)
        assert ([mark.value for mark in rest], is_all) == ([str(MARKS_PER_READ)], True)
    finally:
        await store.close()


async def test_marks_older_than_any_session_are_dropped(registry_url: str) -> None:
    store = SessionStore(RegistrySettings(registry_url), "staff")
    try:
        with redis.Redis.from_url(registry_url) as client:
            key = "{lockgate:default}:oidc:staff:ended"
            for number in range(500):
                client.xadd(key, {"mark": f"sub 1.000 {number}"}, id=f"{number + 1}-0")
            now_s = float(client.time()[0])
            await store.mark(Mark("sub", "ada", now_s), 3600, now_s)
            # Whole nodes of the stream are dropped, which have 100 entries each.
            assert client.xlen(key) <= 101
    finally:
        await store.close()

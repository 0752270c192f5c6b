"""The states of splits in the registry, which all gateways share: each call is one script."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from discovery.model.settings import RegistrySettings
from discovery.store.clients import unavailable
from discovery.store.keys import tag
from discovery.store.link import Link, Script
from middlewares.split.deciding.evidence import PERIODS, Counts
from middlewares.split.deciding.plan import Gathered, State
from middlewares.split.deciding.records import decode, encode, gathered_of

#: A registry that answers more slowly counts as away.
ANSWER_WITHIN_S: Final = 0.5
#: A worker that has not asked for so long is waited for no more.
SILENT_MS: Final = 5000
_NAMES: Final = ("states", "evidence", "used", "workers")


def _scripts() -> dict[str, Script]:
    # Read at import: later a process may have no descriptor left, or find the files of another release.
    texts = {one.stem: one.read_text("utf-8") for one in Path(__file__).with_name("lua").iterdir()}
    common = texts.pop("common")
    return {name: Script(f"{common}\n{text}") for name, text in texts.items()}


_SCRIPTS: Final = _scripts()


class Asked(NamedTuple):
    """What a worker says of one split; `came_from` is the id of the section before, empty: there was none."""

    id: str
    came_from: str
    state: State
    period_ms: int
    looked_at: int
    counts: Counts


class Found(NamedTuple):
    """What all gateways have of it; `gathered` None: nothing to look at."""

    state: State
    gathered: Gathered | None


class SplitStore:
    """Reads and changes states; every call raises RegistryUnavailable."""

    def __init__(self, settings: RegistrySettings, worker: str) -> None:
        self._url = settings.redis_url
        self._worker = worker
        self._link = Link(settings.redis_url)
        self._keys = [f"{tag(settings.namespace)}:splits:{name}" for name in _NAMES]

    async def sync(
        self, note: Mapping[str, int] | None, asked: Sequence[Asked]
    ) -> tuple[int, bytes, list[Found]]:
        """Tell what was counted, and return the server's time in ms, a mark, and what is in force.

        The mark is another one after any state was changed.

        `note` is by which revisions of all its splits the worker goes; None: as it has said last.
        It is called once: counts that may have come must not come twice.
        """
        args: list[str | bytes | int] = [
            self._worker,
            b"" if note is None else orjson.dumps(note),
            PERIODS,
        ]
        for one in asked:
            state = one.state
            args += [one.id, one.came_from, state.revision, state.since_ms, encode(state)]
            args += [one.period_ms, one.looked_at, orjson.dumps(one.counts) if one.counts else b""]
        reply = await self._run("sync", args, repeats=False)
        return int(reply[0]), reply[1], [_found(*row) for row in reply[2:]]

    async def change(
        self, id_: str, expected: int | None, state: State
    ) -> tuple[State, bool] | None:
        """Put a new state in force; return what is in force then, and whether this call has done it.

        It does nothing where the present one has another revision than `expected` (None: whatever it has).
        None: there is no state of this id.
        """
        # A call is repeated where its answer is lost, and must know what it has made itself.
        text = encode(state, secrets.token_hex(4))
        args = (id_, "" if expected is None else expected, text)
        done, *found = await self._run("change", args, repeats=True)
        if not found:
            return None
        revision, since_ms, *other = found
        made = decode(other[0] if other else text, int(revision), int(since_ms))
        return made, done == 1

    async def workers(self, *, without: str = "") -> dict[str, Mapping[str, int]]:
        """The revisions that workers go by, by split, for each that has asked lately."""
        _now, *pairs = await self._run("workers", (SILENT_MS, without), repeats=True)
        return {
            name.decode("utf-8", "replace"): _note(note)
            for name, note in zip(pairs[::2], pairs[1::2], strict=True)
        }

    async def leave(self) -> None:
        """Let nobody wait for this worker any more."""
        await self.workers(without=self._worker)

    async def close(self) -> None:
        await self._link.close()

    async def _run(self, name: str, args: Sequence[str | bytes | int], *, repeats: bool) -> Any:
        while True:
            try:
                return await self._link.run(
                    _SCRIPTS[name], self._keys, args, within_s=ANSWER_WITHIN_S
                )
            except (RedisError, OSError, TimeoutError) as error:
                # A connection may be dead although the server is there.
                if not (repeats and isinstance(error, RedisConnectionError)):
                    raise unavailable(self._url, error) from error
                repeats = False


def _found(revision: int, since_ms: bytes, text: bytes, evidence: bytes) -> Found:
    state = decode(text, revision, int(since_ms))
    return Found(state, gathered_of(evidence) if evidence else None)


def _note(text: bytes) -> Mapping[str, int]:
    try:
        note = orjson.loads(text)
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}

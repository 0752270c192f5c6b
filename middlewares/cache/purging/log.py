"""The log of purges in the registry: each call is one script."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from discovery.model.settings import RegistrySettings
from discovery.store.clients import unavailable
from discovery.store.keys import tag
from discovery.store.link import Link, Script

#: A registry that answers more slowly counts as away.
ANSWER_WITHIN_S: Final = 0.5
#: Of the log; a worker that was away while more was written drops all that it keeps.
MOST_BYTES: Final = 4 * 1024 * 1024
RECORDS_PER_CALL: Final = 100
#: How often the registry notes that a worker follows, and for how long it is waited for without that.
NOTED_EVERY_MS: Final = 1000
SILENT_MS: Final = 3000
#: For how long the registry keeps what workers have confirmed.
_CONFIRMED_FOR_MS: Final = 10_000


def _scripts() -> dict[str, Script]:
    # Read at import: later a process may have no descriptor left, or find the files of another release.
    texts = {one.stem: one.read_text("utf-8") for one in Path(__file__).with_name("lua").iterdir()}
    common = texts.pop("common")
    confirm = Script(texts.pop("confirm"))
    return {"confirm": confirm} | {
        name: Script(f"{common}\n{text}") for name, text in texts.items()
    }


_SCRIPTS = _scripts()


class Place(NamedTuple):
    """How far a worker has read; the log of another epoch began anew."""

    epoch: str
    revision: int


NOWHERE: Final = Place("", 0)


class Written(NamedTuple):
    """A record that was written: those who follow the log have to apply it."""

    place: Place
    followers: Sequence[str]


class Record(NamedTuple):
    """`awaited`: who wrote it waits until the others have confirmed it."""

    revision: int
    purges: bytes
    worker: str
    awaited: bool


class Page(NamedTuple):
    """Records in their order; `follows`: they go on from where the worker was.

    `server` tells one server process from another; empty: unknown.
    """

    place: Place
    follows: bool
    records: Sequence[Record]
    server: str


class PurgeLog:
    """Writes and reads the log for one worker; every call raises RegistryUnavailable."""

    def __init__(self, settings: RegistrySettings, worker: str) -> None:
        self._url = settings.redis_url
        self._worker = worker
        self._link = Link(settings.redis_url)
        self._prefix = f"{tag(settings.namespace)}:cache:purges"
        self._keys = [f"{self._prefix}:{name}" for name in ("meta", "log", "followers")]

    @property
    def connection(self) -> object:
        """What is another object for each connection that was opened."""
        return self._link.connection

    async def record(
        self, purges: str, *, awaited: bool = False, most_bytes: int = MOST_BYTES
    ) -> Written:
        """Write a record. After an error it may have been written, or be written twice."""
        args = (secrets.token_hex(8), self._worker, purges, int(awaited), most_bytes, SILENT_MS)
        epoch, revision, followers = await self._run("record", self._keys, args)
        return Written(Place(_text(epoch), int(revision)), [_text(one) for one in followers])

    async def read(self, known: Place, *, identify: bool = False) -> Page:
        """What was written since; `identify`: say which server it is too."""
        args = (
            *(secrets.token_hex(8), self._worker, known.epoch, known.revision),
            *(RECORDS_PER_CALL, NOTED_EVERY_MS, int(identify)),
        )
        epoch, revision, follows, rows, server = await self._run("read", self._keys, args)
        records = [_record(row) for row in rows]
        return Page(Place(_text(epoch), int(revision)), follows == 1, records, _text(server))

    async def confirm(self, purged: Mapping[int, int]) -> None:
        """Say how many entries this worker has purged for records, by revision."""
        keys = [self._confirmations(revision) for revision in purged]
        await self._run("confirm", keys, (self._worker, _CONFIRMED_FOR_MS, *purged.values()))

    async def confirmed(self, revision: int, workers: Sequence[str]) -> dict[str, int]:
        """How many entries each of these workers has purged for a record, of those that have confirmed it."""
        counts = await self._call("HMGET", self._confirmations(revision), *workers)
        return {
            worker: int(count)
            for worker, count in zip(workers, counts, strict=True)
            if count is not None
        }

    async def leave(self) -> None:
        """Let nobody wait for this worker any more."""
        await self._call("ZREM", self._keys[2], self._worker)

    async def close(self) -> None:
        await self._link.close()

    def _confirmations(self, revision: int) -> str:
        return f"{self._prefix}:confirmed:{revision}"

    async def _run(self, name: str, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        script, is_second = _SCRIPTS[name], False
        while True:
            try:
                return await self._link.run(script, keys, args, within_s=ANSWER_WITHIN_S)
            except (RedisError, OSError, TimeoutError) as error:
                # A connection may be dead although the server is there. Every script may be called twice.
                if is_second or not isinstance(error, RedisConnectionError):
                    raise unavailable(self._url, error) from error
                is_second = True

    async def _call(self, *command: str | int) -> Any:
        try:
            return await self._link.call(*command, within_s=ANSWER_WITHIN_S)
        except (RedisError, OSError, TimeoutError) as error:
            raise unavailable(self._url, error) from error


def _record(row: Sequence[Any]) -> Record:
    revision, *fields = row
    try:
        purges, worker, awaited = fields
    except ValueError:
        # Another program wrote it, or a part is lost. Nobody can tell what an empty record purges.
        return Record(int(revision), b"", "", awaited=False)
    return Record(int(revision), purges, _text(worker), awaited == b"1")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")

"""Reads the configuration file again, and puts it in force whole or not at all."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from discovery.base.stepping import in_steps
from discovery.base.steps import Steps, gathered, let_go
from gateway.machine.collector import collector_paused
from gateway.worker.configuration.drafts import NO_FILES, Draft, NamedFiles, finished
from gateway.worker.configuration.kept import KeptFile
from gateway.worker.configuration.looking import Looks
from gateway.worker.configuration.signature import read_regular

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.config.file.held_files import Held

#: How often the files are looked at. Whoever has changed one waits for twice this time at most.
LOOK_EVERY_S = 0.5
#: Log lines name at most this many mistakes or differences; `lockgate reload` prints all.
MOST_LOGGED = 20

C = TypeVar("C")

_log = structlog.get_logger()


class ConfigurationRejected(Exception):
    """The file has mistakes; nothing of it is taken over."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("; ".join(self.mistakes))


class Result(Enum):
    """How a reload ended."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Reloaded:
    """How a reload ended, and in words what is different, or what is wrong."""

    result: Result
    differences: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Means(Generic[C]):
    """What a reload is made of.

    `read` makes a draft of the file's bytes in steps, or raises ConfigurationRejected.
    `differences` are in words. `put_in_force` prepares a configuration, and takes it over in its last step.
    `parts` of one that is no longer in force are freed in steps.
    """

    read: Callable[[bytes], Steps[Draft[C]]]
    differences: Callable[[C, C], Steps[Sequence[str]]]
    put_in_force: Callable[[C], Steps[None]]
    parts: Callable[[C], Iterable[object]]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a configuration was made of: the bytes of the file, the files that it names, and what they held."""

    content: bytes
    named: NamedFiles = NO_FILES
    held: "tuple[Held, ...]" = ()

    @classmethod
    def of(cls, content: bytes, named: NamedFiles, held: "Sequence[Held]") -> "Origin":
        """Without the data of the files, which are in use already."""
        return cls(content, named, tuple(one.without_data() for one in held))

    @property
    def digest(self) -> str:
        """Two are the same if all files had the same bytes."""
        digest = hashlib.sha256(hashlib.sha256(self.content).digest())
        for one in self.held:
            digest.update(hashlib.sha256(one.digest + one.problem.encode()).digest())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Next(Generic[C]):
    """A configuration that is to come in force."""

    configuration: C
    origin: Origin
    whole: KeptFile


@dataclass(frozen=True, slots=True)
class Prepared(Generic[C]):
    """What a reload would change; `next` is None where there is nothing to put in force."""

    reloaded: Reloaded
    next: Next[C] | None = None


class Configuration(Generic[C]):
    """The file's configuration in force; reloads come one after the other."""

    def __init__(self, path: Path, in_force: C, origin: Origin, means: Means[C]) -> None:
        self.path = path
        self.in_force = in_force
        #: When the last reload that was not rejected ended (Unix s), and when one last changed anything.
        self.loaded_at_s = self.in_force_since_s = time.time()
        #: The mistakes of the last reload; empty if it was not rejected.
        self.mistakes: tuple[str, ...] = ()
        self.origin = origin
        self._looks = Looks(path, origin.named.paths)
        self._means = means
        self._one_at_a_time = asyncio.Lock()
        #: Reloads this worker's file with those of its siblings; None: there are none.
        self.together: Callable[[str], Awaitable[Reloaded]] | None = None
        #: Whether this worker is the one that looks whether the files have changed.
        self.watches: Callable[[], bool] = lambda: True

    @property
    def is_current(self) -> bool:
        """Whether the last reload was not rejected."""
        return not self.mistakes

    async def reload(self, why: str) -> Reloaded:
        """Read the file again; requests that have begun keep the configuration that they began with."""
        if self.together is not None:
            return await self.together(why)
        async with self._one_at_a_time:
            with collector_paused():
                prepared = await self.prepare()
                if prepared.next is not None:
                    await self.take(prepared.next)
        self.note(prepared.reloaded, why, time.time())
        return prepared.reloaded

    async def watch(self) -> None:
        """Reload when the file has changed, or one that it names; never returns."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if not self.watches():
                continue
            why = self._looks.look()
            if why and not (self.is_current and await self._is_the_same(await self._read_file())):
                await self.reload(why)

    async def prepare(self) -> Prepared[C]:
        """Read the file, and compare it with what is in force; nothing is changed yet."""
        content = await self._read_file()
        if isinstance(content, OSError):
            mistake = f"{self.path}: it can't be read: {content.strerror}"
            return Prepared(Reloaded(Result.REJECTED, mistakes=(mistake,)))
        if await self._is_the_same(content):
            return Prepared(Reloaded(Result.UNCHANGED))
        try:
            draft = await in_steps(self._means.read(content))
            self._looks.about_to_read_named(draft.named.paths)
            configuration, held = await finished(draft)
        except ConfigurationRejected as rejected:
            return Prepared(Reloaded(Result.REJECTED, mistakes=rejected.mistakes))
        differences = await in_steps(self._means.differences(self.in_force, configuration))
        result = Result.CHANGED if differences else Result.UNCHANGED
        origin, whole = Origin.of(content, draft.named, held), KeptFile(content, held)
        return Prepared(
            Reloaded(result, differences=tuple(differences)), Next(configuration, origin, whole)
        )

    async def take(self, new: Next[C]) -> None:
        """Put it in force."""
        await in_steps(self._means.put_in_force(new.configuration))
        before, self.in_force = self.in_force, new.configuration
        self.origin = new.origin
        await self._let_go(before)

    async def drop(self, new: Next[C]) -> None:
        """Forget what was prepared."""
        await self._let_go(new.configuration)

    def note(self, reloaded: Reloaded, why: str, at_s: float, *, tells: bool = True) -> None:
        """Remember how a reload has ended, and tell it in the log."""
        self.mistakes = reloaded.mistakes
        if reloaded.result is not Result.REJECTED:
            self.loaded_at_s = at_s
        if reloaded.result is Result.CHANGED:
            self.in_force_since_s = at_s
        if not tells:
            return
        if reloaded.result is Result.REJECTED:
            _log.error(
                "config.rejected",
                why=why,
                file=str(self.path),
                mistakes=reloaded.mistakes[:MOST_LOGGED],
                number=len(reloaded.mistakes),
                detail="the configuration before stays in force",
            )
            return
        _log.info(
            f"config.{reloaded.result.value}",
            why=why,
            file=str(self.path),
            differences=reloaded.differences[:MOST_LOGGED],
            number=len(reloaded.differences),
        )

    async def _let_go(self, configuration: C) -> None:
        parts = await in_steps(gathered(self._means.parts(configuration)))
        del configuration
        await in_steps(let_go(parts))

    async def _is_the_same(self, content: bytes | OSError) -> bool:
        """Whether the files were only touched, or written as they were."""
        if content != self.origin.content:
            return False
        return await asyncio.to_thread(self.origin.named.hold) == self.origin.held

    async def _read_file(self) -> bytes | OSError:
        """The file's bytes; a slow disk or network holds up nobody."""
        self._looks.about_to_read()
        try:
            return await asyncio.to_thread(read_regular, self.path)
        except OSError as error:
            return error

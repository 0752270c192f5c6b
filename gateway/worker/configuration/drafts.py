"""A file that was read, before the files that it names are."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from discovery.base.stepping import in_steps
from discovery.base.steps import Steps

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.config.file.held_files import Held

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class NamedFiles:
    """The files that a configuration names; `hold` reads them, and may wait for a slow disk."""

    paths: tuple[Path, ...] = ()
    hold: "Callable[[], tuple[Held, ...]]" = tuple


#: Those of a file that names no other.
NO_FILES = NamedFiles()


@dataclass(frozen=True, slots=True)
class Draft(Generic[C]):
    """A file without mistakes of its own.

    `finish` makes a configuration of it and of what its files hold, or raises ConfigurationRejected.
    """

    finish: "Callable[[tuple[Held, ...]], Steps[C]]"
    named: NamedFiles = NO_FILES


async def finished(draft: Draft[C]) -> "tuple[C, tuple[Held, ...]]":
    """The configuration, and what its files hold. Raises ConfigurationRejected."""
    held = await asyncio.to_thread(draft.named.hold)
    return await in_steps(draft.finish(held)), held

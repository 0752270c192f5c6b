"""What the master keeps of the configuration in force, for a worker that takes the place of a crashed one.

The files on the disk may be broken by then.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.config.file.held_files import Held

#: The names that the master keeps it under.
FILE, STATE = "config", "config_state"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """The bytes of the file, and what those held that it names; not shown, since these may be secrets."""

    content: bytes
    held: "Sequence[Held]"

    def __repr__(self) -> str:
        return "KeptFile(…)"

    def as_json(self) -> dict[str, Any]:
        return {
            "content": _text(self.content),
            "held": [[_text(one.digest), one.problem, _text(one.data)] for one in self.held],
        }


def kept_file(kept: Mapping[str, Any]) -> KeptFile | None:
    """What the master has kept; None if it has nothing, or nothing that this release understands."""
    if FILE not in kept:
        return None
    from gateway.config.file.held_files import Held

    try:
        said = kept[FILE]
        held = [
            Held(b64decode(digest), problem, b64decode(data))
            for digest, problem, data in said["held"]
        ]
        return KeptFile(b64decode(said["content"]), tuple(held))
    except (KeyError, TypeError, ValueError):
        return None


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")

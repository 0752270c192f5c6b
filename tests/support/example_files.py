"""Example configuration files, and the files that they name: no secret stands beside them in the repository."""

from collections.abc import Mapping
from pathlib import Path

from discovery.base.steps import at_once
from gateway.config.file.loading import Read, reading


def read_alone(example: Path) -> Read:
    """What a file says; those that it names need not be there."""
    return at_once(reading(example.read_bytes(), folder=example.parent))


def copied(example: Path, folder: Path, contents: Mapping[str, bytes]) -> Path:
    """A copy of the file in a folder with others of these names, which nobody else can read."""
    copy = folder / example.name
    copy.write_bytes(example.read_bytes())
    for name, content in contents.items():
        path = folder / name
        path.touch(0o600)
        path.write_bytes(content)
    return copy

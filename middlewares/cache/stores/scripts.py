"""The scripts of the kept answers, and the names of their keys."""

import hashlib
from pathlib import Path
from typing import Final

from discovery.store.keys import tag
from discovery.store.link import Script

_NAMES: Final = ("meta", "keys", "heads", "bodies", "uses", "urls", "tags", "marks")
_ID_BYTES: Final = 16


def _scripts() -> dict[str, Script]:
    # Read at import: later a process may have no descriptor left, or find the files of another release.
    texts = {one.stem: one.read_text("utf-8") for one in Path(__file__).with_name("lua").iterdir()}
    common = texts.pop("common")
    leases = Script(texts.pop("leases"))
    return {"leases": leases} | {name: Script(f"{common}\n{text}") for name, text in texts.items()}


SCRIPTS: Final = _scripts()


def keys_of(namespace: str) -> list[str]:
    """The keys that every script but that of the leases takes."""
    return [f"{tag(namespace)}:cache:{name}" for name in _NAMES]


def lease_prefix(namespace: str) -> str:
    """What the keys of leases begin with."""
    return f"{tag(namespace)}:cache:lead:"


def digest_of(key: bytes) -> bytes:
    """A primary key in 32 bytes."""
    return hashlib.blake2b(key, digest_size=32).digest()


def id_of(digest: bytes, vary: tuple[bytes, ...], secondary: bytes) -> bytes:
    """The id of an entry; another one under the same primary key has another one."""
    names = b",".join(vary)
    parts = b"%b%d:%b%b" % (digest, len(names), names, secondary)
    return hashlib.blake2b(parts, digest_size=_ID_BYTES).digest()

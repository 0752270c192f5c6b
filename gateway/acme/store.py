"""What the registry keeps of certificates: read by all gateways, changed by the one whose turn it is."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from discovery.model.settings import RegistrySettings
from discovery.store.decoding import text
from discovery.store.keys import tag
from discovery.store.link import Link, Script
from gateway.acme.deciding.state import Proof, State, decode_proof, decode_state

ANSWER_WITHIN_S = 2.0
#: For how long a proof is kept: no order takes longer.
PROOFS_FOR_S = 600.0

_FOLDER = Path(__file__).parent


def _script(name: str) -> Script:
    return Script((_FOLDER / f"{name}.lua").read_text("utf-8"))


class TurnLost(Exception):
    """Another worker may have the turn now: nothing more may be changed."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn of this worker to order certificates; a later one has a higher number."""

    number: int
    worker: str


class Store:
    """The certificates of one directory in the registry; every call raises redis-py's errors and TimeoutError.

    Each directory has its own: a certificate of a test directory is none for another one.
    """

    def __init__(self, settings: RegistrySettings, directory: str, *, worker: str) -> None:
        self._link = Link(settings.redis_url)
        self._look, self._claim, self._change = map(_script, ("look", "claim", "change"))
        of_directory = sha256(directory.encode()).hexdigest()[:16]
        prefix = f"{tag(settings.namespace)}:acme:{of_directory}"
        names = ("lease", "state", "proofs")
        self._lease, self._state, self._proofs = self.keys = [f"{prefix}:{one}" for one in names]
        self._worker = worker

    async def look(self, known: str, now_s: float) -> State | None:
        """The state, or None if it is still that of the version `known`."""
        keys = (self._state, self._proofs)
        _, *rest = await self._run(self._look, keys, known)
        if not rest:
            return None
        fields, proofs = map(_fields, rest)
        return decode_state(fields, proofs, now_s)

    async def proof(self, token: str, now_s: float) -> Proof | None:
        """The proof of a token, if there is one now."""
        found = await self._link.call("HGET", self._proofs, token, within_s=ANSWER_WITHIN_S)
        return None if found is None else decode_proof(text(found), now_s)

    async def claim(self, lease_s: float) -> Turn | None:
        """Take the turn; None: another worker has it."""
        keys = (self._lease, self._state)
        number = await self._run(self._claim, keys, self._worker, round(lease_s * 1000))
        return Turn(number, self._worker) if number else None

    async def change(
        self,
        turn: Turn,
        lease_s: float,
        fields: Mapping[str, str] | None = None,
        proofs: Mapping[str, str] | None = None,
    ) -> None:
        """Change the state and go on with the turn, for `lease_s` from now; an empty value deletes a field.

        Raises TurnLost.
        """
        said = (fields or {}, proofs or {})
        args: list[str | int] = [len(said[0])] if any(said) else [0]
        args += [part for one in said for field in one.items() for part in field]
        keys = (self._lease, self._state, self._proofs)
        done = await self._run(
            self._change,
            keys,
            turn.number,
            turn.worker,
            round(lease_s * 1000),
            secrets.token_hex(8),
            round(PROOFS_FOR_S * 1000),
            *args,
        )
        if not done:
            raise TurnLost

    async def end(self, turn: Turn) -> None:
        """Give the turn back."""
        await self.change(turn, 0.0)

    async def close(self) -> None:
        await self._link.close()

    async def _run(self, script: Script, keys: tuple[str, ...], *args: str | int) -> Any:
        return await self._link.run(script, keys, args, within_s=ANSWER_WITHIN_S)


def _fields(reply: Any) -> dict[str, str]:
    """The fields of a hash; what is no text is left out."""
    parts = iter(reply)
    found = {}
    for name, value in zip(parts, parts, strict=True):
        try:
            found[text(name)] = text(value)
        except UnicodeDecodeError:
            continue
    return found

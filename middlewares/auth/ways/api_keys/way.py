"""The live way `api_key`: a key that the worker knows costs a hash and a look into a dictionary."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from middlewares.auth.deciding import Credentials, Identity
from middlewares.auth.way import Answered, Asked, NotAdmitted, Undecided, Verdict
from middlewares.auth.ways.api_keys.deciding.identities import identity_of
from middlewares.auth.ways.api_keys.deciding.key_text import LENGTH, PREFIX, digest_of, is_key
from middlewares.auth.ways.api_keys.deciding.ring import Entry, Ring
from middlewares.auth.ways.api_keys.keyring import Keyring, KeysAway
from middlewares.memory import Memory

#: Keys that nobody has made, which somebody sends all the same.
UNKNOWN_KEPT = 4096
RETRY_AFTER_S = 1
CHALLENGE = 'ApiKey realm="lockgate"'

_NO_KEY = NotAdmitted("not a key: it is mistyped or cut off")
_UNKNOWN = NotAdmitted("no such key")
_ENDED = NotAdmitted("the key is revoked, expired or replaced")
_AWAY = Undecided("the registry is away, and the key is not known here", RETRY_AFTER_S)


class ApiKeys:
    """Admits who sends a key in X-API-Key or behind `Authorization: Bearer`."""

    def __init__(self, name: str, keyring: Keyring, now: Callable[[], float]) -> None:
        """`now` is Unix time in seconds."""
        self.keyring = keyring
        self._name = name
        self._now = now
        self._unknown: Memory[bytes, bool] = Memory(
            "unknown_keys", entries=UNKNOWN_KEPT, entry_bytes=LENGTH
        )
        self._unknown_to: tuple[Ring, int] | None = None

    @property
    def name(self) -> str:
        return self._name

    def challenge(
        self, _asked: Asked, *, refused: bool = False, scopes: Sequence[str] = ()
    ) -> str | None:
        """The scheme has no parameter for scopes, so a 403 has none; its detail names them."""
        return None if scopes else CHALLENGE

    def takes(self, asked: Asked) -> bool:
        """Whatever stands in X-API-Key is for this way, and of bearer tokens those that begin like a key."""
        credentials = asked.credentials
        if credentials.api_key is not None:
            return True
        return credentials.scheme == b"bearer" and credentials.token.startswith(PREFIX)

    def known(self, asked: Asked) -> Identity | None:
        key = _key_in(asked.credentials)
        if len(key) != LENGTH:
            return None
        entry = self.keyring.ring.entries.get(hashlib.sha256(key).digest())
        if entry is None:
            return None
        now_s = self._now()
        return self._admit(entry, now_s) if now_s < entry.ends_s else None

    async def decide(self, asked: Asked) -> Verdict:
        """Decide about a key that is not valid, or not known here yet: the registry is asked for that."""
        key = _key_in(asked.credentials)
        if not is_key(key):
            return _NO_KEY
        digest = digest_of(key)
        keyring = self.keyring
        entry = keyring.ring.find(digest, self._now())
        if entry is None:
            if keyring.ring.knows(digest):
                return _ENDED
            if self._is_unknown(digest):
                return _UNKNOWN
            try:
                entry = await keyring.look_up(digest, self._now())
            except KeysAway:
                return _AWAY
        if entry is None:
            if keyring.ring.knows(digest):
                return _ENDED
            self._unknown.keep(digest, True, LENGTH)
            return _UNKNOWN
        return self._admit(entry, self._now())

    async def keys_changed(self) -> None:
        await self.keyring.refresh()

    async def without_credential(self, _asked: Asked) -> Answered | None:
        return None

    def without_session(self, cookie: bytes) -> bytes:
        return cookie

    async def run(self) -> None:
        """Follow the registry until cancelled."""
        try:
            await self.keyring.run()
        finally:
            await self.keyring.close()

    def describe(self) -> Mapping[str, object]:
        return {"type": "api_key", **self.keyring.describe()}

    def _admit(self, entry: Entry, now_s: float) -> Identity:
        if now_s >= entry.used_again_s:
            self.keyring.note_use(entry, now_s)
        identity = entry.identity
        if identity is None or identity.way != self._name:
            identity = entry.identity = identity_of(entry, self._name)
        return identity

    def _is_unknown(self, digest: bytes) -> bool:
        """Whether the registry was asked for this key already, and nothing has changed there since."""
        ring = self.keyring.ring
        place = (ring, ring.revision)
        if self._unknown_to != place:
            self._unknown_to = place
            self._unknown.clear()
        return self.keyring.is_current and self._unknown.recall(digest) is not None


def _key_in(credentials: Credentials) -> bytes:
    key = credentials.api_key
    return credentials.token if key is None else key

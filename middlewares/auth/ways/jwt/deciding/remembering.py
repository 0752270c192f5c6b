"""Tokens that were found valid, by their SHA-256: the token itself is not kept."""

from hashlib import sha256
from typing import Final, NamedTuple

from middlewares.auth.deciding import Identity

MOST_TOKENS: Final = 20_000
#: The tokens that stand behind the entries, in bytes all together: claims are about as large.
MOST_BYTES: Final = 16 * 1024 * 1024


class _Known(NamedTuple):
    identity: Identity
    until_s: float


class Remembered:
    """Valid tokens of one way; times are Unix seconds. A full one forgets everything."""

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._known: dict[bytes, _Known] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._known)

    def recall(self, token: bytes, now_s: float) -> Identity | None:
        """The identity of a token that is still valid."""
        known = self._known.get(sha256(token).digest())
        if known is None or known.until_s <= now_s:
            return None
        return known.identity

    def keep(
        self, token: bytes, identity: Identity, now_s: float, good_s: float | None = None
    ) -> None:
        """Remember a valid token until it ends, and no longer than is configured and its key is good."""
        until_s = now_s + self._longest_s
        if good_s is not None:
            until_s = min(until_s, now_s + good_s)
        if identity.ends_s is not None:
            until_s = min(until_s, identity.ends_s)
        if until_s <= now_s:
            return
        if len(self._known) >= MOST_TOKENS or self._bytes + len(token) > MOST_BYTES:
            self.clear()
        digest = sha256(token).digest()
        if digest not in self._known:
            self._bytes += len(token)
        self._known[digest] = _Known(identity, until_s)

    def clear(self) -> None:
        """Forget everything, as when the keys have changed."""
        self._known.clear()
        self._bytes = 0

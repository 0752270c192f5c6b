"""The way `jwt`, live: it verifies tokens, and remembers those that are valid."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from aiohttp import ClientSession

from middlewares.auth.deciding import BEARER, Identity
from middlewares.auth.resource_metadata import bearer_challenge
from middlewares.auth.way import Answered, Asked, NotAdmitted, Undecided, Verdict
from middlewares.auth.ways.jwt.deciding.identifying import identity_of
from middlewares.auth.ways.jwt.deciding.keys import KeySet
from middlewares.auth.ways.jwt.deciding.remembering import Remembered
from middlewares.auth.ways.jwt.deciding.tokens import BadToken
from middlewares.auth.ways.jwt.deciding.verifying import UnknownKid, ends_s, verified
from middlewares.auth.ways.jwt.published_keys import PublishedKeys
from middlewares.auth.ways.jwt.sources import FromFile
from middlewares.auth.ways.jwt.spec import JwtSpec

#: Tokens that begin so are keys of the way `api_key`.
_KEY: Final = b"lg_"


class JwtWay:
    """Admits whoever has a token that the issuer has signed for us; `now` is Unix time in seconds."""

    def __init__(
        self,
        name: str,
        spec: JwtSpec,
        *,
        session: Callable[[], ClientSession],
        now: Callable[[], float],
        before: object = None,
    ) -> None:
        self.name = name
        self._spec = spec
        self._now = now
        self._remembered = Remembered(spec.remember_s)
        self._recall = self._remembered.recall
        self._published: PublishedKeys | None = None
        if not isinstance(spec.source, FromFile):
            # A way of the same name goes on with the keys that the one before it has fetched.
            published = before._published if isinstance(before, JwtWay) else None
            if published is None or not spec.source.has_keys_of(published.source):
                published = PublishedKeys(name, spec.source, session)
            published.source = spec.source
            published.changed = self._remembered.clear
            self._published = published

    def challenge(
        self, asked: Asked, *, refused: bool = False, scopes: Sequence[str] = ()
    ) -> str | None:
        return bearer_challenge(
            asked.scheme,
            asked.exchange.asked_host,
            asked.exchange.path,
            refused=refused,
            scopes=scopes,
        )

    def takes(self, asked: Asked) -> bool:
        credentials = asked.credentials
        return credentials.scheme == BEARER and not credentials.token.startswith(_KEY)

    def known(self, asked: Asked) -> Identity | None:
        return self._recall(asked.credentials.token, self._now())

    async def decide(self, asked: Asked) -> Verdict:
        token = asked.credentials.token
        keys = self._keys()
        if keys is None:
            return Undecided("the keys of the issuer are not known", 1)
        try:
            return self._identity(token, keys)
        except UnknownKid as unknown:
            published = self._published
            if published is None or not await published.look_for(unknown.kid):
                return NotAdmitted(str(unknown))
        except BadToken as error:
            return NotAdmitted(str(error))
        keys = self._keys()
        if keys is None:
            return Undecided("the keys of the issuer are not known", 1)
        try:
            return self._identity(token, keys)
        except BadToken as error:
            return NotAdmitted(str(error))

    async def without_credential(self, asked: Asked) -> Answered | None:
        return None

    def without_session(self, cookie: bytes) -> bytes:
        return cookie

    async def prepared(self) -> None:
        if self._published is not None:
            await self._published.tried.wait()

    async def run(self) -> None:
        if self._published is not None:
            await self._published.run()

    def describe(self) -> Mapping[str, object]:
        said: dict[str, object] = {"type": "jwt", "remembered": len(self._remembered)}
        if isinstance(self._spec.source, FromFile):
            return said | {"keys": len(self._spec.source.keys.keys)}
        assert self._published is not None, "its keys are not in a file"
        return {**said, **self._published.describe()}

    def _keys(self) -> KeySet | None:
        source = self._spec.source
        if isinstance(source, FromFile):
            return source.keys
        assert self._published is not None, "its keys are not in a file"
        return self._published.keys

    def _identity(self, token: bytes, keys: KeySet) -> Identity:
        """Raises BadToken."""
        spec, now_s = self._spec, self._now()
        claims = verified(token, keys, spec.rules, now_s)
        identity = identity_of(
            claims,
            way=self.name,
            subject=spec.subject,
            scopes=spec.scopes,
            ends_s=ends_s(claims, spec.rules),
        )
        good_s = None if self._published is None else self._published.left_s
        self._remembered.keep(token, identity, now_s, good_s)
        return identity

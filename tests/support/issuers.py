"""An issuer of tokens on this machine: its keys, its discovery document, and how often they were asked for."""

import asyncio
from typing import Any

from aiohttp import web
from joserfc.jwk import ECKey, Key

from tests.support import tokens

JWKS, DISCOVERY = "/jwks", "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"


class Issuer:
    """Signs with `current`; publishes `published` under their names, until `status` or `content` says otherwise."""

    def __init__(self, algorithm: str = "ES256") -> None:
        self.algorithm = algorithm
        self.published: dict[str, Key] = {}
        self.current = ""
        self.cache_control: str | None = "max-age=600"
        self.status = 200
        #: In place of the JWK set.
        self.content: bytes | None = None
        self.asked: list[str] = []
        #: With it, whatever is asked for is elsewhere.
        self.location: str | None = None
        #: The next answer with keys waits for it, and has those of now.
        self.next_waits_for: asyncio.Event | None = None
        #: Where the discovery document is, and what it says else than it should.
        self.discovery, self.says = DISCOVERY, dict[str, str]()
        #: Cleared: nobody gets an answer.
        self.answers = asyncio.Event()
        self.answers.set()
        self.port = 0
        self._runner: web.AppRunner | None = None
        self.rotate("k1")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def fetches(self) -> int:
        """How often the keys were asked for."""
        return self.asked.count(JWKS)

    def publish(self, kid: str) -> None:
        """Publish one more key."""
        self.published[kid] = (
            tokens.RSA_KEY if self.algorithm == "RS256" else ECKey.generate_key("P-256")
        )

    def rotate(self, kid: str, *, keeps: bool = True) -> None:
        """Sign with a new key from now on, and publish it; `keeps`: the ones before as well."""
        if not keeps:
            self.published.clear()
        self.publish(kid)
        self.current = kid

    def token(
        self, now_s: float, *, kid: str | None = None, key: Key | None = None, **said: Any
    ) -> str:
        """A token for these claims, by the current key."""
        kid = self.current if kid is None else kid
        key = self.published[self.current] if key is None else key
        claims = tokens.claims(now_s, **{"iss": self.url, **said})
        return tokens.token(claims, key, self.algorithm, kid=kid).decode()

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            self.answers.set()
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        await self.answers.wait()
        if self.status != 200:
            fields = {} if self.location is None else {"Location": self.location}
            return web.Response(status=self.status, headers=fields)
        fields = {} if self.cache_control is None else {"Cache-Control": self.cache_control}
        if request.path == self.discovery:
            says = {"issuer": self.url, "jwks_uri": self.url + JWKS, **self.says}
            return web.json_response(says)
        if request.path != JWKS:
            return web.Response(status=404)
        if self.content is not None:
            return web.Response(body=self.content, headers=fields)
        keys = [tokens.jwk(key, kid) for kid, key in self.published.items()]
        waits_for, self.next_waits_for = self.next_waits_for, None
        if waits_for is not None:
            await waits_for.wait()
        return web.json_response({"keys": keys}, headers=fields)

"""A strict OpenID provider in this process, and a browser that logs in at it."""

import asyncio
import hashlib
import secrets
import time
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from aiohttp import ClientSession, DummyCookieJar, web
from joserfc.jwk import ECKey
from yarl import URL

from middlewares.auth.ways.oidc.deciding.base64url import encode
from middlewares.auth.ways.oidc.deciding.ending import LOGOUT_EVENT
from tests.support.gateways import Answer
from tests.support.tokens import P256_KEY, jwk, token

CLIENT_ID = "lockgate"
CLIENT_SECRET = "a client's secret: with + and ü"
NAVIGATION = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}


@dataclass(slots=True)
class Grant:
    """What one log-in at the provider has led to."""

    query: Mapping[str, str]
    subject: str
    sid: str
    began_s: float
    #: The refresh tokens that it has had; the last one is valid.
    refresh_tokens: list[str] = field(default_factory=list)
    is_revoked: bool = False


class Provider:
    """Checks what RFC 9700 wants of a client, and ends a log-in whose refresh token comes twice."""

    def __init__(self) -> None:
        self.subject = "ada"
        self.clients = {CLIENT_ID}
        #: Seconds that tokens are valid.
        self.life_s = 3600
        self.gives_refresh_tokens = True
        self.says_iss = True
        #: By how much its clock is ahead of the machine's, in seconds.
        self.ahead_s = 0.0
        #: At the end of each refresh token.
        self.padding = ""
        self.claims: dict[str, Any] = {}
        #: Put in place of a claim of the next ID tokens.
        self.forged: dict[str, Any] = {}
        self.key, self.kid = P256_KEY, "k1"
        self.grants: list[Grant] = []
        self.codes: dict[str, Grant] = {}
        #: It is careless (RFC 6749 §4.1.2).
        self.takes_codes_again = False
        self.refreshes = 0
        self.reuses = 0
        #: The log-outs that browsers were sent to.
        self.log_outs: list[dict[str, str]] = []
        #: A request to the token endpoint waits for it.
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        #: A request for the keys waits for it.
        self.keys_may_be_had = asyncio.Event()
        self.keys_may_be_had.set()
        #: Whoever asks for the keys gets an error.
        self.keys_broken = False
        self.publishes_none = False
        #: What is published in place of the key that signs.
        self.published: tuple[Any, str] | None = None
        #: The status of every answer, in place of the right one.
        self.broken: int | None = None
        #: The origin that every request is redirected to.
        self.moved_to: str | None = None
        self.requests = 0
        self.document: dict[str, Any] = {}
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def now_s(self) -> float:
        return time.time() + self.ahead_s

    async def start(self, port: int = 0) -> None:
        app = web.Application(middlewares=[self._breaks])
        app.add_routes(
            [
                web.get("/.well-known/openid-configuration", self._discover),
                web.get("/jwks", self._keys),
                web.get("/authorize", self._authorize),
                web.post("/token", self._token),
                web.get("/end", self._end),
            ]
        )
        self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def logout_token(self, **more: Any) -> str:
        """A log-out token; None takes a claim out."""
        now_s = self.now_s
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now_s,
            "exp": now_s + 60,
            "jti": secrets.token_hex(8),
            "events": {LOGOUT_EVENT: {}},
            **more,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        return token(said, self.key, kid=self.kid, typ="logout+jwt").decode()

    @web.middleware
    async def _breaks(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests += 1
        if self.moved_to is not None:
            raise web.HTTPTemporaryRedirect(f"{self.moved_to}{request.path_qs}")
        if self.broken is not None:
            return web.Response(status=self.broken, text="broken")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _discover(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "end_session_endpoint": f"{self.issuer}/end",
                "authorization_response_iss_parameter_supported": self.says_iss,
                **self.document,
            }
        )

    def rotate(self, kid: str) -> None:
        """Sign with another key from now on, and publish it alone."""
        self.key, self.kid = ECKey.generate_key("P-256"), kid

    async def _keys(self, _request: web.Request) -> web.Response:
        await self.keys_may_be_had.wait()
        if self.keys_broken:
            return web.Response(status=500)
        if self.publishes_none:
            return web.json_response({"keys": []})
        key, kid = self.published or (self.key, self.kid)
        return web.json_response({"keys": [jwk(key, kid)]})

    async def _authorize(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        assert query["response_type"] == "code"
        assert query["client_id"] in self.clients
        assert "openid" in query["scope"].split()
        assert query["code_challenge_method"] == "S256"
        assert all(len(query[name]) >= 43 for name in ("state", "nonce", "code_challenge"))
        code = secrets.token_urlsafe(16)
        grant = Grant(query, self.subject, secrets.token_hex(8), self.now_s)
        self.codes[code] = grant
        answer = {"code": code, "state": query["state"]}
        if self.says_iss:
            answer["iss"] = self.issuer
        raise web.HTTPFound(f"{query['redirect_uri']}?{urlencode(answer)}")

    async def _token(self, request: web.Request) -> web.Response:
        await self.may_answer.wait()
        form = {name: str(value) for name, value in (await request.post()).items()}
        scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
        given = [unquote_plus(one) for one in b64decode(pair).decode().split(":")]
        if scheme != "Basic" or given[0] not in self.clients or given[1:] != [CLIENT_SECRET]:
            return self._error("invalid_client", 401)
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form["refresh_token"])
        code = form.get("code", "")
        grant = self.codes.get(code) if self.takes_codes_again else self.codes.pop(code, None)
        if grant is None or form["redirect_uri"] != grant.query["redirect_uri"]:
            return self._error("invalid_grant")
        challenge = encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        if challenge != grant.query["code_challenge"]:
            return self._error("invalid_grant")
        self.grants.append(grant)
        return self._tokens(grant, {"nonce": grant.query["nonce"]})

    def _refresh(self, refresh_token: str) -> web.Response:
        self.refreshes += 1
        for grant in self.grants:
            if refresh_token not in grant.refresh_tokens:
                continue
            if grant.refresh_tokens[-1] != refresh_token:
                self.reuses += 1
                grant.is_revoked = True
            if not grant.is_revoked:
                return self._tokens(grant, {})
        return self._error("invalid_grant")

    def _tokens(self, grant: Grant, more: Mapping[str, Any]) -> web.Response:
        now_s = self.now_s
        claims = {
            "iss": self.issuer,
            "aud": grant.query["client_id"],
            "sub": grant.subject,
            "sid": grant.sid,
            "iat": now_s,
            "exp": now_s + self.life_s,
            "auth_time": grant.began_s,
            **self.claims,
            **more,
            **self.forged,
        }
        signed = token(claims, self.key, kid=self.kid).decode()
        answer = {
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": self.life_s,
            "id_token": signed,
        }
        if self.gives_refresh_tokens:
            grant.refresh_tokens.append(secrets.token_urlsafe(16) + self.padding)
            answer["refresh_token"] = grant.refresh_tokens[-1]
        return web.json_response(answer)

    def _error(self, error: str, status: int = 400) -> web.Response:
        return web.json_response({"error": error}, status=status)

    async def _end(self, request: web.Request) -> web.Response:
        self.log_outs.append(dict(request.query))
        return web.Response(text="logged out at the provider")


class Browser:
    """Keeps cookies as a browser does, for one host, which any gateway may serve."""

    def __init__(self, port: int, host: str = "app.example") -> None:
        self.port = port
        self.host = host
        self.cookies: dict[str, str] = {}
        #: The Set-Cookie values of the last answer.
        self.set: list[str] = []
        self._session = ClientSession(cookie_jar=DummyCookieJar())

    async def close(self) -> None:
        await self._session.close()

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    @property
    def session(self) -> dict[str, str]:
        """The cookies of the session."""
        return {name: one for name, one in self.cookies.items() if ".login-" not in name}

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        port: int | None = None,
        fields: Mapping[str, str] = NAVIGATION,
        cookie: str | None = None,
        data: Any = None,
    ) -> Answer:
        """Send a request to the gateway at `port`; the answer's cookies are kept."""
        headers = {"Host": self.host, **fields}
        if sent := self.cookie if cookie is None else cookie:
            headers["Cookie"] = sent
        url = URL(f"http://127.0.0.1:{port or self.port}{path}", encoded=True)
        async with self._session.request(
            method, url, headers=headers, allow_redirects=False, data=data
        ) as answer:
            self.set = answer.headers.getall("Set-Cookie", [])
            for line in self.set:
                self._keep(line)
            return Answer(answer.status, answer.headers, await answer.read())

    def _keep(self, line: str) -> None:
        pair, *attributes = line.split("; ")
        name, _, value = pair.partition("=")
        assert len(line) <= 4096
        if "Max-Age=0" in attributes:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value

    async def at_provider(self, location: str) -> str:
        """Follow a redirect to the provider; returns the path and query that it sends the browser to."""
        async with self._session.get(URL(location, encoded=True), allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            back = urlsplit(answer.headers["Location"])
        assert back.netloc == self.host
        return f"{back.path}?{back.query}"

    async def begin(self, path: str = "/", **more: Any) -> str:
        """Ask for a page without a session; returns where the provider is."""
        answer = await self.ask(path, **more)
        assert answer.status == 302, answer.body
        return answer.headers["Location"]

    async def log_in(self, path: str = "/", **more: Any) -> Answer:
        """Log in on the way to a page; returns the callback's answer."""
        callback = await self.at_provider(await self.begin(path, **more))
        answer = await self.ask(callback, **more)
        assert answer.status == 303, answer.body
        return answer

    async def log_in_again(self, path: str) -> Answer:
        """Log in although there is a session: the provider is asked by a page without its first cookie."""
        kept = self.cookies
        self.cookies = {}
        location = await self.begin(path)
        self.cookies = {**kept, **self.cookies}
        return await self.ask(await self.at_provider(location))


def parameters(url: str) -> dict[str, str]:
    """The query of a URL."""
    return dict(parse_qsl(urlsplit(url).query))

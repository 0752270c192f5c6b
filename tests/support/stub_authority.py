"""An authority that refuses: the answers that pebble never gives. It checks no signature and issues nothing."""

import ssl
from collections import Counter
from collections.abc import Mapping
from typing import Any

import trustme
from aiohttp import web

from gateway.acme.spec import AcmeSpec


class StubAuthority:
    """Answers the directory, nonces and accounts; everything else gets `status`, `fields` and `document`."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.status = 429
        self.fields: Mapping[str, str] = {}
        self.document: Any = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": "slowly"}
        self.account_status = 201
        self._ca = trustme.CA()
        self._runner: web.AppRunner
        self._url = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{what}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert("localhost").configure_cert(context)
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        self._url = f"https://localhost:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    def spec(self, *domains: str) -> AcmeSpec:
        """A spec for these domains at this authority."""
        ca = self._ca.cert_pem.bytes().decode()
        return AcmeSpec(domains, directory=f"{self._url}/directory", ca=ca)

    async def _answer(self, request: web.Request) -> web.Response:
        what = request.match_info["what"]
        self.asked[what] += 1
        nonce = {"Replay-Nonce": f"nonce{sum(self.asked.values()):07}"}
        match what:
            case "directory":
                resources = ("newNonce", "newAccount", "newOrder")
                return web.json_response({one: f"{self._url}/{one}" for one in resources})
            case "newNonce":
                return web.Response(headers=nonce)
            case "newAccount":
                account = {**nonce, "Location": f"{self._url}/account"}
                return web.json_response({}, status=self.account_status, headers=account)
        fields = {**nonce, **self.fields}
        return web.json_response(self.document, status=self.status, headers=fields)

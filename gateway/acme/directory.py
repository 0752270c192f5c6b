"""Sends signed requests to an authority: nonces, problems and time limits of RFC 8555."""

import asyncio
import json
import math
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import aiohttp
from josepy.errors import DeserializationError
from josepy.json_util import decode_b64jose
from josepy.jwa import ES256
from josepy.jwk import JWK

from acme import messages
from acme.jws import JWS
from gateway.version import VERSION

#: Each request, its connect included.
REQUEST_S = 30.0
#: The largest answer that is read: a chain of certificates has some KiB.
MOST_BYTES = 1024 * 1024
#: How often a request is sent while its nonces are refused. Test authorities refuse half of them.
NONCE_TRIES = 30
#: A longer Retry-After is taken as this, so that a mistake of the authority's ends some time.
LONGEST_WAIT_S = 86400.0
DETAIL_CHARACTERS = 400

_JOSE = "application/jose+json"
_BAD_NONCE = messages.ERROR_PREFIX + "badNonce"
_RATE_LIMITED = messages.ERROR_PREFIX + "rateLimited"


class AcmeError(Exception):
    """The authority refuses, can't be reached, or answers something else than ACME.

    `for_all`: it takes no order at all before `retry_after_s` have passed.
    """

    def __init__(
        self, detail: str, *, retry_after_s: float | None = None, for_all: bool = False
    ) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self.for_all = for_all


class Reply(NamedTuple):
    """An answer without an error; `location` is empty where there is none."""

    body: bytes
    location: str
    retry_after_s: float | None

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in the body; raises AcmeError."""
        try:
            told = json.loads(self.body)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise AcmeError("the authority's answer is no JSON object")
        return told


class Directory:
    """The requests of one account at one directory, one at a time."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, trust: ssl.SSLContext, key: JWK
    ) -> None:
        self.key = key
        #: The account's URL; empty until there is one.
        self.account = ""
        self._session = session
        self._url = url
        self._trust = trust
        self._nonces: list[str] = []
        self._resources: Mapping[str, Any] | None = None

    async def resources(self) -> Mapping[str, Any]:
        """The directory itself: the URL of each resource, and `meta`."""
        if self._resources is None:
            self._resources = (await self._request("GET", self._url)).document
        return self._resources

    async def url_of(self, resource: str) -> str:
        found = (await self.resources()).get(resource)
        if not isinstance(found, str):
            raise AcmeError(f"{self._url} is no ACME directory: it has no {resource}")
        return found

    async def post(self, url: str, payload: bytes = b"") -> Reply:
        """Send a signed request; without a payload it only reads (POST-as-GET). Raises AcmeError."""
        for _ in range(NONCE_TRIES):
            signed = self._sign(url, payload, await self._nonce())
            try:
                return await self._request("POST", url, signed)
            except _BadNonce:
                continue
        raise AcmeError(f"the authority refused {NONCE_TRIES} nonces of its own")

    def _sign(self, url: str, payload: bytes, nonce: str) -> bytes:
        signed = JWS.sign(
            payload,
            key=self.key,
            alg=ES256,
            nonce=decode_b64jose(nonce),
            url=url,
            kid=self.account or None,
        )
        return str(signed.json_dumps()).encode()

    async def _nonce(self) -> str:
        if not self._nonces:
            await self._request("HEAD", await self.url_of("newNonce"))
        if not self._nonces:
            raise AcmeError("the authority gives no nonce")
        return self._nonces.pop()

    async def _request(self, method: str, url: str, signed: bytes | None = None) -> Reply:
        headers = {"User-Agent": f"lockgate/{VERSION}"}
        if signed is not None:
            headers["Content-Type"] = _JOSE
        try:
            async with (
                asyncio.timeout(REQUEST_S),
                self._session.request(
                    method,
                    url,
                    data=signed,
                    headers=headers,
                    ssl=self._trust,
                    allow_redirects=method == "GET",
                ) as response,
            ):
                nonce = response.headers.get("Replay-Nonce", "")
                if _is_nonce(nonce):
                    self._nonces.append(nonce)
                body = await _read(response)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise AcmeError(f"{_shown(url)} can't be reached: {_why(error)}") from None
        wait_s = retry_after_s(response.headers.get("Retry-After", ""), time.time())
        if response.status >= 400:
            raise _refused(response.status, body, wait_s, url)
        return Reply(body, response.headers.get("Location", ""), wait_s)


class _BadNonce(AcmeError):
    """The nonce was not good; the answer has another one."""


async def _read(response: aiohttp.ClientResponse) -> bytes:
    read = bytearray()
    async for piece in response.content.iter_any():
        read += piece
        if len(read) > MOST_BYTES:
            raise AcmeError(f"an answer of the authority is longer than {MOST_BYTES} bytes")
    return bytes(read)


def _is_nonce(text: str) -> bool:
    try:
        return bool(text) and len(text) <= 1024 and bool(decode_b64jose(text))
    except DeserializationError:
        return False


def _refused(status: int, body: bytes, wait_s: float | None, url: str) -> AcmeError:
    kind, detail = "", ""
    try:
        told = json.loads(body)
        kind, detail = str(told.get("type", "")), problem_text(told)
    except (ValueError, AttributeError, RecursionError):
        pass
    if kind == _BAD_NONCE:
        return _BadNonce("the nonce was not good")
    limited = kind == _RATE_LIMITED or status in (429, 503)
    return AcmeError(
        detail or f"{_shown(url)} answered {status}", retry_after_s=wait_s, for_all=limited
    )


def problem_text(problem: Any) -> str:
    """One line with the kind and the detail of a problem document, and those of its parts."""
    if not isinstance(problem, Mapping):
        return ""
    kind = str(problem.get("type", "")).removeprefix(messages.ERROR_PREFIX)
    parts = [f"{kind}: {problem.get('detail', '')}"]
    inner = problem.get("subproblems")
    parts += [problem_text(one) for one in (inner if isinstance(inner, list) else [])[:5]]
    line = "; ".join(filter(None, parts))
    return "".join(one if one.isprintable() else " " for one in line)[:DETAIL_CHARACTERS]


def retry_after_s(value: str, now_s: float) -> float | None:
    """The seconds that a Retry-After asks for; None without one that is valid."""
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_WAIT_S)
    try:
        until_s = parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(0.0, math.ceil(until_s - now_s)), LONGEST_WAIT_S)


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(getattr(error.certificate_error, "verify_message", error.certificate_error))
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or str(error.os_error)
    return str(error)


def _shown(url: str) -> str:
    """A URL without what identifies an order."""
    return "/".join(url.split("/", 3)[:3])

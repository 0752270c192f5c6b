"""Asks the provider: its discovery document and keys ahead of time, and its token endpoint."""

import asyncio
import contextlib
import random
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote_plus

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout

from middlewares.auth.ways.jwt.deciding.fetching import UnknownKids, after_failure_s
from middlewares.auth.ways.jwt.deciding.keys import BadKey, KeySet, key_set
from middlewares.auth.ways.jwt.deciding.rules import Rules
from middlewares.auth.ways.jwt.deciding.strict_json import json_object
from middlewares.auth.ways.jwt.deciding.verifying import UnknownKid, verified
from middlewares.auth.ways.oidc.deciding.provider import Provider, document_url, read_document
from middlewares.auth.ways.oidc.deciding.tokens import NotAsAgreed
from middlewares.auth.ways.oidc.spec import OidcSpec

#: A provider that answers more slowly, or more than this, counts as away.
ANSWER_WITHIN_S: Final = 5.0
MOST_ANSWER_BYTES: Final = 512 * 1024
#: How often the document and the keys are fetched again.
REFRESH_S: Final = 300.0

_ID_TOKEN: Final = frozenset(["jwt"])
_LOGOUT_TOKEN: Final = frozenset(["jwt", "logout+jwt"])

_log = structlog.get_logger()


class ProviderAway(Exception):
    """The provider does not answer, or not as it should; the message is for the log."""


class ProviderClient:
    """Knows the provider as it was last heard of, and speaks to it."""

    def __init__(
        self,
        spec: OidcSpec,
        name: str,
        session: Callable[[], ClientSession],
        now: Callable[[], float],
    ) -> None:
        self._spec = spec
        self._name = name
        self._session = session
        self._now = now
        self._provider: Provider | None = None
        self._keys: KeySet | None = None
        self._unknown = UnknownKids()
        #: Held while the keys are fetched for an unknown kid; how often they were, and how the last one ended.
        self._fetching = asyncio.Lock()
        self._fetches = 0
        self._fetch_failed = False
        self._fetched_s: float | None = None
        self._why = "it has not been asked yet"
        self._asked = asyncio.Event()

    @property
    def provider(self) -> Provider:
        """The provider's addresses. Raises ProviderAway while they are not known."""
        if self._provider is None:
            raise ProviderAway(self._why)
        return self._provider

    def go_on(self, before: "ProviderClient") -> None:
        """Know what the way knew that had this name before, if the provider is the same."""
        if before._spec.issuer == self._spec.issuer and before._provider is not None:
            if (before._spec.client_secret is None) == (self._spec.client_secret is None):
                self._provider = before._provider
            self._keys, self._fetched_s = before._keys, before._fetched_s

    async def first_answer(self, within_s: float) -> None:
        """Wait until the provider was asked once, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._asked.wait()

    def describe(self) -> Mapping[str, object]:
        """What is known of it, for /status."""
        age_s = None if self._fetched_s is None else round(time.monotonic() - self._fetched_s, 1)
        return {
            "issuer": self._spec.issuer,
            "provider_known": self._provider is not None,
            "keys": 0 if self._keys is None else len(self._keys.keys),
            "keys_age_s": age_s,
            "provider_error": self._why or None,
        }

    async def run(self) -> None:
        """Fetch the document and the keys, again and again. A failed fetch replaces nothing."""
        failures = 0
        while True:
            try:
                await self._fetch()
            except ProviderAway as away:
                failures += 1
                if failures == 1:
                    _log.warning("oidc.provider_away", way=self._name, detail=str(away))
                self._why = str(away)
                has_keys = self._keys is not None
                pause_s = after_failure_s(failures, REFRESH_S, random.random, has_keys=has_keys)
            else:
                if failures:
                    _log.info("oidc.provider_back", way=self._name)
                failures = 0
                self._why = ""
                pause_s = REFRESH_S * random.uniform(0.9, 1.0)
            self._asked.set()
            await asyncio.sleep(pause_s)

    async def id_token_claims(self, token: str) -> dict[str, Any]:
        """The claims of an ID token that the token endpoint has just given.

        Raises BadToken, and ProviderAway while its keys are not known. A kid that is not known starts a fetch
        of the keys, whatever was fetched before: nobody but the provider can bring one here.
        """
        try:
            return self._verified(token, _ID_TOKEN)
        except UnknownKid:
            await self._newer_keys()
        return self._verified(token, _ID_TOKEN)

    async def logout_token_claims(self, token: str) -> dict[str, Any]:
        """The claims of a log-out token, which anybody may have sent.

        Raises BadToken, and ProviderAway while its keys are not known. A kid that is not known starts a fetch
        of the keys, at most one in 30 s; between these nobody can say whether it is the provider's.
        """
        try:
            return self._verified(token, _LOGOUT_TOKEN)
        except UnknownKid as unknown:
            if not self._unknown.may_fetch(unknown.kid, time.monotonic()):
                raise ProviderAway("its keys were fetched for another kid just now") from None
        await self._newer_keys()
        return self._verified(token, _LOGOUT_TOKEN)

    def _verified(self, token: str, types: frozenset[str]) -> dict[str, Any]:
        if self._keys is None:
            raise ProviderAway(self._why)
        spec = self._spec
        rules = Rules(
            spec.issuer,
            frozenset([spec.client_id]),
            frozenset(spec.algorithms),
            spec.leeway_s,
            types,
        )
        return verified(token.encode("ascii", "replace"), self._keys, rules, self._now())

    async def _newer_keys(self) -> None:
        """Fetch the keys, or wait for the fetch that is under way."""
        number = self._fetches
        async with self._fetching:
            if self._fetches != number:
                if self._fetch_failed:
                    raise ProviderAway("its keys can't be had")
                return
            self._fetch_failed = True
            try:
                await self._fetch_keys(self.provider)
                self._fetch_failed = False
            finally:
                self._fetches += 1

    async def ask(self, url: str, form: Mapping[str, str]) -> tuple[int, Any]:
        """Post a form with the client's own proof to one of the provider's endpoints.

        Returns the status and the JSON document, None if it is none. Raises ProviderAway.
        """
        form = dict(form)
        headers = {"Accept": "application/json"}
        method, secret = self.provider.client_method, self._spec.client_secret or ""
        if method == "client_secret_basic":
            # RFC 6749 §2.3.1: both are form-encoded first.
            pair = f"{quote_plus(self._spec.client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = self._spec.client_id
            if method == "client_secret_post":
                form["client_secret"] = secret
        status, body = await self._call("POST", url, headers=headers, data=form)
        try:
            return status, json_object(body)
        except ValueError:
            return status, None

    async def _fetch(self) -> None:
        status, body = await self._call("GET", document_url(self._spec.issuer))
        if status != 200:
            raise ProviderAway(f"its discovery document has status {status}")
        try:
            document = json_object(body)
            has_secret = self._spec.client_secret is not None
            provider = read_document(document, self._spec.issuer, has_secret=has_secret)
        except (ValueError, NotAsAgreed) as error:
            raise ProviderAway(f"its discovery document: {error}") from None
        await self._fetch_keys(provider)
        self._provider = provider

    async def _fetch_keys(self, provider: Provider) -> None:
        status, body = await self._call("GET", provider.jwks_uri)
        if status != 200:
            raise ProviderAway(f"its keys have status {status}")
        try:
            keys, _ = key_set(body, secrets=False)
        except BadKey as error:
            raise ProviderAway(f"its keys: {error}") from None
        if not keys.keys:
            raise ProviderAway("it has no key that can be used")
        self._keys = keys
        self._fetched_s = time.monotonic()

    async def _call(self, method: str, url: str, **options: Any) -> tuple[int, bytes]:
        timeout = ClientTimeout(total=ANSWER_WITHIN_S)
        try:
            async with self._session().request(
                method, url, allow_redirects=False, timeout=timeout, **options
            ) as answer:
                body = bytearray()
                async for piece in answer.content.iter_chunked(64 * 1024):
                    body += piece
                    if len(body) > MOST_ANSWER_BYTES:
                        raise ProviderAway("its answer is too large")
                return answer.status, bytes(body)
        except TimeoutError:
            raise ProviderAway("it does not answer in time") from None
        except (ClientError, OSError, ValueError) as error:
            # The text of the error may have the URL, and so what the request said.
            raise ProviderAway(type(error).__name__) from None

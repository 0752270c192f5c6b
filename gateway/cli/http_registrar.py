"""Registers over a gateway's HTTP API, where the registry can't or mustn't be reached itself."""

import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from discovery.announcing.registrar import REGISTERED
from discovery.model.answers import GONE, Standing
from discovery.model.errors import RegistrationRefused, RegistryUnavailable
from discovery.model.instance import Instance, encode
from discovery.store.decoding import line
from gateway.stack.running.addresses import OVER_UNIX, UNIX

ANSWERS_WITHIN_S = 2.0
#: The longest wait for a drain: about half of what `docker stop` leaves a container.
DRAINED_WITHIN_S = 5.0
#: Statuses that may differ at another try.
PASSING = (408, 429, 500, 502, 503, 504)
#: Errors that stay the same at another try: a bad URL, no HTTP, no TLS, an untrusted certificate.
FINAL = (aiohttp.InvalidURL, aiohttp.ClientResponseError, aiohttp.ClientSSLError)


class HttpRegistrar:
    """The registrar of `--via-http`, a URL or `unix:/path`; RegistrationRefused says what to change."""

    def __init__(self, url: str, token: str) -> None:
        self._url = self.registry = url
        self._token = token
        self._opened: aiohttp.ClientSession | None = None
        self._public_url: str | None = None

    async def register(self, instance: Instance) -> None:
        await self._call("PUT", instance.key, body=json.loads(encode(instance)))

    async def renew(self, key: str) -> str:
        return REGISTERED if await self._call("POST", key, "/heartbeat") else ""

    async def standing(self, key: str) -> Standing:
        """An instance's standing by this gateway, which does not say why one is gone."""
        name, _, instance_id = key.partition("/")
        path = f"/services/{name}?instance={instance_id}"  # an older release ignores the query
        status, fields, text = await self._ask("GET", path)
        document = _document(text)
        is_service_gone = document.get("reason") == "service_not_found"
        if is_service_gone or not is_known(self._url, status, fields, text):
            return Standing(GONE)
        return standing_in(document, instance_id, await self._ask_public_url())

    async def _ask_public_url(self) -> str:
        """Where clients reach the gateway: its ADMIN_LISTEN answers no requests to services."""
        if self._public_url is None:
            _, _, text = await self._ask("GET", "/status")
            here = "" if self._url.startswith(UNIX) else self._url
            self._public_url = line(str(_document(text).get("url", here)))
        return self._public_url

    async def drain(self, key: str) -> None:
        await self._call("POST", key, "/drain")

    async def drained(self, key: str) -> None:
        wait = f"/drain?wait={DRAINED_WITHIN_S:g}"
        await self._call("POST", key, wait, within_s=DRAINED_WITHIN_S + ANSWERS_WITHIN_S)

    async def deregister(self, key: str) -> None:
        await self._call("DELETE", key)

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()

    async def _call(
        self,
        method: str,
        key: str,
        end: str = "",
        *,
        body: object = None,
        within_s: float = ANSWERS_WITHIN_S,
    ) -> bool:
        """Call the API for one instance; False where the gateway does not know it."""
        name, _, instance_id = key.partition("/")
        path = f"/services/{name}/instances/{instance_id}{end}"
        return is_known(self._url, *await self._ask(method, path, body=body, within_s=within_s))

    async def _ask(
        self, method: str, path: str, *, body: object = None, within_s: float = ANSWERS_WITHIN_S
    ) -> tuple[int, Mapping[str, str], str]:
        """Send a request, and return the answer's status, fields and body."""
        if self._opened is None:
            self._opened = _session(self._url, self._token)
        base = OVER_UNIX if self._url.startswith(UNIX) else self._url
        timeout = aiohttp.ClientTimeout(total=within_s)
        try:
            async with self._opened.request(
                method, base + path, json=body, timeout=timeout, allow_redirects=False
            ) as answer:
                text = await answer.text(errors="replace")
                return answer.status, answer.headers, text
        except FINAL as error:
            raise RegistrationRefused(f"--via-http {self._url}: {error}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = str(error) or "not in time"
            raise RegistryUnavailable(
                f"no gateway answers at {self._url}: {reason}",
                "is it running, and is --via-http right?",
            ) from None


def _session(url: str, token: str) -> aiohttp.ClientSession:
    over_unix = url.startswith(UNIX)
    return aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(url.removeprefix(UNIX)) if over_unix else None,
        headers={"Authorization": f"Bearer {token}"},
    )


def is_known(gateway: str, status: int, fields: Mapping[str, str], text: str) -> bool:
    """What an answer says of an instance; raises RegistryUnavailable if a retry may help."""
    problem = _document(text)
    reason, detail = problem.get("reason"), line(str(problem.get("detail", "")))
    if status in (200, 201, 204) or reason == "instance_not_found":
        return status != 404
    if status in PASSING:
        raise RegistryUnavailable(f"{gateway} answers {status}: {detail}")
    if status == 401:
        advice = "it has another admin token, give it with --token or ADMIN_TOKEN"
    elif status == 403 and reason == "forbidden":
        advice = "it has no admin token, so it takes no registrations: set its ADMIN_TOKEN"
    elif reason == "route_not_found":
        advice = "it registers nobody here: where ADMIN_LISTEN is set, --via-http has to name that"
    elif 300 <= status < 400:
        advice = (
            f"it sends elsewhere, to {line(fields.get('Location', ''))}: give that with --via-http"
        )
    elif reason is None:
        advice = "is it a Lockgate gateway? --via-http has to name one"
    else:
        advice = detail
    raise RegistrationRefused(f"{gateway} answers {status}: {advice}")


def standing_in(service: Mapping[str, Any], instance_id: str, gateway: str) -> Standing:
    """One instance's standing, read from its service's document (with the token)."""
    instances = service.get("instances")
    for instance in instances if isinstance(instances, list) else []:
        if isinstance(instance, dict) and instance.get("id") == instance_id:
            return _standing(instance, gateway)
    return Standing(GONE)


def _standing(instance: Mapping[str, Any], gateway: str) -> Standing:
    """The gateway's own verdict, if there is one, else the registry's, which sums up several."""
    health = instance.get("health")
    health = health if isinstance(health, dict) else {}
    state = str(health.get("condition", instance.get("status")))
    if instance.get("status") == "draining":
        state = "draining"
    elif state == "suspected":  # it gets requests only if there is no other
        state = "healthy"
    evidence = "" if state == "healthy" else line(str(health.get("latest", "")))
    return Standing(state, evidence, gateway_url=gateway)


def _document(text: str) -> dict[str, Any]:
    """The members of a gateway's JSON object; empty for anything else."""
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}

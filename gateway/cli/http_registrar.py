"""Registering over a gateway's HTTP API, where the registry itself can't or mustn't be reached."""

import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from discovery.errors import RegistrationRefused, RegistryUnavailable
from discovery.instance import Instance, encode

ANSWERS_WITHIN_S = 2.0
#: The longest wait for a drain: about half of what `docker stop` leaves a container.
DRAINED_WITHIN_S = 5.0
#: Statuses that another try may change.
PASSING = (408, 429, 500, 502, 503, 504)
#: What no other try will change: no URL, no HTTP there, no TLS, or a certificate that is not trusted.
FINAL = (aiohttp.InvalidURL, aiohttp.ClientResponseError, aiohttp.ClientSSLError)


class HttpRegistrar:
    """The registrar of `--via-http`; RegistrationRefused says what has to be changed."""

    def __init__(self, url: str, token: str) -> None:
        self._url = self.registry = url
        self._token = token
        self._opened: aiohttp.ClientSession | None = None

    async def register(self, instance: Instance) -> None:
        await self._call("PUT", instance.key, body=json.loads(encode(instance)))

    async def renew(self, key: str) -> bool:
        return await self._call("POST", key, "/heartbeat")

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
        """False where the gateway knows no such instance."""
        name, _, instance_id = key.partition("/")
        url = f"{self._url}/services/{name}/instances/{instance_id}{end}"
        if self._opened is None:
            self._opened = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self._token}"})
        timeout = aiohttp.ClientTimeout(total=within_s)
        try:
            async with self._opened.request(
                method, url, json=body, timeout=timeout, allow_redirects=False
            ) as answer:
                text = await answer.text(errors="replace")
                return is_known(self._url, answer.status, answer.headers, text)
        except FINAL as error:
            raise RegistrationRefused(f"--via-http {self._url}: {error}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = str(error) or "not in time"
            raise RegistryUnavailable(f"no gateway answers at {self._url}: {reason}") from None


def is_known(gateway: str, status: int, fields: Mapping[str, str], text: str) -> bool:
    """What an answer says of an instance; RegistryUnavailable where it may be tried again."""
    problem = _problem(text)
    reason, detail = problem.get("reason"), problem.get("detail", "")
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
        advice = f"it sends elsewhere, to {fields.get('Location')}: give that with --via-http"
    elif reason is None:
        advice = "is it a Lockgate gateway? --via-http has to name one"
    else:
        advice = str(detail)
    raise RegistrationRefused(f"{gateway} answers {status}: {advice}")


def _problem(text: str) -> dict[str, Any]:
    """The members of the gateway's problem document; none of what is not one."""
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}

"""Registering over a gateway's HTTP API, where the registry itself can't or mustn't be reached."""

import json

import aiohttp

from discovery.errors import RegistryUnavailable
from discovery.instance import Instance, encode

ANSWERS_WITHIN_S = 2.0
#: The longest wait for a drain: about half of what `docker stop` leaves a container.
DRAINED_WITHIN_S = 5.0


class HttpRegistrar:
    """The registrar of `--via-http`; a refusal is RegistryUnavailable too, with the gateway's reason."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._opened: aiohttp.ClientSession | None = None

    async def register(self, instance: Instance) -> None:
        if not await self._call("PUT", instance.key, body=json.loads(encode(instance))):
            raise RegistryUnavailable(
                f"{self._url} has no registry: where ADMIN_LISTEN is set, name that address"
            )

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
                if answer.status not in (200, 201, 204, 404):
                    text = (await answer.text())[:500]
                    raise RegistryUnavailable(f"{url} answers {answer.status}: {text}")
                return answer.status != 404
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            reason = str(error) or "not in time"
            raise RegistryUnavailable(f"no gateway answers at {self._url}: {reason}") from None

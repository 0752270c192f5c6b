"""API keys of a running gateway, made as an operator does."""

from typing import Any

from tests.support.gateways import Answer, RunningGateway


async def make_key(gateway: RunningGateway, name: str = "orders", **asked: Any) -> dict[str, Any]:
    """Create a key over HTTP, and return the answer with the key in it."""
    answer = await gateway.admin("POST", "/keys", json={"name": name, **asked})
    assert answer.status == 201, answer.body
    document: dict[str, Any] = answer.json()
    return document


async def revoke(gateway: RunningGateway, id_: str) -> Answer:
    return await gateway.admin("DELETE", f"/keys/{id_}")


async def status_with(gateway: RunningGateway, key: str, path: str = "/a") -> int:
    """The status of a request with a key."""
    return (await gateway.get(path, headers={"X-API-Key": key})).status

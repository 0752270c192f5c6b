"""Mistakes of the first day: a program or a person leaves out `/api/shop`."""

import re
import sys
from urllib.parse import urljoin

import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.registered_programs import StartRegistered
from tests.support.registry_servers import free_port

#: FastAPI as in its own tutorial.
PROGRAM = """
import sys
import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/api/items")
def items():
    return []


uvicorn.run(app, port=int(sys.argv[1]))
"""


@pytest.mark.timeout(120)
async def test_the_links_of_an_application_lose_its_prefix_and_the_404_says_what_helps(
    start_gateway: StartGateway, start_registered: StartRegistered, registry_url: str
) -> None:
    """The documentation page was empty, and its 404 named no service."""
    gateway = await start_gateway()
    await start_registered(
        registry_url, "--name", "shop", command=(sys.executable, "-c", PROGRAM, "PORT")
    )

    async def opened() -> str:
        answer = await gateway.get("/api/shop/docs")
        return answer.body.decode() if answer.status == 200 else ""

    (link,) = re.findall(r"url: '([^']+)'", await eventually(opened, within_s=30))
    page = f"{gateway.url}/api/shop/docs"
    for asked in (urljoin(page, link).removeprefix(gateway.url), "/api/items"):
        answer = await gateway.get(asked, headers={"Referer": page})

        assert (answer.status, answer.reason) == (404, "route_not_found")
        assert answer.json()["detail"].endswith(
            "path: a page of /api/shop links to it and leaves /api/shop out; the service has to begin "
            "its links with what X-Forwarded-Prefix says (https://github.com/lockgate/lockgate/"
            "blob/main/docs/recipes.md shows how)"
        )


async def test_who_forgets_the_prefix_is_told_it_whether_or_not_the_service_is_there(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """The answer was `nothing is found at this path`, though the gateway knew the service."""
    gateway = await start_gateway()
    upstream = await start_upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    await gateway.register("live", upstream.port)
    for service in ("sick_service", "gone"):
        url = f"/services/{service}/instances/one"
        record = {"host": "localhost", "port": free_port(), "health_check_url": "/health"}
        assert (await gateway.admin("PUT", url, json=record)).status == 201
    assert (await gateway.admin("DELETE", "/services/gone/instances/one")).status == 204

    async def said_of(path: str) -> str:
        answer = await gateway.get(path)
        assert (answer.status, answer.reason) == (404, "route_not_found")
        return str(answer.json()["detail"])

    for name in ("live", "sick", "gone"):
        told = f"nothing is found at this path: the paths of that service begin with /api/{name}/"

        async def is_told(path: str = f"/{name}/items?page=2", told: str = told) -> bool:
            return await said_of(path) == told

        assert await eventually(is_told)
    assert await said_of("/nobody/") == "nothing is found at this path"

"""A mistake of the first day: a program that does not know that it is behind `/api/shop`."""

import re
import sys
from urllib.parse import urljoin

import pytest

from tests.conftest import StartGateway
from tests.support.eventually import eventually
from tests.support.registered_programs import StartRegistered

#: FastAPI as its own tutorial has it.
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
    """The page of the documentation was empty, and the 404 behind it spoke of no service."""
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

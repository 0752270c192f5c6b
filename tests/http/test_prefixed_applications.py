"""Mounted applications, static files and WebSockets of a FastAPI service, behind the gateway."""

import sys
from pathlib import Path

import pytest

from tests.conftest import StartGateway
from tests.support.eventually import eventually
from tests.support.registered_programs import StartRegistered

PROGRAM = """
import sys

import uvicorn
from fastapi import FastAPI, Request, WebSocket
from fastapi.staticfiles import StaticFiles

from lockgate import ASGIPrefixMiddleware

app, admin = FastAPI(), FastAPI()
app.add_middleware(ASGIPrefixMiddleware)


@admin.get("/users/", name="users")
def users(request: Request):
    return [str(request.url_for("users")), request.url.path]


@app.websocket("/updates")
async def updates(socket: WebSocket):
    await socket.accept()
    await socket.send_text(str(socket.url_for("updates")))
    await socket.close()


app.mount("/admin", admin)
app.mount("/static", StaticFiles(directory="static", html=True))
uvicorn.run(app, port=int(sys.argv[1]))
"""


@pytest.mark.timeout(120)
async def test_mounts_static_files_and_websockets_work_below_the_prefix_and_without_it(
    start_gateway: StartGateway,
    start_registered: StartRegistered,
    registry_url: str,
    tmp_path: Path,
) -> None:
    (tmp_path / "static/pictures").mkdir(parents=True)
    (tmp_path / "static/pictures/index.html").write_text("pictures")
    gateway = await start_gateway()
    program = await start_registered(
        registry_url, "--name", "shop", command=(sys.executable, "-c", PROGRAM, "PORT")
    )

    async def is_routed() -> bool:
        return (await gateway.get("/api/shop/openapi.json")).status == 200

    assert await eventually(is_routed, within_s=30)

    for origin, prefix in ((gateway.url, "/api/shop"), (f"http://127.0.0.1:{program.port}", "")):
        below = origin + prefix
        async with gateway.session.get(f"{below}/admin/users") as answer:  # redirects to …/
            assert await answer.json() == [f"{below}/admin/users/", f"{prefix}/admin/users/"]
        async with gateway.session.get(f"{below}/static/pictures") as answer:
            assert (str(answer.url), await answer.text()) == (
                f"{below}/static/pictures/",
                "pictures",
            )
        async with gateway.session.ws_connect(f"{below}/updates") as socket:
            assert await socket.receive_str() == f"{below}/updates".replace("http", "ws", 1)

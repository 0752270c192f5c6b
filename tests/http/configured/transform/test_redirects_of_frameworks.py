"""Services that know nothing of the gateway redirect rightly below /api/shop with `rewrite_location`."""

import sys

import aiohttp
import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.eventually import eventually
from tests.support.registered_programs import StartRegistered

FASTAPI = """
import sys

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

app = FastAPI()


@app.get("/")
def home(request: Request):
    return "welcome" if request.cookies.get("sid") == "1" else RedirectResponse("/login")


@app.get("/login")
def login(request: Request):
    answer = RedirectResponse(str(request.url_for("items")), 303)
    answer.set_cookie("sid", "1", path="/")
    return answer


@app.get("/items/", name="items")
def items(response: Response):
    response.headers["Link"] = '</items/?page=2>; rel="next"'
    response.headers["Content-Location"] = "/items/1"
    return "items"


@app.get("/away")
def away():
    return RedirectResponse("https://id.example/authorize")


uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""
FLASK = """
import sys

import flask
from waitress import serve

app = flask.Flask(__name__)
app.secret_key = "of a test"


@app.get("/")
def home():
    if flask.session.get("sid"):
        return "welcome"
    return flask.redirect(flask.url_for("login"))


@app.get("/login")
def login():
    flask.session["sid"] = 1
    return flask.redirect(flask.url_for("items", _external=True), 303)


@app.get("/items/")
def items():
    answer = flask.make_response("items")
    answer.headers["Link"] = '</items/?page=2>; rel="next"'
    answer.headers["Content-Location"] = "/items/1"
    return answer


@app.get("/away")
def away():
    return flask.redirect("https://id.example/authorize")


serve(app, host="127.0.0.1", port=int(sys.argv[1]))
"""
FILES = {
    "discovered": """
        defaults: {limits: null, rewrite_location: true}
    """,
    "of the service": """
        defaults: {limits: null}
        services: {shop: {rewrite_location: true}}
    """,
    "configured": """
        discover: false
        defaults: {limits: null}
        routes:
          - name: shop
            match: {prefix: /api/shop}
            service: shop
            rewrite: {strip: /api/shop}
            rewrite_location: true
    """,
    "own host": """
        discover: false
        defaults: {limits: null, rewrite_location: true}
        routes:
          - name: shop
            match: {prefix: /api/shop}
            service: shop
            rewrite: {strip: /api/shop}
            preserve_host: false
    """,
}


async def started(
    program: str,
    file: str,
    start_configured: StartConfigured,
    start_registered: StartRegistered,
    registry_url: str,
) -> Configured:
    configured = await start_configured(FILES[file], registers=False)
    await start_registered(
        registry_url, "--name", "shop", command=(sys.executable, "-c", program, "PORT")
    )

    async def is_routed() -> bool:
        return (await configured.gateway.get("/api/shop/items/")).status == 200

    assert await eventually(is_routed, within_s=30)
    return configured


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("program", "file"),
    [
        pytest.param(FASTAPI, "discovered", id="FastAPI, discovered"),
        pytest.param(FASTAPI, "configured", id="FastAPI, configured"),
        pytest.param(FLASK, "of the service", id="Flask, discovered"),
        pytest.param(FLASK, "own host", id="Flask, by its own host"),
    ],
)
async def test_a_browser_comes_to_the_right_pages(
    program: str,
    file: str,
    start_configured: StartConfigured,
    start_registered: StartRegistered,
    registry_url: str,
) -> None:
    configured = await started(program, file, start_configured, start_registered, registry_url)
    below = f"{configured.gateway.url}/api/shop"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        # The framework itself adds the slash.
        async with browser.get(f"{below}/items?a=%2F") as answer:
            assert str(answer.url).startswith(f"{below}/items/")
            assert (await answer.text()).strip('"') == "items"
        # A log-in with a cookie for all of the application.
        async with browser.get(f"{below}/") as answer:
            assert str(answer.url) == f"{below}/items/"
            assert answer.headers["Link"] == '</api/shop/items/?page=2>; rel="next"'
            assert answer.headers["Content-Location"] == "/api/shop/items/1"
        async with browser.get(f"{below}/") as answer:
            assert (await answer.text()).strip('"') == "welcome"
        assert {cookie["path"] for cookie in browser.cookie_jar} == {"/api/shop"}
        async with browser.get(f"{below}/away", allow_redirects=False) as answer:
            assert answer.headers["Location"] == "https://id.example/authorize"

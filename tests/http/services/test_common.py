"""What every service answers."""

import pytest
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient

from services.base.app import STOPPING
from services.base.directory import Directory
from services.base.inputs import body_of
from services.base.validation import Input
from services.catalogue import MODULES, find

Client = TestClient[web.Request, web.Application]


class Note(Input):
    text: str
    tags: list[str] = []


async def take_note(request: web.Request) -> web.Response:
    note = await body_of(request, Note)
    return web.json_response(note.model_dump())


@pytest.fixture(params=sorted(MODULES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def app(name: str, directory: Directory, monkeypatch: pytest.MonkeyPatch) -> web.Application:
    """A service without anything it depends on: no registry listens at port 1."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    service = find(name)
    assert service is not None
    return service.create_app(service.settings(), directory)


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, app: web.Application) -> Client:
    app.router.add_post("/notes", take_note)
    return await aiohttp_client(app)


async def test_health_says_that_the_process_lives(client: Client, name: str) -> None:
    response = await client.get("/health")
    assert response.status == 200
    assert await response.json() == {"status": "healthy", "service": name}


async def test_ready_until_it_is_to_stop(client: Client, app: web.Application, name: str) -> None:
    response = await client.get("/ready")
    assert (response.status, await response.json()) == (200, {"status": "ready", "service": name})
    app[STOPPING].set()
    response = await client.get("/ready")
    assert response.status == 503
    assert (await response.json())["reason"] == "shutting_down"


async def test_status_says_who_it_is(client: Client, name: str) -> None:
    status = await (await client.get("/status")).json()
    assert status["name"] == name
    assert status["version"] == "1.0.0"
    assert status["uptime_s"] >= 0
    assert status["instance_id"] == f"{name}-1"
    assert status["registered"] is True


async def test_requests_are_counted_by_service_method_and_status(client: Client, name: str) -> None:
    await client.get("/health")
    text = await (await client.get("/metrics")).text()
    assert f'service_requests_total{{method="GET",service="{name}",status="200"}}' in text


async def test_a_correlation_id_is_kept_and_made_where_there_is_none(client: Client) -> None:
    kept = await client.get("/health", headers={"X-Correlation-ID": "abc-1"})
    assert kept.headers["X-Correlation-ID"] == "abc-1"
    assert (await client.get("/health")).headers["X-Correlation-ID"]


async def test_what_is_not_there_is_a_problem_document(client: Client) -> None:
    response = await client.get("/nothing/here")
    assert (response.status, response.content_type) == (404, "application/problem+json")
    assert (await response.json())["reason"] == "route_not_found"


async def test_a_wrong_method_is_told_the_right_one(client: Client) -> None:
    response = await client.post("/health")
    assert response.status == 405
    assert "GET" in response.headers["Allow"]
    assert (await response.json())["reason"] == "method_not_allowed"


async def test_a_good_body_is_taken(client: Client) -> None:
    response = await client.post("/notes", json={"text": "buy"})
    assert await response.json() == {"text": "buy", "tags": []}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is not valid JSON"),
        (b"{", "the body is not valid JSON"),
        (b"\xff", "the body is not valid JSON"),
        (b"[]", "the body must be a JSON object"),
        (b"{}", "key 'text' is missing"),
        (b'{"text": 1}', "key 'text': 1 should be a valid string"),
        (b'{"text": "a", "tags": [1]}', "key 'tags.0': 1 should be a valid string"),
        (b'{"text": "a", "size": 1}', "unknown key 'size'; known: text, tags"),
    ],
)
async def test_a_bad_body_is_refused_with_what_is_wrong(
    client: Client, body: bytes, detail: str
) -> None:
    response = await client.post("/notes", data=body)
    assert response.status == 400
    document = await response.json()
    assert (document["reason"], document["detail"]) == ("bad_request", detail)

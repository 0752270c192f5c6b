"""Calls from service to service: what is passed on, and what each failure becomes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpServer
from aiohttp.test_utils import BaseTestServer

from middlewares.failures import DependencyUnavailable
from middlewares.telemetry.logs import correlation_id_var
from services.base.client import ServiceClient
from services.base.failures import SymbolNotFound
from services.base.validation import Answer
from tests.http.services.conftest import StandInDirectory

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[str]]


class Echo(Answer):
    correlation_id: str | None
    query: str


async def echo(request: web.Request) -> web.Response:
    return web.json_response(
        {
            "correlation_id": request.headers.get("X-Correlation-ID"),
            "query": request.query_string,
            "more": "than is asked for",
        }
    )


@pytest.fixture
def serve(aiohttp_server: AiohttpServer, url_of: Callable[[BaseTestServer], str]) -> Serve:
    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/", handler)
        return url_of(await aiohttp_server(app))

    return start


@pytest.fixture
async def client(directory: StandInDirectory) -> AsyncIterator[ServiceClient]:
    client = ServiceClient(directory, timeout_s=10)
    lifetime = client.opened(web.Application())
    await anext(lifetime)
    yield client
    await anext(lifetime, None)


async def why_not(client: ServiceClient, timeout_s: float | None = None) -> str:
    with pytest.raises(DependencyUnavailable) as caught:
        await client.get("echo", "/", Echo, timeout_s=timeout_s)
    return caught.value.detail.removeprefix("echo is not available: ")


async def test_the_correlation_id_and_the_query_are_passed_on(
    client: ServiceClient, directory: StandInDirectory, serve: Serve
) -> None:
    directory.list("echo", await serve(echo))
    token = correlation_id_var.set("abc-1")
    try:
        answer = await client.get("echo", "/", Echo, query={"symbol": "A/B"})
    finally:
        correlation_id_var.reset(token)
    assert answer == Echo(correlation_id="abc-1", query="symbol=A/B")


async def test_outside_a_request_there_is_no_correlation_id_to_pass_on(
    client: ServiceClient, directory: StandInDirectory, serve: Serve
) -> None:
    directory.list("echo", await serve(echo))
    assert (await client.get("echo", "/", Echo)).correlation_id is None


async def test_an_instance_that_dies_in_mid_answer_is_replaced_by_another(
    client: ServiceClient, directory: StandInDirectory, serve: Serve
) -> None:
    async def die(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.abort()
        return response

    directory.list("echo", await serve(die), await serve(echo))
    assert (await client.get("echo", "/", Echo)).query == ""


async def test_the_one_instance_that_lives_is_found_among_many_dead(
    client: ServiceClient, directory: StandInDirectory, serve: Serve, refusing_url: str
) -> None:
    """Only eight instances were drawn at random, so one of many could be missed."""
    directory.list("echo", *[refusing_url] * 20, await serve(echo))
    assert (await client.get("echo", "/", Echo)).query == ""


async def test_all_instances_refusing_ends_in_one_failure(
    client: ServiceClient, directory: StandInDirectory, refusing_url: str
) -> None:
    directory.list("echo", refusing_url)
    assert await why_not(client) == "no instance could be reached"


async def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(
    client: ServiceClient, directory: StandInDirectory, serve: Serve
) -> None:
    over = asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        await over.wait()
        return web.Response()

    directory.list("echo", await serve(hang))
    assert await why_not(client, timeout_s=0.3) == "no answer within 0.3 s"
    over.set()


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
async def test_any_other_status_than_200_is_a_failure(
    client: ServiceClient, directory: StandInDirectory, serve: Serve, status: int
) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    directory.list("echo", await serve(answer))
    assert await why_not(client) == f"it answered {status}"


@pytest.mark.parametrize("body", ["<html>", "[]", '{"query": 1}', ""])
async def test_what_is_not_the_expected_document_is_a_failure(
    client: ServiceClient, directory: StandInDirectory, serve: Serve, body: str
) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=body)

    directory.list("echo", await serve(answer))
    assert await why_not(client) == "its answer is not understood"


async def test_an_unknown_symbol_there_is_one_here(
    client: ServiceClient, directory: StandInDirectory, serve: Serve
) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        document = {"reason": "symbol_not_found", "detail": "unknown symbol 'NOPE'"}
        return web.json_response(document, status=404, content_type="application/problem+json")

    directory.list("echo", await serve(refuse))
    with pytest.raises(SymbolNotFound, match="unknown symbol 'NOPE'"):
        await client.get("echo", "/", Echo)


async def post(client: ServiceClient) -> Echo:
    return await client.post("echo", "/", {"text": "buy"}, Echo, idempotency_key="key-1")


async def test_a_post_carries_its_document_and_key(
    client: ServiceClient, directory: StandInDirectory, serve: Serve
) -> None:
    async def take(request: web.Request) -> web.Response:
        assert request.headers["Idempotency-Key"] == "key-1"
        assert await request.json() == {"text": "buy"}
        return web.json_response({"correlation_id": None, "query": "taken"}, status=201)

    directory.list("echo", await serve(take))
    assert (await post(client)).query == "taken"


async def test_a_post_that_nobody_has_seen_is_sent_to_another_instance(
    client: ServiceClient, directory: StandInDirectory, serve: Serve, refusing_url: str
) -> None:
    directory.list("echo", refusing_url, await serve(echo))
    assert (await post(client)).query == ""


async def test_a_post_that_somebody_may_have_seen_is_not_sent_again(
    client: ServiceClient, directory: StandInDirectory, serve: Serve
) -> None:
    async def die(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    directory.list("echo", await serve(die), await serve(echo))
    with pytest.raises(DependencyUnavailable, match="broke off before its answer"):
        await post(client)

"""`lockgate register --via-http`: a lasting refusal is told once and ends it; a passing one is waited out."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from discovery.model.answers import GONE, Standing
from discovery.model.errors import RegistrationRefused, RegistryUnavailable
from gateway.cli.http_registrar import HttpRegistrar, is_known, standing_in
from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN
from tests.support.registered_programs import Registered, StartRegistered
from tests.support.registry_events import events_of
from tests.support.registry_servers import RegistryServer, free_port

NOWHERE = "redis://127.0.0.1:1/0"
WRONG_TOKEN = "another-token-of-another-gateway"


async def ended(program: Registered) -> tuple[int, str, list[str]]:
    """The exit status, the program's last line, and the lines of `lockgate` itself."""
    async with asyncio.timeout(30):
        out, error = await program.process.communicate()
    assert program.process.returncode is not None
    lines = [line for line in error.decode().splitlines() if line.startswith("lockgate: ")]
    return program.process.returncode, out.decode().splitlines()[-1], lines


@pytest.mark.parametrize(
    ("token", "options", "environment", "reason"),
    [
        (WRONG_TOKEN, (), {}, "answers 401: it has another admin token, give it with --token"),
        (ADMIN_TOKEN, (), {"ADMIN_TOKEN": ""}, "answers 403: it has no admin token"),
        (
            ADMIN_TOKEN,
            ("--host", "0.0.0.0"),
            {},
            "answers 400: host '0.0.0.0': this address is never connected to",
        ),
        (
            ADMIN_TOKEN,
            (),
            {"ADMIN_LISTEN": "ELSEWHERE"},
            "answers 404: it registers nobody here: where ADMIN_LISTEN is set",
        ),
    ],
)
async def test_a_refusal_that_does_not_pass_is_said_once_and_ends_the_program(
    start_gateway: StartGateway,
    start_registered: StartRegistered,
    token: str,
    options: tuple[str, ...],
    environment: dict[str, str],
    reason: str,
) -> None:
    """A wrong token gave "registry unavailable" every five seconds for ever."""
    elsewhere = f"127.0.0.1:{free_port()}"
    gateway = await start_gateway(
        **{key: value.replace("ELSEWHERE", elsewhere) for key, value in environment.items()}
    )
    program = await start_registered(NOWHERE, "--via-http", gateway.url, "--token", token, *options)

    status, last, lines = await ended(program)

    assert (status, last) == (1, "got SIGTERM")
    said, ending = lines
    assert f"{gateway.url} {reason}" in said
    assert ending == "lockgate: it can't be registered as things are: ending the program"


async def test_what_is_no_gateway_at_all_is_said_as_well(
    start_registered: StartRegistered,
) -> None:
    port = free_port()
    here = f"http://127.0.0.1:{port}"
    program = await start_registered(NOWHERE, "--via-http", here, "--token", ADMIN_TOKEN, port=port)

    status, _, (said, _) = await ended(program)

    assert status == 1
    assert f"{here} answers 501: is it a Lockgate gateway?" in said


async def test_a_registry_that_is_away_is_said_once_and_waited_for(
    start_gateway: StartGateway, start_registered: StartRegistered, own_registry: RegistryServer
) -> None:
    gateway = await start_gateway(REDIS_URL=own_registry.url)
    own_registry.kill()
    program = await start_registered(NOWHERE, "--via-http", gateway.url, "--token", ADMIN_TOKEN)
    assert "registry unavailable: " in await program.told()

    own_registry.start()
    await eventually(lambda: "registered" in events_of(own_registry.url), within_s=20)
    program.process.terminate()

    status, last, lines = await ended(program)
    assert (status, last) == (3, "got SIGTERM")
    assert not [line for line in lines if "registry unavailable" in line]


async def test_a_token_that_is_changed_later_ends_no_program_that_serves(
    start_registered: StartRegistered,
) -> None:
    """The gateway has the registration, but no longer accepts heartbeats with that token."""

    async def take(request: web.Request) -> web.Response:
        return web.json_response({}, status=201 if request.method == "PUT" else 401)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    async with TestServer(app) as gateway:
        here = str(gateway.make_url("")).rstrip("/")
        program = await start_registered(
            NOWHERE, "--via-http", here, "--token", ADMIN_TOKEN, "--ttl", "1"
        )
        await program.said()

        while "answers 401" not in await program.told():
            pass

        assert await program.answers()
        program.process.terminate()
        assert (await ended(program))[:2] == (3, "got SIGTERM")


LOCKGATES = '{{"reason": "{}", "detail": "why"}}'


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (200, "{}", True),
        (201, "{}", True),
        (204, "", True),
        (404, LOCKGATES.format("instance_not_found"), False),
        (404, LOCKGATES.format("route_not_found"), RegistrationRefused),
        (404, "<html>", RegistrationRefused),
        (400, LOCKGATES.format("bad_request"), RegistrationRefused),
        (401, "", RegistrationRefused),
        (403, LOCKGATES.format("forbidden"), RegistrationRefused),
        (301, "", RegistrationRefused),
        (405, "[]", RegistrationRefused),
        (429, "", RegistryUnavailable),
        (502, "<html>", RegistryUnavailable),
        (503, LOCKGATES.format("registry_unavailable"), RegistryUnavailable),
    ],
)
def test_what_an_answer_says(status: int, text: str, expected: bool | type[Exception]) -> None:
    if isinstance(expected, bool):
        assert is_known("http://gateway", status, {}, text) is expected
        return
    with pytest.raises(expected, match=f"http://gateway answers {status}: "):
        is_known("http://gateway", status, {}, text)


NOT_FOUND = "GET /health answers 404"


@pytest.mark.parametrize(
    ("instance", "standing"),
    [
        ({"status": "healthy", "health": {"condition": "healthy", "latest": "200"}}, ("healthy",)),
        (
            {"status": "starting", "health": {"condition": "unhealthy", "latest": NOT_FOUND}},
            ("unhealthy", NOT_FOUND),
        ),
        ({"status": "healthy", "health": {"condition": "suspected", "latest": "x"}}, ("healthy",)),
        ({"status": "draining", "health": {"condition": "healthy"}}, ("draining",)),
        ({"status": "unhealthy"}, ("unhealthy",)),  # no token is needed for this
        ({"status": "starting", "health": {"condition": "starting", "latest": ""}}, ("starting",)),
    ],
)
def test_what_the_gateway_shows_of_an_instance_is_how_it_stands(
    instance: dict[str, object], standing: tuple[str, ...]
) -> None:
    service = {"instances": [{"id": "o2", "status": "healthy"}, {"id": "o1", **instance}]}
    assert standing_in(service, "o1", "http://gw") == Standing(*standing, gateway_url="http://gw")


@pytest.mark.parametrize(
    "service", [{}, {"instances": None}, {"instances": ["o1", {}]}, {"instances": [{"id": "o2"}]}]
)
def test_an_instance_that_is_not_shown_is_gone(service: dict[str, object]) -> None:
    assert standing_in(service, "o1", "http://gw") == Standing(GONE)


async def test_of_a_thousand_instances_it_is_sent_its_own_alone(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """Each instance asked with every heartbeat and was sent the whole list."""
    gateway, upstream = await start_gateway(), await start_upstream()
    for instance_id in ("o1", "o2"):
        await gateway.register("orders", upstream.port, instance_id)

    shown = (await gateway.admin("GET", "/services/orders?instance=o2")).json()
    missing = await gateway.admin("GET", "/services/orders?instance=o3")

    assert [one["id"] for one in shown["instances"]] == ["o2"]
    assert shown["instances"][0]["health"]["condition"] == "healthy"
    assert (missing.status, missing.reason) == (404, "instance_not_found")


@pytest.mark.parametrize("public_url", ["", "https://shop.example"])
async def test_who_registers_reads_where_clients_reach_the_gateway(
    start_gateway: StartGateway, start_upstream: StartUpstream, public_url: str
) -> None:
    """`--via-http` may name the address of ADMIN_LISTEN, where no service is answered."""
    gateway, upstream = await start_gateway(GATEWAY_URL=public_url), await start_upstream()
    gateway.member.url = public_url
    await gateway.register("orders", upstream.port, "o1")
    registrar = HttpRegistrar(gateway.url, ADMIN_TOKEN)
    try:
        assert await registrar.standing("orders/o1") == Standing(
            "healthy", gateway_url=public_url or gateway.url
        )
        assert (await registrar.standing("orders/o2")).state == GONE
        assert (await registrar.standing("invoices/o1")).state == GONE
    finally:
        await registrar.close()

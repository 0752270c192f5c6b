"""Accepted notifications survive a restart of notification_service."""

import aiohttp

from tests.http.services.processes import Start, logged

NOTIFICATIONS = 20


async def test_nothing_accepted_is_lost_when_the_process_is_killed_and_started_again(
    start: Start, unused_tcp_port: int, registry_url: str
) -> None:
    environment = {"SERVICE_PORT": str(unused_tcp_port), "REDIS_URL": registry_url}
    base = f"http://127.0.0.1:{unused_tcp_port}"
    process = await start("notification", **environment)
    await logged(process, "service.started")
    accepted = []
    async with aiohttp.ClientSession(base) as session:
        for number in range(NOTIFICATIONS):
            note = {"kind": "test", "message": f"number {number}"}
            headers = {"Idempotency-Key": f"key-{number}"}
            async with session.post("/notifications", json=note, headers=headers) as response:
                assert response.status == 201
                accepted.append(await response.json())
    process.kill()
    await process.wait()

    process = await start("notification", **environment)
    await logged(process, "service.started")
    async with aiohttp.ClientSession(base) as session:
        async with session.get("/notifications") as response:
            assert (await response.json())["notifications"] == accepted[::-1]
        note = {"kind": "test", "message": "number 0"}
        headers = {"Idempotency-Key": "key-0"}
        async with session.post("/notifications", json=note, headers=headers) as response:
            assert (response.status, await response.json()) == (200, accepted[0])


async def test_a_bad_registry_url_is_refused_without_its_password(start: Start) -> None:
    process = await start("notification", REDIS_URL="http://:secret@127.0.0.1:1")
    output, errors = await process.communicate()
    assert (process.returncode, output) == (2, b"")
    assert errors.startswith(b"lockgate: REDIS_URL='http://:***@127.0.0.1:1': must be ")

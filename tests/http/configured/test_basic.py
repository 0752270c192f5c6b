"""Basic: users of an htpasswd file, how their passwords are checked, and what is remembered."""

import asyncio
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import argon2
import bcrypt
import pytest

from middlewares.auth.ways.basic.turns import AT_A_TIME, MOST_WAITING_EACH
from middlewares.auth.ways.basic.way import BasicWay
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.eventually import eventually

FILE = """
    discover: false
    auth:
      ops: {type: basic, users_file: users.htpasswd%s}
    routes:
      - name: orders
        match: {prefix: /}
        service: order_service
        auth: {any_of: [ops]}
"""
CHALLENGE = b'Basic realm="lockgate", charset="UTF-8"'


def bcrypt_line(name: str, password: str) -> str:
    return f"{name}:{bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()}\n"


def argon2_line(name: str, password: str) -> str:
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    return f"{name}:{hasher.hash(password)}\n"


def basic(name: str, password: str = "") -> str:
    return f"Authorization: Basic {b64encode(f'{name}:{password}'.encode()).decode()}"


@pytest.fixture
def users_file(tmp_path: Path) -> Path:
    file = tmp_path / "users.htpasswd"
    write(file, bcrypt_line("alice", "secret") + argon2_line("zoë", "pässword"))
    return file


def way_of(configured: Configured) -> BasicWay:
    ways = configured.gateway.gateway.ways
    assert ways is not None
    way = ways.live["ops"]
    assert isinstance(way, BasicWay)
    return way


def write(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")


async def test_users_are_admitted_by_their_passwords_and_the_instance_gets_their_names(
    start_configured: StartConfigured, users_file: Path
) -> None:
    configured = await start_configured(FILE % "")
    for name, password in (("alice", "secret"), ("zoë", "pässword")):
        assert (await configured.ask("/", basic(name, password))).status == 200
        received = configured.upstream.requests[-1]
        assert received.values(b"x-auth-subject") == [name.encode()]
        assert received.values(b"x-auth-method") == [b"basic"]
        assert received.values(b"authorization") == []


@pytest.mark.parametrize(
    "field",
    [
        basic("alice", "wrong"),
        basic("alice"),
        basic("Alice", "secret"),
        basic("bob", "secret"),
        basic("", "secret"),
        basic("alice", "secret\0"),
        basic("zoë", "secret"),
        "Authorization: Basic",
        "Authorization: Basic YWxpY2U=",
        "Authorization: Basic *",
        "Authorization: Basic " + "a" * 7000,
        "Authorization: Bearer c2VjcmV0",
    ],
)
async def test_everybody_else_gets_one_and_the_same_refusal(
    field: str, start_configured: StartConfigured, users_file: Path
) -> None:
    configured = await start_configured(FILE % "")
    answer = await configured.ask("/", field)
    assert answer.status == 401
    assert answer.values(b"www-authenticate") == [CHALLENGE]
    assert b"the credential is not valid here" in answer.body
    assert configured.upstream.requests == []


async def test_without_a_credential_clients_are_asked_for_one(
    start_configured: StartConfigured, users_file: Path
) -> None:
    configured = await start_configured(FILE % ', realm: "the \\"back\\" office"')
    answer = await configured.ask("/")
    assert answer.status == 401
    challenge = b'Basic realm="the \\"back\\" office", charset="UTF-8"'
    assert answer.values(b"www-authenticate") == [challenge]


async def test_two_credentials_are_refused(
    start_configured: StartConfigured, users_file: Path
) -> None:
    configured = await start_configured(FILE % "")
    fields = [basic("alice", "secret"), basic("alice", "secret")]
    assert (await configured.ask("/", *fields)).status == 400


class Checks:
    """Stands in for the check of a password: it counts, and waits until it may go on."""

    def __init__(self) -> None:
        self.began: list[bytes] = []
        self.go_on = threading.Event()
        self.running = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, hashed: Any, password: str) -> bool:
        with self._lock:
            self.began.append(hashed.text)
            self.running += 1
            self.most = max(self.most, self.running)
        assert self.go_on.wait(10)
        with self._lock:
            self.running -= 1
        return password == "secret"


@pytest.fixture
def checks() -> Iterator[Checks]:
    found = Checks()
    yield found
    found.go_on.set()


async def test_a_checked_password_is_remembered_and_a_wrong_one_is_not(
    start_configured: StartConfigured, users_file: Path, checks: Checks
) -> None:
    configured = await start_configured(FILE % "")
    way_of(configured).is_password = checks
    checks.go_on.set()
    for _ in range(3):
        assert (await configured.ask("/", basic("alice", "secret"))).status == 200
        assert (await configured.ask("/", basic("alice", "wrong"))).status == 401
    assert len(checks.began) == 4
    [key] = way_of(configured).checked
    assert len(key) == 32
    assert b"secret" not in key


async def test_with_remember_0_each_request_is_checked(
    start_configured: StartConfigured, users_file: Path, checks: Checks
) -> None:
    configured = await start_configured(FILE % ", remember: 0")
    way_of(configured).is_password = checks
    checks.go_on.set()
    assert await configured.statuses(2, "/", basic("alice", "secret")) == [200, 200]
    assert len(checks.began) == 2


async def test_a_password_is_remembered_for_no_longer_than_its_time(
    start_configured: StartConfigured, users_file: Path, checks: Checks
) -> None:
    configured = await start_configured(FILE % ", remember: 1m")
    way_of(configured).is_password = checks
    way, now_s = way_of(configured), 0.0
    way.clock = lambda: now_s
    checks.go_on.set()
    for now_s, number in ((0.0, 1), (59.0, 1), (60.0, 2)):  # noqa: B007
        assert (await configured.ask("/", basic("alice", "secret"))).status == 200
        assert len(checks.began) == number


async def test_an_unknown_name_is_checked_against_a_hash_as_a_known_one_is(
    start_configured: StartConfigured, users_file: Path, checks: Checks
) -> None:
    configured = await start_configured(FILE % "")
    way_of(configured).is_password = checks
    checks.go_on.set()
    for _ in range(2):
        assert (await configured.ask("/", basic("nobody", "secret"))).status == 401
    first, second = checks.began
    assert first == second
    assert first in [hashed.text for _, hashed in way_of(configured).spec.users]


async def test_requests_at_the_same_time_with_one_password_cost_one_check(
    start_configured: StartConfigured, users_file: Path, checks: Checks
) -> None:
    configured = await start_configured(FILE % "")
    way_of(configured).is_password = checks
    number = 2 * MOST_WAITING_EACH
    asked = [
        asyncio.ensure_future(configured.ask("/", basic("alice", "secret"))) for _ in range(number)
    ]
    await eventually(lambda: len(configured.gateway.connections) > number)
    checks.go_on.set()
    assert [answer.status for answer in await asyncio.gather(*asked)] == [200] * number
    assert len(checks.began) == 1


async def test_who_guesses_passwords_takes_few_threads_and_is_told_to_wait(
    start_configured: StartConfigured, users_file: Path, checks: Checks
) -> None:
    configured = await start_configured(FILE % "")
    way_of(configured).is_password = checks
    number = AT_A_TIME + MOST_WAITING_EACH + 5
    asked = [
        asyncio.ensure_future(configured.ask("/", basic("alice", f"guess{one}")))
        for one in range(number)
    ]
    refused = []
    for answer in asyncio.as_completed(asked):
        refused.append(await answer)
        if len(refused) == 5:
            break
    assert {answer.status for answer in refused} == {503}
    assert all(b'"auth_unavailable"' in answer.body for answer in refused)
    checks.go_on.set()
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status for answer in answers) == [401] * (number - 5) + [503] * 5
    assert checks.most <= AT_A_TIME
    assert len(checks.began) == number - 5


async def test_a_client_that_leaves_takes_its_check_with_nobody_else(
    start_configured: StartConfigured, users_file: Path, checks: Checks
) -> None:
    configured = await start_configured(FILE % "")
    way_of(configured).is_password = checks
    leaves = asyncio.ensure_future(configured.ask("/", basic("alice", "secret")))
    await eventually(lambda: checks.running)
    stays = asyncio.ensure_future(configured.ask("/", basic("alice", "secret")))
    await eventually(lambda: len(configured.gateway.connections) > 2)
    leaves.cancel()
    await eventually(lambda: checks.running == 2)
    checks.go_on.set()
    assert (await stays).status == 200


async def test_a_changed_file_takes_effect_and_ends_what_was_remembered(
    start_configured: StartConfigured, users_file: Path
) -> None:
    configured = await start_configured(FILE % "")
    assert (await configured.ask("/", basic("alice", "secret"))).status == 200
    write(users_file, bcrypt_line("alice", "other"))

    async def is_refused() -> bool:
        return (await configured.ask("/", basic("alice", "secret"))).status == 401

    await eventually(is_refused)
    assert (await configured.ask("/", basic("alice", "other"))).status == 200
    assert (await configured.ask("/", basic("zoë", "pässword"))).status == 401


async def test_a_broken_file_changes_nothing_and_an_empty_one_admits_nobody(
    start_configured: StartConfigured, users_file: Path
) -> None:
    configured = await start_configured(FILE % "")
    gateway = configured.gateway
    write(users_file, "alice:plain\n")
    refused = await gateway.admin("POST", "/config/reload")
    assert refused.status >= 400
    assert b"users.htpasswd" in refused.body
    assert b"line 1: no hash of bcrypt or argon2" in refused.body
    assert (await configured.ask("/", basic("alice", "secret"))).status == 200
    write(users_file, "# nobody\n")
    assert (await gateway.admin("POST", "/config/reload")).status == 200
    assert (await configured.ask("/", basic("alice", "secret"))).status == 401


async def test_a_long_password_counts_as_far_as_bcrypt_reads_it(
    start_configured: StartConfigured, users_file: Path
) -> None:
    long = "a" * 100
    write(users_file, bcrypt_line("alice", long) + argon2_line("bob", long))
    configured = await start_configured(FILE % "")
    assert (await configured.ask("/", basic("alice", long))).status == 200
    assert (await configured.ask("/", basic("bob", long))).status == 200
    assert (await configured.ask("/", basic("alice", long[:71]))).status == 401
    assert (await configured.ask("/", basic("bob", long[:99]))).status == 401


async def test_no_password_is_in_the_log(
    start_configured: StartConfigured, users_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configured = await start_configured(FILE % "")
    for field in (basic("alice", "secret"), basic("alice", "swordfish")):
        await configured.ask("/", field)
        assert field.split()[-1] not in capsys.readouterr().out
    status = await configured.gateway.admin("GET", "/status")
    for text in (b"secret", b"swordfish", b"$2b$", b"argon2"):
        assert text not in status.body

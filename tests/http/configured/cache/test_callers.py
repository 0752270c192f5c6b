"""Answers to callers that the gateway has admitted by keys and passwords (RFC 9111 §3.5)."""

from pathlib import Path

import pytest

from tests.http.configured.cache.test_poisoning import hit, telling
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.api_keys import make_key, revoke, status_with
from tests.support.eventually import eventually
from tests.support.passwords import basic, htpasswd

FILE = """
    auth: {keys: {type: api_key}, users: {type: basic, users_file: users}}
    defaults: {auth: {any_of: [keys, users]}}
    routes:
      - {name: all, match: {prefix: /all}, service: order_service, limits: null, cache: {}}
      - {name: own, match: {prefix: /own}, service: order_service, limits: null, cache: {by: subject}}
"""


async def start(start_configured: StartConfigured, tmp_path: Path, *said: bytes) -> Configured:
    (tmp_path / "users").write_bytes(htpasswd(bob="one"))
    return await start_configured(FILE, telling(*said))


async def key_of(configured: Configured, name: str = "bob") -> tuple[str, str]:
    """The ID of a new key, and the key; its name is its subject."""
    made = await make_key(configured.gateway, name)
    return made["id"], made["key"]


@pytest.mark.parametrize(
    "said", [b"X-Nothing: 1", b"Cache-Control: s-maxage=x", b'Cache-Control: x="public']
)
async def test_what_one_key_is_told_no_other_caller_is(
    start_configured: StartConfigured, tmp_path: Path, said: bytes
) -> None:
    configured = await start(start_configured, tmp_path, said)
    keys = [(await key_of(configured))[1] for _ in range(2)]
    callers = [*(f"X-API-Key: {key}" for key in keys), basic("bob", "one")]
    for caller in callers * 2:
        assert not hit(await configured.ask("/all", caller))
    assert len(configured.upstream.requests) == 6
    assert (await configured.ask("/all")).status == 401


@pytest.mark.parametrize("said", [b"public", b"s-maxage=60", b"must-revalidate"])
async def test_what_is_for_all_callers_is_for_no_stranger(
    start_configured: StartConfigured, tmp_path: Path, said: bytes
) -> None:
    configured = await start(start_configured, tmp_path, b"Cache-Control: " + said)
    id_, key = await key_of(configured)
    assert not hit(await configured.ask("/all", f"X-API-Key: {key}"))
    assert hit(await configured.ask("/all", f"Authorization: Bearer {key}"))
    assert hit(await configured.ask("/all", basic("bob", "one")))
    for stranger in ("X-A: b", "X-API-Key: 1", basic("bob", "two"), "Authorization: Bearer x"):
        answer = await configured.ask("/all", stranger)
        assert answer.status == 401
        assert b"bob" not in answer.body
    await revoke(configured.gateway, id_)

    async def is_refused() -> bool:
        return await status_with(configured.gateway, key, "/all") == 401

    await eventually(is_refused)


async def test_by_subject_each_key_and_each_user_has_answers_of_their_own(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    """Also where a key and a user have one name: a subject is that of its way."""
    configured = await start(start_configured, tmp_path)
    keys = [(await key_of(configured, name))[1] for name in ("bob", "ada")]
    callers = [*(f"X-API-Key: {key}" for key in keys), basic("bob", "one")]
    first = [await configured.ask("/own", caller) for caller in callers]
    again = [await configured.ask("/own", caller) for caller in callers]
    assert [hit(answer) for answer in first + again] == [False] * 3 + [True] * 3
    assert [answer.body for answer in first] == [answer.body for answer in again]
    # One key, sent in another field, is one subject.
    assert (await configured.ask("/own", f"Authorization: Bearer {keys[0]}")).body == first[0].body

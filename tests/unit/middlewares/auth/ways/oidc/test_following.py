"""A worker that has heard nothing of the registry yet."""

import asyncio

import pytest

from discovery.base.tasks import end
from discovery.model.settings import RegistrySettings
from middlewares.auth.ways.oidc.deciding.ending import Mark
from middlewares.auth.ways.oidc.following import Following
from middlewares.auth.ways.oidc.spec import OidcSpec
from middlewares.auth.ways.oidc.store import Away, SessionStore

SECRETS = (b"s" * 32,)


def following(secrets: tuple[bytes, ...] = SECRETS) -> Following:
    spec = OidcSpec("https://id.example", "lockgate", None, secrets=secrets)
    store = SessionStore(RegistrySettings(redis_url="redis://127.0.0.1:1/0"), "staff")
    return Following(spec, "staff", store, lambda: 1000.0)


async def test_before_it_has_heard_who_was_logged_out_nobody_is_admitted() -> None:
    """Else its start would make each old cookie good again."""
    here = following()
    running = asyncio.create_task(here.run())
    with pytest.raises(Away, match="logged out"):
        await here.require_log_outs()
    await end(running)


async def test_the_secret_of_a_file_is_there_at_once_and_that_of_the_registry_is_not() -> None:
    assert following().keyring is not None
    with pytest.raises(Away, match="secret"):
        _ = following(()).keyring


async def test_a_log_out_that_can_not_be_told_holds_here() -> None:
    here = following()
    cleared: list[int] = []
    here.ended = lambda: cleared.append(1)
    with pytest.raises(Away):
        await here.end(Mark("sub", "ada", 1000.0))
    assert len(here.marks) == 1
    assert cleared == [1]


async def test_a_way_with_another_specification_goes_on_with_what_was_known() -> None:
    before, after = following(), following()
    before.end_here(Mark("sub", "ada", 1000.0))
    before.has_read = True
    after.go_on(before)
    await after.require_log_outs()
    assert len(after.marks) == 1

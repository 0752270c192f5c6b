"""Answers to those who are logged in, on routes with a cache (RFC 9111 §3.5)."""

import asyncio

import pytest

from tests.http.configured.oidc.conftest import FILE, Guarded, StartGuarded
from tests.support.oidc import Browser
from tests.support.upstreams import Received, Script

APP = "        auth: {any_of: [staff]}\n"
SESSIONS = ["store: cookie", "store: registry"]


def cached(policy: str) -> str:
    return FILE.replace(APP, f"{APP}        cache: {policy}\n")


def telling(cache_control: bytes) -> Script:
    """A service that answers with all that it sees."""

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\nCache-Control: %b\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % (cache_control, len(received.head)) + received.head)

    return answer


async def logged_in(guarded: Guarded, *subjects: str) -> list[Browser]:
    browsers = []
    for subject in subjects:
        guarded.provider.subject = subject
        browser = guarded.browser()
        await browser.log_in()
        browsers.append(browser)
    return browsers


async def seen(browser: Browser, path: str = "/a") -> tuple[bytes, bool]:
    """Whom the service was told of in the answer that a browser gets, and whether that was a kept one."""
    answer = await browser.ask(path)
    assert answer.status == 200
    assert not browser.set
    lines = [
        line for line in answer.body.split(b"\r\n") if line.lower().startswith(b"x-auth-subject:")
    ]
    assert len(lines) == 1
    return lines[0].partition(b": ")[2], "; hit" in answer.headers["Cache-Status"]


@pytest.mark.parametrize("session", SESSIONS)
async def test_what_is_said_to_one_session_is_not_said_to_another(
    start_guarded: StartGuarded, session: str
) -> None:
    guarded = await start_guarded(cached("{}"), session=session, answer=telling(b"max-age=300"))
    ada, bob = await logged_in(guarded, "ada", "bob")
    for _ in range(2):
        assert await seen(ada) == (b"ada", False)
        assert await seen(bob) == (b"bob", False)


@pytest.mark.parametrize("session", SESSIONS)
@pytest.mark.parametrize("said", [b"public, max-age=300", b"s-maxage=300"])
async def test_what_the_service_allows_is_shared_by_all_sessions_and_by_nobody_else(
    start_guarded: StartGuarded, session: str, said: bytes
) -> None:
    guarded = await start_guarded(cached("{}"), session=session, answer=telling(said))
    ada, bob = await logged_in(guarded, "ada", "bob")
    assert await seen(ada) == (b"ada", False)
    assert await seen(bob) == (b"ada", True)
    nobody = await guarded.browser().ask("/a")
    assert nobody.status == 302
    assert b"ada" not in nobody.body


@pytest.mark.parametrize("session", SESSIONS)
async def test_by_subject_each_has_answers_of_their_own(
    start_guarded: StartGuarded, session: str
) -> None:
    policy = "{by: subject}"
    guarded = await start_guarded(cached(policy), session=session, answer=telling(b"max-age=300"))
    ada, bob, ada_elsewhere = await logged_in(guarded, "ada", "bob", "ada")
    assert await seen(ada) == (b"ada", False)
    assert await seen(bob) == (b"bob", False)
    assert await seen(ada) == (b"ada", True)
    assert await seen(bob) == (b"bob", True)
    assert await seen(ada_elsewhere) == (b"ada", True)


async def test_who_has_logged_out_gets_nothing_that_is_kept(start_guarded: StartGuarded) -> None:
    policy = "{by: subject}"
    guarded = await start_guarded(cached(policy), answer=telling(b"max-age=300"))
    (ada,) = await logged_in(guarded, "ada")
    assert await seen(ada) == (b"ada", False)
    ada.cookies.clear()
    assert (await ada.ask("/a")).status == 302

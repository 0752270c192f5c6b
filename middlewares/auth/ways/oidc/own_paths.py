"""Answers at the paths of log-ins and log-outs, for all ways that have them on one host."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from aiohttp import web

from middlewares.auth.way import Asked
from middlewares.auth.ways.oidc.asking import Browser
from middlewares.auth.ways.oidc.deciding.cookies import Names, read_login
from middlewares.auth.ways.oidc.deciding.login import read_callback
from middlewares.auth.ways.oidc.deciding.tokens import NotAsAgreed
from middlewares.auth.ways.oidc.log_in import PRIVATE, LogIns
from middlewares.auth.ways.oidc.log_out import MOST_BODY_BYTES, LogOuts
from middlewares.auth.ways.oidc.spec import CALLBACK_PATH, LOGOUT_PATH
from middlewares.failures import AuthUnavailable, BadRequest, Forbidden, MethodNotAllowed

NOT_KNOWN: Final = "this browser has begun no such log-in, or too long ago: begin again at the page that you wanted"

_OF_THIS_SITE: Final = (b"same-origin", b"same-site", b"none")

Body = Callable[[web.Request, int], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Door:
    """What of a way answers at its own paths."""

    issuer: str
    names: Names
    log_ins: LogIns
    log_outs: LogOuts


async def answer(asked: Asked, path: str, doors: Sequence[Door], body: Body) -> web.StreamResponse:
    """Answer a request at one of the paths. Raises a Failure."""
    if path == CALLBACK_PATH:
        _require(asked, "GET")
        return await _call_back(asked, doors)
    _require(asked, "POST")
    if path == LOGOUT_PATH:
        return await _log_out(asked, doors)
    return await _log_out_by_provider(asked, doors, body)


async def _call_back(asked: Asked, doors: Sequence[Door]) -> web.Response:
    """Complete a log-in, which the way takes that began it in this browser."""
    try:
        callback = read_callback(asked.exchange.query)
    except NotAsAgreed as error:
        raise BadRequest(str(error)) from None
    browser = Browser.of(asked)
    if not browser.is_guarded:
        raise BadRequest("nobody can log in over plain http: use https")
    # Two providers with one callback are told apart by `iss` alone (RFC 9700 §4.4).
    needs_iss = len({door.issuer for door in doors}) > 1
    for door in doors:
        sealed = read_login(browser.cookie, door.names, callback.state)
        if sealed is not None:
            return await door.log_ins.complete(browser, callback, sealed, needs_iss=needs_iss)
    raise BadRequest(NOT_KNOWN)


async def _log_out(asked: Asked, doors: Sequence[Door]) -> web.Response:
    """Log a browser out of all the ways; the first one that it has a session of says where it goes."""
    browser = Browser.of(asked)
    _require_same_site(asked, browser)
    answers = [await door.log_outs.of_browser(browser) for door in doors]
    found = [one for one in answers if one is not None]
    if not found:
        return web.Response(text="You are logged out.\n", headers=PRIVATE)
    first, *others = found
    for other in others:
        for line in other.headers.getall("Set-Cookie", ()):
            first.headers.add("Set-Cookie", line)
    return first


async def _log_out_by_provider(asked: Asked, doors: Sequence[Door], body: Body) -> web.Response:
    """Take a log-out token (OpenID Connect Back-Channel Logout §2.5)."""
    content = await body(asked.request, MOST_BODY_BYTES)
    try:
        form = parse_qs(content.decode("ascii"), max_num_fields=32)
    except ValueError:
        raise BadRequest("the body is no form") from None
    tokens = form.get("logout_token", [])
    if len(tokens) != 1:
        raise BadRequest("the form must have one logout_token")
    # One provider may be that of several ways: it asks again until each of them has taken the token.
    has_ended = False
    unavailable: AuthUnavailable | None = None
    for door in doors:
        try:
            has_ended |= await door.log_outs.by_provider(tokens[0])
        except AuthUnavailable as failure:
            unavailable = failure
    if unavailable is not None:
        raise unavailable
    if not has_ended:
        raise BadRequest("the log-out token is not valid here, or was used already")
    return web.Response(headers=PRIVATE)


def _require(asked: Asked, method: str) -> None:
    if asked.request.method != method:
        raise MethodNotAllowed(asked.request.method, [method])


def _require_same_site(asked: Asked, browser: Browser) -> None:
    """Raise Forbidden for a form of another site, which could log people out."""
    for name, value in asked.exchange.section.fields:
        name = name.lower()
        if name == b"sec-fetch-site" and value.strip().lower() not in _OF_THIS_SITE:
            raise Forbidden("only a page of this site can log out")
        if name == b"origin" and value.decode("latin-1").lower() != browser.origin:
            raise Forbidden("only a page of this host can log out")

"""Asks an issuer for what it publishes, with bounds on time and size."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from aiohttp import ClientError, ClientSession, ClientTimeout

from middlewares.auth.ways.jwt.deciding.discovery_document import (
    BadDocument,
    document_of,
    locations,
)
from middlewares.auth.ways.jwt.deciding.fetching import max_age_s

#: How long an issuer may take, and how much it may say.
TIMEOUT_S: Final = 5.0
MOST_BYTES: Final = 1024 * 1024

_TIMEOUT = ClientTimeout(total=TIMEOUT_S)
_FIELDS: Mapping[str, str] = {"Accept": "application/json", "User-Agent": "lockgate"}


class NotFetched(Exception):
    """The issuer did not say it; the message says why, without its address."""


class NotThere(NotFetched):
    """There is nothing at that address: 404 or 410."""


class Fetched(NamedTuple):
    """What was answered, and for how many seconds it is good; None: it does not say."""

    content: bytes
    max_age_s: int | None


async def fetched(session: ClientSession, url: str) -> Fetched:
    """GET, without following redirects, which could lead to where nobody is to be trusted. Raises NotFetched."""
    try:
        async with session.get(
            url, headers=_FIELDS, timeout=_TIMEOUT, allow_redirects=False
        ) as answer:
            if answer.status in (404, 410):
                raise NotThere(f"it answers {answer.status}")
            if answer.status != 200:
                raise NotFetched(f"it answers {answer.status}")
            content = bytearray()
            async for chunk in answer.content.iter_any():
                content += chunk
                if len(content) > MOST_BYTES:
                    raise NotFetched("its answer has more than 1 MiB")
            said = answer.headers.getall("Cache-Control", [])
            return Fetched(bytes(content), max_age_s(said, answer.headers.get("Age")))
    except TimeoutError:
        raise NotFetched(f"it has not answered within {TIMEOUT_S:g} s") from None
    except (ClientError, OSError, ValueError) as error:
        raise NotFetched(
            f"it can't be reached, or speaks no HTTP: {type(error).__name__}"
        ) from None


async def discovered(session: ClientSession, issuer: str) -> Mapping[str, Any]:
    """The issuer's discovery document. Raises NotFetched."""
    usual, other = locations(issuer)
    try:
        found = await fetched(session, usual)
    except NotThere:
        found = await fetched(session, other)
    try:
        return document_of(found.content, issuer)
    except BadDocument as error:
        raise NotFetched(f"its discovery document {error}") from None

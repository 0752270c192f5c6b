"""JSON answers, and the form of times in them."""

from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web


def json_response(document: Any, *, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=orjson.dumps(document), content_type="application/json", charset="utf-8"
    )


def time_text(unix_s: int) -> str:
    """A Unix time in whole seconds as RFC 3339, UTC."""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""OpenAPI documents written for a test, and requests held against them."""

from collections.abc import Mapping
from typing import Any

import orjson

from discovery.base.steps import at_once
from middlewares.validate.deciding.documents import (
    PLAIN,
    Document,
    Options,
    compiling,
    read_document,
)
from middlewares.validate.deciding.operations import Asked

JSON = {b"content-type": [b"application/json"]}


def described(
    paths: Mapping[str, Any],
    version: str = "3.1.0",
    url: str = "",
    options: Options = PLAIN,
    **more: Any,
) -> Document:
    """The compiled document of these paths; `more` are further members of it."""
    data = orjson.dumps({"openapi": version, "paths": paths, **more})
    return at_once(compiling(read_document(data), url, options))


def taking(
    schema: Any, version: str = "3.1.0", options: Options = PLAIN, **schemas: Any
) -> Document:
    """A document with `POST /` that takes a body of this schema; `schemas` are its components."""
    content = {"application/json": {"schema": schema}}
    item = {"post": {"requestBody": {"required": True, "content": content}}}
    return described({"/": item}, version, options=options, components={"schemas": schemas})


def with_parameter(version: str = "3.1.0", path: str = "/", **parameter: Any) -> Document:
    """A document with `GET` of the path, which takes this parameter."""
    return described({path: {"get": {"parameters": [parameter]}}}, version)


def held(
    document: Document,
    method: str,
    target: str,
    body: bytes | None = None,
    fields: Mapping[bytes, list[bytes]] = JSON,
) -> list[str] | None:
    """What of a request does not fit, in words; None: the document has no such operation."""
    path, _, query = target.partition("?")
    match = document.find(method, path)
    if match is None:
        return None
    asked = Asked(query, lambda name: fields.get(name, ()), body, body is not None)
    return [str(one) for one in match.operation.check(asked, match.values)]


def posted(document: Document, value: Any) -> list[str] | None:
    """What does not fit of a JSON value as the body of `POST /`."""
    return held(document, "POST", "/", orjson.dumps(value))

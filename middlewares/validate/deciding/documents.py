"""A service's OpenAPI document, compiled in steps: its operations, and what of it can't be used."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import orjson

from discovery.base.steps import Steps
from middlewares.validate.deciding.bodies import Content, read_content
from middlewares.validate.deciding.compiling import can_match
from middlewares.validate.deciding.operations import Operation
from middlewares.validate.deciding.parameters import Parameter, read_parameter
from middlewares.validate.deciding.paths import Match, Paths
from middlewares.validate.deciding.references import LeftOut, Source
from middlewares.validate.deciding.schemas import SchemaBook
from middlewares.validate.deciding.translating import Translator

#: The largest document: reading one holds up everything else for 15 ms a MiB.
MOST_BYTES = 2 * 1024 * 1024
MOST_OPERATIONS = 2000
MOST_BASES = 16
#: How many reasons are kept of what is left out.
MOST_NOTES = 20
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class Refused(ValueError):
    """No OpenAPI document that can be used; the message says why."""


class Options(NamedTuple):
    """What of the document is held against, beside requests."""

    formats: bool = False
    answers: bool = False


#: Requests alone, without formats.
PLAIN = Options()


@dataclass(slots=True)
class Document:
    """The operations of a document."""

    version: str
    bases: tuple[str, ...] = ("",)
    paths: Paths[Operation] = field(default_factory=Paths)
    operations: int = 0
    left_out: int = 0
    notes: list[str] = field(default_factory=list)
    #: The names that it gives to properties: no secrets, unlike other names in a message.
    names: frozenset[str] = frozenset()

    def find(self, method: str, path: str) -> Match[Operation] | None:
        """The operation of a raw path as the service sees it; below a server's path, or without it."""
        for base in self.bases:
            if base and not (path.startswith(base) and path[len(base) :][:1] in ("/", "")):
                continue
            found = self.paths.find(method, path[len(base) :] or "/")
            if found is not None:
                return found
        return None

    def note(self, text: str) -> None:
        """Keep why a part is left out, for people who operate."""
        if len(self.notes) < MOST_NOTES:
            self.notes.append(text[:300])


def read_document(data: bytes) -> Mapping[str, Any]:
    """The document of a body. Raises Refused."""
    if len(data) > MOST_BYTES:
        raise Refused(f"it has more than {MOST_BYTES} bytes")
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Refused(f"it is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise Refused("it is not a JSON object")
    version = document.get("openapi")
    if not isinstance(version, str) or not version.startswith("3."):
        if "swagger" in document:
            raise Refused("it is Swagger 2.0; OpenAPI 3.0 and 3.1 are read")
        raise Refused("it has no `openapi` of 3.0 or 3.1")
    if not isinstance(document.get("paths", {}), dict):
        raise Refused("its `paths` are not an object")
    return document


def compiling(
    document: Mapping[str, Any], url: str = "", options: Options = PLAIN
) -> Steps[Document]:
    """Compile a document that came from a URL; each step is an operation."""
    is_30 = document["openapi"].startswith("3.0")
    source = Source(document)
    books = {
        direction: SchemaBook(
            Translator(source, direction, is_30=is_30, formats=options.formats, can_match=can_match)
        )
        for direction in ("request", "answer")
    }
    made = Document(document["openapi"][:20], _bases(document, url))
    reader = _Reader(source, books["request"], books["answer"] if options.answers else None)
    for template, method, item, node in _operations(document, source, made):
        if made.operations + made.left_out >= MOST_OPERATIONS:
            made.note(f"only the first {MOST_OPERATIONS} operations are used")
            break
        name = f"{method.upper()} {template}"
        try:
            operation = reader.read(name[:200], template, item, node)
        except (LeftOut, RecursionError, TypeError, AttributeError, KeyError) as error:
            why = str(error) if isinstance(error, LeftOut) else "it is not as OpenAPI says"
            made.left_out += 1
            made.note(f"{name[:150]} is left out: {why}")
        else:
            made.operations += 1
            made.paths.add(template, method.upper(), operation)
        yield
    for book in books.values():
        for note in sorted(book.translator.notes):
            made.note(note)
    made.names = frozenset().union(*(book.translator.names for book in books.values()))
    return made


def _operations(
    document: Mapping[str, Any], source: Source, made: Document
) -> Iterator[tuple[str, str, Mapping[str, Any], object]]:
    for template, found in document.get("paths", {}).items():
        if not template.startswith("/") or len(template) > 2000:
            continue
        try:
            item = source.resolved(found, "a path")
        except LeftOut as error:
            made.left_out += 1
            made.note(f"{template[:150]} is left out: {error}")
            continue
        for method in METHODS:
            if method in item:
                yield template, method, item, item[method]


class _Reader:
    def __init__(self, source: Source, requests: SchemaBook, answers: SchemaBook | None) -> None:
        self._source = source
        self._requests = requests
        self._answers = answers

    def read(self, name: str, template: str, item: Mapping[str, Any], node: object) -> Operation:
        """Raises LeftOut."""
        if "}{" in template:
            raise LeftOut("two parameters stand side by side in its path")
        source = self._source
        operation = source.resolved(node, "the operation")
        parameters: dict[tuple[str, str], Parameter] = {}
        for one in (*_list(item, "parameters"), *_list(operation, "parameters")):
            parameter = read_parameter(one, source, self._requests)
            if parameter is not None:
                parameters[parameter.place, parameter.name] = parameter
        by_place: dict[str, list[Parameter]] = {}
        for parameter in parameters.values():
            by_place.setdefault(parameter.place, []).append(parameter)
        content = None
        if "requestBody" in operation:
            content = read_content(
                operation["requestBody"], source, self._requests, "the request's body"
            )
        path, query, header, cookie = (
            tuple(by_place.get(place, ())) for place in ("path", "query", "header", "cookie")
        )
        answers = self._read_answers(operation)
        return Operation(name, path, query, header, cookie, content, answers)

    def _read_answers(self, operation: Mapping[str, Any]) -> Mapping[str, Content]:
        found: dict[str, Content] = {}
        if self._answers is None:
            return found
        answers = operation.get("responses", {})
        for status, one in answers.items() if isinstance(answers, Mapping) else ():
            try:
                content = read_content(one, self._source, self._answers, f"the answer {status}")
            except LeftOut as error:
                self._answers.translator.notes.add(f"an answer {status} is not checked: {error}")
            else:
                found[str(status).upper() if status != "default" else status] = content
        return found


def _list(node: Mapping[str, Any], key: str) -> list[Any]:
    found = node.get(key, [])
    if not isinstance(found, list):
        raise LeftOut(f"{key} is not a list")
    return found


def _bases(document: Mapping[str, Any], url: str) -> tuple[str, ...]:
    """The paths of the servers, the longest first, and none at last: a gateway in front may have cut it."""
    found = {""}
    servers = document.get("servers", [])
    for server in servers if isinstance(servers, list) else ():
        if isinstance(server, Mapping) and isinstance(server.get("url"), str):
            found.add(_path_of(_filled(server), url).rstrip("/"))
        if len(found) > MOST_BASES:
            break
    return tuple(sorted(found, key=len, reverse=True))


def _filled(server: Mapping[str, Any]) -> str:
    text: str = server["url"]
    variables = server.get("variables", {})
    for name, one in variables.items() if isinstance(variables, Mapping) else ():
        default = one.get("default") if isinstance(one, Mapping) else None
        text = text.replace(f"{{{name}}}", str(default))
    return text


def _path_of(server: str, url: str) -> str:
    try:
        return urlsplit(urljoin(url, server) if url else server).path
    except ValueError:
        return ""

"""The private parts of aiohttp, and of ssl, that gateway.front uses: an incompatible release fails here first."""

import ast
import inspect
import ssl
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from aiohttp import base_protocol, web, web_protocol

from gateway.front.answering import Answering
from gateway.front.connection import GatewayRequestHandler
from gateway.front.reading import RequestReader
from gateway.front.server import FrontSite, GatewayRunner, GatewayServer, SharedSite
from gateway.front.tunnel import Tunnel

ROOT = Path(__file__).parents[4]
SOURCES = ("gateway", "middlewares", "discovery", "services", "shared", "lockgate")
FRONT = ROOT / "gateway" / "front"

#: Each private name in use, by its owner in aiohttp or ssl.
USED: dict[type | ModuleType, set[str]] = {
    web.RequestHandler: {
        *(
            "_buffer_paused",
            "_cache",
            "_close",
            "_current_request",
            "_drain_helper",
            "_force_close",
        ),
        *("_handler_waiter", "_keepalive", "_lingering_time", "_loop"),
        *("_manager", "_max_msg_queue_size", "_message_tail", "_messages"),
        *(
            "_msg_queue_resume_size",
            "_parser",
            "_paused",
            "_pause_reading_for_buffer",
            "_payload_parser",
        ),
        *("_read_bufsize", "_request_factory", "_request_handler", "_request_in_progress"),
        *("_resume_reading_for_buffer", "_resume_reading_if_drained"),
        *("_resume_transport_reading", "_task_handler", "_upgraded"),
    },
    web.Server: {"_kwargs", "_loop"},
    web.AppRunner: {"_make_server"},
    web.SockSite: {"_server"},
    web.Request: {"_loop", "_match_info", "_protocol", "_state", "_task", "_version"},
    web.StreamResponse: {"_cookies"},
    web_protocol: {"_ErrInfo"},
    ssl.SSLObject: {"_sslobj"},  # before Python 3.13, which has get_verified_chain
}
#: Overridden methods, public or not, with the parameters that aiohttp passes.
OVERRIDDEN: dict[type, dict[str, list[str]]] = {
    Answering: {"log_exception": ["args", "kw"], "start": []},
    GatewayRequestHandler: {
        "_resume_reading_for_buffer": [],
        "connection_lost": ["exc"],
        "connection_made": ["transport"],
        "data_received": ["data"],
        "eof_received": [],
        "pause_writing": [],
        "resume_writing": [],
    },
    GatewayServer: {
        "__call__": [],
        "connection_lost": ["handler", "exc"],
        "connection_made": ["handler", "transport"],
        "pre_shutdown": [],
        "shutdown": ["timeout"],
    },
    GatewayRunner: {"_make_server": []},
    FrontSite: {"start": []},
    SharedSite: {"start": [], "stop": []},
}
#: Our objects that replace aiohttp's, by the attribute that holds them.
STAND_INS = {"_parser": RequestReader, "_payload_parser": Tunnel}
#: Our classes that others of ours are made from, with aiohttp's that they are made from.
BETWEEN = {"Answering": web.RequestHandler}
#: Names with an underscore that are documented all the same.
PUBLIC = {"_replace", "_asdict", "_exit"}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC


def names_of(owner: type | ModuleType) -> set[str]:
    """The attributes of aiohttp's class, and those that its methods set on instances."""
    names = set(dir(owner))
    for base in inspect.getmro(owner) if inspect.isclass(owner) else ():
        if base.__module__.startswith(("aiohttp", "ssl")):
            source = ast.parse(textwrap.dedent(inspect.getsource(base)))
            names |= {attribute for of, attribute in attributes(source) if of == "self"}
    return names


def attributes(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node.value), node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or ".", name.name) for name in node.names)


def private_uses(source: str) -> set[str]:
    """The private names in this source that belong to objects made elsewhere."""
    tree = ast.parse(source)
    uses, own = set(), set()
    for defined in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        theirs = set()
        for base in map(ast.unparse, defined.bases):
            if base.startswith("web."):
                theirs |= names_of(getattr(web, base.removeprefix("web.")))
            elif base in BETWEEN:
                theirs |= names_of(BETWEEN[base])
        named = {name for of, name in attributes(defined) if of in ("self", "cls")}
        named |= {one.name for one in defined.body if isinstance(one, ast.FunctionDef)}
        named |= {one.name for one in defined.body if isinstance(one, ast.AsyncFunctionDef)}
        uses |= named & theirs
        own |= named - theirs
    own |= {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}
    others = {name for of, name in attributes(tree) if of not in ("self", "cls")}
    return {name for name in uses | (others - own) if is_private(name)}


def test_each_private_name_that_is_used_is_listed_here() -> None:
    found = {name for path in FRONT.rglob("*.py") for name in private_uses(path.read_text())}
    assert found == set().union(*USED.values())


@pytest.mark.parametrize("folder", SOURCES)
def test_no_private_name_of_another_is_used_elsewhere(folder: str) -> None:
    elsewhere = (path for path in (ROOT / folder).rglob("*.py") if FRONT not in path.parents)
    uses = {path.relative_to(ROOT).as_posix(): private_uses(path.read_text()) for path in elsewhere}
    assert {path: names for path, names in uses.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        "request._cache",
        "from aiohttp.web_protocol import _Answer",
        "class Ours(web.Request):\n    def _finish(self): ...",
        "class Ours(web.Request):\n    def ours(self): self._post = None",
        "class Ours(web.Server):\n    def ours(self): super()._make_request()",
    ],
)
def test_a_use_is_found_however_it_is_written(source: str) -> None:
    assert len(private_uses(source)) == 1


def test_what_a_class_of_ours_has_is_no_use() -> None:
    own = "class Ours(web.Request):\n    def _ours(self): return self._this"
    assert private_uses(own) == set()


@pytest.mark.parametrize("owner", USED, ids=lambda owner: owner.__name__)
def test_aiohttp_has_what_is_used(owner: type | ModuleType) -> None:
    assert USED[owner] - names_of(owner) == set()


@pytest.mark.parametrize("ours", OVERRIDDEN, ids=lambda ours: ours.__name__)
def test_what_is_overridden_takes_what_it_took(ours: type) -> None:
    theirs = next(one for one in ours.__mro__ if one.__module__.startswith("aiohttp"))
    overridden = {
        name
        for name, value in vars(ours).items()
        if inspect.isfunction(value) and name != "__init__" and hasattr(theirs, name)
    }
    assert overridden == set(OVERRIDDEN[ours])
    for name, taken in OVERRIDDEN[ours].items():
        assert list(inspect.signature(getattr(theirs, name)).parameters)[1:] == taken, name


@pytest.mark.parametrize("holder", STAND_INS)
def test_what_stands_in_for_aiohttps_own_has_what_is_called_of_it(holder: str) -> None:
    called = {
        name
        for module in (base_protocol, web_protocol)
        for of, name in attributes(ast.parse(inspect.getsource(module)))
        if of == f"self.{holder}"
    }
    assert called
    assert {name for name in called if not hasattr(STAND_INS[holder], name)} == set()

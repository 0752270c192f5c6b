"""docs/troubleshooting.md quotes exactly what the product says, and advises only what exists."""

import ast
import errno
import os
import re
import socket
import ssl
from functools import cache
from itertools import chain
from typing import Any

import click
import pytest

from discovery.health import evidence_texts as texts
from discovery.health.advice import advice
from discovery.health.machine import Health
from discovery.model.errors import ForbiddenAddress
from discovery.model.instance import parse_registration
from discovery.view.view import Entry
from gateway.cli.application import COMMANDS, lockgate
from gateway.explaining.deciding import Sight, explanation
from middlewares.problems import PROBLEMS
from tests.support.documents import ROOT, rows_of
from tests.unit.test_documents import settings_of_the_readme

DOCUMENT = "docs/troubleshooting.md"
TEXT = (ROOT / DOCUMENT).read_text()
CODE = re.compile(r"`([^`\n]+)`")
EVIDENCE = "503 `no_healthy_instance`"
#: Variables that the page names and the gateway does not read.
OTHER_VARIABLES = {"ALLOWED_HOSTS", "LOCKGATE_PREFIX", "PORT_OFFSET", "RATE_LIMIT", "SCRIPT_NAME"}
#: Quotes of Python's own messages, and examples of values.
NOT_OURS = {"Name or service not known"}


def section(heading: str) -> str:
    return TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def quoted_rows(heading: str) -> list[tuple[list[str], str]]:
    """The rows of the table below a heading: the quotes in the first cell, and the text of the last."""
    lines = [line for line in section(heading).splitlines() if line.startswith("| `")]
    cells = [line.strip("|").split("|") for line in lines]
    return [(CODE.findall(first), last) for first, *_, last in cells]


def sight(condition: Any, *, draining: bool = False, absent: Any = None, weight: int = 1) -> Sight:
    instance = parse_registration("shop", "s1", {"host": "h", "port": 9000, "weight": weight})
    entry = Entry(instance, 0, draining=draining, absent=absent)
    return Sight(entry, Health(condition), 0.0)


def seen() -> set[str]:
    """What a gateway may see of an instance at `/health`, without addresses."""
    errors = [
        *(OSError(number, os.strerror(number)) for number in (errno.ECONNREFUSED, errno.ETIMEDOUT)),
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        TimeoutError(),
        ForbiddenAddress("169.254.1.2"),
        ssl.SSLError(1, "wrong version number"),
        ssl.SSLCertVerificationError(1, "certificate verify failed"),
    ]
    errors[-1].verify_message = "it is not valid for 'h'"  # type: ignore[attr-defined]
    asked = "GET /health"
    return {
        *(texts.answers_otherwise(asked, status, ((200, 299),)) for status in range(300, 600)),
        *(texts.for_anybody(texts.connect_failed(error)) for error in errors),
        texts.not_answered(asked, 2),
        texts.answers_another_body(asked, 200),
    }


def states() -> set[str]:
    """How a `detail` counts instances without evidence."""
    return {
        explanation([one]).words(with_addresses=False)
        for one in (
            sight("starting"),
            sight("healthy", draining=True),
            sight("starting", absent="lapsed"),
            sight("healthy", weight=0),
        )
    } | {"none is registered"}


def test_each_evidence_is_one_that_gateways_give() -> None:
    written = list(chain.from_iterable(quotes for quotes, _ in quoted_rows(EVIDENCE)))

    assert len(written) > 15
    assert [text for text in written if text not in seen() | states()] == []


def test_each_kind_of_evidence_that_there_is_advice_on_is_written() -> None:
    """Of the statuses, only those of a first day are needed."""
    written = {text for quotes, _ in quoted_rows(EVIDENCE) for text in quotes}
    connects = {text for text in seen() if text.startswith("connect failed")}

    assert connects - written == {f"connect failed: {os.strerror(errno.ETIMEDOUT)}"}
    assert states() <= written


@pytest.mark.parametrize(("quotes", "says"), quoted_rows(EVIDENCE))
def test_the_document_advises_what_the_product_does(quotes: list[str], says: str) -> None:
    for evidence in quotes:
        options = set(re.findall(r"--[a-z-]+", advice(evidence, "localhost")))
        if options:
            assert options & set(re.findall(r"--[a-z-]+", says)), advice(evidence, "localhost")


@pytest.mark.parametrize("heading", ["Other 503", "401 and 403 at `/services`", "502 and 504"])
def test_each_reason_is_one_of_its_statuses(heading: str) -> None:
    statuses = {int(one) for one in re.findall(r"\b\d{3}\b", heading)}
    for reason, *_ in rows_of(DOCUMENT, heading):
        assert reason in {
            problem.reason for problem in PROBLEMS.values() if problem.status in statuses
        }


def test_no_reason_of_an_unavailable_service_is_left_out() -> None:
    written = set(CODE.findall(TEXT))
    reasons = {
        one.reason for one in PROBLEMS.values() if one.status in (401, 403, 429, 502, 503, 504)
    }
    assert reasons - written == {"circuit_open"}  # no answer has this reason yet


@cache
def said_by_the_product() -> str:
    """Every text in our code, each on its own lines, with … for inserted values."""
    paths = chain.from_iterable(
        (ROOT / package).rglob("*.py")
        for package in ("discovery", "gateway", "lockgate", "middlewares")
    )
    nodes = chain.from_iterable(ast.walk(ast.parse(path.read_text())) for path in paths)
    constants = (node.value for node in nodes if isinstance(node, ast.Constant))
    return "\n".join(text for text in constants if isinstance(text, str))


@pytest.mark.parametrize(
    "quote",
    [
        *chain.from_iterable(quotes for quotes, _ in quoted_rows("What `lockgate register` says")),
        *chain.from_iterable(
            quotes
            for quotes, _ in quoted_rows("It does not start")[:-1]  # the last is Python's
        ),
        *re.findall(
            r"`(a page of [^`]+|\(needs [^`]+|nothing takes connections on port[^`]+)`", TEXT
        ),
    ],
)
def test_each_line_is_made_of_words_of_the_product(quote: str) -> None:
    """The tests of the ten mistakes compare whole lines; this one looks for each piece between values."""
    values = r"…|\d+(?:\.\d+)*(?::\d+)?|http://\S+|/api/shop|'many'|RATE_LIMIT_REQUESTS="
    pieces = [piece.strip(" .;,:") for piece in re.split(values, quote)]
    missing = [
        piece
        for piece in pieces
        for part in piece.split(": ")
        if part not in NOT_OURS and part.strip("()") not in said_by_the_product()
    ]
    assert missing == []


def test_each_event_is_one_that_is_logged() -> None:
    logged = said_by_the_product()
    events = {
        name
        for name in CODE.findall(TEXT)
        if re.fullmatch(
            r"(?:announce|instance|client_address|settings|registry|gateway)\.\w+", name
        )
        and not name.endswith("__main__")
    }
    assert len(events) > 6
    assert [name for name in sorted(events) if name not in logged] == []


def test_each_command_and_option_is_there() -> None:
    context = click.Context(lockgate)
    options = {
        name: {
            *chain.from_iterable(one.opts for one in found.params if isinstance(one, click.Option))
        }
        for name in COMMANDS
        if (found := lockgate.get_command(context, name)) is not None  # type: ignore[attr-defined]
    }
    commands = re.findall(
        r"(?<!from )\blockgate ([a-z]+)((?: --[a-z-]+(?: [^ `]+)?)*)",
        "\n".join(chain(CODE.findall(TEXT), re.findall(r"^lockgate .+$", TEXT, re.MULTILINE))),
    )

    assert {name for name, _ in commands} <= options.keys()
    for name, given in commands:
        assert set(re.findall(r"--[a-z-]+", given)) <= options[name], name
    alone = {
        one
        for code in CODE.findall(TEXT)
        if code.startswith("--")
        for one in re.findall(r"--[a-z-]+", code)
    }
    assert alone <= options["register"]


def test_each_variable_is_a_setting() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`", TEXT))
    assert named - OTHER_VARIABLES <= settings_of_the_readme().keys()


@pytest.mark.parametrize(
    "quote",
    [quote for quotes, _ in quoted_rows("401 and 403 at a route of yours") for quote in quotes],
)
def test_each_refusal_is_one_that_is_logged(quote: str) -> None:
    pieces = [quote] if quote in said_by_the_product() else re.split("iat|nbf|exp|header", quote)
    assert [piece for piece in pieces if piece not in said_by_the_product()] == []

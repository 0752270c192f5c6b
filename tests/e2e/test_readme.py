"""Runs the commands of README.md and docs/any-language.md on one stack, and checks their results."""

import ast
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.documents import Block, blocks
from tests.support.registry_servers import free_port
from tests.support.stacks import REPOSITORY, Stack, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180), pytest.mark.xdist_group("readme")]

README = "README.md"
#: The command that runs this test.
EXEMPT = {"make test"}
#: Commands that run until they are stopped.
ENDLESS = ("make logs", "curl -N ")
#: What a command must print besides succeeding. Commands with a 204 answer print nothing.
PRINTS = {
    "make up": r"Lockgate is up",
    "make ps": r"price_service .* healthy$",
    "make logs": r'^\{"timestamp":.*"level":.*"event":.*"service":.*\}$',
    "curl localhost:8080/services": r'"count":5,',
    "curl localhost:8080/api/price/prices/BTCUSDT": r'"symbol":"BTCUSDT"',
    "curl localhost:8080/api/market_data/candles": r'("close":.*){3}',
    "curl localhost:8080/api/signal/signals/BTCUSDT": r'"signal":"(buy|sell|hold)"',
    "curl -N localhost:8080/api/market_data/ticks": r"^event: tick$",
    "curl localhost:8080/metrics": r"^gateway_requests_total\{",
    "curl -X PUT": r'"status": ?"starting"',
    "curl localhost:8080/api/orders/health": r"^answered by orders: /health$",
}


class Here:
    """The reader's place: this checkout, a stack at an offset, and a port instead of 9000."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.own_port = free_port()
        registry = json.loads((stack.folder / "stack.json").read_text())["registry_url"]
        self.environment = stack.environment | {
            "PORT_OFFSET": str(stack.offset),
            "REDIS_URL": registry,
            "PATH": f"{REPOSITORY / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",
        }

    def moved(self, text: str) -> str:
        """The reader's command with addresses of this stack."""
        text = text.replace("localhost:8080", f"localhost:{self.stack.gateway_port}")
        text = text.replace(".lockgate/0/", f".lockgate/{self.stack.offset}/")
        return re.sub(r"\b9000\b", str(self.own_port), text)

    def shell(self, script: str) -> "subprocess.Popen[str]":
        """Run a script; a refusal by the gateway fails the command, which it would not for a reader's curl."""
        strict = re.sub(r"^curl ", "curl --silent --show-error --fail ", script, flags=re.MULTILINE)
        return subprocess.Popen(
            ["bash", "-e", "-c", self.moved(strict)],
            cwd=REPOSITORY,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def python(self, program: str, folder: Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", self.moved(program)],
            cwd=folder,
            env=self.environment | {"PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture(scope="module")
def here() -> Iterator[Here]:
    stack = Stack(RATE_LIMIT_REQUESTS="100000")
    try:
        stack.up()
        yield Here(stack)
    finally:
        stack.down()


def finished(process: "subprocess.Popen[str]", within_s: float = 60.0) -> str:
    printed, _ = process.communicate(timeout=within_s)
    assert process.returncode == 0, printed
    return printed


def first_lines(process: "subprocess.Popen[str]", pattern: str, within_s: float = 60.0) -> str:
    """Read an endless command's output until a line matches; then interrupt it as Ctrl-C does."""
    read: list[str] = []
    too_late = threading.Timer(within_s, os.killpg, (process.pid, signal.SIGKILL))
    too_late.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            read.append(line)
            if re.search(pattern, line, re.MULTILINE):
                break
    finally:
        too_late.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
    return "".join(read)


class Orders(BaseHTTPRequestHandler):
    """The service that the reader registers."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"answered by orders: {self.path}\n".encode())

    def log_message(self, *_: object) -> None: ...


@contextmanager
def serving(port: int) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", port), Orders)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def expected(command: str) -> str:
    return next((PRINTS[start] for start in PRINTS if command.startswith(start)), "")


SHELL_BLOCKS = blocks(README, "")


@pytest.mark.parametrize("block", SHELL_BLOCKS, ids=lambda block: block.commands[0][:40])
def test_the_commands_of_the_readme_do_what_it_says(here: Here, block: Block) -> None:
    assignments = ""
    with serving(here.own_port):
        for command in block.commands:
            if command in EXEMPT:
                continue
            if re.match(r"\w+=", command):
                assignments += f"{command}\n"
                continue
            process = here.shell(assignments + command)
            pattern = expected(command)
            endless = command.startswith(ENDLESS)
            printed = first_lines(process, pattern) if endless else finished(process)
            assert re.search(pattern, printed, re.MULTILINE), f"{command}\n{printed}"


def test_what_is_expected_here_is_still_in_the_readme() -> None:
    commands = [command for block in SHELL_BLOCKS for command in block.commands]
    assert EXEMPT.issubset(commands)
    for start in [*PRINTS, *ENDLESS]:
        assert any(command.startswith(start) for command in commands), start


def test_every_target_of_make_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)", "\n".join(code_in(README))))
    makefile = (REPOSITORY / "Makefile").read_text()
    known = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    assert named
    assert named <= known


def code_in(document: str) -> list[str]:
    return re.findall(r"`([^`]+)`", (REPOSITORY / document).read_text())


def test_the_service_of_the_readme_registers_is_routed_to_and_leaves(
    here: Here, tmp_path: Path
) -> None:
    program = blocks(README, "python")[0].text
    process = here.python(program, tmp_path)
    try:
        until(lambda: here.stack.get("/api/orders/health").status == 200)
        assert here.stack.get("/api/orders/health").json() == {"status": "healthy"}
    finally:
        process.terminate()
    finished(process)
    # The gateway hears of it from the registry, a moment later.
    until(lambda: here.stack.get("/services/orders_service").status == 404)


def test_what_the_readme_finds_from_python_is_what_its_comments_say(
    here: Here, tmp_path: Path
) -> None:
    program = blocks(README, "python")[1].text
    found, url, services = finished(here.python(showing_values(program), tmp_path)).splitlines()
    port = 8000 + here.stack.offset
    description = ast.literal_eval(found)
    assert (description["host"], description["port"]) == ("localhost", port)
    assert ast.literal_eval(url) == f"http://localhost:{port}"
    assert len(ast.literal_eval(services)) >= 5


def showing_values(program: str) -> str:
    """Print each expression's value, as an interactive session does."""
    tree = ast.parse(program)
    for statement in tree.body:
        if isinstance(statement, ast.Expr):
            call = ast.Call(ast.Name("print", ast.Load()), [], [])
            call.args = [ast.Call(ast.Name("repr", ast.Load()), [statement.value], [])]
            statement.value = call
    return ast.unparse(ast.fix_missing_locations(tree))


def test_an_error_looks_as_in_the_readme(here: Here) -> None:
    sample, _ = (json.loads(block.text) for block in blocks(README, "json"))
    real = here.stack.get("/api/nothing-of-that-name").json()
    assert list(real) == list(sample)
    assert {**real, "correlation_id": None} == {**sample, "correlation_id": None}


def test_a_log_line_looks_as_in_the_readme(here: Here) -> None:
    _, sample = (json.loads(block.text) for block in blocks(README, "json"))
    here.stack.get(sample["path"], X_Correlation_ID="readme-log-line")

    def logged() -> list[dict[str, Any]]:
        return [
            line
            for line in here.stack.logs()
            if line.get("correlation_id") == "readme-log-line"
            and (line["service"], line["event"]) == (sample["service"], sample["event"])
        ]

    (real,) = until(logged)
    assert list(real) == list(sample)
    assert {key: type(value) for key, value in real.items()} == {
        key: type(value) for key, value in sample.items()
    }


def test_the_metrics_of_the_readme_are_there(here: Here) -> None:
    here.stack.get("/api/price/prices/BTCUSDT")
    series = {
        line.rpartition(" ")[0] for line in here.stack.get("/metrics").body.decode().split("\n")
    }
    (sample,) = blocks(README, "text")
    for line in sample.text.splitlines():
        assert line.rpartition(" ")[0] in series


def test_a_service_without_anything_of_ours_is_called_in_under_five_commands(
    here: Here, tmp_path: Path
) -> None:
    (program,) = blocks("docs/any-language.md", "python")
    (commands,) = blocks("docs/any-language.md", "")
    assert len([line for line in program.text.splitlines() if line]) <= 20
    assert not re.search(r"import (gateway|discovery|shared|middlewares|services)", program.text)
    assert len(commands.commands) < 5
    (tmp_path / "hello.py").write_text(here.moved(program.text))
    token, start, call = commands.commands
    script = f"{token}\ncd {tmp_path}\n{start}\nwait"
    process = here.shell(script)
    try:
        said = "hello, you asked for /world\n"
        # A reader's typing takes longer than the registration.
        until(lambda: here.stack.get("/api/hello/world").body.decode() == said)
        assert finished(here.shell(call)) == said
        assert said.strip() in (REPOSITORY / "docs/any-language.md").read_text()
        (instance,) = here.stack.get("/services/hello_service").json()["instances"]
        assert instance["port"] == here.own_port
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        # Its lease would outlive it and show up in other tests.
        field = '-H "Authorization: Bearer $ADMIN_TOKEN"'
        url = "localhost:8080/services/hello_service/instances/hello-1"
        finished(here.shell(f"{token}\ncurl -X DELETE {url} {field}"))

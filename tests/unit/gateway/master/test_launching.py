"""The command lines of the processes of a gateway."""

import gc
import os
import sys

import pytest

from gateway.master.launching import MASTER, OF_THE_MASTER, command, interpreter_options, start


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["python", "-m", "gateway"], []),
        (["python", "-I", "-m", "gateway"], ["-I"]),
        (["python", "-X", "dev", "-B", "-m", "lockgate.gateway"], ["-X", "dev", "-B"]),
        (
            ["python", "-Xdev", "-W", "error", "/bin/lockgate", "gateway"],
            ["-Xdev", "-W", "error", "-P"],
        ),
        (["/opt/python", "/bin/lockgate", "gateway", "-m", "-X"], ["-P"]),
        (["python", "-P", "/bin/lockgate", "gateway"], ["-P"]),
        (["python", "-um", "gateway"], ["-u"]),
        (["python", "-BIXdev", "-IuX", "dev", "-m", "gateway"], ["-BIXdev", "-IuX", "dev"]),
        (["python", "-BWerror", "-mgateway"], ["-BWerror"]),
        (
            ["python", "--check-hash-based-pycs", "never", "-m", "gateway"],
            ["--check-hash-based-pycs", "never"],
        ),
        (["python", "-mgateway"], []),
        (["python", "-c", "main()"], []),
        (["python", "-X"], ["-X"]),
        (["python"], []),
        ([""], []),
    ],
)
def test_the_options_of_the_interpreter_are_those_before_the_module_or_the_script(
    words: list[str], options: list[str]
) -> None:
    assert interpreter_options(words) == options


def test_the_command_is_of_this_interpreter() -> None:
    assert command(MASTER)[0] == sys.executable
    assert command(MASTER)[-2:] == ["-m", "lockgate.master"]


def test_a_process_that_cant_be_started_leaves_no_descriptors() -> None:
    gc.collect()  # what other tests have left is not closed meanwhile
    before = len(os.listdir("/proc/self/fd"))

    with pytest.raises(OSError, match="No such file"):
        start(["/nowhere/python"])

    assert len(os.listdir("/proc/self/fd")) == before


def test_a_process_inherits_its_channel_and_its_standard_error_and_no_more() -> None:
    listing = (
        "import os; names = [f'/proc/self/fd/{n}' for n in range(3, 100)];"
        "os.write(2, ' '.join(os.readlink(n) for n in names if os.path.exists(n)).encode())"
    )
    started = start([sys.executable, "-c", listing])
    os.waitpid(started.pid, 0)
    said = os.read(started.errors, 1000).decode()
    os.close(started.errors)
    started.channel.close()

    assert said.count("socket:") == 1
    assert "pipe:" not in said


def test_signals_to_all_processes_do_not_end_one_that_has_no_handlers_yet() -> None:
    signals = ", ".join(str(int(one)) for one in OF_THE_MASTER)
    program = f"import os; [os.kill(os.getpid(), one) for one in ({signals})]"
    started = start([sys.executable, "-c", program])
    _, status = os.waitpid(started.pid, 0)
    os.close(started.errors)
    started.channel.close()

    assert os.waitstatus_to_exitcode(status) == 0

"""What `perf script` prints becomes shares of the interpreter, of libraries and of system calls."""

import pytest

from bench.profile.kernel import KERNEL, Frame, counted, parsed, part

SAID = """
\tffffffff822010c9 _raw_spin_unlock_irqrestore ([kernel.kallsyms])
\tffffffff81e32fbe sock_def_readable ([kernel.kallsyms])
\tffffffff816b98aa ksys_write ([kernel.kallsyms])
\tffffffff821ed511 do_syscall_64 ([kernel.kallsyms])
\tffffffff81000130 entry_SYSCALL_64_after_hwframe ([kernel.kallsyms])
\t    7f1c2a4f2f5b __GI___libc_write (/usr/lib/x86_64-linux-gnu/libc.so.6)

\t          53a2c1 _PyEval_EvalFrameDefault (/usr/bin/python3.11)
\t          5f0000 [unknown] (/usr/bin/python3.11)

\tffffffff816b98aa ksys_write ([kernel.kallsyms])
\tffffffff821ed511 do_syscall_64 ([kernel.kallsyms])

\t    7f1c2a4f2f5b PyInit (bad) name (/opt/uvloop/loop.cpython-311-x86_64-linux-gnu.so)
"""


def kernel(*names: str) -> list[Frame]:
    return [(name, KERNEL) for name in names]


def test_stacks_are_read_innermost_first() -> None:
    stacks = list(parsed(SAID))

    assert [len(stack) for stack in stacks] == [6, 2, 2, 1]
    assert stacks[1][0] == ("_PyEval_EvalFrameDefault", "/usr/bin/python3.11")
    assert stacks[3][0][0] == "PyInit (bad) name"


def test_the_shares_add_up_to_one() -> None:
    shares = counted(list(parsed(SAID)))

    assert shares.parts == {
        "kernel: write, waking the reader": 0.25,
        "interpreter": 0.25,
        "kernel: write, the rest": 0.25,
        "uvloop": 0.25,
    }
    assert shares.functions == {"_raw_spin_unlock_irqrestore": 0.25, "ksys_write": 0.25}


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        (kernel("tcp_recvmsg", "ksys_read", "do_syscall_64"), "kernel: read"),
        (kernel("x", "__sys_recvfrom", "__x64_sys_recvfrom", "do_syscall_64"), "kernel: read"),
        (
            kernel("ep_poll", "do_epoll_wait", "__x64_sys_epoll_pwait", "x64_sys_call")
            + kernel("do_syscall_64"),
            "kernel: poll and epoll",
        ),
        (kernel("__x64_sys_writev", "do_syscall_64"), "kernel: write, the rest"),
        (kernel("__x64_sys_futex", "do_syscall_64"), "kernel: futex"),
        (kernel("do_syscall_64"), "kernel: other calls, entry and exit"),
        (kernel("exc_page_fault", "asm_exc_page_fault"), "kernel: interrupts and faults"),
        ([("malloc", "/usr/lib/x86_64-linux-gnu/libc.so.6")], "C library"),
        ([("clock_gettime", "[vdso]")], "C library"),
        ([("f", "/usr/lib/libpython3.12.so.1.0")], "interpreter"),
        ([("f", "/x/site-packages/orjson/orjson.cpython-311.so")], "extension modules"),
    ],
)
def test_a_stack_belongs_to_one_part(stack: list[Frame], expected: str) -> None:
    assert part(stack) == expected

"""What `perf` sees: the kernel's part by system call, and the share of interpreter and libraries."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

KERNEL = "[kernel.kallsyms]"
#: A stack's frame: function and object; the innermost one is first.
Frame = tuple[str, str]

_FRAME = re.compile(r"\s*[0-9a-f]+ (.+) \(([^()]+)\)$")
_ENTRY = "do_syscall_64"
_DISPATCH = "x64_sys_call"
_PREFIXES = re.compile(r"^(?:__(?:x64|se|do)_sys_|__sys_|ksys_|do_)")
_LIKE_READING = {"recvfrom", "recvmsg", "readv"}
_LIKE_WRITING = {"sendto", "sendmsg", "writev"}
_LIKE_POLLING = {"epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll"}
#: Tells the reader of a local socket, whose process it wakes on another core by an interrupt.
_WAKES = "sock_def_readable"


@dataclass(slots=True)
class Shares:
    """Shares of the samples, which add up to 1; `functions` are the kernel's own."""

    parts: dict[str, float] = field(default_factory=dict)
    functions: dict[str, float] = field(default_factory=dict)


def is_available() -> bool:
    return shutil.which("perf") is not None


@contextmanager
def recording(pid: int, duration_s: float, data: Path) -> Iterator[None]:
    """Record the process meanwhile; nothing is recorded where that is not allowed."""
    command = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "3000", "-g"]
    command += ["-p", str(pid), "-o", str(data), "--", "sleep", str(duration_s)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        yield
        running.wait()


def shares(data: Path) -> Shares | None:
    """The shares in what was recorded, or None if nothing was."""
    command = ["perf", "script", "-i", str(data), "-F", "ip,sym,dso"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    stacks = list(parsed(ran.stdout))
    if not stacks:
        print(ran.stderr.strip()[-300:], file=sys.stderr)
        return None
    return counted(stacks)


def parsed(said: str) -> Iterator[list[Frame]]:
    """The stacks that `perf script` prints, with an empty line after each."""
    for block in said.split("\n\n"):
        stack = [(found[1], found[2]) for found in map(_FRAME.match, block.splitlines()) if found]
        if stack:
            yield stack


def counted(stacks: Sequence[Sequence[Frame]]) -> Shares:
    parts: Counter[str] = Counter(part(stack) for stack in stacks)
    own: Counter[str] = Counter(stack[0][0] for stack in stacks if stack[0][1] == KERNEL)
    each = 1 / len(stacks)
    return Shares(
        {name: count * each for name, count in parts.most_common()},
        {name: count * each for name, count in own.most_common()},
    )


def part(stack: Sequence[Frame]) -> str:
    """The part that the innermost function belongs to."""
    where = stack[0][1]
    if where == KERNEL:
        return f"kernel: {_asked([name for name, at in stack if at == KERNEL])}"
    name = Path(where).name
    if name.startswith(("python", "libpython")):
        return "interpreter"
    if name.startswith(("libc.", "libc-", "[vdso]", "ld-linux", "libpthread")):
        return "C library"
    if "uvloop" in where:
        return "uvloop"
    return "extension modules"


def _asked(names: Sequence[str]) -> str:
    """The system call that the kernel was in; its functions are innermost first."""
    if _ENTRY not in names:
        return "interrupts and faults"
    inside = [name for name in names[: names.index(_ENTRY)] if name != _DISPATCH]
    call = _PREFIXES.sub("", inside[-1]) if inside else ""
    if call == "write" or call in _LIKE_WRITING:
        return "write, waking the reader" if _WAKES in inside else "write, the rest"
    if call == "read" or call in _LIKE_READING:
        return "read"
    if call in _LIKE_POLLING:
        return "poll and epoll"
    return "futex" if call == "futex" else "other calls, entry and exit"

"""The master's own new release: tried in a child, then put in the place of this one, in the same process."""

import asyncio
import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING

from gateway.master import launching
from gateway.master.deciding.ends import in_words
from gateway.master.wire import MASTER_STATE

if TYPE_CHECKING:
    from gateway.master.master import Master

#: The new code is tried for at most so long.
TRIED_WITHIN_S = 10.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD)
CHECK = "--check"
_LOOK_EVERY_S = 0.05


async def renew(master: "Master") -> str:
    """Go on with the new code; returns only if that can't be: why not, or nothing where the gateway stops."""
    if why_not := await _try(master):
        return why_not
    while True:
        await _settled(master)
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            # Signals that have come before are handled in the next turns of the loop, and not lost.
            for _ in range(3):
                await asyncio.sleep(0)
            if master.stopping:
                return ""
            if not master.reloads.busy:
                return _become_new(master)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())


async def _try(master: "Master") -> str:
    """Why the master's code of this moment can't be imported or can't read the state; empty if it can."""
    descriptor = master.handed_on().to_descriptor()
    try:
        return await asyncio.to_thread(_tried, descriptor)
    finally:
        os.close(descriptor)


def _tried(descriptor: int) -> str:
    # This thread lives on. A signal that only the main thread blocks would come to it, and be lost with the exec.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            [*launching.command(launching.MASTER), CHECK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TRIED_WITHIN_S,
            check=False,
            env={**os.environ, MASTER_STATE: str(descriptor)},
            pass_fds=(descriptor,),
        )
    except subprocess.TimeoutExpired:
        return f"it takes more than {TRIED_WITHIN_S:g} s to say that it can"
    except OSError as error:
        return str(error)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else in_words(done.returncode)
    return ""


async def _settled(master: "Master") -> None:
    # A reload that was asked for in two phases would never hear of its end.
    while master.reloads.busy:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_EVERY_S)


def _become_new(master: "Master") -> str:
    """Replace this program; returns only if it can't be done: why not."""
    state = master.handed_on()
    descriptor = state.to_descriptor()
    inherited = state.descriptors
    try:
        for one in (*inherited, descriptor):
            os.set_inheritable(one, True)
        words = launching.command(launching.MASTER)
        os.execve(words[0], words, {**os.environ, MASTER_STATE: str(descriptor)})  # noqa: S606
    except OSError as error:
        return str(error)
    finally:
        os.close(descriptor)
        for one in set(inherited) - set(master.sockets.values()):
            with contextlib.suppress(OSError):
                os.set_inheritable(one, False)

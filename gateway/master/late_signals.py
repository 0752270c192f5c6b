"""Signals that come when a process ends by itself already."""

import asyncio
import signal

_NUMBERS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)


async def ignore_late_signals() -> None:
    """Ignore the signals to stop, reload and roll, to the end of the process; call it when nothing is left to do.

    A loop that closes gives them back their default: they would end the process with another status.
    Threads that go on must have them blocked, since between two handlers there is the default too.
    """
    loop = asyncio.get_running_loop()
    await loop.shutdown_default_executor()
    signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)
    for number in _NUMBERS:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)

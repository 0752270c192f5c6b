"""Which thread takes the signals of a process."""

import signal

#: What a thread gets for its own mistakes; `faulthandler` tells where.
_CRASHES = {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV}


def leave_signals_to_main_thread() -> None:
    """Block them in this thread, which is another one: the main thread knows what they mean by now."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - _CRASHES)

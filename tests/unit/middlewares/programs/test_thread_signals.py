"""Threads that leave the signals of the process to the main thread."""

import signal
import threading

from middlewares.programs.thread_signals import leave_signals_to_main_thread


def test_it_blocks_what_stops_a_process_and_not_what_tells_of_a_crash() -> None:
    blocked: list[set[int]] = []

    def run() -> None:
        leave_signals_to_main_thread()
        blocked.append({*signal.pthread_sigmask(signal.SIG_BLOCK, ())})

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR2} <= blocked[0]
    assert signal.SIGSEGV not in blocked[0]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())

"""The metrics `process_*` and `python_gc_*` that Prometheus expects of every program, on macOS too."""

import resource
from collections.abc import Iterable

import psutil
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


def add_process_metrics(registry: CollectorRegistry) -> None:
    """Register the collectors of this process; they cost nothing between scrapes."""
    ProcessCollector(registry=registry)  # it reads /proc, and gives nothing without one
    GCCollector(registry=registry)
    add_process_metrics_without_proc(registry)


def add_process_metrics_without_proc(registry: CollectorRegistry) -> None:
    """Register ProcessCollector's replacement on macOS; do nothing elsewhere."""
    if not psutil.LINUX:
        registry.register(ProcessWithoutProc())


class ProcessWithoutProc(Collector):
    """Collects ProcessCollector's metrics under the same names with psutil."""

    def collect(self) -> Iterable[Metric]:
        process = psutil.Process()
        with process.oneshot():
            memory, times = process.memory_info(), process.cpu_times()
            began_s, open_fds = process.create_time(), process.num_fds()
        most_fds, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        yield CounterMetricFamily(
            "process_cpu_seconds",
            "Total user and system CPU time spent in seconds.",
            value=times.user + times.system,
        )
        for name, about, value in (
            ("resident_memory_bytes", "Resident memory size in bytes.", memory.rss),
            ("virtual_memory_bytes", "Virtual memory size in bytes.", memory.vms),
            ("start_time_seconds", "Start time of the process, Unix time.", began_s),
            ("open_fds", "Number of open file descriptors.", open_fds),
            ("max_fds", "Maximum number of open file descriptors.", most_fds),
        ):
            yield GaugeMetricFamily(f"process_{name}", about, value=value)

"""Metrics of the configuration file."""

from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class ConfigurationCollector(Collector):
    """Asks for the state of the file when the metrics are scraped."""

    def __init__(self, *, is_current: Callable[[], bool], loaded_at_s: Callable[[], float]) -> None:
        self._is_current = is_current
        self._loaded_at_s = loaded_at_s

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "lockgate_config_last_reload_successful",
            "0 while the file has mistakes, and the configuration before is in force.",
            value=self._is_current(),
        )
        yield GaugeMetricFamily(
            "lockgate_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was read.",
            value=self._loaded_at_s(),
        )

"""Metrics of the certificates that the gateway gets by itself."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class CertificateCollector(Collector):
    """Asks for the certificates when the metrics are scraped; both mappings are by domain."""

    def __init__(
        self,
        *,
        ends_in_s: Callable[[], Mapping[str, float]],
        failures: Callable[[], Mapping[str, int]],
    ) -> None:
        self._ends_in_s = ends_in_s
        self._failures = failures

    def collect(self) -> Iterable[Metric]:
        by_domain = self._failures()
        if not by_domain:
            return  # no domain is named
        ends = GaugeMetricFamily(
            "gateway_acme_certificate_ends_in_seconds",
            "Until the certificate in use for a domain ends; below 0: it has ended.",
            labels=["domain"],
        )
        for domain, left_s in self._ends_in_s().items():
            ends.add_metric([domain], left_s)
        yield ends
        failed = GaugeMetricFamily(
            "gateway_acme_failures",
            "Orders for a domain that have failed since the last one that succeeded.",
            labels=["domain"],
        )
        for domain, failures in by_domain.items():
            failed.add_metric([domain], failures)
        yield failed

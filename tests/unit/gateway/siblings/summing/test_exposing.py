"""Metrics as plain series, and as text again."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.exposition import choose_encoder

from discovery.base.steps import at_once
from gateway.siblings.summing.exposing import collected, written

TYPES = ["text/plain", "application/openmetrics-text; version=1.0.0", "text/plain; version=1.0.0"]


@pytest.mark.parametrize("accept", TYPES)
def test_what_is_collected_is_written_as_prometheus_client_writes_it(accept: str) -> None:
    registry = CollectorRegistry()
    Info("build", "What runs.", registry=registry).info({"version": "1.2"})
    many = Gauge("many", "So many that they are\nwritten in pieces.", ["of"], registry=registry)
    for number in range(250):
        many.labels(f'# {number}\n# "odd"\r\\').set(number)
    Counter("seen", "About.", ["by"], registry=registry).labels("a").inc(3)
    Histogram("seconds", "About.", registry=registry).observe(0.3)
    Gauge("none", "Nothing yet.", ["of"], registry=registry)
    encode, _ = choose_encoder(accept)

    assert at_once(written(at_once(collected(registry)), encode)) == encode(registry)


@pytest.mark.parametrize("accept", TYPES)
def test_nothing_is_an_empty_document(accept: str) -> None:
    encode, _ = choose_encoder(accept)

    assert at_once(written([], encode)) == encode(CollectorRegistry())

"""From prometheus-client's metrics to plain series, and from series to text."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from discovery.base.steps import Steps, slices
from gateway.siblings.summing.deciding.series import Described, Family, Labels, Series, labels_of

#: Writes all metrics of a registry.
Encode = Callable[[Collector], bytes]

_OPEN_METRICS_END = b"# EOF\n"
_COMMENT = b"# "
_CREATED = "_created"


def collected(collector: Collector) -> Steps[list[Family]]:
    """What a registry has now."""
    families = []
    for metric in collector.collect():
        yield
        family = Family(Described(metric.name, metric.type, metric.documentation), [])
        for samples in slices(metric.samples):
            family.series.extend(
                Series(one.name.removeprefix(metric.name), labels_of(one.labels), one.value)
                for one in samples
            )
            yield
        families.append(family)
    return families


def written(families: Iterable[Family], encode: Encode) -> Steps[bytes]:
    """The families in the format of `encode`."""
    text = bytearray()
    for family in families:
        # Samples of when a counter began are shown as a family of their own, with lines about it.
        in_pieces = all(one.suffix != _CREATED for one in family.series)
        pieces = [*slices(family.series)] if in_pieces else [family.series]
        text += _text_of(family, pieces[0] if pieces else [], encode)
        yield
        for series in pieces[1:]:
            text += _without_first_comments(_text_of(family, series, encode))
            yield
    return bytes(text) + encode(_Given([]))


def _text_of(family: Family, series: list[Series], encode: Encode) -> bytes:
    described = family.described
    metric = Metric(described.name, described.about, described.kind)
    for suffix, labels, value in series:
        metric.add_sample(described.name + suffix, _labels(labels), value)
    return encode(_Given([metric])).removesuffix(_OPEN_METRICS_END)


def _labels(labels: Labels) -> dict[str, str]:
    return dict(zip(labels[::2], labels[1::2], strict=True))


def _without_first_comments(text: bytes) -> bytes:
    begins = 0
    while text.startswith(_COMMENT, begins):
        begins = text.index(b"\n", begins) + 1
    return text[begins:]


class _Given(Collector):
    """A registry of the metrics that are given."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        return iter(self._metrics)

"""The reports of mirrors, as `lockgate mirror report` prints them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.cli.missing_workers import missing_workers
from gateway.cli.output import print_below, print_lines, print_rows
from middlewares.telemetry.printable import printable

_NOTHING = "no request has been copied since the gateway or the report began"
_HEADINGS = ("kind", "place", "count", "original", "mirror", "correlation id of the first")


def print_reports(document: Mapping[str, Any]) -> None:
    """Print the answer to `GET /mirrors`."""
    reports: Sequence[Mapping[str, Any]] = document["mirrors"]
    if not reports:
        print_lines(_NOTHING)
    for number, report in enumerate(reports):
        if number:
            print_lines("")
        print_lines(*map(printable, _lines(report)))
        if report["differences"]:
            print_rows(
                _HEADINGS,
                [
                    (
                        one["kind"],
                        one["place"],
                        str(one["count"]),
                        one["example"]["original"],
                        one["example"]["mirror"],
                        one["example"]["correlation_id"],
                    )
                    for one in report["differences"]
                ],
                to_the_right=["count"],
            )
        if report["differences_elsewhere"]:
            print_lines(f"and {report['differences_elsewhere']} differences at other places")
    print_below(missing_workers(document))


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"{report['route']} → {report['mirror']}"
    yield f"  copies: {_counts(report['copies']) or 'none'}"
    yield (
        f"  compared {report['compared']}: {report['same']} same, {report['different']} different"
        + (f"; not compared: {counts}" if (counts := _counts(report["not_compared"])) else "")
    )
    for name, times in report["seconds"].items():
        if times:
            told = ", ".join(f"{quantile} {s * 1000:.1f} ms" for quantile, s in times.items())
            yield f"  {name}: {told}"


def _counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{number} {name}" for name, number in ordered)

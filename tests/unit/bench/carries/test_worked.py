"""A system for the model is given by its name, by its numbers, or by both."""

import pytest

from bench.carries.bounds import WORKED
from bench.carries.costs import load
from bench.carries.worked import parse, show
from bench.report import Report


def test_numbers_replace_those_of_the_named_system() -> None:
    system = parse("small-shop,gateways=3,heartbeat_s=2.5")

    assert (system.gateways, system.heartbeat_s) == (3, 2.5)
    assert system.clients == WORKED["small-shop"].clients


def test_numbers_alone_are_a_system_too() -> None:
    assert parse("instances=500").instances == 500


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("big-shop", "'big-shop' is no system; there are small-shop"),
        ("instances=5,small-shop", "'small-shop' is no system"),
        ("instance=5", "'instance' is no number of a system; there are requests_s"),
        ("instances=many", "instances=many: not a number"),
        ("instances=0", "instances=0: out of range"),
        ("heartbeat_s=nan", "heartbeat_s=nan: out of range"),
        ("gateways=1e3", "gateways=1e3: not a number"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("'", ".")):
        parse(text)


def test_the_tables_name_each_system_and_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    show(Report(), load(), tuple(WORKED.values()))

    printed = capsys.readouterr().out
    assert all(name in printed for name in WORKED)
    assert "nearest end" in printed

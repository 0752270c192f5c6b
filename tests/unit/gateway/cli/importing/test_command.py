"""`lockgate import` as it is called."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gateway.cli.commands.import_ import import_


def called(*arguments: str, given: bytes = b"") -> Result:
    return CliRunner().invoke(import_, arguments, input=given, standalone_mode=False)


def test_standard_output_has_the_file(tmp_path: Path) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text("server { return 403; }")
    result = called(str(file))
    assert result.return_value == 0
    assert result.stdout.endswith("    respond: {status: 403}\n")
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("nginx", b"server { return 403; }"),
        ("compose", b"services: {a: {expose: [80]}}"),
        ("traefik", b"http: {}"),
        ("traefik", b"[http.routers.a]\nrule = 'x'"),
    ],
)
@pytest.mark.parametrize("said", [True, False])
def test_standard_input_is_taken_for_its_kind(kind: str, text: bytes, said: bool) -> None:
    result = called("-", *(["--from", kind] if said else []), given=text)
    assert result.stdout.startswith("# Made by `lockgate import` from <stdin>.")
    assert "<stdin>:1:" in result.stdout or kind == "traefik"


def test_a_file_of_no_kind_is_asked_about() -> None:
    result = called("-", given=b"hello")
    assert isinstance(result.exception, click.UsageError)
    assert "--from nginx, compose or traefik" in result.exception.message


@pytest.mark.parametrize(
    ("kind", "text", "line"),
    [
        ("nginx", b"server {", '<stdin>:1:1: the "{" of "server" is not closed'),
        ("compose", b"services: [", "<stdin>:1:12: not YAML: "),
        ("traefik", b"[http", "<stdin>:1:6: not TOML: "),
        ("nginx", b"a\nb\xff", "<stdin>:2:2: the byte 0xff is not UTF-8"),
        ("nginx", b"#" * 3_000_000, "<stdin>:1:1: the file is larger than 2 MiB"),
    ],
)
def test_a_file_that_can_t_be_read_is_one_line(kind: str, text: bytes, line: str) -> None:
    result = called("-", "--from", kind, given=text)
    assert result.return_value == 1
    assert result.stdout == ""
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1

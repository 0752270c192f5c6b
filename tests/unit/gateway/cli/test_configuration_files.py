"""`lockgate check-config` and `lockgate config schema`."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from gateway.config.file.schema import json_schema
from tests.support.documents import ROOT
from tests.support.passwords import htpasswd
from tests.support.registered_programs import LOCKGATE

WRONG = "limits: {default: {requests: 0, window: 1m}}\ndefaults: {limits: [defualt]}\n"


def lockgate(folder: Path, *arguments: str, given: bytes = b"") -> tuple[int, str, str]:
    """The exit status of a command, and what it printed to standard output and standard error."""
    finished = subprocess.run(
        [*LOCKGATE, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "REDIS_URL": "redis://nowhere.invalid"},
        input=given,
        capture_output=True,
        check=False,
    )
    return finished.returncode, finished.stdout.decode(), finished.stderr.decode()


def test_a_right_file_is_told_in_one_line(tmp_path: Path) -> None:
    example = str(ROOT / "docs/examples/lockgate.yaml")
    assert lockgate(tmp_path, "check-config", example) == (
        0,
        f"{example}: 7 routes, 1 service, 8 limits\n",
        "",
    )


def test_all_mistakes_are_told_on_standard_error(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(WRONG)
    status, out, error = lockgate(tmp_path, "check-config", "a.yaml")
    assert (status, out) == (1, "")
    assert error.splitlines() == [
        "a.yaml:1:30: limits.default.requests: must be a whole number from 1 to 1,000,000",
        'a.yaml:2:21: defaults.limits[0]: there is no limit "defualt"; did you mean "default"?',
    ]


def test_a_warning_does_not_fail(tmp_path: Path) -> None:
    file = b"limits: {a: {requests: 1, window: 1m}}"
    assert lockgate(tmp_path, "check-config", "-", given=file) == (
        0,
        "<stdin>: 0 routes, 0 services, 1 limit\n",
        "<stdin>:1:10: warning: limits.a: no route has this limit, nor have defaults\n",
    )


def test_a_route_that_gets_no_request_is_a_warning(tmp_path: Path) -> None:
    file = b"routes: [{name: a, match: {path: /health}, respond: {}}]"
    assert lockgate(tmp_path, "check-config", "-", given=file) == (
        0,
        "<stdin>: 1 route, 0 services, 0 limits\n",
        "<stdin>:1:10: warning: routes[0]: gets no request: the gateway's own /health comes first\n",
    )


def test_the_mistakes_are_there_as_json(tmp_path: Path) -> None:
    status, out, error = lockgate(tmp_path, "check-config", "-", "--json", given=WRONG.encode())
    assert (status, error) == (1, "")
    assert json.loads(out)[1] == {
        "file": "<stdin>",
        "line": 2,
        "column": 21,
        "path": "defaults.limits[0]",
        "message": 'there is no limit "defualt"; did you mean "default"?',
        "level": "error",
    }
    assert lockgate(tmp_path, "check-config", "-", "--json") == (0, "[]\n", "")


@pytest.mark.parametrize(
    ("file", "said"),
    [("missing.yaml", "missing.yaml: No such file or directory"), (".", ".: Is a directory")],
)
def test_a_file_that_cannot_be_read_is_told_in_one_line(
    tmp_path: Path, file: str, said: str
) -> None:
    assert lockgate(tmp_path, "check-config", file) == (1, "", f"lockgate: {said}\n")


def test_a_name_that_a_terminal_would_obey_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "\x1b[2J.yaml").write_text("a: 1")
    _, _, error = lockgate(tmp_path, "check-config", "\x1b[2J.yaml")
    assert error.startswith("\\u001b[2J.yaml:1:1: a: unknown key")


def test_the_file_is_an_argument_that_has_to_be_there(tmp_path: Path) -> None:
    status, _, error = lockgate(tmp_path, "check-config")
    assert status == 2
    assert error == "lockgate: Missing argument 'FILE'; try `lockgate check-config --help`\n"


def test_the_schema_is_printed_as_json_with_a_line_break_at_its_end(tmp_path: Path) -> None:
    status, out, error = lockgate(tmp_path, "config", "schema")
    assert (status, error) == (0, "")
    assert json.loads(out) == json_schema()
    assert out.endswith("}\n")


def test_an_unknown_subcommand_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    status, _, error = lockgate(tmp_path, "config", "shema")
    assert status == 2
    assert "Did you mean 'schema'?" in error


def test_what_a_file_names_begins_in_its_folder_or_for_standard_input_in_the_current_one(
    tmp_path: Path,
) -> None:
    text = "auth: {ops: {type: basic, users_file: users}}\ndefaults: {auth: {any_of: [ops]}}\n"
    file = tmp_path / "other" / "lockgate.yaml"
    file.parent.mkdir()
    file.write_text(text)
    (tmp_path / "users").write_bytes(htpasswd(alice="one"))
    assert lockgate(tmp_path, "check-config", "-", given=text.encode()) == (
        0,
        "<stdin>: 0 routes, 0 services, 0 limits\n",
        "",
    )
    status, _, error = lockgate(tmp_path, "check-config", str(file))
    assert status == 1
    where = file.with_name("users")
    told = f"auth.ops.users_file: {where} can't be read: No such file or directory"
    assert error == f"{file}:1:39: {told}\n"

"""The configuration for supervisord, read back as supervisord reads it."""

import configparser
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.stack.plan import GATEWAY, REGISTRY, ProcessSpec
from gateway.stack.supervisord.configuration import config_text, quoted


def as_supervisord_reads(command: str) -> list[str]:
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(f"[program:x]\ncommand = {command}\n")
    return shlex.split(parser["program:x"]["command"] % {})


def sections(*processes: ProcessSpec) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    text = config_text(
        processes,
        socket=Path("/x/supervisor.sock"),
        environments=Path("/x/it's 50% #1"),
        stop_wait_s=15,
    )
    parser.read_string(text)
    return parser


@pytest.mark.parametrize("argument", ["plain", "a b", "a #b", "a ;b", "it's", '"', "50%", "\\", ""])
def test_a_quoted_argument_arrives_as_it_was(argument: str) -> None:
    assert as_supervisord_reads(f"program {quoted(argument)} end") == ["program", argument, "end"]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_any_printable_argument_arrives_as_it_was(argument: str) -> None:
    assert as_supervisord_reads(f"program {quoted(argument)} end") == ["program", argument, "end"]


def test_a_process_is_restarted_logs_to_one_rotated_file_and_gets_time_to_stop() -> None:
    process = ProcessSpec("price_service-2", "price_service", 8100, ("python", "-m", "services"))
    section = sections(process)["program:price_service-2"]
    assert section["autorestart"] == "true"
    assert section["stdout_logfile"] == "%(here)s/logs/price_service-2.log"
    assert section["redirect_stderr"] == "true"
    assert section["stdout_logfile_backups"] == "3"
    assert section["stopwaitsecs"] == "15"


def test_a_process_is_started_by_a_shell_that_reads_its_variables_and_becomes_it() -> None:
    process = ProcessSpec("a", "a", 1, ("python", "-m", "a b"))
    command = as_supervisord_reads(sections(process)["program:a"]["command"])
    assert command[3:] == ["/x/it's 50% #1/a", "python", "-m", "a b"]
    assert command[:2] == ["/bin/sh", "-c"]
    assert command[2].endswith('exec "$@"')


def test_the_registry_starts_first_and_the_gateway_last() -> None:
    names = (GATEWAY, REGISTRY, "price_service")
    parser = sections(*(ProcessSpec(name, name, 1, ("x",)) for name in names))
    priorities = {name: int(parser[f"program:{name}"]["priority"]) for name in names}
    assert sorted(names, key=priorities.__getitem__) == [REGISTRY, "price_service", GATEWAY]


@pytest.mark.parametrize(("limit", "demanded"), [(256, "256"), (2000, "1024")])
def test_supervisord_demands_no_more_descriptors_than_it_can_have(
    limit: int, demanded: str
) -> None:
    """After `ulimit -n 256` it did not start, and its message was about its own settings."""
    program = (
        "import resource; from pathlib import Path\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))\n"
        "from gateway.stack.supervisord.configuration import config_text\n"
        "print(config_text((), socket=Path('/x/s'), environments=Path('/x'), stop_wait_s=15))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    parser = configparser.RawConfigParser()
    parser.read_string(done.stdout)
    assert parser["supervisord"]["minfds"] == demanded

"""The text of supervisord's configuration for a stack."""

import os
import pwd
import resource
from collections.abc import Iterable
from pathlib import Path

from gateway.stack.logs.rotating_file import LOG_BACKUPS, LOG_BYTES
from gateway.stack.plan import GATEWAY, REGISTRY, ProcessSpec

# If a process ends sooner, it is restarted after a pause that grows by a second each time.
START_S = 2
NEVER_GIVES_UP = 1_000_000
# supervisord's own default.
DESCRIPTORS = 1024
# The socket's mode is its only guard; without credentials supervisord logs a critical warning.
CREDENTIALS = "stack"
# supervisord can't write every value into a variable or unset one, and its own environment is fixed.
# So a shell reads the variables when a process starts, and then becomes the process.
_IN_ENVIRONMENT = ("/bin/sh", "-c", '. "$0" && exec "$@"')
# A lower one starts first and stops last: the registry outlives its users, the gateway drains first.
PRIORITIES = {REGISTRY: 1, GATEWAY: 3}
SERVICE_PRIORITY = 2


def config_text(
    processes: Iterable[ProcessSpec], *, socket: Path, environments: Path, stop_wait_s: int
) -> str:
    """`%(here)s` is the state directory; its path may have any characters but %.

    `environments` has a script for each process that sets its variables.
    """
    sections = [_DAEMON.format(user=_user_line(), descriptors=_descriptors())]
    place = str(socket) if socket.name != "supervisor.sock" else "%(here)s/supervisor.sock"
    sections.append(_SERVER.format(socket=place, credentials=CREDENTIALS))
    sections += [_program(process, environments, stop_wait_s) for process in processes]
    return "\n".join(sections)


def quoted(argument: str) -> str:
    """One argument for supervisor's `command`.

    configparser reads it (a space and then `;` or `#` begins a comment), then it is %-formatted, then
    split as a shell would. So each special character is quoted by itself.
    """
    return "".join(_quoted_character(character) for character in argument) or "''"


def _quoted_character(character: str) -> str:
    if character == "%":
        return "%%"
    if character.isalnum() or character in "_-./:=,+@":
        return character
    return f'"{character}"' if character == "'" else f"'{character}'"


def _user_line() -> str:
    # Without it supervisord warns root at every start that it dropped no privileges.
    return f"user = {pwd.getpwuid(0).pw_name}\n" if os.geteuid() == 0 else ""


def _descriptors() -> int:
    """What supervisord demands as its limit; it needs far fewer, but won't start if it can't have them."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)


def _program(process: ProcessSpec, environments: Path, stop_wait_s: int) -> str:
    return _PROGRAM.format(
        name=process.name,
        command=" ".join(
            map(quoted, (*_IN_ENVIRONMENT, str(environments / process.name), *process.command))
        ),
        priority=PRIORITIES.get(process.name, SERVICE_PRIORITY),
        start_s=START_S,
        retries=NEVER_GIVES_UP,
        stop_wait_s=stop_wait_s,
        log_bytes=LOG_BYTES,
        log_backups=LOG_BACKUPS,
    )


_DAEMON = f"""\
[supervisord]
logfile = %(here)s/logs/supervisord.log
logfile_maxbytes = {LOG_BYTES}
logfile_backups = {LOG_BACKUPS}
pidfile = %(here)s/supervisord.pid
nocleanup = true
minfds = {{descriptors}}
{{user}}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

_SERVER = """\
[unix_http_server]
file = {socket}
chmod = 0700
username = {credentials}
password = {credentials}
"""

_PROGRAM = """\
[program:{name}]
command = {command}
priority = {priority}
autostart = false
autorestart = true
startsecs = {start_s}
startretries = {retries}
stopsignal = TERM
stopwaitsecs = {stop_wait_s}
killasgroup = true
redirect_stderr = true
stdout_logfile = %(here)s/logs/{name}.log
stdout_logfile_maxbytes = {log_bytes}
stdout_logfile_backups = {log_backups}
"""

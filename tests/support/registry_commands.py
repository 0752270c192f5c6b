"""What the registry's containers have in their image: valkey-server, and valkey-cli as far as our scripts use it."""

import sys
from pathlib import Path

import pytest

from gateway.stack.registry.server import own_binary

_CLI = f"""#!{sys.executable} -SE
import os, socket, sys

words, options = sys.argv[1:], dict(h="127.0.0.1", p="6379")
while words[0] in ("-h", "-p"):
    options[words[0][1:]] = words[1]
    words = words[2:]
connection = socket.create_connection((options["h"], int(options["p"])), timeout=5)
lines = connection.makefile("rwb")


def ask(*words):
    lines.write(b"*%d\\r\\n" % len(words))
    for word in words:
        lines.write(b"$%d\\r\\n%s\\r\\n" % (len(word), word.encode()))
    lines.flush()
    return answer()


def answer():
    line = lines.readline().decode().strip()
    if line.startswith("-"):
        sys.exit(line)
    if line.startswith("*"):
        return [answer() for _ in range(int(line[1:]))]
    return lines.readline().decode().strip() if line.startswith("$") else line[1:]


def show(value):
    for one in value if isinstance(value, list) else [value]:
        show(one) if isinstance(one, list) else print(one)


if os.environ.get("REDISCLI_AUTH"):
    ask("AUTH", os.environ["REDISCLI_AUTH"])
show(ask(*words))
"""


def install(folder: Path) -> None:
    """Put both into a folder; skips the test where there is no server."""
    server = own_binary()
    if server is None:
        pytest.skip("there is no registry server: install the extra `embedded`")
    folder.mkdir()
    (folder / "valkey-server").symlink_to(server[0])
    (folder / "valkey-cli").write_text(_CLI.replace("\r\n", "\\r\\n"))
    (folder / "valkey-cli").chmod(0o755)

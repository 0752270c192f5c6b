"""What the files of log-ins must hold, and how it is told where they are named."""

from pathlib import Path

import pytest

from gateway.config.file.loading import read_file

TEXT = """auth:
  staff:
    type: oidc
    issuer: https://id.example
    client_id: c
    client_secret_file: client
    session: {secret_file: session}
defaults: {auth: none}
"""
GOOD = {"client": b"the secret\n", "session": b"s" * 32 + b"\n\n" + b"t" * 64 + b"\r\n"}
CLIENT, SESSION = "f:6:25: auth.staff.client_secret_file", "f:7:28: auth.staff.session.secret_file"


def mistakes(folder: Path, contents: dict[str, bytes], mode: int = 0o600) -> list[str]:
    for name, content in contents.items():
        path = folder / name
        path.write_bytes(content)
        path.chmod(mode)
    (folder / "lockgate.yaml").write_text(TEXT)
    read = read_file(str(folder / "lockgate.yaml"))
    return [one.line("f").replace(str(folder), "…") for one in read.errors]


def test_good_files_are_taken(tmp_path: Path) -> None:
    assert mistakes(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("name", "content", "place", "why"),
    [
        ("client", b"", CLIENT, "it must be one line of text that is not empty"),
        ("client", b"a\nb\n", CLIENT, "it must be one line of text that is not empty"),
        ("client", b"\xff", CLIENT, "it is no text"),
        ("session", b"\n", SESSION, "it has no secret: `openssl rand -hex 32` makes one"),
        (
            "session",
            b"s" * 32 + b"\nshort\n",
            SESSION,
            "line 2 has less than 256 bits: a line has at least 32 characters, as `openssl rand -hex 32` makes them",
        ),
        (
            "session",
            (b"s" * 32 + b"\n") * 17,
            SESSION,
            "it has more than 16 lines, each with a secret",
        ),
    ],
)
def test_a_content_that_is_of_no_use_is_told_where_it_is_named(
    tmp_path: Path, name: str, content: bytes, place: str, why: str
) -> None:
    assert mistakes(tmp_path, {**GOOD, name: content}) == [
        f"{place}: what is in …/{name} can't be used: {why}"
    ]


def test_secrets_that_others_can_read_are_refused(tmp_path: Path) -> None:
    found = mistakes(tmp_path, GOOD, 0o644)
    assert [one.partition(": …")[0] for one in found] == [CLIENT, SESSION]
    assert all("others can read it" in one for one in found)

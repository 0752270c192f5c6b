"""Each sample is imported exactly as its expected file has it, and that is a file of ours."""

from pathlib import Path

import pytest

from gateway.cli.importing.importing import import_file, kind_of
from gateway.config.file.loading import read_bytes

SAMPLES = Path(__file__).parent / "samples"
FILES = sorted(one.name.removesuffix(".expected") for one in SAMPLES.glob("*.expected"))


def test_there_are_samples() -> None:
    assert len(FILES) == 6


@pytest.mark.parametrize("file", FILES)
def test_a_sample_is_imported_as_expected(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLES)
    assert import_file(file) == Path(f"{file}.expected").read_text()


@pytest.mark.parametrize("file", FILES)
def test_check_config_finds_nothing_wrong_with_it(file: str) -> None:
    read = read_bytes((SAMPLES / f"{file}.expected").read_bytes())
    assert read.errors == ()
    assert read.configuration is not None


@pytest.mark.parametrize(
    ("file", "kind"),
    {
        "nginx.conf": "nginx",
        "location.conf": "nginx",
        "compose.yaml": "compose",
        "docker-compose.traefik.yml": "compose",
        "traefik.yaml": "traefik",
        "traefik.toml": "traefik",
    }.items(),
)
@pytest.mark.parametrize("name", ["", "-"])
def test_the_kind_is_found_by_the_name_or_else_by_what_stands_in_it(
    file: str, kind: str, name: str
) -> None:
    assert kind_of((SAMPLES / file).read_text(), name or file) == kind


def test_no_value_that_may_be_secret_is_repeated() -> None:
    for file in FILES:
        text = (SAMPLES / f"{file}.expected").read_text()
        assert "not-to-be-shown" not in text
        assert "secret" not in text.lower().replace("x-secret", "")
        assert "c2VjcmV0" not in text

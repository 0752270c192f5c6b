"""The wheel: its contents, its page in a package index, and its types for a type checker."""

import email
import email.message
import re
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest
import readme_renderer.markdown

import discovery
import lockgate
import shared.service_discovery
from tests.support.documents import ROOT
from tests.support.installs import Install

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240), pytest.mark.xdist_group("packages")]

PACKAGES = ("discovery", "gateway", "lockgate", "middlewares", "services", "shared")
#: The files that a package or a type checker needs.
WANTED = {".py", ".lua", ".html", ".typed"}
REPOSITORY = "https://github.com/lockgate/lockgate"


def metadata_of(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as files:
        (name,) = [one for one in files.namelist() if one.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(files.read(name))


def test_it_has_every_file_of_the_packages_and_nothing_more(wheel: Path) -> None:
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in WANTED or path.name == "py.typed"
    }
    with zipfile.ZipFile(wheel) as files:
        names = {name for name in files.namelist() if ".dist-info/" not in name}
    assert names == expected
    assert {f"{package}/py.typed" for package in PACKAGES} < names


def test_it_names_where_its_project_is(wheel: Path) -> None:
    urls = dict(url.split(", ", 1) for url in metadata_of(wheel).get_all("Project-URL", []))
    assert set(urls) == {"Homepage", "Documentation", "Source", "Changelog", "Issues"}
    assert all(url.startswith(REPOSITORY) for url in urls.values())
    # The files that they name exist in the repository.
    paths = [url.partition("/blob/main/")[2].partition("#")[0] for url in urls.values()]
    assert all((ROOT / path).exists() for path in paths)


def rendered(wheel: Path) -> str:
    metadata = metadata_of(wheel)
    assert metadata["Description-Content-Type"] == "text/markdown"
    shown = readme_renderer.markdown.render(str(metadata.get_payload()))
    assert shown is not None
    return shown


def test_a_package_index_shows_the_readme_with_links_and_images_that_lead_somewhere(
    wheel: Path,
) -> None:
    """Each link led into the index itself, and no image was shown."""
    shown = rendered(wheel)
    places = re.findall(r'\b(?:href|src|srcset)="([^"]*)"', shown)
    assert [place for place in places if not place.startswith(("https://", "http://", "#"))] == []
    ours = [place for place in places if place.startswith((REPOSITORY, RAW))]
    assert len(ours) > 5
    for place in ours:
        path = re.sub(rf"^(?:{REPOSITORY}/(?:blob|tree)/main|{RAW})/", "", place)
        assert (ROOT / PurePosixPath(path.partition("#")[0])).exists(), place
    images = re.findall(r'<img[^>]* src="([^"]*)"', shown)
    assert len(images) == (ROOT / "README.md").read_text().count("<img ")


RAW = "https://raw.githubusercontent.com/lockgate/lockgate/main"
#: The guides' program, with types.
PROGRAM = """
from aiohttp import web

import discovery
import lockgate
import shared.service_discovery
from lockgate import ServiceNotFound, announce, announced, get_service_registry


async def look() -> str:
    async with lockgate.AsyncServiceRegistry() as registry:
        return await registry.discover_service("orders_service")


app = web.Application()
announce(app, name="orders_service", port=9000)
with announced(name="orders_service", port=9000):
    try:
        url: str = get_service_registry().discover_service("prices")
    except ServiceNotFound:
        url = ""
"""


def type_checked(bare: Install, folder: Path, program: str) -> "subprocess.CompletedProcess[str]":
    (folder / "program.py").write_text(program)
    return subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--no-error-summary"),
            *("--python-executable", bare.python, "program.py"),
        ],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("module", ["lockgate", "discovery", "shared.service_discovery"])
def test_a_type_checker_finds_a_mistyped_name(bare: Install, tmp_path: Path, module: str) -> None:
    pytest.importorskip("mypy")
    done = type_checked(bare, tmp_path, f"from {module} import get_service_registri\n")
    assert 'has no attribute "get_service_registri"' in done.stdout


def test_a_type_checker_finds_the_types_of_every_documented_name(
    bare: Install, tmp_path: Path
) -> None:
    pytest.importorskip("mypy")
    modules = (lockgate, discovery, shared.service_discovery)
    names = [f"{module.__name__}.{name}" for module in modules for name in module.__all__]
    program = PROGRAM + "".join(f"reveal_type({name})\n" for name in names)
    done = type_checked(bare, tmp_path, program)
    assert done.returncode == 0, done.stdout + done.stderr
    revealed = re.findall(r'note: Revealed type is "(.*)"$', done.stdout, re.MULTILINE)
    assert len(revealed) == len(names)
    untyped = [name for name, kind in zip(names, revealed, strict=True) if kind == "Any"]
    assert untyped == []

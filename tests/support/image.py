"""Builds the image's root file system by the steps of the Dockerfile, without an engine."""

import gzip
import os
import re
import shutil
import ssl
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.containers import Stage, copy_build_context

MIRROR, SECURITY = "http://deb.debian.org/debian", "http://deb.debian.org/debian-security"
#: As an engine sets it for a base image, which has none of its own.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Runs a shell line in a root file system, with processes of its own alone.
_CHROOT = 'mount -t proc proc "$0/proc" && exec chroot "$0" /bin/sh -c "$1"'


def why_it_can_not_be_built() -> str | None:
    """What this system lacks; None if it has everything."""
    if os.geteuid() != 0:
        return "only root may make a root file system"
    if shutil.which("mmdebstrap") is None:
        return (
            "mmdebstrap is not installed, which makes the base image (apt-get install mmdebstrap)"
        )
    namespaces = ["unshare", "--mount", "--net", "--pid", "--fork", "true"]
    if subprocess.run(namespaces, capture_output=True, check=False).returncode != 0:
        return "this system allows no namespaces"
    return None


def make_base(base: str, root: Path) -> str | None:
    """Make the root file system of `debian:SUITE-slim`; returns why Debian's archive can't be had."""
    (suite,) = re.findall(r"^debian:(\w+)-slim@sha256:[0-9a-f]{64}\b", base)
    sources = [
        f"deb {MIRROR} {suite} main",
        f"deb {MIRROR} {suite}-updates main",
        f"deb {SECURITY} {suite}-security main",
    ]
    made = subprocess.run(
        ["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", suite, str(root), *sources],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        return made.stderr.strip().rpartition("\n")[2]
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    # Where this system trusts authorities of its own, the build has to trust them too.
    authorities = os.environ.get("PIP_CERT") or ssl.get_default_verify_paths().cafile
    if authorities and Path(authorities).exists():
        shutil.copy(authorities, root / "authorities.crt")
    return None


def run_stage(stage: Stage, root: Path) -> None:
    """Follow WORKDIR, COPY . . and RUN of a stage in its base's root file system."""
    passed = ("http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
    environ = {"PATH": _PATH, "DEBIAN_FRONTEND": "noninteractive"}
    environ |= {name: os.environ[name] for name in passed if name in os.environ}
    if (root / "authorities.crt").exists():
        environ["PIP_CERT"] = "/authorities.crt"
    folder = "/"
    for name, rest in stage.instructions:
        if name == "WORKDIR":
            folder = rest
            (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            assert rest == ". ."
            copy_build_context(root / folder.lstrip("/"))
        elif name == "RUN":
            line = re.sub(r"^(--\w+=\S+\s+)+", "", rest)
            _run(f"cd {folder} && {line}", root, environ)
        else:
            raise AssertionError(f"{name} is not followed")


def _run(line: str, root: Path, environ: Mapping[str, str]) -> None:
    own = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", _CHROOT]
    done = subprocess.run(
        [*own, str(root), line], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"


def sizes(root: Path) -> tuple[int, int]:
    """The bytes of all files, each once, as `docker images` counts them; and of the layer as it is pulled."""
    inodes = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            found = os.lstat(os.path.join(folder, name))
            if not os.path.isdir(os.path.join(folder, name)):
                inodes[found.st_ino] = found.st_size
    packed = _Counted()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|") as archive,
    ):
        archive.add(root, ".")
    return sum(inodes.values()), packed.written


class _Counted:
    """A file that keeps nothing."""

    def __init__(self) -> None:
        self.written = 0

    def write(self, data: bytes) -> int:
        self.written += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is kept."""

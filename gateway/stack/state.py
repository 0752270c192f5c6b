"""Where a stack keeps its state: `.lockgate/<offset>/` of the checkout."""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.stack.failures import StackError
from gateway.stack.plan import ProcessSpec

FOLDER = ".lockgate"
# sun_path holds 104 bytes on macOS (108 on Linux) with its NUL, and supervisord first binds
# the socket's path with ".<pid>" appended.
LONGEST_SOCKET_PATH = 103 - len(".4194304")


@dataclass(frozen=True, slots=True)
class StackRecord:
    """What runs, as the last `up` left it."""

    processes: tuple[ProcessSpec, ...]
    registry_url: str
    registry_about: str
    stop_wait_s: int


@dataclass(frozen=True, slots=True)
class StackState:
    """The paths of one stack; `directory` is absolute and made by `prepare`."""

    directory: Path

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def registry_data(self) -> Path:
        return self.directory / "registry"

    @property
    def registry_config(self) -> Path:
        return self.directory / "registry.conf"

    @property
    def supervisor_config(self) -> Path:
        return self.directory / "supervisord.conf"

    @property
    def supervisor_pid_file(self) -> Path:
        return self.directory / "supervisord.pid"

    @property
    def record_file(self) -> Path:
        return self.directory / "stack.json"

    @property
    def environments(self) -> Path:
        """For each process, a script that sets its variables, secrets included."""
        return self.directory / "environment"

    @property
    def serving_file(self) -> Path:
        """Locked by the `lockgate serve` that runs here."""
        return self.directory / "serving"

    @property
    def token_file(self) -> Path:
        return self.directory / "admin-token"

    @property
    def view_file(self) -> Path:
        """The gateway's last view, for a start while the registry is away."""
        return self.directory / "view"

    @property
    def is_kept(self) -> bool:
        """Whether `up` or `serve` keeps data here. PermissionError: it is another user's."""
        try:
            names = os.listdir(self.directory)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return not {self.token_file.name, self.record_file.name}.isdisjoint(names)

    @property
    def marker(self) -> str:
        """The value of LOCKGATE_STACK in every process of this stack; it is no prefix of another's."""
        return f"{self.directory}/"

    @property
    def admin_socket(self) -> Path:
        """Where a gateway that is open to the Internet answers its admin calls."""
        return self._socket("admin.sock", "-admin")

    @property
    def supervisor_socket(self) -> Path:
        return self._socket("supervisor.sock", "")

    def _socket(self, name: str, suffix: str) -> Path:
        """A place for a socket: here, or elsewhere, with the suffix, if that path would be too long."""
        path = self.directory / name
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            return path
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"lockgate-{os.getuid()}" / f"{digest}{suffix}.sock"

    def prepare(self) -> None:
        for directory in (self.directory, self.logs, self.registry_data):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._keep_out_of_repositories()
        directory = self.supervisor_socket.parent
        directory.mkdir(exist_ok=True, mode=0o700)
        # The fallback in the temporary directory has a name that others could take first.
        if directory.stat().st_uid != os.getuid() or directory.is_symlink():
            raise StackError(
                f"{directory} belongs to another user; set TMPDIR to a directory of yours"
            )

    def _keep_out_of_repositories(self) -> None:
        """Keep git away: the token must not get into the project's repository."""
        ignore = self.directory.parent / ".gitignore"
        if self.directory.parent.name == FOLDER and not ignore.exists():
            ignore.write_text("*\n")

    def ensure_admin_token(self) -> None:
        if self.token_file.exists() and self.token_file.stat().st_size > 0:
            self.token_file.chmod(0o600)
            return
        write_private(self.token_file, secrets.token_urlsafe(32))

    def save_record(self, record: StackRecord) -> None:
        write_private(self.record_file, json.dumps(asdict(record), indent=1))

    def load_record(self) -> StackRecord | None:
        """The record; None where there is none, or one of another version of Lockgate."""
        try:
            record = json.loads(self.record_file.read_text())
            processes = tuple(
                ProcessSpec(**{**process, "command": tuple(process["command"])})
                for process in record.pop("processes")
            )
            return _checked(StackRecord(processes=processes, **record))
        except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
            return None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let only one `up` or `down` of a stack run at a time; a second one waits for the first."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def remove_traces(self) -> None:
        """Remove what is only valid while the stack runs; logs, data and the token stay."""
        for path in (
            self.supervisor_socket,
            self.supervisor_pid_file,
            self.supervisor_config,
            self.registry_config,
            self.record_file,
        ):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.environments, ignore_errors=True)


def _checked(record: StackRecord) -> StackRecord:
    """Check the types; TypeError if they are not this version's."""
    texts = (record.registry_url, record.registry_about)
    if not all(isinstance(text, str) for text in texts) or not isinstance(record.stop_wait_s, int):
        raise TypeError(f"not a record of this version: {record}")
    return record


def stack_state(root: Path, offset: int) -> StackState:
    return StackState(root.resolve() / FOLDER / str(offset))


def project_root(start: Path) -> Path:
    """The checkout around `start`, or `start` itself where there is none."""
    return next(filter(is_checkout, (start, *start.parents)), start)


def is_checkout(folder: Path) -> bool:
    return (folder / "setup.cfg").is_file() and (folder / "gateway").is_dir()


def write_private(path: Path, text: str) -> None:
    """Write the file whole or not at all, readable by its owner alone."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", errors="surrogateescape"
    ) as file:
        file.write(text)
    draft.replace(path)

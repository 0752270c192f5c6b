"""`lockgate serve`: a registry and a gateway for your own services, in the foreground."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from discovery.model.errors import SettingsError
from gateway.config.settings import GatewaySettings, load_settings
from gateway.front.reading import require_extension
from gateway.machine.descriptors import raise_limit
from gateway.machine.port_holders import who_has
from gateway.machine.ports import answers, is_free
from gateway.process import serve, start
from gateway.process.sockets import bind
from gateway.stack.changes.code import code_of
from gateway.stack.changes.environment import process_environment, stop_wait
from gateway.stack.changes.variables import settings_for
from gateway.stack.configuration_file import require_valid_file
from gateway.stack.down import stop_everything
from gateway.stack.failures import StackError, UsageError
from gateway.stack.logs.tee import LogTee, Render
from gateway.stack.plan import GATEWAY, HIGHEST_PORT, REGISTRY, ProcessSpec
from gateway.stack.registry.own import OwnRegistry
from gateway.stack.registry.server import RegistryChoice, choose_registry, own_registry
from gateway.stack.running.absence import typed
from gateway.stack.running.serving import SERVE_COMMAND, Serving, served_pids
from gateway.stack.state import StackRecord, StackState
from gateway.stack.supervisord.supervision import Supervisor
from gateway.stack.workers import serve_with_workers
from gateway.worker.configuration.at_start import AtStart
from middlewares.telemetry.logs import configure_logging

#: Addresses where clients of `localhost` could reach another listener instead of this gateway.
_HERE = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::")
_ANOTHER_PLACE = "--data-dir or PORT_OFFSET=N gives another one a place of its own"


@dataclass(frozen=True, slots=True)
class Foreground:
    """One run of `lockgate serve`; it renders its log to `out`.

    `group` is the process group of its registry server; `started` is called with what runs.
    """

    state: StackState
    environ: Mapping[str, str]
    registry_port: int
    group: int
    out: int
    render: Render
    report: Callable[[str], None]
    started: Callable[[GatewaySettings, StackRecord], None]

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; UsageError: a bad variable, StackError: it can't start."""
        require_valid_file(_settings(self.environ))  # before any file is written
        serving, before = self._claim()
        with serving, ExitStack() as stack:
            registry = self._registry(before)
            environ = process_environment(self.environ, self.state, registry.url)
            settings = _settings(environ)
            at_start = require_valid_file(settings)
            sockets = _bind(settings)
            for sock in sockets:
                stack.callback(sock.close)
            out = self._begin_logging(settings, stack)
            start.warn_of_near_names(self.environ)
            raise_limit()
            if registry.process is not None:
                self._start(registry.process, serving, stack)
            record = _record(registry, environ, settings, sockets[0])
            self.state.save_record(record)

            def started() -> None:
                self.started(settings, record)

            if settings.gateway_workers > 1:
                serve_with_workers(
                    settings, sockets, environ, group=self.group, out=out, started=started
                )
            else:
                _serve(settings, sockets, at_start, started)

    def _claim(self) -> tuple[Serving, StackRecord | None]:
        """Claim the folder, end what a killed run left behind, and return that run's record."""
        try:
            with self.state.locked():
                if Supervisor(self.state).answers():
                    raise StackError(
                        f"`up` runs the stack of {self.state.directory} already: "
                        f"{typed('down', self.state)} ends it; {_ANOTHER_PLACE}"
                    )
                serving = Serving.claim(self.state)
                if serving is None:
                    raise StackError(_who_serves(self.state))
                before = self.state.load_record()
                stop_everything(self.state, self.report)
                self.state.prepare()
                self.state.ensure_admin_token()
                return serving, before
        except OSError as error:
            raise StackError(
                f"can't keep anything in {self.state.directory}: {error.strerror}; "
                "choose another folder with --data-dir"
            ) from None

    def _registry(self, before: StackRecord | None) -> RegistryChoice:
        """The given registry, or its own on the port that it had before, so that programs find it again."""
        given = self.environ.get("REDIS_URL")
        if given:
            return choose_registry(given, self.registry_port, self.state)
        ports = _ports(before, self.registry_port)
        return own_registry(next(filter(is_free, ports)), self.state)

    def _begin_logging(self, settings: GatewaySettings, stack: ExitStack) -> int:
        """Returns the descriptor that takes lines of JSON."""
        tee = LogTee(self.state.logs / f"{GATEWAY}.log", self.out, self.render)
        stack.callback(tee.close)
        writer = configure_logging(
            service=GATEWAY, level=settings.log_level, file_descriptor=tee.file_descriptor
        )
        stack.callback(writer.close)
        return tee.file_descriptor

    def _start(self, server: ProcessSpec, serving: Serving, stack: ExitStack) -> None:
        registry = OwnRegistry(
            server,
            self.state,
            group=self.group,
            on_start=lambda pid: serving.note(REGISTRY, pid),
        )
        stack.callback(registry.stop)
        registry.start()


def _serve(
    settings: GatewaySettings,
    sockets: list[socket.socket],
    at_start: AtStart | None,
    started: Callable[[], None],
) -> None:
    try:
        with asyncio.Runner(loop_factory=start.new_event_loop) as runner:
            runner.run(serve.serve(settings, sockets, at_start, started))
    except serve.ListenError as error:  # another program was quicker
        raise StackError(f"{error}; start it again, or choose another port with --port") from None


def _settings(environ: Mapping[str, str]) -> GatewaySettings:
    try:
        require_extension()
        return load_settings(environ)
    except SettingsError as error:
        raise UsageError(str(error)) from None


def _who_serves(state: StackState) -> str:
    pids = served_pids(state)
    record = state.load_record()
    ports = [spec.port for spec in record.processes if spec.name == GATEWAY] if record else []
    where = f", on port {ports[0]}" if ports else ""
    pid = f" (pid {pids[GATEWAY]}{where})" if pids else ""
    return f"another `lockgate serve` runs with {state.directory}{pid}: stop that; {_ANOTHER_PLACE}"


def _ports(before: StackRecord | None, preferred: int) -> Iterator[int]:
    for spec in before.processes if before else ():
        if spec.name == REGISTRY:
            yield spec.port
    yield from range(preferred, HIGHEST_PORT + 1)


def _bind(settings: GatewaySettings) -> list[socket.socket]:
    host, port = settings.gateway_host, settings.gateway_port
    if port and host in _HERE and answers(port):
        holder = who_has(port)
        free = next(filter(is_free, range(port + 1, HIGHEST_PORT + 1)), 0)
        raise StackError(
            f"port {port} is taken by {holder}: stop that, or choose another port, "
            f"as in `lockgate serve --port {free}`"
        )
    try:
        return bind(settings)
    except OSError as error:
        raise StackError(str(error)) from None


def _record(
    registry: RegistryChoice,
    environ: Mapping[str, str],
    settings: GatewaySettings,
    sock: socket.socket,
) -> StackRecord:
    gateway = ProcessSpec(
        name=GATEWAY,
        service=GATEWAY,
        port=sock.getsockname()[1],
        command=SERVE_COMMAND,
        environment=settings_for(GATEWAY, environ),
        host=settings.gateway_host,
        code=code_of(GATEWAY),
    )
    processes = [registry.process, gateway] if registry.process else [gateway]
    return StackRecord(tuple(processes), registry.url, registry.about, stop_wait(environ))

"""The command `lockgate`; it also works in folders that have packages with our names."""

from lockgate.stopping import end_at_once_when_stopped


def main() -> None:
    end_at_once_when_stopped()
    from lockgate.own_packages import prefer_own_packages

    prefer_own_packages()
    from gateway.cli import main as run

    run()

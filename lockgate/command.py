"""The command `lockgate`, in folders that have packages with the names of ours too."""

from lockgate.own_packages import put_own_packages_first


def main() -> None:
    put_own_packages_first()
    from gateway.cli import main as run

    run()

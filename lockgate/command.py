"""The command `lockgate`, in folders that have packages with the names of ours too."""

from lockgate.own_packages import own_process


def main() -> None:
    with own_process():
        from gateway.cli import main as run

        run()

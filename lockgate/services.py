"""`python -m lockgate.services NAME`: `python -m services`, in folders that have `services` of their own too."""

from lockgate.own_packages import own_process


def main(called_as: str = "python -m lockgate.services") -> None:
    with own_process():
        from services.command import main as run

        run(called_as)


if __name__ == "__main__":
    main()

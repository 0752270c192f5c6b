"""`python -m lockgate.services NAME`: `python -m services`, in folders that have `services` of their own too."""

from lockgate.stopping import end_at_once_when_stopped


def main(called_as: str = "python -m lockgate.services") -> None:
    end_at_once_when_stopped()
    from lockgate.own_packages import prefer_own_packages

    prefer_own_packages()
    from services.command import main as run

    run(called_as)


if __name__ == "__main__":
    main()

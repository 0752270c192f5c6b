"""`python -m lockgate.services NAME`: `python -m services`, also in folders with their own `services`."""

from lockgate.stopping import end_at_once_when_stopped


def main(called_as: str = "python -m lockgate.services") -> None:
    end_at_once_when_stopped()
    from lockgate.own_packages import prefer_own_packages

    prefer_own_packages()
    from services.command import main as run

    run(called_as)


if __name__ == "__main__":
    main()

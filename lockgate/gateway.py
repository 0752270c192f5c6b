"""`python -m lockgate.gateway`: `python -m gateway`, also in folders with their own `gateway`."""

from lockgate.stopping import end_at_once_when_stopped


def main(called_as: str = "python -m lockgate.gateway") -> None:
    end_at_once_when_stopped()
    from lockgate.own_packages import prefer_own_packages

    prefer_own_packages()
    from gateway.cli import run_gateway

    run_gateway(called_as)


if __name__ == "__main__":
    main()

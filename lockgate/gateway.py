"""`python -m lockgate.gateway`: `python -m gateway`, in folders that have a `gateway` of their own too."""

from lockgate.own_packages import own_process


def main(called_as: str = "python -m lockgate.gateway") -> None:
    with own_process():
        from gateway.cli import run_gateway

        run_gateway(called_as)


if __name__ == "__main__":
    main()

"""`python -m lockgate.master`: the master of a gateway's workers; `lockgate gateway` becomes it."""


def main() -> None:
    from lockgate.own_packages import prefer_own_packages

    prefer_own_packages()
    from gateway.master.master import main as run_master

    run_master()


if __name__ == "__main__":
    main()

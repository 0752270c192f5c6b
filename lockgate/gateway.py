"""`python -m lockgate.gateway`: `python -m gateway`, in folders that have a `gateway` of their own too."""

import sys

from lockgate.own_packages import put_own_packages_first

if __name__ == "__main__":
    put_own_packages_first()
    from gateway.process import main

    sys.exit(main())

"""`python -m gateway`: the gateway alone, in the foreground."""

import sys

from gateway.process import main

if __name__ == "__main__":
    sys.exit(main())

"""``python -m symjobs``: the command line."""

import sys

from symjobs._cli import main

if __name__ == "__main__":
    sys.exit(main())

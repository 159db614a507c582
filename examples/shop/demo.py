"""Runs the shop: orders are imported while two worker processes invoice them, one worker is killed, all is checked.

    python examples/shop/demo.py [--orders FILE --lines FILE] [--database-url URL] [--check]

Exit status: 0 all figures are right, 1 some are wrong, 2 bad input, 3 the database can't be used, 130 interrupted.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, it does not belong to a package yet

from shop.ending import Ending

if __name__ == "__main__":
    ending = Ending()
    ending.watch()  # before the imports that take long

    from shop.command import main

    status = main(sys.argv[1:], ending)
    ending.is_over()
    sys.exit(status)

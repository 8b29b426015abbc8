"""Entry of the detached runner: `python -I -S runner.py FOLDER`, started by `tickets.py`, one per ticket.

Kept tiny because Python compiles this file anew each time; what it calls comes compiled from the cache.
"""

import sys

if __name__ == "__main__":
    sys.path.insert(0, __file__.rpartition("/")[0])
    from detached.supervise import main  # type: ignore[import-not-found]

    main(sys.argv[1])

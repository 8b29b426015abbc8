"""Entry of a system VM's process: `python -I -S boot.py FOLDER`, started by power.py, one for each VM that is on."""

import sys

if __name__ == "__main__":
    sys.path.insert(0, __file__.rpartition("/")[0])
    from machine.init import main  # type: ignore[import-not-found]

    sys.exit(main(sys.argv[1]))

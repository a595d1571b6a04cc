"""Runs the `careweave` command."""

import logging
import os
import sys

from careweave_cli.application import careweave


def main() -> None:
    """Run the command line on this process's environment, and exit with its status."""
    try:
        careweave(prog_name="careweave", obj=os.environ)
    except SystemExit as ending:
        if "triton" in sys.modules:
            _leave_at_once(ending)
        raise


def _leave_at_once(ending: SystemExit) -> None:
    """End the process, which has closed what it opened, as it stands.

    The compiler that comes with torch otherwise lists what it did not free, forty lines amid a log of JSON objects.
    """
    if not isinstance(ending.code, int | None):
        return
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ending.code or 0)


if __name__ == "__main__":
    main()

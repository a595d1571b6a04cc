"""Runs the `careweave` command."""

import os

from careweave_cli.application import careweave


def main() -> None:
    """Run the command line on this process's environment, and exit with its status."""
    careweave(prog_name="careweave", obj=os.environ)


if __name__ == "__main__":
    main()

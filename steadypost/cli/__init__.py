"""What can an operator ask for on the command line? One module a subject, loaded when needed."""

from __future__ import annotations

import sys

from steadypost.cli.failing import run
from steadypost.cli.root import steadypost


def main() -> None:
    """Run the command line; the console script begins here."""
    sys.exit(run(steadypost, sys.argv[1:]))

"""The command line: every figure without a browser, and files looked into and converted.

`python -m actcore COMMAND`; exit 0 done, 2 wrong use or bad input (one message, no traceback).
Leaves every number and picture to `actcore.figures`, every file to `actcore.export`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from actcore.cli import categories, coactivation, files, layers, probe, tokens
from actcore.errors import ActcoreError
from actcore.readers import READERS
from actcore.views.text import one_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status.

    Where nobody reads its output to the end (`| head -1`), it ends without a word.
    """
    try:
        try:
            return _status(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # At the end Python would write what is left, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED


def _status(arguments: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    chosen = _parser().parse_args(arguments)
    try:
        chosen.run(chosen)
    except ActcoreError as error:
        print(f"actcore {chosen.command}: {one_line(str(error))}", file=sys.stderr)
        return 2
    return 0


#: What a shell says of a program that such a pipe has ended.
_PIPE_CLOSED = 141


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line instead of repeating the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. See {self.prog} --help.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="actcore", description="Explore activations of language models.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        added = commands.add_parser(name, help=command.help, description=command.help)
        command.arguments(added)
        added.set_defaults(run=command.run)
    return parser


class Command(NamedTuple):
    """One command: what it is for, its arguments, and what it does."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]


COMMANDS = {
    "tokens": Command(
        "Strips of the top features and the features x tokens picture of an activation dump.",
        tokens.arguments,
        tokens.run,
    ),
    "categories": Command(
        "Features by groups of prompts, and on how many prompts each is active.",
        categories.arguments,
        categories.run,
    ),
    "layers": Command(
        "Layers by tokens of each run, in 2-D and 3-D, and the difference of runs.",
        layers.arguments,
        layers.run,
    ),
    "coactivation": Command(
        "Which SAE features of each layer are active where questions ask for relations.",
        coactivation.arguments,
        coactivation.run,
    ),
    "probe": Command(
        "Which SAE features are active on a prompt, and what the model says next.",
        probe.arguments,
        probe.run,
    ),
    "info": Command(
        "What a file is: reader, counts, unit, what a missing value means, digest. "
        f"Knows {' and '.join(reader.name for reader in READERS)}.",
        files.info_arguments,
        files.run_info,
    ),
    "draw": Command(
        "Any figure of any file, as a picture or a table.", files.draw_arguments, files.run_draw
    ),
    "convert": Command(
        "A file as a long table (Parquet, CSV) or an activation dump (JSON).",
        files.convert_arguments,
        files.run_convert,
    ),
}

"""What the commands that settle events ask for: which events, and who decided."""

import getpass
import os

from django.core.management.base import CommandError, CommandParser


def add_choice(parser: CommandParser, *, ids: str, all: str) -> None:
    """The arguments `ids`, `--all` and `--by`."""
    parser.add_argument("ids", nargs="*", type=int, help=ids)
    parser.add_argument("--all", action="store_true", help=all)
    parser.add_argument("--by", default=system_user(), help="who decided (default: the system's user)")


def require_choice(ids: list[int], all: bool) -> None:
    """Raise CommandError unless something was chosen."""
    if not ids and not all:
        raise CommandError("Name the ids (`list` shows them), or --all.")


def system_user() -> str:
    """Who runs this; a number where the system knows no name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError since Python 3.13
        return f"uid {os.getuid()}"

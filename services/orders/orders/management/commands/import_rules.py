"""Load landed-cost rules from CSV files: validated, all or nothing, the diff first; a second time changes nothing."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orders.rule_import import Diff, ImportRefused, compare, read_file, write

SHOWN = 20


class Command(BaseCommand):
    help = "Load rules from CSV files. A file's header says which table it is for."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--check", action="store_true", help="Only show what would change.")

    def handle(self, *args, files: list[Path], check: bool, verbosity: int, **options) -> None:
        diffs, errors = [], []
        for path in files:
            try:
                diffs.append(compare(*read_file(path)))
            except OSError as missing:
                errors.append(f"{path.name}: {missing.strerror}")
            except ImportRefused as refusal:
                errors += [f"{path.name} {error}" if error.startswith("line") else error for error in refusal.errors]
        if errors:
            raise CommandError("nothing was imported:\n" + "\n".join(errors))
        show(self.stdout, diffs, verbosity)
        if not check:
            write(diffs)


def show(stdout, diffs: list[Diff], verbosity: int) -> None:
    """The changes, at most 20 a table unless verbosity is 2, and a line of counts for each."""
    for diff in diffs:
        lines = list(diff.lines()) if verbosity else []
        shown = lines if verbosity > 1 else lines[:SHOWN]
        for line in shown:
            stdout.write(line)
        if len(shown) < len(lines):
            stdout.write(f"... and {len(lines) - len(shown)} more (--verbosity 2 shows them)")
        if verbosity:
            stdout.write(diff.summary())

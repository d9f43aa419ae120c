"""`make mutations`: breaks the library in one place at a time (mutations.toml); a test must notice each.

The library is copied, the copy is broken and the named tests run against it, so the checkout is never touched. Words
after the command choose mutations by what they are. Ends with 1 when one survives or no longer fits the source.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
AT_A_TIME = 2
Mutation = dict[str, str]


def broken_copy(mutation: Mutation, folder: Path) -> str | None:
    """Copy the library and break the copy; what is wrong if the mutation does not fit any more."""
    shutil.copytree(HERE.parent / "outbox", folder / "outbox", ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "outbox" / mutation["file"]
    text = path.read_text()
    for number in ("", "_too"):
        old, new = mutation.get(f"old{number}"), mutation.get(f"new{number}")
        if old is None or new is None:
            continue
        if text.count(old) != 1:
            return f"its text is there {text.count(old)} times"
        text = text.replace(old, new)
    path.write_text(text)
    return None


def runs(tests: str) -> list[list[str]]:
    """pytest's arguments, one run per file: a word after a file names its tests."""
    found: list[list[str]] = []
    for word in tests.split():
        if word.endswith(".py"):
            found.append([str(HERE / word)])
        else:
            found[-1] += ["-k", word]
    return found


def outcome(mutation: Mutation) -> str:
    """ "noticed", or what went wrong."""
    with tempfile.TemporaryDirectory() as name:
        if problem := broken_copy(mutation, Path(name)):
            return problem
        environment = os.environ | {"PYTHONPATH": name, "PYTHONDONTWRITEBYTECODE": "1", "CROSSBORDER_TESTING": "1"}
        for arguments in runs(mutation["tests"]):
            command = [sys.executable, "-m", "pytest", "-q", "-x", *arguments]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
            if done.returncode not in (0, 1):
                return f"the tests did not run: {done.stdout.strip().splitlines()[-1:]}"
            if done.returncode == 0:
                return f"survived {Path(arguments[0]).name}"
    return "noticed"


def main() -> int:
    known: list[Mutation] = tomllib.loads((HERE / "mutations.toml").read_text())["mutation"]
    chosen = [each for each in known if not sys.argv[1:] or any(word in each["what"] for word in sys.argv[1:])]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        results = list(pool.map(outcome, chosen))
    for mutation, result in zip(chosen, results, strict=True):
        mark = "  " if result == "noticed" else "!!"
        print(f"{mark} {mutation['trap']:5} {mutation['what']:58} {result}")
    print(f"{results.count('noticed')} of {len(results)} mutations were noticed")
    return int(results.count("noticed") < len(results))


if __name__ == "__main__":
    sys.exit(main())

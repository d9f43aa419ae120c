"""A real MySQL beside MariaDB: Debian's core package in a tree of its own, run from there without being installed.

`DB=mysql make test-outbox` (or any service, or library) starts one for the length of the tests. Its data lie in
`.run/test/mysql`.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from . import database
from .console import Failure, step
from .environment import load_secrets
from .layout import ROOT, Layout
from .supervisor import wait_until

TREE = Path(os.environ.get("MYSQL_TREE") or ROOT / ".run" / "mysql-tree")
REMEDY = (
    f"sudo debootstrap --variant=minbase --include=mysql-server-core sid {TREE}\n"
    "    (debootstrap is a package; another tree with a MySQL in it: set MYSQL_TREE)"
)


def command() -> list[str]:
    """What runs the tree's server with the tree's own libraries, outside of any chroot."""
    server, usr = TREE / "usr/sbin/mysqld", TREE / "usr"
    if not server.exists():
        raise Failure("There is no MySQL server.", REMEDY)
    loader = next((TREE / "usr").glob("lib*/ld-linux-*.so.*"), None) or next(usr.glob("lib/*/ld-linux-*.so.*"))
    libraries = [str(folder) for folder in (usr / "lib").glob("*-linux-gnu")]
    private = [str(path) for folder in libraries for path in Path(folder).glob("mysql*") if path.is_dir()]
    return [str(loader), "--library-path", ":".join([*libraries, *private]), str(server)]


def options() -> list[str]:
    """Where the server finds its messages, which it would look for in the machine's own folders."""
    share = TREE / "usr/share/mysql"
    return [f"--basedir={TREE / 'usr'}", f"--lc-messages-dir={share}", f"--character-sets-dir={share / 'charsets'}"]


@contextmanager
def serving(layout: Layout) -> Iterator[dict[str, str]]:
    """Run one on a port of its own; the variables that lead a library's tests to it."""
    own = replace(layout, run=layout.run / "mysql", port_base=layout.port_base + 60)
    own.run.mkdir(parents=True, exist_ok=True)
    run = database.prepare(own, (command(), options()))
    with (own.run / "server.log").open("w") as log:
        process = subprocess.Popen(run, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        with step("MySQL"):
            wait_until(lambda: database.ready(own), 90, "MySQL does not answer", own.run / "server.log")
        passwords = {name: text for name, text in load_secrets(own).items() if name.endswith("_DB_PASSWORD")}
        yield {"DB_HOST": "127.0.0.1", "DB_PORT": str(own.port("database")), **passwords}
    finally:
        process.terminate()
        process.wait(60)

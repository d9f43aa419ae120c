"""MariaDB, or MySQL where that is what is installed: data folder, settings, one schema and one user per service."""

import getpass
import os
import shutil
import subprocess
from pathlib import Path

from .console import Failure
from .environment import AUDITOR, accounts, load_secrets
from .layout import LIBRARIES, Layout

# What quality.md asks of a server; the strict mode repeats what each connection sets by itself.
SETTINGS = """\
[mysqld]
datadir = {folder}/data
socket = {socket}
pid-file = {folder}/database.pid
tmpdir = {folder}/tmp
bind-address = 127.0.0.1
port = {port}
skip-name-resolve
init-file = {folder}/accounts.sql
character-set-server = utf8mb4
transaction-isolation = READ-COMMITTED
sql-mode = STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION
default-time-zone = +00:00
innodb-lock-wait-timeout = 5
innodb-buffer-pool-size = 128M
innodb-flush-log-at-trx-commit = {flush}
performance-schema = off
max-connections = 300
skip-log-bin
user = {user}
{more}
"""


def files(layout: Layout) -> list[Path]:
    """What the server reads when it starts."""
    return [layout.run / "database" / name for name in ("my.cnf", "accounts.sql")]


def prepare(layout: Layout, server: tuple[list[str], list[str]] | None = None) -> list[str]:
    """Make the data folder if there is none and write the settings; returns the command that runs the server.

    `server` is another than the machine's own: its command, and options that it needs.
    """
    program, options = server or (_installed_server(), [])
    folder = layout.run / "database"
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    mysql = not program[-1].endswith("mariadbd")
    (folder / "my.cnf").write_text(
        SETTINGS.format(
            folder=folder,
            socket=layout.socket("database"),
            port=layout.port("database"),
            flush=2 if layout.test else 1,  # 2 is lost with the machine, not with the process: tests kill that one
            user=getpass.getuser(),
            more="mysqlx = off\nsecure-file-priv = NULL" if mysql else "",  # else a folder that not every package has
        )
    )
    _write_accounts(layout, folder / "accounts.sql", mysql=mysql)
    if not (folder / "data").exists():
        _initialise(program, options, folder, mysql=mysql)
    return [*program, f"--defaults-file={folder}/my.cnf", *options]


def _installed_server() -> list[str]:
    server = shutil.which("mariadbd") or shutil.which("mysqld")
    if server is None:
        raise Failure("There is no database server.", "Install MariaDB: sudo apt-get install mariadb-server")
    return [server]


def ready(layout: Layout) -> bool:
    """Whether the account that is created last can log in."""
    return query(layout, accounts(layout)[-1], "SELECT 1", schema=None) == [["1"]]


def query(layout: Layout, account: str, sql: str, schema: str | None = "") -> list[list[str]] | None:
    """Rows of a query asked as one service's user, in its own schema; None when the server refuses."""
    client = shutil.which("mariadb") or shutil.which("mysql")
    if client is None:
        raise Failure("There is no database client.", "Install it: sudo apt-get install mariadb-client")
    name = f"crossborder_{account}"
    command = [
        client,
        "--no-defaults",
        "-h127.0.0.1",
        f"-P{layout.port('database')}",
        f"-u{name}",
        "-N",
        "-B",
        "-e",
        sql,
    ]
    password = load_secrets(layout)[f"{account.upper()}_DB_PASSWORD"]
    answer = subprocess.run(
        [*command, *([name] if schema is not None else [])],
        env=os.environ | {"MYSQL_PWD": password},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return [line.split("\t") for line in answer.stdout.splitlines()] if answer.returncode == 0 else None


def _initialise(program: list[str], options: list[str], folder: Path, *, mysql: bool) -> None:
    """Make the data folder under another name first, so that an interrupted run leaves nothing half-made."""
    partial = folder / "data.partial"
    shutil.rmtree(partial, ignore_errors=True)
    if mysql:
        command = [
            *program,
            "--no-defaults",
            *options,
            "--initialize-insecure",
            f"--datadir={partial}",
            f"--user={getpass.getuser()}",
        ]
    else:
        command = [
            shutil.which("mariadb-install-db") or "mysql_install_db",
            "--no-defaults",
            f"--datadir={partial}",
            "--auth-root-authentication-method=socket",
            f"--auth-root-socket-user={getpass.getuser()}",
            f"--user={getpass.getuser()}",
            "--skip-test-db",
            f"--tmpdir={folder / 'tmp'}",
        ]
    with (folder / "initialise.log").open("w") as log:
        done = subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Failure("The database's data folder could not be made.", f"Read {folder}/initialise.log")
    partial.replace(folder / "data")


def _write_accounts(layout: Layout, path: Path, *, mysql: bool) -> None:
    """SQL that the server runs at each start, one statement a line: users that can touch no schema but their own."""
    known = load_secrets(layout)
    statements = []
    if mysql:
        statements.append(f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{known['DB_ROOT_PASSWORD']}';")
    for account in accounts(layout):
        user = f"'crossborder_{account}'@'%'"
        password = known[f"{account.upper()}_DB_PASSWORD"]
        statements += [
            f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}';",
            f"ALTER USER {user} IDENTIFIED BY '{password}';",
        ]
        if account == AUDITOR:
            statements.append(f"GRANT SELECT ON `crossborder\\_%`.* TO {user};")
            continue
        if account not in LIBRARIES:
            statements.append(f"CREATE DATABASE IF NOT EXISTS `crossborder_{account}` CHARACTER SET utf8mb4;")
        statements.append(f"GRANT ALL ON `crossborder\\_{account}`.* TO {user};")
        if layout.test:
            statements.append(f"GRANT ALL ON `test\\_crossborder\\_{account}%`.* TO {user};")
    path.touch(mode=0o600)
    path.write_text("\n".join(statements) + "\n")

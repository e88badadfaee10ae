"""Real servers for tests: PostgreSQL and Redis, on loopback, which a test may stop, start and freeze.

Each is started at most once in a run of the tests, by the first test that needs it, and ends with the run.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
import redis

from hookline.store.database import Database

START_S = 30.0
_OTHER_USERS = ("postgres", "nobody")  # PostgreSQL refuses to run as root

S = TypeVar("S", bound="RealServer")


class RealServer:
    """A server program that runs as long as it is wanted.

    Attributes:
        port: Its port on 127.0.0.1; the same after a restart.
        folder: Where it keeps its files.
    """

    def __init__(self, *, user: str | None = None) -> None:
        self.port = _free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="hookline-server-"))
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        if user is not None:
            shutil.chown(self.folder, user)

    @property
    def pid(self) -> int:
        """Process id of the server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and return when it answers."""
        if self._process is not None:
            return
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=self._user,
                start_new_session=True,  # Ctrl-C ends the tests, and those end the server
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.02)

    def stop(self, *, kill: bool = False) -> None:
        """Stop it: its port refuses connections then. Its files stay.

        Args:
            kill: Whether it has no chance to say goodbye to anybody.
        """
        process, self._process = self._process, None
        if process is None:
            return
        for pid in _family(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        process.send_signal(signal.SIGQUIT if kill else self._stop_signal)
        try:
            process.wait(timeout=10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def pause(self) -> None:
        """Freeze it: its port takes connections, and nothing is answered."""
        for pid in _family(self.pid):
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on where it was frozen."""
        for pid in _family(self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def remove(self) -> None:
        """Stop it, and remove its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    _stop_signal = signal.SIGTERM

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError


class PostgresServer(RealServer):
    """A PostgreSQL of its own, without guarantees for the case that the machine loses power.

    Attributes:
        url: URL of a database that holds no tables.
        password: Of the user in every URL; no test may find it anywhere else.
    """

    _stop_signal = signal.SIGINT  # "fast": clients are told and cut off

    def __init__(self, programs: Path) -> None:
        super().__init__(user=_other_user())
        self._programs = programs
        self.password = secrets.token_hex(12)
        self.url = self.url_of("postgres")
        self._is_template_made = False
        self._make_cluster()

    def url_of(self, name: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://hookline:{self.password}@127.0.0.1:{self.port}/{name}"

    def new_database(self, *, is_upgraded: bool = True) -> str:
        """Make a database, and return its URL.

        Args:
            is_upgraded: Whether it holds the gateway's tables already.
        """
        if is_upgraded and not self._is_template_made:
            self._run('CREATE DATABASE "made"')
            database = Database(self.url_of("made"), state_dir=None)
            database.upgrade()
            database.close()
            self._is_template_made = True
        name = f"test_{secrets.token_hex(6)}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{"made" if is_upgraded else "template0"}"')
        return self.url_of(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._run(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _make_cluster(self) -> None:
        word = self.folder / "word"
        word.write_text(self.password)
        if self._user is not None:
            shutil.chown(word, self._user)
        done = subprocess.run(
            [
                *(self._programs / "initdb", "--pgdata", self.folder / "data", "--no-sync"),
                *("--username=hookline", f"--pwfile={word}", "--auth=scram-sha-256"),
                *("--encoding=UTF8", "--locale=C"),
            ],
            capture_output=True,
            text=True,
            cwd=self.folder,
            user=self._user,
            check=False,
        )
        word.unlink()
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)

    def _command(self) -> list[str]:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": 200,
            "shared_buffers": "16MB",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._programs / "postgres"), "-D", str(self.folder / "data"), *options]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


class RedisServer(RealServer):
    """A Redis that keeps nothing on disk: stopping it empties it.

    Attributes:
        url: URL of its first database.
    """

    def __init__(self, program: Path) -> None:
        super().__init__()
        self._program = program
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def flush(self) -> None:
        """Forget everything."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def _command(self) -> list[str]:
        options = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": self.folder}
        return [
            str(self._program),
            *(part for name, value in options.items() for part in (f"--{name}", str(value))),
        ]

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_connect_timeout=5, socket_timeout=5) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def new_postgres() -> PostgresServer:
    """Return a PostgreSQL that runs, for tests that stop and freeze it; the caller removes it."""
    server = PostgresServer(_find("initdb").parent)
    server.start()
    return server


def new_redis() -> RedisServer:
    """Return a Redis that runs, for tests that stop and freeze it; the caller removes it."""
    server = RedisServer(_find("redis-server"))
    server.start()
    return server


@cache
def _shared_postgres() -> PostgresServer:
    return _until_the_end(new_postgres())


@cache
def _shared_redis() -> RedisServer:
    return _until_the_end(new_redis())


def _until_the_end(server: S) -> S:
    atexit.register(server.remove)
    return server


@pytest.fixture(scope="session")
def postgres_server() -> PostgresServer:
    """A PostgreSQL that all tests share; whoever stops it starts it again."""
    server = _shared_postgres()
    server.start()
    return server


@pytest.fixture(scope="session")
def shared_redis_server() -> RedisServer:
    """A Redis that all tests share."""
    server = _shared_redis()
    server.start()
    return server


@pytest.fixture
def redis_server(shared_redis_server: RedisServer) -> RedisServer:
    """A Redis that holds nothing at first; whoever stops it starts it again."""
    shared_redis_server.start()
    shared_redis_server.flush()
    return shared_redis_server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a PostgreSQL database of the test's own, with the gateway's tables."""
    postgres_server.start()
    url = postgres_server.new_database()
    yield url
    postgres_server.start()
    postgres_server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of the test's own: first in SQLite, then in PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'hookline.sqlite3'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


NewDatabase = Callable[[], Database]


@pytest.fixture
def new_database(database_url: str) -> Iterator[NewDatabase]:
    """Open the test's database once more, as another process would."""
    opened: list[Database] = []

    def new_database() -> Database:
        opened.append(Database(database_url, state_dir=None))
        return opened[-1]

    yield new_database
    for database in opened:
        database.close()


@pytest.fixture
def database(new_database: NewDatabase) -> Database:
    """A database with all tables and no rows: first SQLite, then PostgreSQL."""
    return new_database()


def _find(program: str) -> Path:
    """Return where a program is; without it the test is skipped, or fails where nothing may be missing."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
    for folder in (*os.environ.get("PATH", "").split(os.pathsep), *map(str, reversed(places))):
        path = Path(folder, program)
        if path.is_file() and os.access(path, os.X_OK):
            return path.resolve() if program == "initdb" else path
    reason = f"{program} is not installed"
    if os.environ.get("HOOKLINE_CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _other_user() -> str | None:
    import pwd

    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _OTHER_USERS if name in known)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _end_with_parent() -> None:
    """Ask Linux to end this process with the tests, also if those are killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def _family(pid: int) -> list[int]:
    """Return a process and its children; PostgreSQL has one for each connection."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *map(int, children)]

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
from click.testing import Result

_KEY = "a-key-for-tests-only-0001"
_CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("HOOKLINE_", "OPENAI_"))}
_WAIT_S = 30.0

Run = Callable[..., Result]


class Serving:
    """A gateway started as somebody types it, in a process group of its own as in a terminal."""

    def __init__(self, log: Path, *options: str, folder: Path, **environ: str) -> None:
        self._log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hookline", "serve", "--sandbox", "--port", "0", *options],
                env={**_CLEAN, "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"], **environ},
                cwd=folder,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self.port = self._wait_for_port()

    @property
    def told(self) -> str:
        return self._log.read_text()

    def get(self, path: str, key: str = "") -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_WAIT_S)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
            return connection.getresponse().status
        finally:
            connection.close()

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _wait_for_port(self) -> int:
        give_up_at = time.monotonic() + _WAIT_S
        while time.monotonic() < give_up_at and self.process.poll() is None:
            found = re.search(r"listens on http://127\.0\.0\.1:(\d+)", self.told)
            if found:
                port = int(found[1])
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        return port
            time.sleep(0.02)
        raise AssertionError(f"not listening: {self.told}")


Start = Callable[..., Serving]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Serving] = []

    def start(*options: str, folder: Path = tmp_path, **environ: str) -> Serving:
        started.append(Serving(tmp_path / "log", *options, folder=folder, **environ))
        return started[-1]

    yield start
    for one in started:
        one.end()


def test_without_a_key_one_is_made_shown_once_and_works(start: Start) -> None:
    serving = start()
    [key] = re.findall(r"^    ([\w-]{43})$", serving.told, re.MULTILINE)
    assert serving.get("/actions", key) == 200
    assert serving.get("/actions", "another-key") == 401
    assert f"-H 'Authorization: Bearer {key}'" in serving.told
    assert f"curl -sS http://127.0.0.1:{serving.port}/actions/" in serving.told


def test_a_key_that_was_set_is_never_shown(start: Start) -> None:
    serving = start(HOOKLINE_API_KEYS=_KEY)
    assert serving.get("/actions", _KEY) == 200
    assert _KEY not in serving.told


def test_options_win_over_variables_and_reach_the_workers(start: Start) -> None:
    serving = start("--log-level", "error", HOOKLINE_LOG_LEVEL="debug", HOOKLINE_API_KEYS=_KEY)
    assert serving.get("/actions", _KEY) == 200
    assert "hookline.access" not in serving.told


def test_settings_come_from_the_file_that_is_named(start: Start, tmp_path: Path) -> None:
    (tmp_path / "hookline.toml").write_text(f'api_keys = ["{_KEY}"]\n')
    serving = start("--config", "hookline.toml", "--workers", "2")
    assert serving.get("/actions", _KEY) == 200


def test_every_worker_has_the_plugin_of_a_file(start: Start, tmp_path: Path) -> None:
    (tmp_path / "my_page.py").write_text(
        "import os\n"
        "from hookline import RouteRegistry, hookimpl, json_reply\n"
        "@hookimpl\n"
        "def hookline_register_routes(routes):\n"
        "    routes.add('GET', '/mine', lambda request: json_reply({'pid': os.getpid()}), public=True)\n"
    )
    serving = start("--plugin", "my_page.py", "--workers", "2", HOOKLINE_API_KEYS=_KEY)
    # A new connection each time goes to either of the workers.
    assert {serving.get("/mine") for _ in range(20)} == {200}


def test_variables_of_the_process_are_no_headers(start: Start, tmp_path: Path) -> None:
    (tmp_path / "my_page.py").write_text(
        "from hookline import RouteRegistry, hookimpl, json_reply\n"
        "def show(request):\n"
        "    spoofed = request.inbound.headers.get('special')\n"
        "    return json_reply({}, status=200 if spoofed is None else 500)\n"
        "@hookimpl\n"
        "def hookline_register_routes(routes):\n"
        "    routes.add('GET', '/mine', show, public=True)\n"
    )
    serving = start("--plugin", "my_page.py", HTTP_SPECIAL="http://user:word@proxy", HOOKLINE_API_KEYS=_KEY)
    assert serving.get("/mine") == 200


def test_it_starts_inside_of_a_package_and_imports_nothing_from_there(start: Start, tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "orjson.py").write_text("raise RuntimeError('imported from the working directory')\n")
    serving = start(folder=package, PYTHONSAFEPATH="1")
    assert serving.get("/readyz") == 200


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("is_group", [True, False], ids=["group", "main process"])
def test_ctrl_c_and_sigterm_end_it_soon_and_with_0(
    start: Start, workers: str, number: signal.Signals, is_group: bool
) -> None:
    """A terminal and a service manager signal the whole group, others only the main process."""
    serving = start("--workers", workers)
    assert serving.get("/readyz") == 200
    (os.killpg if is_group else os.kill)(serving.process.pid, number)
    assert serving.process.wait(60) == 0
    assert "Traceback" not in serving.told


_SLOW_TO_BEGIN = """
import sys, time
from hookline.settings import ServerSettings
from hookline.webhook import server

load = server._load_worker_app

def load_late():
    print("begun", flush=True)
    time.sleep(1)
    return load()

server._load_worker_app = load_late
server.serve(ServerSettings(port=int(sys.argv[1])))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_has_just_begun_hears_the_end_too(number: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SLOW_TO_BEGIN, "0"],
        env={**_CLEAN, "HOOKLINE_STATE_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            os.killpg(process.pid, number)
            assert process.wait(15) == 0
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="threads and masks are read from /proc")
def test_the_main_thread_of_a_worker_never_takes_sigterm_in_a_handler(start: Start) -> None:
    """A handler that Python runs inside of the wait that it is to end would wait for itself."""
    main = start("--workers", "2").process.pid
    for worker in _wait_for(lambda: _loaded_workers(main, 2)):
        masks = _blocked_signals(worker)
        takers = [task for task, mask in masks.items() if not mask & (1 << (signal.SIGTERM - 1))]
        assert len(takers) == 1  # the one that waits for it
        assert takers != [worker]  # which is not the main thread


def _wait_for(look: Callable[[], list[str]]) -> list[str]:
    """Return the first thing that is not empty."""
    give_up_at = time.monotonic() + _WAIT_S
    while not (found := look()) and time.monotonic() < give_up_at:
        time.sleep(0.05)
    assert found, f"not there after {_WAIT_S} s"
    return found


def _loaded_workers(main: int, number: int) -> list[str]:
    """Return the worker processes, by their pids, once each has the threads of a loaded application."""
    workers = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    loaded = [worker for worker in workers if len(_blocked_signals(worker)) > 3]
    return loaded if len(loaded) == number else []


def _blocked_signals(process: str) -> dict[str, int]:
    """Return the mask of each thread of a process that is still there when it is looked at."""
    masks = {}
    for task in Path(f"/proc/{process}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            found = re.search(r"SigBlk:\s*(\w+)", (task / "status").read_text())
            assert found is not None
            masks[task.name] = int(found[1], 16)
    return masks


_FORKS_IN_A_WORKER = """
import os, signal, time
from hookline.webhook import server

server._hold_signals()
server._hear_the_end()
child = os.fork()
if child == 0:
    time.sleep(20)
    os._exit(0)
os.kill(child, signal.SIGTERM)
print(os.WTERMSIG(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_what_a_worker_forks_ends_when_it_is_told_to() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _FORKS_IN_A_WORKER],
        env=_CLEAN,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert ended.stdout == f"{int(signal.SIGTERM)}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent is gone")
def test_workers_end_with_a_main_process_that_was_killed(start: Start) -> None:
    serving = start("--workers", "2")
    assert serving.get("/readyz") == 200
    os.kill(serving.process.pid, signal.SIGKILL)
    until = time.monotonic() + 15
    while _answers(serving.port):
        assert time.monotonic() < until
        time.sleep(0.05)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])
def test_without_a_key_only_this_machine_is_listened_to(run: Run, address: str) -> None:
    result = run("serve", "--host", address)
    assert result.exit_code == 2
    assert f"Without an API key only this machine is listened to, and {address}" in result.stderr
    assert "HOOKLINE_API_KEYS" in result.stderr


def test_a_port_in_use_is_refused_before_anything_is_started(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run("serve", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 2
    assert "is in use" in result.stderr
    assert "curl" not in result.stderr


def test_a_missing_credential_is_a_warning_that_tells_what_to_set(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = _do_not_listen(monkeypatch)
    result = run("serve", "--port", "0")
    assert result.exit_code == 0
    assert (
        "Warning: no credential is set for Acme: its calls go out unauthenticated. "
        "Set HOOKLINE_ACME_API_KEY, or use --sandbox" in result.stderr
    )
    assert len(served) == 1


@pytest.mark.parametrize(
    ("options", "environ"), [(["--sandbox"], {}), ([], {"HOOKLINE_ACME_API_KEY": "a-credential-of-tests"})]
)
def test_nothing_is_warned_of_where_nothing_is_missing(
    run: Run, monkeypatch: pytest.MonkeyPatch, options: list[str], environ: dict[str, str]
) -> None:
    _do_not_listen(monkeypatch)
    assert "Warning" not in run("serve", "--port", "0", *options, environ=environ).stderr


def test_a_wrong_setting_is_told_before_listening(run: Run) -> None:
    result = run("serve", environ={"HOOKLINE_API_KEYS": "short"})
    assert result.exit_code == 2
    assert "key number 1 is shorter than 16 characters" in result.stderr


def _do_not_listen(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    from hookline.webhook import server

    served: list[object] = []
    monkeypatch.setattr(server, "serve", served.append)
    return served

"""The plugin in its gateway: what it loads and when, and what it says of itself."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import StoreUnavailableError
from hookline_auth.desk import operator

if TYPE_CHECKING:
    import pytest
    from tests.hooks.hookline_auth.conftest import Lab, MakeLab

HEAVY = ("sqlalchemy", "cryptography", "joserfc", "alembic")


def loaded_by(code: str) -> set[str]:
    """Return which of the slow libraries a fresh process has loaded after some code."""
    tail = f"\nimport sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code + tail], capture_output=True, text=True, timeout=60, check=True
    )
    return set(result.stdout.split())


def test_importing_the_plugin_and_its_commands_loads_nothing_slow() -> None:
    assert loaded_by("import hookline_auth, hookline_auth.commands") == set()
    light = loaded_by("import sys, hookline_auth\nassert 'pydantic' not in sys.modules")
    assert light == set()


def test_static_keys_need_no_database(tmp_path: Path) -> None:
    code = (
        "import pathlib\n"
        "from hookline.gateway import Gateway\n"
        "from hookline.plugins import PluginHost\n"
        "from hookline.principal import InboundRequest\n"
        "from hookline.settings import Settings\n"
        "from hookline_auth import AuthPlugin\n"
        "host = PluginHost()\n"
        "host.register(AuthPlugin(), name='auth')\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "settings = Settings.model_validate({'api_keys': ['k' * 20], 'state_dir': folder})\n"
        "gateway = Gateway(settings, host=host, environ={})\n"
        "headers = {'authorization': 'k' * 20}\n"
        "gateway.pipeline.authenticate(InboundRequest(method='GET', path='/', headers=headers))\n"
        "gateway.has_callers()\n"
        "assert list(folder.iterdir()) == []"
    )
    assert loaded_by(code) == set()


def test_what_the_first_key_would_wait_for_is_loaded_beforehand_only_where_there_are_keys(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    first = make_lab(state_dir=tmp_path)
    assert first.plugin._warm_up is None
    first.make()
    second = make_lab(state_dir=tmp_path)
    assert second.plugin._warm_up is not None
    second.gateway.close()
    assert second.plugin._warm_up.finished.is_set()
    assert not second.plugin._warm_up.is_alive()


def test_warming_up_tells_of_keys_with_another_pepper(
    make_lab: MakeLab, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_lab(state_dir=tmp_path, environ={"HOOKLINE_KEY_PEPPER": "p" * 40}).make()
    lab = make_lab(state_dir=tmp_path, environ={"HOOKLINE_KEY_PEPPER": "q" * 40})

    with caplog.at_level(logging.WARNING, logger="hookline.auth"):
        lab.callers.warm_up()

    assert "1 keys were made with another pepper" in caplog.text
    assert "qqqq" not in caplog.text


def test_warming_up_survives_a_store_that_is_down(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailableError("The database cannot be reached.")

    monkeypatch.setattr(lab.gateway.database, "connect", fail)
    with caplog.at_level(logging.WARNING, logger="hookline.auth"):
        lab.callers.warm_up()

    assert "keys cannot be looked up now: The database cannot be reached." in caplog.text


def test_a_gateway_knows_whether_anybody_holds_a_key(make_lab: MakeLab, tmp_path: Path) -> None:
    lab = make_lab(state_dir=tmp_path)
    assert not lab.gateway.has_callers()
    made = lab.make()
    assert lab.gateway.has_callers()
    lab.callers.desk.revoke(made.record.id, operator())
    assert not lab.gateway.has_callers()


def test_a_store_that_cannot_be_asked_counts_as_one_with_keys(
    make_lab: MakeLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab(state_dir=tmp_path)
    made = lab.make()
    lab.callers.desk.revoke(made.record.id, operator())

    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailableError("The database cannot be reached.")

    monkeypatch.setattr(lab.gateway.database, "connect", fail)

    assert lab.gateway.has_callers()


def test_a_pepper_that_is_gone_makes_the_gateway_unready(make_lab: MakeLab, tmp_path: Path) -> None:
    make_lab(state_dir=tmp_path).make()
    (tmp_path / "key.pepper").write_text("short")
    lab = make_lab(state_dir=tmp_path)
    without = make_lab(state_dir=tmp_path / "other")

    assert not any(part.startswith("keys") for part in without.gateway.missing_parts())
    assert not (tmp_path / "other" / "key.pepper").exists()
    assert "keys: the pepper of the keys cannot be read" in lab.gateway.missing_parts()


def test_many_threads_may_be_the_first_to_come_with_a_key(make_lab: MakeLab, tmp_path: Path) -> None:
    made = make_lab(state_dir=tmp_path).make()
    lab = make_lab(state_dir=tmp_path)
    found: list[str] = []
    barrier = threading.Barrier(8)

    def come() -> None:
        barrier.wait(10)
        found.append(lab.ask(made).key_id)

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert found == [made.record.id] * 8

from __future__ import annotations

from pathlib import Path

import pytest

from hookline.errors import ConfigurationError
from hookline.store.addresses import locate


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:w0rd@db.example:5433/gate", "postgresql://ada:***@db.example:5433/gate"),
        ("postgres://ada:w0rd@db.example/gate?sslmode=require", "postgresql://ada:***@db.example/gate"),
        ("postgresql+psycopg://ada@db.example/gate", "postgresql://ada@db.example/gate"),
        ("postgresql://db.example/gate?password=w0rd", "postgresql://db.example/gate"),
        ("postgresql://ada:w0%40rd@/gate?host=%2Frun", "postgresql://ada:***@/gate"),
        ("postgresql://[::1]:5432/gate", "postgresql://[::1]:5432/gate"),
    ],
)
def test_a_postgresql_url_is_shown_without_password_and_options(url: str, shown: str) -> None:
    found = locate(url, state_dir=None)

    assert (found.dialect, found.path, found.shown) == ("postgresql", None, shown)
    assert found.url == "postgresql+psycopg://" + url.partition("://")[2]
    assert "w0" not in repr(found)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:w0/rd@db.example/gate",
        "postgresql://ada:w0@rd@db.example/gate",
        "postgresql://ada:w0?rd@db.example/gate",
        "postgresql://ada:w0#rd@db.example/gate",
        "postgresql://ada:w0:rd@db.example/gate",
        "postgresql://ada:w0rd@db.example",
        "postgresql://ada:w0rd@db.example/",
        "mysql://ada:w0rd@db.example/gate",
        "postgresql+asyncpg://ada:w0rd@db.example/gate",
        "w0rd",
        "",
        "sqlite:w0rd",
        "sqlite://w0rd/file",
        "sqlite:///",
        "sqlite:///w0rd.sqlite3?mode=ro",
    ],
)
def test_a_url_that_cannot_be_read_for_sure_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="HOOKLINE_DATABASE_URL") as caught:
        locate(url, state_dir=Path("state"))

    assert "w0" not in caught.value.message + caught.value.hint


def test_without_a_url_the_file_is_in_the_state_folder(tmp_path: Path) -> None:
    found = locate(None, state_dir=tmp_path)

    assert (found.dialect, found.path) == ("sqlite", tmp_path / "hookline.sqlite3")
    assert found.shown == f"sqlite:///{tmp_path}/hookline.sqlite3"


def test_a_sqlite_url_names_an_absolute_or_a_relative_path() -> None:
    assert locate("sqlite:////var/keys.sqlite3", state_dir=None).path == Path("/var/keys.sqlite3")
    assert locate("sqlite:///keys.sqlite3", state_dir=None).path == Path("keys.sqlite3")


@pytest.mark.parametrize("url", [None, "sqlite://", "sqlite:///:memory:"])
def test_without_a_url_and_a_state_folder_the_database_is_in_memory(url: str | None) -> None:
    found = locate(url, state_dir=None)

    assert (found.dialect, found.path, found.shown) == ("sqlite", None, "sqlite:///:memory:")

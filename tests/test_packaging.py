"""What is installed is what is here: every package, typed, with its plugins and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("connectors", "core", "hooks", "schemas")
JUNK = {"__pycache__", ".DS_Store"}


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def packages_on_disk() -> list[str]:
    return sorted(
        f"{source}/{path.name}"
        for source in SOURCES
        for path in (ROOT / source).iterdir()
        if path.is_dir() and path.name not in JUNK
    )


def files_of(package: str) -> set[str]:
    root = ROOT / package
    return {
        f"{root.name}/{path.relative_to(root).as_posix()}"
        for path in root.rglob("*")
        if path.is_file() and not JUNK.intersection(path.parts) and path.suffix != ".pyc"
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_every_package_on_disk_is_listed_and_nothing_else() -> None:
    listed = pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert sorted(listed) == packages_on_disk()


def test_every_package_is_a_package_and_typed() -> None:
    missing = [
        f"{package}/{name}"
        for package in packages_on_disk()
        for name in ("__init__.py", "py.typed")
        if not (ROOT / package / name).is_file()
    ]

    assert missing == []


def test_source_roots_are_no_packages() -> None:
    assert [source for source in SOURCES if (ROOT / source / "__init__.py").exists()] == []


def test_every_package_is_measured() -> None:
    measured = pyproject()["tool"]["coverage"]["run"]["source_pkgs"]

    assert sorted(measured) == sorted(package.partition("/")[2] for package in packages_on_disk())


def test_every_plugin_package_has_one_entry_point_of_its_own_name() -> None:
    points = pyproject()["project"]["entry-points"]["hookline"]
    plugins = {
        package.partition("/hookline_")[2]
        for package in packages_on_disk()
        if package.startswith(("connectors/", "hooks/"))
    }

    in_core = {"exports": "hookline.exports"}

    assert {name: value.partition(":")[0] for name, value in points.items()} == {
        **{name: f"hookline_{name}" for name in plugins},
        **in_core,
    }


def test_the_installed_entry_points_are_those_of_the_project() -> None:
    installed = {
        point.name: point.value
        for point in entry_points(group="hookline")
        if point.dist is not None and point.dist.name == "hookline"
    }

    assert installed == pyproject()["project"]["entry-points"]["hookline"]


def test_every_entry_point_leads_somewhere() -> None:
    project = pyproject()["project"]
    values = [*project["entry-points"]["hookline"].values(), *project["scripts"].values()]

    found = [_resolve(value) for value in values]

    assert len(found) == len(values)
    assert None not in found


def _resolve(value: str) -> object:
    module, _, attribute = value.partition(":")
    loaded = import_module(module)
    return getattr(loaded, attribute) if attribute else loaded


def test_the_version_is_told_once() -> None:
    from hookline import __version__

    assert pyproject()["project"]["version"] == __version__


def test_the_wheel_holds_exactly_what_is_on_disk(wheel: zipfile.ZipFile) -> None:
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert packed == set().union(*(files_of(package) for package in packages_on_disk()))


def test_the_wheel_runs_nothing_by_being_installed(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()

    assert [name for name in names if name.endswith(".pth") or ".data/" in name] == []
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {
        package.partition("/")[2] for package in packages_on_disk()
    }


def test_the_wheel_declares_every_plugin_and_the_licence(wheel: zipfile.ZipFile) -> None:
    info = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")).rpartition("/")[0]
    parser = ConfigParser(delimiters=["="])
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read_string(wheel.read(f"{info}/entry_points.txt").decode())

    assert dict(parser["hookline"]) == pyproject()["project"]["entry-points"]["hookline"]
    assert dict(parser["console_scripts"]) == pyproject()["project"]["scripts"]
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
    assert "Requires-Python: >=3.11" in wheel.read(f"{info}/METADATA").decode()

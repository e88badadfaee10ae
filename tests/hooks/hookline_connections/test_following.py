"""Stored connections while connectors come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hookline_connections.desk import Actor, Desk
from hookline_connections.drafts import Draft
from manifest_lab import ManifestLab, manifest_text, open_lab

if TYPE_CHECKING:
    from pathlib import Path

    from hookline_connections import ConnectionsPlugin

_OPERATOR = Actor(name="cli:operator")


def _desk(lab: ManifestLab) -> Desk:
    plugin = next(
        impl.plugin
        for impl in lab.gateway.host.hook.hookline_catalog_changed.get_hookimpls()
        if impl.plugin_name == "connections"
    )
    return cast("ConnectionsPlugin", plugin)._office.desk()


def _store(lab: ManifestLab, name: str, **more: str) -> None:
    _desk(lab).add(Draft(tenant="", name=name, connector="acme", **more), _OPERATOR)  # type: ignore[arg-type]


def test_a_stored_connection_goes_where_the_new_connector_is_unless_it_has_an_address(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text()}) as lab:
        _store(lab, "own", base_url="https://own.acme.example/v1")
        assert lab.call("acme.find", {"id": "1"})[0] == 200
        assert lab.sent[-1].base_url == "https://own.acme.example/v1"
        lab.write("acme.yaml", manifest_text(host="new.acme.example"))
        lab.settle()
        assert lab.call("acme.find", {"id": "1"})[0] == 200
        assert lab.sent[-1].base_url == "https://own.acme.example/v1"


def test_a_stored_credential_does_not_follow_a_connector_to_another_origin(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text()}) as lab:
        _store(lab, "main", secret="the-stored-credential")
        assert lab.call("acme.find", {"id": "1"})[0] == 200
        assert lab.sent[-1].headers["authorization"] == "Bearer the-stored-credential"
        lab.write("acme.yaml", manifest_text(host="evil.example"))
        lab.settle()
        lab.call("acme.find", {"id": "1"})
        assert not any("authorization" in one.headers for one in lab.sent if "evil.example" in one.base_url)


def test_a_connection_that_was_stored_for_a_connector_that_comes_later_is_used_then(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text()}) as lab:
        _store(lab, "main", secret="the-stored-credential")
        (lab.folder / "acme.yaml").unlink()
        lab.settle()
        assert lab.call("acme.find", {"id": "1"})[0] == 404
        lab.write("acme.yaml", manifest_text())
        lab.settle()
        assert lab.call("acme.find", {"id": "1"})[0] == 200
        assert lab.sent[-1].headers["authorization"] == "Bearer the-stored-credential"

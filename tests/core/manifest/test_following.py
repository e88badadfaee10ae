"""Manifests of a folder while a gateway runs."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from hookline import hookimpl
from hookline.errors import ConfigurationError
from hookline.gateway import Gateway
from hookline.manifest.folder import ManifestFolder
from hookline.settings import Settings
from manifest_lab import manifest_text, open_lab
from small_service import whole

if TYPE_CHECKING:
    from pathlib import Path

    from hookline.connector import Connector
    from hookline.upstream import UpstreamRequest, UpstreamResponse
    from manifest_lab import ManifestLab

_BROKEN = "manifest: 1\nid: acme\ntitel: Acme\n"


def test_the_manifests_of_a_folder_are_connectors(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text(), "zoo.json": _as_json("zoo")}) as lab:
        assert (lab.ids("acme"), lab.ids("zoo")) == (["acme.find"], ["zoo.find"])
        assert lab.call("acme.find", {"id": "a/b"})[0] == 200
        assert [one.url for one in lab.sent] == ["https://api.acme.example/v1/things/a%2Fb"]
        assert lab.gateway.host.plugins["manifest:acme"].status == "active"
        assert lab.get("/readyz") == {"status": "ready", "missing": []}


def test_a_bad_file_is_named_and_leaves_the_others_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = {
        "acme.yaml": manifest_text(),
        "bad.yaml": _BROKEN,
        "worse.json": "{",
        ".hidden.yaml": "x",
        "a.txt": "x",
    }
    with open_lab(tmp_path / "c", files) as lab:
        assert lab.ids() == ["acme.find"]
        assert "bad.yaml:3: titel: there is no such key. Did you mean `title`?" in caplog.text
        assert lab.gateway.host.plugins["manifest:bad"].status == "broken"
        assert "titel" in lab.gateway.host.plugins["manifest:bad"].problem
        assert lab.get("/readyz")["warnings"] == [
            "the manifest bad.yaml has a problem; the log tells which",
            "the manifest worse.json has a problem; the log tells which",
        ]


def test_a_file_whose_test_nobody_can_run_does_not_keep_the_gateway_from_starting(tmp_path: Path) -> None:
    hidden = _tested(manifest_text("bad")) + "    hidden: true\n"
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text(), "bad.yaml": hidden}) as lab:
        assert (lab.ids("acme"), lab.ids("bad")) == (["acme.find"], [])
        assert "the action 'find' is hidden" in lab.gateway.host.plugins["manifest:bad"].problem
        lab.write("bad.yaml", _tested(manifest_text("bad")))
        lab.settle()
        assert lab.ids("bad") == ["bad.find"]


def test_what_the_catalog_refuses_at_the_start_is_a_problem_of_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hookline.engine.catalog import Catalog

    add = Catalog.add

    def refuse_bad(self: Catalog, *connectors: Connector) -> None:
        if any(one.id == "bad" for one in connectors):
            raise ConfigurationError("It cannot be used.")
        add(self, *connectors)

    monkeypatch.setattr(Catalog, "add", refuse_bad)
    with open_lab(
        tmp_path / "c", {"bad.yaml": manifest_text("bad"), "zoo.yaml": manifest_text("zoo")}
    ) as lab:
        assert (lab.ids("bad"), lab.ids("zoo")) == ([], ["zoo.find"])
        assert lab.gateway.host.plugins["manifest:bad"].problem == "bad.yaml: It cannot be used."


def _tested(text: str) -> str:
    """Return a manifest whose action needs nothing and is the test of connections."""
    return text.replace("actions:", "test: find\nactions:", 1).replace("/things/{id}", "/things")


@pytest.mark.parametrize(
    ("target", "told"),
    [("worse.yaml", "symbolic links"), ("acme.yaml/x", "Not a directory"), ("x" * 300, "name too long")],
    ids=["a circle", "through a file", "too long"],
)
def test_a_link_that_cannot_be_followed_is_a_problem_of_that_file(
    tmp_path: Path, target: str, told: str
) -> None:
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text()}) as lab:
        (lab.folder / "worse.yaml").symlink_to(target)
        lab.write("acme.yaml", manifest_text(verb="look"))
        lab.settle()
        assert lab.ids() == ["acme.look"]
        (problem,) = lab.gateway.manifests.problems if lab.gateway.manifests else []
        assert problem.startswith("worse.yaml: it cannot be reached: ")
        assert told in problem
    with open_lab(tmp_path / "c", {}) as lab:
        assert lab.ids() == ["acme.look"]


def test_a_file_that_cannot_be_reached_for_a_while_stays_in_use(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text()}) as lab:
        path = lab.folder / "acme.yaml"
        path.unlink()
        path.symlink_to("acme.yaml")
        lab.settle()
        assert lab.ids() == ["acme.find"]
        assert lab.gateway.manifests is not None
        assert "the version before this one stays in use" in lab.gateway.manifests.problems[0]
        path.unlink()
        lab.write("acme.yaml", manifest_text(verb="look"))
        lab.settle()
        assert (lab.ids(), lab.gateway.manifests.problems) == (["acme.look"], [])


def test_a_file_that_goes_while_the_folder_is_listed_is_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import contextlib
    import os

    class Going:
        """An entry of a file that is there for `is_file`, and gone for `stat`."""

        name = "gone.yaml"

        def is_file(self) -> bool:
            return True

        def stat(self) -> os.stat_result:
            raise FileNotFoundError(2, "No such file or directory")

    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text()}) as lab:
        scan = os.scandir

        def listed(path: str) -> contextlib.AbstractContextManager[list[object]]:
            return contextlib.nullcontext([*scan(path), Going()])

        monkeypatch.setattr(os, "scandir", listed)
        lab.write("acme.yaml", manifest_text(verb="look"))
        lab.settle()
        assert lab.ids() == ["acme.look"]
        assert lab.gateway.manifests is not None
        assert lab.gateway.manifests.problems == []


def test_a_file_that_is_changed_in_place_with_size_and_time_as_before_is_read_again(tmp_path: Path) -> None:
    import os

    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text(verb="find")}) as lab:
        path = lab.folder / "acme.yaml"
        before = path.stat()
        path.write_text(manifest_text(verb="look"), "utf-8")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        lab.settle()
        assert lab.ids() == ["acme.look"]


class _Changes:
    """Counts how often plugins are told that connectors changed."""

    count = 0

    @hookimpl
    def hookline_catalog_changed(self) -> None:
        self.count += 1


def _counted(lab: ManifestLab) -> _Changes:
    changes = _Changes()
    lab.gateway.host.register(changes, name="changes")
    return changes


def test_a_change_of_many_files_is_one_change_and_no_call_of_another_connector_fails(tmp_path: Path) -> None:
    """Also with stored connections, which are made for connectors."""
    many = [f"m{number}" for number in range(60)]
    files = {f"{id}.yaml": manifest_text(id) for id in many} | {"acme.yaml": manifest_text()}
    with open_lab(tmp_path / "c", files) as lab:
        assert lab.call("acme.find", {"id": "1"})[0] == 200
        changes, is_over, statuses = _counted(lab), threading.Event(), []

        def call() -> None:
            while not is_over.is_set():
                statuses.append(lab.call("acme.find", {"id": "1"})[0])

        callers = [threading.Thread(target=call) for _ in range(2)]
        for caller in callers:
            caller.start()
        for id in many:
            lab.write(f"{id}.yaml", manifest_text(id, verb="look"))
        lab.settle()
        is_over.set()
        for caller in callers:
            caller.join(20)
        assert all(lab.ids(id) == [f"{id}.look"] for id in many)
        assert changes.count == 1
        assert set(statuses) == {200}


def test_one_of_many_that_is_refused_does_not_keep_the_others_out(tmp_path: Path) -> None:
    many = [f"m{number}" for number in range(32)]
    with open_lab(tmp_path / "c", {}, environ={"HOOKLINE_M7_BASE_URL": "not a url"}) as lab:
        changes = _counted(lab)
        for id in many:
            lab.write(f"{id}.yaml", manifest_text(id))
        lab.settle()
        assert [id for id in many if lab.ids(id) != [f"{id}.find"]] == ["m7"]
        assert changes.count == 5
        assert lab.gateway.manifests is not None
        (problem,) = lab.gateway.manifests.problems
        assert problem.startswith("m7.yaml: HOOKLINE_M7_BASE_URL: ")


def test_a_folder_that_is_not_there_keeps_a_gateway_from_starting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="connectors_dir`: there is no folder") as caught:
        Gateway(Settings(connectors_dir=tmp_path / "nowhere"), environ={})
    assert "HOOKLINE_CONNECTORS_DIR" in (caught.value.hint or "")


def test_a_folder_that_vanishes_leaves_its_actions_and_is_told(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text()}) as lab:
        lab.folder.rename(tmp_path / "elsewhere")
        lab.settle()
        assert lab.ids() == ["acme.find"]
        told = "the folder of manifests cannot be read as a whole; the log tells why"
        assert lab.get("/readyz")["warnings"] == [told]
        (tmp_path / "elsewhere").rename(lab.folder)
        lab.settle()
        assert "warnings" not in lab.get("/readyz")


def test_two_files_with_one_id_are_both_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_lab(tmp_path / "c", {"a.yaml": manifest_text(), "b.yaml": manifest_text(verb="look")}) as lab:
        assert lab.ids() == []
        assert "a.yaml and b.yaml have the id 'acme', so none of them is used; remove one." in caplog.text
        (lab.folder / "b.yaml").unlink()
        lab.settle()
        assert lab.ids() == ["acme.find"]


def test_the_id_of_an_installed_connector_cannot_be_taken(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {"evil.yaml": manifest_text("openai", host="evil.example")}) as lab:
        assert "openai.chat" in lab.ids("openai")
        assert "openai.find" not in lab.ids("openai")
        (problem,) = lab.gateway.manifests.problems if lab.gateway.manifests else []
        assert problem == "evil.yaml: the id 'openai' is that of an installed connector; choose another one."


def test_a_folder_that_is_not_there_is_told_and_found_when_it_comes(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {}) as lab:
        lab.folder.rmdir()
        lab.settle()
        assert lab.gateway.manifests is not None
        assert "cannot be read" in lab.gateway.manifests.problems[0]
        lab.folder.mkdir()
        lab.write("acme.yaml", manifest_text())
        lab.settle()
        assert (lab.ids(), lab.gateway.manifests.problems) == (["acme.find"], [])


# ---------------------------------------------------------------- changes


def test_a_changed_file_is_seen_in_every_view_of_the_catalog(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text()}) as lab:
        before = lab.client.get("/openapi.json", headers={"x-api-key": _key()})
        assert "/actions/acme.find" in before.get_json()["paths"]
        assert "acme_find" in _tools(lab)

        lab.write("acme.yaml", manifest_text(verb="look", host="new.acme.example"))
        lab.settle()

        assert lab.ids() == ["acme.look"]
        after = lab.client.get("/openapi.json", headers={"x-api-key": _key()})
        assert after.headers["etag"] != before.headers["etag"]
        assert "/actions/acme.look" in after.get_json()["paths"]
        assert "/actions/acme.find" not in after.get_json()["paths"]
        assert ("acme_look" in _tools(lab), "acme_find" in _tools(lab)) == (True, False)
        assert lab.call("acme.find", {"id": "1"})[0] == 404
        assert lab.call("acme.look", {"id": "1"})[0] == 200
        assert lab.sent[-1].url == "https://new.acme.example/v1/things/1"
        assert lab.gateway.connections["acme"].base_url == "https://new.acme.example/v1"


def test_new_and_removed_files_bring_and_take_their_actions(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {}, environ={"HOOKLINE_ZOO_API_KEY": "the-credential-of-the-zoo"}) as lab:
        lab.write("zoo.yaml", manifest_text("zoo", host="zoo.example"))
        lab.settle()
        assert lab.call("zoo.find", {"id": "1"})[0] == 200
        assert lab.sent[-1].headers["authorization"] == "Bearer the-credential-of-the-zoo"
        assert lab.gateway.host.plugins["manifest:zoo"].status == "active"
        (lab.folder / "zoo.yaml").unlink()
        lab.settle()
        assert lab.call("zoo.find", {"id": "1"})[0] == 404
        assert "zoo" not in lab.gateway.catalog.connectors
        assert "manifest:zoo" not in lab.gateway.host.plugins


def test_whoever_goes_through_the_plugins_meanwhile_sees_them_as_they_were(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text()}) as lab:
        before = lab.gateway.host.plugins
        names = list(before)
        seen: list[str] = []
        for name in before:
            if not seen:
                (lab.folder / "acme.yaml").unlink()
                lab.write("zoo.yaml", manifest_text("zoo", host="zoo.example"))
                lab.settle()
            seen.append(name)

        assert seen == names
        assert [name for name in seen if name.startswith("manifest:")] == ["manifest:acme"]
        now = lab.gateway.host.plugins
        assert [name for name in now if name.startswith("manifest:")] == ["manifest:zoo"]
        assert all(now[name] is info for name, info in before.items() if not name.startswith("manifest:"))


def test_a_broken_new_version_keeps_the_old_one_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text()}) as lab:
        lab.write("acme.yaml", _BROKEN)
        lab.settle()
        assert lab.call("acme.find", {"id": "1"})[0] == 200
        assert "acme.yaml: the version before this one stays in use." in caplog.text
        assert lab.get("/readyz")["warnings"] == ["the manifest acme.yaml has a problem; the log tells which"]
        assert "titel" in lab.gateway.host.plugins["manifest:acme"].problem
        lab.write("acme.yaml", manifest_text(verb="look"))
        lab.settle()
        assert lab.ids() == ["acme.look"]
        assert "warnings" not in lab.get("/readyz")


def test_half_a_file_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    """A file that still changes is left alone; what stands at its end counts."""
    two = manifest_text(extra="  look:\n    method: GET\n    path: /\n    output: {type: object}\n")
    with open_lab(tmp_path / "c", {"acme.yaml": two}) as lab:
        assert lab.gateway.manifests is not None
        lab.write("acme.yaml", manifest_text())  # the beginning of what is being written
        lab.gateway.manifests.refresh()
        assert lab.ids() == ["acme.find", "acme.look"]
        lab.write("acme.yaml", two)
        lab.settle()
        assert lab.ids() == ["acme.find", "acme.look"]


def test_a_file_that_gets_another_name_never_takes_its_actions_away(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text()}) as lab:
        assert lab.gateway.manifests is not None
        (lab.folder / "acme.yaml").rename(lab.folder / "acme-crm.yaml")
        for _ in range(3):
            lab.gateway.manifests.refresh()
            assert lab.ids() == ["acme.find"]


def test_a_copy_with_the_same_id_does_not_stop_the_one_in_use(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text()}) as lab:
        lab.write("a-copy.yaml", manifest_text(verb="look"))
        lab.settle()
        assert lab.ids() == ["acme.find"]
        assert lab.gateway.manifests is not None
        assert lab.gateway.manifests.problems == [
            "acme.yaml and a-copy.yaml have the id 'acme', so acme.yaml stays in use; remove one."
        ]


def test_nothing_is_read_while_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text(), "bad.yaml": _BROKEN}) as lab:
        version = lab.gateway.catalog.version
        monkeypatch.setattr(
            "hookline.manifest.folder.read_bytes", lambda file: pytest.fail(f"{file} was read")
        )
        lab.settle()
        lab.settle()
        assert lab.gateway.catalog.version == version


def test_a_change_that_a_setting_forbids_is_refused_and_the_old_version_stays(tmp_path: Path) -> None:
    environ = {"HOOKLINE_ZOO_BASE_URL": "not a url"}
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text()}, environ=environ) as lab:
        lab.write("zoo.yaml", manifest_text("zoo"))
        lab.settle()
        assert (lab.ids("zoo"), lab.ids("acme")) == ([], ["acme.find"])
        assert lab.gateway.manifests is not None
        (problem,) = lab.gateway.manifests.problems
        assert problem.startswith("zoo.yaml: HOOKLINE_ZOO_BASE_URL: ")


def test_settings_may_name_a_manifest_that_cannot_be_read(tmp_path: Path) -> None:
    config = tmp_path / "hookline.toml"
    config.write_text('[connections.acme]\nbase_url = "https://other.example"\n', "utf-8")
    environ = {"HOOKLINE_CONFIG": str(config)}
    with open_lab(tmp_path / "c", {"acme.yaml": _BROKEN}, environ=environ) as lab:
        lab.write("acme.yaml", manifest_text())
        lab.settle()
        lab.call("acme.find", {"id": "1"})
        assert lab.sent[-1].base_url == "https://other.example"
    with (
        pytest.raises(ConfigurationError, match="there is no connector 'acme'"),
        open_lab(tmp_path / "d", {"zoo.yaml": manifest_text("zoo")}, environ=environ),
    ):
        pass


# ---------------------------------------------------------------- calls that run meanwhile


def test_a_call_that_runs_goes_on_with_what_it_began_with(tmp_path: Path) -> None:
    arrived, may_answer = threading.Event(), threading.Event()

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        arrived.set()
        assert may_answer.wait(20)
        return whole({"data": {"text": "old"}})

    files = {"acme.yaml": manifest_text(extra="    pick: data\n")}
    environ = {"HOOKLINE_ACME_API_KEY": "the-credential-of-acme"}
    with open_lab(tmp_path / "c", files, answer=answer, environ=environ) as lab:
        answers: list[object] = []
        running = threading.Thread(target=lambda: answers.append(lab.call("acme.find", {"id": "1"})))
        running.start()
        assert arrived.wait(20)
        lab.write("acme.yaml", manifest_text(host="new.acme.example", extra="    pick: other\n"))
        lab.settle()
        (lab.folder / "acme.yaml").unlink()
        lab.settle()
        may_answer.set()
        running.join(20)
        assert answers == [(200, {"text": "old", "warnings": []})]
        assert lab.sent[0].base_url == "https://api.acme.example/v1"
        assert lab.ids() == []


def test_no_call_sees_half_of_a_change(tmp_path: Path) -> None:
    """Each version has its own path, credential's origin and pick; no answer mixes them."""

    def text_of(version: int) -> str:
        host = f"v{version % 2}.acme.example"
        return manifest_text(
            host=host, extra=f"    pick: '{{v: v{version % 2}}}'\n    defaults: {{w: {version % 2}}}\n"
        )

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        number = request.base_url[len("https://v")]
        assert request.path.endswith(f"w={number}"), request.path
        assert request.headers["authorization"] == "Bearer the-credential-of-acme"
        return whole({f"v{number}": number})

    environ = {"HOOKLINE_ACME_API_KEY": "the-credential-of-acme", "HOOKLINE_LOG_LEVEL": "error"}
    with open_lab(tmp_path / "c", {"acme.yaml": text_of(0)}, answer=answer, environ=environ) as lab:
        seen: list[tuple[int, object]] = []
        is_over = threading.Event()

        def keep_calling() -> None:
            while not is_over.is_set():
                status, output = lab.call("acme.find", {"id": "1"})
                seen.append((status, output.get("v")))

        threads = [threading.Thread(target=keep_calling) for _ in range(3)]
        for thread in threads:
            thread.start()
        until_s = time.monotonic() + 20
        for version in range(1, 21):
            lab.write("acme.yaml", text_of(version))
            lab.settle()
            count = len(seen)
            while len(seen) < count + 3 and time.monotonic() < until_s:
                is_over.wait(0.001)
        is_over.set()
        for thread in threads:
            thread.join(20)
        assert {status for status, _ in seen} == {200}
        assert {output for _, output in seen} == {"0", "1"}


def test_the_folder_is_followed_where_a_server_runs(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {"acme.yaml": manifest_text()}) as lab:
        assert lab.gateway.manifests is not None
        lab.gateway.manifests._every_s = 0.01
        lab.gateway.start_background()
        lab.write("acme.yaml", manifest_text(verb="look"))
        until_s = time.monotonic() + 20
        while lab.ids() != ["acme.look"] and time.monotonic() < until_s:
            threading.Event().wait(0.01)
        assert lab.ids() == ["acme.look"]
    assert not any(
        thread.name == "hookline-manifests" and thread.is_alive() for thread in threading.enumerate()
    )


def _key() -> str:
    from manifest_lab import KEY

    return KEY


def _tools(lab: object) -> str:
    from manifest_lab import ManifestLab

    assert isinstance(lab, ManifestLab)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"x-api-key": _key(), "accept": "application/json, text/event-stream"}
    headers["mcp-protocol-version"] = "2025-06-18"
    return lab.client.post("/mcp", json=message, headers=headers).get_data(as_text=True)


def _as_json(id: str) -> str:
    import json

    from hookline.manifest.reading import read_manifest_text

    return json.dumps(read_manifest_text(manifest_text(id).encode()))


def test_what_an_author_says_of_quality_is_no_manifest(tmp_path: Path) -> None:
    files = {"acme.yaml": manifest_text(), "quality.yaml": "rules:\n  docs: done\n"}
    with open_lab(tmp_path / "c", files) as lab:
        assert lab.get("/readyz") == {"status": "ready", "missing": []}
        assert lab.ids("acme") == ["acme.find"]


def test_a_connector_may_be_called_quality(tmp_path: Path) -> None:
    with open_lab(tmp_path / "c", {"quality.yaml": manifest_text("quality")}) as lab:
        assert lab.ids("quality") == ["quality.find"]


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "acme.yaml").symlink_to(tmp_path / "nothing.yaml")
    folder = ManifestFolder(tmp_path / "c")
    folder.load()
    assert folder.problems == [
        "acme.yaml: it cannot be reached: it is a link to something that is not there."
    ]

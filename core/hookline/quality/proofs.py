"""Proofs of rules by metadata, the catalog and the plugin itself; `hookline.quality.code_proofs` reads code.

A proof returns what contradicts its rule, and None where it cannot tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from hookline.quality import code_proofs
from hookline.quality.describing import field_problems, naming_problems
from hookline.quality.subject import Subject

Findings = list[str] | None
Proof = Callable[[Subject], Findings]

_LEAST_README = 100
_MOST_LOSSES = 5


def _loads(subject: Subject) -> Findings:
    info = subject.info
    return [] if info.status == "active" else [f"It is {info.status}: {info.problem}"]


def _named_alike(subject: Subject) -> Findings:
    if subject.distribution is None:
        return None
    name, module = subject.info.name, subject.info.module.partition(".")[0]
    given = re.sub(r"[-_.]+", "-", subject.info.distribution).lower()
    if subject.is_bundled:
        return [] if module in (f"hookline_{name}", "hookline") else [f"The package is {module}."]
    found = []
    if given != f"hookline-{name.replace('_', '-')}":
        found.append(f"The distribution is {given!r}, not 'hookline-{name.replace('_', '-')}'.")
    if module != f"hookline_{name}":
        found.append(f"The package is {module!r}, not 'hookline_{name}'.")
    return found


def _licence(subject: Subject) -> Findings:
    if subject.distribution is None:
        return None
    meta = subject.distribution.metadata
    classifiers = [value for value in meta.get_all("Classifier") or [] if value.startswith("License ::")]
    is_stated = any(name in meta for name in ("License-Expression", "License", "License-File"))
    return [] if is_stated or classifiers else ["Its metadata states none; set `license` in pyproject.toml."]


def _readme(subject: Subject) -> Findings:
    if subject.distribution is None:
        return None
    text = str(subject.distribution.metadata.json.get("description") or "").strip()
    if len(text) >= _LEAST_README:
        return []
    return ["Its metadata holds no README, or hardly a word; set `readme` in pyproject.toml."]


def _python_versions(subject: Subject) -> Findings:
    if subject.distribution is None:
        return None
    is_stated = "Requires-Python" in subject.distribution.metadata
    return [] if is_stated else ["Its metadata states none; set `requires-python` in pyproject.toml."]


def _typed(subject: Subject) -> Findings:
    if subject.folder is None:
        return ["It is no package, and `py.typed` can stand in a package only."]
    return [] if (subject.folder / "py.typed").is_file() else ["There is no file `py.typed` in the package."]


def _actions_described(subject: Subject) -> Findings:
    return [problem for action in subject.actions for problem in naming_problems(action)]


def _fields_described(subject: Subject) -> Findings:
    return [
        problem for action in subject.actions for problem in field_problems(action, directions=("input",))
    ]


def _outputs_described(subject: Subject) -> Findings:
    return [
        problem for action in subject.actions for problem in field_problems(action, directions=("output",))
    ]


def _undescribed(subject: Subject, direction: str) -> Findings:
    found = (field_problems(action, directions=(direction,)) for action in subject.actions)
    return [problem for problems in found for problem in problems]


def _actions_sampled(subject: Subject) -> Findings:
    found = []
    for action in subject.actions:
        if not action.samples:
            found.append(f"{action.id} has no sample.")
        entry = subject.catalog.entry(action.id)
        for sample in action.samples:
            for side, validator, value in (
                ("input", entry.input, sample.input),
                ("output", entry.output, sample.output),
            ):
                found += [
                    f"{action.id}: the {side} of the sample {sample.title!r} does not fit: {problem}"
                    for problem in validator.problems(value)[:1]
                ]
    return found


def _options_described(subject: Subject) -> Findings:
    fields = subject.options.model_fields if subject.options is not None else {}
    found = [
        f"The option `{name}` has no description." for name, info in fields.items() if not info.description
    ]
    return found + [
        f"The option `{name}` has no default." for name, info in fields.items() if info.is_required()
    ]


def _api_version(subject: Subject) -> Findings:
    if subject.info.api_version:
        return []
    from hookline.api_version import API_VERSION

    return [f'It states none; write `api_version = "{API_VERSION}"` at its top.']


def _hookline_bounded(subject: Subject) -> Findings:
    if subject.distribution is None:
        return None
    if subject.is_bundled:
        return []
    wanted = [
        line
        for line in subject.distribution.requires or []
        if re.match(r"hookline(?![\w.-])", line, re.IGNORECASE)
    ]
    if not wanted:
        return ["It does not require `hookline`."]
    bounds = (">", "==", "~=")
    is_bounded = any(bound in line.partition(";")[0] for line in wanted for bound in bounds)
    return [] if is_bounded else [f"It requires `{wanted[0]}` without a lowest version."]


def _nothing_deprecated(subject: Subject) -> Findings:
    return [*subject.info.deprecated, *code_proofs.deprecated_names(subject)]


def _errors_mapped(subject: Subject) -> Findings:
    if "hookline_map_error" in subject.info.hooks:
        return []
    return [
        f"The connector {connector.id!r} has no rules of errors, and the plugin no hookline_map_error()."
        for connector in subject.connectors
        if not getattr(connector, "errors", ())
    ]


def _credential_declared(subject: Subject) -> Findings:
    return [
        f"The connector {connector.id!r} takes no credential; say `exempt` if the service needs none."
        for connector in subject.connectors
        if connector.credential is None
    ]


def _hints_stated(subject: Subject) -> Findings:
    return [
        f"{action.id} is a {action.method} and does not say `read_only=True`."
        for action in subject.actions
        if action.method.upper() in ("GET", "HEAD") and not action.is_read_only
    ]


def _tests(subject: Subject) -> Findings:
    files = subject.test_files
    if not files:
        return None
    for path in files:
        try:
            if "hookline.testing" in path.read_text("utf-8"):
                return []
        except (OSError, UnicodeDecodeError):
            continue
    return ["None of its tests imports `hookline.testing`."]


def _linked(*words: str) -> Proof:
    def prove(subject: Subject) -> Findings:
        if subject.distribution is None:
            return None
        links = subject.distribution.metadata.get_all("Project-URL") or []
        home = "Home-page" in subject.distribution.metadata
        labels = [link.partition(",")[0].strip().lower() for link in links] + (["homepage"] if home else [])
        if any(word in label for label in labels for word in words):
            return []
        return [f"Its metadata links to none; add `{words[0].capitalize()}` to `[project.urls]`."]

    return prove


def _connection_test(subject: Subject) -> Findings:
    return [
        f"The connector {connector.id!r} names no action as its `test`."
        for connector in subject.connectors
        if connector.test is None
    ]


def _exports_whole(subject: Subject) -> Findings:
    if subject.gateway is None:
        return None
    if not subject.actions:
        return []
    from hookline.errors import HooklineError
    from hookline.exports.blueprints import make_blueprint
    from hookline.exports.export import make_export

    found = []
    for target in subject.gateway.export_targets.values():
        blueprint = make_blueprint(
            subject.gateway,
            action_ids=[action.id for action in subject.actions],
            server_url="https://hooks.example.com",
        )
        try:
            losses = make_export(target, blueprint).losses
        except HooklineError as exc:
            found.append(f"{target.name}: {exc.message}")
            continue
        found += [f"{target.name}: {loss.action} {loss.place}: {loss.lost}" for loss in losses[:_MOST_LOSSES]]
        if len(losses) > _MOST_LOSSES:
            found.append(f"{target.name}: and {len(losses) - _MOST_LOSSES} more")
    return found


PROOFS: Mapping[str, Proof] = {
    "loads": _loads,
    "named-alike": _named_alike,
    "licence": _licence,
    "readme": _readme,
    "python-versions": _python_versions,
    "typed": _typed,
    "quiet-import": code_proofs.quiet_import,
    "actions-described": _actions_described,
    "fields-described": _fields_described,
    "actions-sampled": _actions_sampled,
    "options-described": _options_described,
    "api-version": _api_version,
    "hookline-bounded": _hookline_bounded,
    "nothing-deprecated": _nothing_deprecated,
    "public-names": code_proofs.public_names,
    "no-prints": code_proofs.no_prints,
    "errors-mapped": _errors_mapped,
    "credential-declared": _credential_declared,
    "hints-stated": _hints_stated,
    "tests": _tests,
    "changelog": _linked("changelog", "changes", "release", "history"),
    "reachable": _linked("issues", "tracker", "bug", "support", "source", "repository", "homepage"),
    "annotated": code_proofs.annotated,
    "outputs-described": _outputs_described,
    "connection-test": _connection_test,
    "exports-whole": _exports_whole,
    "documentation": _linked("documentation", "docs", "homepage"),
}

"""From the parts of a manifest to a connector, by the calls that a connector in Python makes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import jsonschema_rs

from hookline.action import Sample
from hookline.connector import Connector
from hookline.credential import BasicCredential, CredentialPlacement, OAuth2Credential, QueryCredential
from hookline.engine.catalog import problem_of_test
from hookline.engine.references import follow
from hookline.engine.schema_guard import SchemaGuard
from hookline.error_rules import ErrorRule
from hookline.errors import ConfigurationError
from hookline.event_stream import EventStream
from hookline.filling import PLACEHOLDER
from hookline.manifest.fields import FieldsPart, fields_schema
from hookline.manifest.parts import (
    BasicPart,
    BearerPart,
    HeaderPart,
    OAuth2Part,
    PlacePart,
    QueryPart,
)
from hookline.manifest.problems import Finding, Path
from hookline.pages import Pages
from hookline.places import InPlace

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.credential import Credential
    from hookline.manifest.model import ActionPart, Manifest
    from hookline.manifest.parts import CredentialPart, ErrorPart, PagesPart, StreamPart

Written = FieldsPart | dict[str, object]

_ARGUMENT = re.compile(r"(?:[^:`]+: )?`(?P<name>\w+)(?P<rest>[^`]*)`: (?P<problem>.*)", re.DOTALL)
_INSIDE = re.compile(r"[^:]+: (?P<path>(?:stream|pages)\.\w+): (?P<problem>.*)", re.DOTALL)
_MAX_FINDINGS = 50


def build_connector(
    manifest: Manifest, *, most: int | None = _MAX_FINDINGS
) -> tuple[Connector, list[Finding]]:
    """Return the connector of a manifest, and what is wrong with it.

    Args:
        manifest: A manifest whose form was checked.
        most: How many findings are enough; None: all actions are looked at.

    Returns:
        The connector, and findings. It must not be used if there are any: it lacks what they are about.
    """
    return _Builder(manifest, most).build()


class _Builder:
    """Makes one connector.

    Args:
        manifest: Its manifest.
        most: How many findings are enough; None: all are wanted.
    """

    def __init__(self, manifest: Manifest, most: int | None) -> None:
        self._manifest = manifest
        self._most = most
        self._findings: list[Finding] = []
        self._shared = {name: _written(schema) for name, schema in manifest.schemas.items()}
        self._guard = SchemaGuard(self._shared)

    def build(self) -> tuple[Connector, list[Finding]]:
        """Return the connector and the findings."""
        for name, problem in self._guard.shared_problems():
            self._add_schema(("schemas", name), problem.path, problem.message, self._manifest.schemas[name])
        for name, schema in self._shared.items():
            self._check_meta(schema, ("schemas", name), self._manifest.schemas[name])
        connector = self._make_connector()
        if connector is not None:
            for verb, action in self._manifest.actions.items():
                self._add_action(connector, verb, action)
                if self._most is not None and len(self._findings) >= self._most:
                    break
            self._check_test(connector)
        return connector or Connector(
            "unusable", title="", base_url="http://unusable.invalid"
        ), self._findings

    def _make_connector(self) -> Connector | None:
        manifest = self._manifest
        try:
            connector = Connector(
                manifest.id,
                title=manifest.title,
                base_url=manifest.base_url,
                description=manifest.description,
                credential=_credential_of(manifest.credential),
                forward_headers=manifest.forward_headers,
                return_headers=manifest.return_headers,
                user_fields=manifest.user_fields,
                test=manifest.test,
                errors=[_rule_of(one) for one in manifest.errors],
            )
        except ConfigurationError as exc:
            self._add_error(exc, ())
            return None
        connector.guard = self._guard
        return connector

    def _add_action(self, connector: Connector, verb: str, action: ActionPart) -> None:
        at = ("actions", verb)
        before = len(self._findings)
        input_schema = self._complete(_input_of(action), (*at, "input"), action.input)
        kind = follow(input_schema, input_schema).get("type", "object")
        if kind != "object" and not (isinstance(kind, list) and "object" in kind):
            self._add(
                (*at, "input", "type"),
                f"must be `object`, not {kind!r}: give it a field that holds the rest.",
            )
        output_schema = None
        if action.output or action.answers == "json":
            output_schema = self._complete(_object_of(action.output), (*at, "output"), action.output)
        request_schema = None
        if action.request is not None:
            request_schema = self._complete(_written(action.request), (*at, "request"), action.request)
        group = self._group_of(action, at)
        if len(self._findings) > before:
            return
        try:
            connector.endpoint(
                verb,
                action.method,
                action.path,
                input=input_schema,
                output=output_schema,
                request=request_schema,
                title=action.title,
                description=action.description,
                read_only=action.is_read_only,
                idempotent=action.is_idempotent,
                samples=[
                    Sample(title=one.title, input=one.input, output=one.output) for one in action.samples
                ],
                places={name: _place_of(one) for name, one in _places_of(action).items()},
                encoding=action.encoding,
                answers=action.answers,
                pick=action.pick,
                shape=action.shape,
                defaults=action.defaults,
                pages=None if action.pages is None else _pages_of(action.pages),
                errors=[_rule_of(one) for one in action.errors],
                stream=None if action.stream is None else _stream_of(action.stream),
                group=group,
                is_hidden=action.hidden,
            )
        except ConfigurationError as exc:
            self._add_error(exc, at)

    def _complete(self, schema: JsonObject, at: Path, written: Written) -> JsonObject:
        """Return a schema with the shared ones that it needs, after it was judged."""
        verdict = self._guard.judge(schema)
        for problem in verdict.problems:
            self._add_schema(at, problem.path, problem.message, written)
        if not verdict.problems:
            self._check_meta(schema, at, written)
        return self._guard.complete(schema, verdict.needed)

    def _check_meta(self, schema: JsonObject, at: Path, written: Written) -> None:
        if isinstance(written, FieldsPart):
            return  # we wrote it
        try:
            jsonschema_rs.meta.validate(schema)
        except jsonschema_rs.ValidationError as exc:
            self._add((*at, *exc.instance_path), f"is no JSON Schema 2020-12: {exc.message}")
        except ValueError as exc:
            self._add(at, f"is no JSON Schema 2020-12: {str(exc).splitlines()[0]}")

    def _add_schema(self, at: Path, path: Path, message: str, written: Written) -> None:
        self._add((*at, *(_written_path(path) if isinstance(written, FieldsPart) else path)), message)

    def _group_of(self, action: ActionPart, at: Path) -> str | None:
        groups = self._manifest.groups
        if action.group is None or not groups:
            return action.group
        if action.group not in groups:
            known = ", ".join(f"`{name}`" for name in groups)
            self._add((*at, "group"), f"{action.group!r} is none of `groups`: {known}.")
        return groups.get(action.group)

    def _check_test(self, connector: Connector) -> None:
        verb = self._manifest.test
        if verb in self._manifest.actions and f"{connector.id}.{verb}" not in connector.actions:
            return  # what is wrong with that action was said
        problem = problem_of_test(connector)
        if problem is not None:
            self._add(("test",), problem)

    def _add(self, path: Path, message: str) -> None:
        text = message if message.endswith((".", "…")) else f"{message}."
        self._findings.append(Finding(path=path, message=text))

    def _add_error(self, error: ConfigurationError, at: Path) -> None:
        """Add what the call said that a connector in Python would have made; it names the argument."""
        match = _ARGUMENT.fullmatch(error.message)
        if match is None:
            inside = _INSIDE.fullmatch(error.message)  # such as `acme.find: stream.text: …`
            path = at if inside is None else (*at, *inside["path"].split("."))
            self._add(path, error.message if inside is None else inside["problem"])
            return
        names = {"is_hidden": "hidden"}
        name = names.get(match["name"], match["name"])
        inner = re.findall(r"\[(?:'([^']*)'|(\d+))\]", match["rest"])
        more = tuple(text if text else int(number) for text, number in inner)
        self._add((*at, name, *more), match["problem"])


# ---------------------------------------------------------------- part by part


def _written_path(path: Path) -> Path:
    """Return where something stands in the short form that stands at a path of the schema."""
    names: list[str | int] = []
    is_name = False
    for part in path:
        if is_name:
            names.append(part)
        elif part in ("properties", "$ref"):
            names.append("fields" if part == "properties" else "schema")
        elif isinstance(part, str) and part not in ("items", "anyOf"):
            names.append(part)
        is_name = not is_name and part == "properties"
    return tuple(names)


def _written(value: Written) -> JsonObject:
    """Return a schema that was written in either form."""
    if not isinstance(value, FieldsPart):
        return value
    schema = fields_schema(value.fields)
    return schema if value.description is None else {"description": value.description, **schema}


def _object_of(value: Written) -> JsonObject:
    return _written(value) or {"type": "object", "properties": {}}


def _input_of(action: ActionPart) -> JsonObject:
    """Return the schema of an action's input; fields of the path are needed unless it is a JSON Schema.

    Without any input the fields are those of the path.
    """
    given = action.input
    if given and not isinstance(given, FieldsPart):
        return given
    names = PLACEHOLDER.findall(action.path)
    sent_as = {
        (place.name or name): name for name, place in _places_of(action).items() if place.where == "path"
    }
    in_path = [sent_as.get(name, name) for name in names if name not in action.defaults]
    if isinstance(given, FieldsPart):
        schema = _written(given)
        in_path = [name for name in in_path if name in given.fields]  # others are told as mistakes
    else:
        schema = {"type": "object", "properties": {name: {"type": "string"} for name in in_path}}
    needed = cast("list[str]", schema.get("required", []))
    if required := list(dict.fromkeys([*in_path, *needed])):
        schema = {**schema, "required": required}
    return {"additionalProperties": False, **schema}


def _places_of(action: ActionPart) -> dict[str, PlacePart]:
    own = action.input.places() if isinstance(action.input, FieldsPart) else {}
    return {**own, **action.places}


def _place_of(part: PlacePart) -> InPlace:
    if part.style is None:
        return InPlace(where=part.where, name=part.name)
    return InPlace(where=part.where, name=part.name, style=part.style)


def _credential_of(part: CredentialPart) -> Credential | None:
    if isinstance(part, BearerPart):
        return CredentialPlacement()
    if isinstance(part, HeaderPart):
        return CredentialPlacement(header=part.header.lower(), prefix=part.prefix)
    if isinstance(part, QueryPart):
        return QueryCredential(parameter=part.parameter)
    if isinstance(part, BasicPart):
        return BasicCredential()
    if isinstance(part, OAuth2Part):
        return OAuth2Credential(
            token_url=part.token_url,
            grant=part.grant,
            scopes=tuple(part.scopes),
            client_in=part.client_in,
            parameters=tuple(part.parameters.items()),
        )
    return None


def _rule_of(part: ErrorPart) -> ErrorRule:
    return ErrorRule(
        kind=part.kind,
        statuses=tuple(part.statuses),
        when=part.when,
        code=part.code,
        message=part.message,
        field=part.field,
        hint=part.hint,
        retry_after_s=part.retry_after_s,
    )


def _pages_of(part: PagesPart) -> Pages:
    return Pages(
        items=part.items,
        field=part.field,
        next=part.next,
        by=part.by,
        first=part.first,
        size_field=part.size_field,
        max_pages=part.max_pages,
    )


def _stream_of(part: StreamPart) -> EventStream:
    return EventStream(
        text=part.text, output=part.output, into=part.into, end=part.end, ask=tuple(part.ask.items())
    )

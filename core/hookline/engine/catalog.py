"""The catalog: every action of every active connector, with its schemas compiled once."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import orjson

from hookline.connector import Connector
from hookline.engine.coercion import Coercion
from hookline.engine.references import as_names, as_object, follow
from hookline.engine.validation import SchemaValidator
from hookline.errors import ConfigurationError, NotFoundError

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject
    from hookline.plugins import PluginHost

_MANY_DEFINITIONS = 50
"""Schemas of strangers with more definitions take much memory when they are compiled."""


class CatalogEntry:
    """An action and its validators, which are compiled when they are first needed.

    Schemas that strangers wrote are compiled so that no pattern and no depth of a value can take long.
    """

    def __init__(self, action: Action) -> None:
        self.action = action
        self._guard = action.connector.guard
        self._kept: dict[str, SchemaValidator] = {}
        self._coercion: Coercion | None = None

    @property
    def coercion(self) -> Coercion:
        """What converts the action's input to the types that it asks for."""
        if self._coercion is None:
            self._coercion = Coercion(self.action.input_schema)
        return self._coercion

    @property
    def input(self) -> SchemaValidator:
        """Validator of the action's input."""
        return self._find("input", self.action.input_schema)

    @property
    def output(self) -> SchemaValidator:
        """Validator of the action's output."""
        return self._find("output", self.action.output_schema)

    @property
    def request(self) -> SchemaValidator | None:
        """Validator of the upstream's body, if the action states its schema."""
        schema = self.action.request_schema
        return None if schema is None else self._find("request", schema)

    def _find(self, part: str, schema: JsonObject) -> SchemaValidator:
        found = self._kept.get(part)
        if found is not None:
            return found
        name, guard = f"the {part} of {self.action.id}", self._guard
        if guard is None:
            found = self._kept[part] = SchemaValidator(schema, name=name)
            return found

        def compile() -> SchemaValidator:
            return SchemaValidator(schema, name=name, is_foreign=True, depths=guard.depths(schema))

        size = len(as_object(schema.get("$defs")))
        if size > _MANY_DEFINITIONS:
            return guard.compiled.get((self.action.id, part), size, compile)
        found = self._kept[part] = compile()
        return found


class Catalog:
    """Finds actions by id. Those that are hidden are there for other actions only.

    Attributes:
        connectors: The connectors, by id; another mapping after every change.
        owners: Name of the plugin that a connector comes from, by the connector's id.
        version: Another number after every change.
    """

    def __init__(self) -> None:
        self.connectors: dict[str, Connector] = {}
        self.owners: dict[str, str] = {}
        self._entries: dict[str, CatalogEntry] = {}
        self.version = 0

    def __iter__(self) -> Iterator[Action]:
        """Yield the actions that callers may be told of, by id."""
        return (action for action in self.every() if not action.is_hidden)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def every(self) -> Iterator[Action]:
        """Yield all actions by id, hidden ones among them."""
        entries = self._entries  # one and the same, whatever takes its place meanwhile
        return (entries[id].action for id in sorted(entries))

    def add(self, *connectors: Connector) -> None:
        """Add connectors and all their actions, or nothing.

        Raises:
            ConfigurationError: If an id is taken or a schema is not valid.
        """
        added: dict[str, Connector] = {}
        for connector in connectors:
            if connector.id in self.connectors or connector.id in added:
                raise ConfigurationError(f"There is a connector {connector.id!r} already.")
            added[connector.id] = connector
            _check_test(connector)
        entries = _entries_of(connectors)
        self.connectors = {**self.connectors, **added}
        self._entries = {**self._entries, **entries}
        self.version += 1

    def replace(
        self, removed: Iterable[Connector], added: Iterable[Connector], *, before: Callable[[], None]
    ) -> None:
        """Take connectors out and others in, at once for whoever looks up an action.

        Args:
            removed: Connectors that are there.
            added: Others; one may have the id of one that is removed.
            before: Called when `connectors` has the new ones already, and actions are still found as before.

        Raises:
            ConfigurationError: If an id is taken or a schema is not valid; then nothing changed.
        """
        removed, added = list(removed), list(added)
        gone = {one.id for one in removed if self.connectors.get(one.id) is one}
        for connector in added:
            if connector.id in self.connectors and connector.id not in gone:
                raise ConfigurationError(f"There is a connector {connector.id!r} already.")
            _check_test(connector)
        entries = {id: one for id, one in self._entries.items() if one.action.connector.id not in gone}
        entries.update(_entries_of(added))
        new = {one.id: one for one in added}
        connectors = {id: one for id, one in self.connectors.items() if id not in gone} | new
        self.connectors = {**self.connectors, **new}
        before()
        self._entries = entries
        self.connectors = connectors
        self.version += 1

    def entry(self, action_id: str, *, with_hidden: bool = False) -> CatalogEntry:
        """Return an action with its validators.

        Args:
            action_id: Which action.
            with_hidden: Whether it may be one that only other actions run.

        Raises:
            NotFoundError: If there is none of that id; the message names similar ones.
        """
        found = self._entries.get(action_id)
        if found is None or (found.action.is_hidden and not with_hidden):
            known = [id for id, entry in self._entries.items() if with_hidden or not entry.action.is_hidden]
            near = difflib.get_close_matches(action_id[:80], known, n=2, cutoff=0.5)
            raise NotFoundError(
                f"There is no action {action_id[:80]!r}."
                + (f" Did you mean {' or '.join(near)}?" if near else ""),
                code="unknown_action",
            )
        return found

    def entry_of(self, action: Action) -> CatalogEntry:
        """Return the validators of an action, also of one that was replaced while its call runs."""
        found = self._entries.get(action.id)
        if found is not None:
            paging = found.action.paging
            if found.action is action or (paging is not None and paging.many is action):
                return found
        return CatalogEntry(action)

    def get(self, action_id: str, *, with_hidden: bool = False) -> Action | None:
        """Return an action, or None if there is none of that id."""
        found = self._entries.get(action_id)
        if found is None or (found.action.is_hidden and not with_hidden):
            return None
        return found.action

    def find(self, action_id: str, *, with_hidden: bool = False) -> Action:
        """Return an action.

        Raises:
            NotFoundError: If there is none of that id.
        """
        found = self._entries.get(action_id)
        if found is not None and not found.action.is_hidden:
            return found.action
        return self.entry(action_id, with_hidden=with_hidden).action


def _entries_of(connectors: Iterable[Connector]) -> dict[str, CatalogEntry]:
    """Return the entries of connectors that are sound; manifests were checked when they were read.

    Raises:
        ConfigurationError: If a schema is not valid.
    """
    entries = {
        action.id: CatalogEntry(action) for connector in connectors for action in connector.actions.values()
    }
    for entry in entries.values():
        if entry.action.connector.guard is None:
            _ = entry.input, entry.output, entry.request
            _check_form(entry.action)
    return entries


def _check_form(action: Action) -> None:
    """Refuse what could be called by nobody, or told to nobody.

    Raises:
        ConfigurationError: If the input is no object, or a number or text of the description is not JSON.
    """
    kind = follow(action.input_schema, action.input_schema).get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        raise ConfigurationError(
            f"The input of {action.id} must be an object, not {kind}: give it a field that holds the rest."
        )
    try:
        orjson.dumps(describe(action))
    except TypeError as exc:
        raise ConfigurationError(f"{action.id} cannot be described as JSON: {exc}.") from exc


def problem_of_test(connector: Connector) -> str | None:
    """Return why nobody could run the test of connections that a connector names; None if all is well."""
    if connector.test is None:
        return None
    action = connector.actions.get(f"{connector.id}.{connector.test}")
    if action is None:
        return f"there is no action {connector.test!r}."
    if action.is_hidden:
        return f"the action {connector.test!r} is hidden; take one that callers may run."
    needed = as_names(follow(action.input_schema, action.input_schema).get("required"))
    if needed:
        return f"the action {connector.test!r} needs the field {needed[0]!r}; take one that needs none."
    return None


def _check_test(connector: Connector) -> None:
    """Refuse a test of connections that nobody could run.

    Raises:
        ConfigurationError: If there is no such action, or it is hidden or needs input.
    """
    problem = problem_of_test(connector)
    if problem is not None:
        raise ConfigurationError(f"Connector {connector.id!r}: `test`: {problem}")


def build_catalog(host: PluginHost) -> Catalog:
    """Return the catalog of all active plugins.

    A plugin with an unsound connector is left out as a whole. Two plugins with a connector of the same id
    are both left out: a stranger could otherwise take the place of a service that is trusted.
    """
    found = _collect(host)
    owners: dict[str, list[str]] = defaultdict(list)
    for name, connectors in found.items():
        for id in {connector.id for connector in connectors}:
            owners[id].append(name)
    for id, names in owners.items():
        if len(names) > 1:
            for name in names:
                host.leave_out(
                    name, f"The plugins {' and '.join(names)} both have a connector {id!r}; remove one."
                )
                found.pop(name, None)
    catalog = Catalog()
    for name, connectors in found.items():
        try:
            catalog.add(*connectors)
        except ConfigurationError as exc:
            host.leave_out(name, exc.message)
        else:
            catalog.owners.update((connector.id, name) for connector in connectors)
    return catalog


def _collect(host: PluginHost) -> dict[str, list[Connector]]:
    found: dict[str, list[Connector]] = {name: [connector] for name, connector in list(host.connectors())}
    for name, register in host.implementations("hookline_register_connectors"):
        try:
            connectors = register()
        except Exception as exc:  # a plugin may fail in any way
            problem = f"hookline_register_connectors() failed with {type(exc).__name__}: {exc}"
        else:
            if connectors is None:
                continue
            if isinstance(connectors, (list, tuple)) and all(
                isinstance(one, Connector) for one in connectors
            ):
                found[name] = [*found.get(name, []), *connectors]
                continue
            problem = "hookline_register_connectors() must return a list of Connector objects."
        found.pop(name, None)
        host.leave_out(name, problem)
    return found


def describe(action: Action, *, full: bool = True) -> JsonObject:
    """Return the JSON that tells a form builder about an action.

    Args:
        action: The action.
        full: Whether schemas and samples are included.
    """
    described: JsonObject = {
        "id": action.id,
        "title": action.title,
        "description": action.description,
        "connector": {"id": action.connector.id, "title": action.connector.title},
        "hints": {
            "read_only": action.is_read_only,
            "idempotent": action.is_idempotent,
            "streams": action.stream is not None,
        },
        "href": f"/actions/{action.id}",
    }
    if action.group is not None:
        described["group"] = action.group
    if full:
        described["input_schema"] = action.input_schema
        described["output_schema"] = action.output_schema
        described["samples"] = [
            {"title": sample.title, "input": sample.input, "output": sample.output}
            for sample in action.samples
        ]
    return described

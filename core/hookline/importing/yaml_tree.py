"""Reading YAML into JSON values, as OpenAPI wants it.

Values are those of JSON, and keys are texts. So ``no``, ``on`` and ``2026-01-31`` are texts here, and tags
are left aside. Aliases are followed, because documents use them; what they would add up to is counted before
it exists.

Source: OpenAPI Specification 3.1.1, section "Format"; YAML 1.2.2, section 10.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Protocol, cast

from hookline.errors import ConfigurationError
from hookline.importing.bounds import (
    MAX_DEPTH,
    MAX_YAML_NODES,
    check_characters,
    read_float,
    read_integer,
    too_deep,
    too_many,
)
from hookline.manifest.directives import find_directive
from hookline.manifest.scalars import read_plain

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Mark(Protocol):
    line: int


class _Event(Protocol):
    """What of PyYAML's events is read here; not every kind has all of it."""

    value: str
    anchor: str | None
    style: str | None
    start_mark: _Mark


def read_yaml(text: str, *, name: str, twice: list[str]) -> object:
    """Return the value of the first document of a text.

    Args:
        text: YAML.
        name: What it is called, for messages.
        twice: Gets the keys that an object has twice; the last one counts.

    Raises:
        ConfigurationError: If it is none, or too large.
    """
    return _YamlReader(text, name, twice).read()


class _YamlReader:
    """Makes the value of a YAML document from its events, without recursion.

    Args:
        text: The text.
        name: What it is called, for messages.
        twice: Gets the keys that an object has twice.
    """

    def __init__(self, text: str, name: str, twice: list[str]) -> None:
        self._text = text
        self._name = name
        self._twice = twice
        self._anchors: dict[str, tuple[object, int]] = {}

    def read(self) -> object:
        """Return the value.

        Raises:
            ConfigurationError: If there is none, or it is too large.
        """
        import yaml

        scalar, start_map, start_list = yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent
        end_map, end_list, alias = yaml.MappingEndEvent, yaml.SequenceEndEvent, yaml.AliasEvent
        # What is open: the value, the key that waits for its value, its anchor, the nodes before it.
        stack: list[tuple[object, str | None, str | None, int]] = []
        holder: object = None
        key: str | None = None
        anchor: str | None = None
        opened_at = 0
        root: object = None
        has_root = False
        nodes = 0
        for event in self._events():
            kind: object = type(event)
            if kind is scalar:
                nodes += 1
                if not event.value.isascii():
                    check_characters(event.value, self._name)
                if type(holder) is dict and key is None:
                    key = event.value
                    if key in holder:
                        self._twice.append(key)
                    if event.anchor:
                        self._anchors[event.anchor] = (key, 1)
                    continue
                value: object = event.value
                if not event.style:
                    value = read_plain(event.value, read_integer=read_integer, read_float=read_float)
                if event.anchor:
                    self._anchors[event.anchor] = (value, 1)
            elif kind is start_map or kind is start_list:
                if type(holder) is dict and key is None:
                    self._fail("has a key that is no text", event)
                nodes += 1
                value = {} if kind is start_map else []
                self._put(holder, key, value)
                if holder is None:
                    root, has_root = value, True
                stack.append((holder, None, anchor, opened_at))
                if len(stack) > MAX_DEPTH:
                    raise too_deep(self._name)
                holder, key, anchor, opened_at = value, None, event.anchor, nodes
                continue
            elif kind is end_map or kind is end_list:
                if anchor:
                    self._anchors[anchor] = (holder, nodes - opened_at + 1)
                holder, key, anchor, opened_at = stack.pop()
                continue
            elif kind is alias:
                found = self._anchors.get(str(event.anchor))
                if found is None:
                    self._fail(
                        f"has the alias `*{str(event.anchor)[:80]}` inside of what it stands for", event
                    )
                value = found[0]
                nodes += found[1]
                if type(holder) is dict and key is None:
                    if not isinstance(value, str):
                        self._fail("has a key that is no text", event)
                    key = value
                    continue
            else:
                continue
            if nodes > MAX_YAML_NODES:
                raise too_many(self._name, MAX_YAML_NODES)
            if holder is None:
                root, has_root = value, True
            else:
                self._put(holder, key, value)
                key = None
        if not has_root:
            raise ConfigurationError(f"{self._name} is empty.")
        return root

    @staticmethod
    def _put(holder: object, key: str | None, value: object) -> None:
        if type(holder) is dict:
            if key == "<<" and isinstance(value, (dict, list)):
                for merged in value if isinstance(value, list) else [value]:
                    if isinstance(merged, dict):
                        for name, one in merged.items():
                            holder.setdefault(name, one)
            else:
                holder[cast("str", key)] = value
        elif type(holder) is list:
            holder.append(value)

    def _events(self) -> Iterator[_Event]:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        documents = 0
        directive = find_directive(self._text)
        if directive is not None:
            found, line = directive
            raise ConfigurationError(
                f"{self._name} has the directive `{found}`, in line {line}. Leave it out."
            )
        try:
            for event in yaml.parse(self._text, Loader=loader):
                if type(event) is yaml.DocumentStartEvent:
                    documents += 1
                    if documents > 1:
                        return
                yield cast("_Event", event)
        except yaml.MarkedYAMLError as exc:
            mark = exc.problem_mark or exc.context_mark
            where = f" in line {mark.line + 1}" if mark else ""
            raise ConfigurationError(
                f"{self._name} is not YAML: {exc.problem or exc.context or 'it cannot be read'}{where}."
            ) from None
        except yaml.YAMLError as exc:
            first = (str(exc).splitlines() or [type(exc).__name__])[0]
            raise ConfigurationError(f"{self._name} is not YAML: {first}.") from None
        except RecursionError:
            raise too_deep(self._name) from None

    def _fail(self, problem: str, event: _Event) -> NoReturn:
        line = event.start_mark.line + 1
        raise ConfigurationError(f"{self._name} {problem}, in line {line}.")

"""Exports are made once, one at a time, and a few of them are kept."""

from __future__ import annotations

import threading

import pytest

from hookline.errors import ConfigurationError
from hookline.exports.export import Export
from hookline.exports.shelf import MAX_BYTES, MAX_EXPORTS, MAX_REFUSALS, Shelf
from hookline.exports.target import ExportTarget

TARGET = ExportTarget(name="mine", title="Mine", summary="", next_step="", file="mine", make="none:none")


def export(size_bytes: int = 1) -> Export:
    return Export(target=TARGET, files={"a": b"x" * size_bytes}, losses=())


def test_the_same_question_is_answered_by_the_same_export() -> None:
    shelf = Shelf()
    first = shelf.get("a", export)

    assert shelf.get("a", export) is first
    assert shelf.get("b", export) is not first


def test_the_one_that_nobody_asks_for_goes_first() -> None:
    shelf = Shelf()
    kept = {number: shelf.get(number, export) for number in range(MAX_EXPORTS)}
    assert shelf.get(0, export) is kept[0]

    shelf.get("one more", export)

    assert shelf.get(0, export) is kept[0]
    assert shelf.get(1, export) is not kept[1]


def test_large_ones_push_others_out_by_their_size() -> None:
    shelf = Shelf()
    small = shelf.get("small", export)
    shelf.get("large", lambda: export(MAX_BYTES))

    assert shelf.get("small", export) is not small


def test_one_larger_than_all_that_are_kept_is_made_anew_and_pushes_nothing_out() -> None:
    shelf = Shelf()
    small = shelf.get("small", export)
    large = shelf.get("large", lambda: export(MAX_BYTES + 1))

    assert shelf.get("large", lambda: export(MAX_BYTES + 1)) is not large
    assert shelf.get("small", export) is small


def test_a_refusal_is_kept_since_it_would_be_the_same_again() -> None:
    shelf, asked = Shelf(), []

    def refuse() -> Export:
        asked.append(1)
        raise ConfigurationError("It is too large.", hint="Leave one out.")

    for _ in range(3):
        with pytest.raises(ConfigurationError, match=r"^It is too large\.$") as caught:
            shelf.get("a", refuse)
        assert caught.value.hint == "Leave one out."

    assert len(asked) == 1
    assert shelf.get("b", export).files == {"a": b"x"}


def test_only_the_last_refusals_are_kept() -> None:
    shelf, asked = Shelf(), []

    def refuse() -> Export:
        asked.append(1)
        raise ConfigurationError("It is too large.")

    for key in [*range(MAX_REFUSALS + 1), 0, MAX_REFUSALS]:
        with pytest.raises(ConfigurationError):
            shelf.get(key, refuse)

    assert len(asked) == MAX_REFUSALS + 2


def test_a_failure_is_not_kept_and_blocks_nobody() -> None:
    shelf = Shelf()

    def fail() -> Export:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  # it is the one that was raised above
        shelf.get("a", fail)

    assert shelf.get("a", export).files == {"a": b"x"}


def test_two_at_the_same_time_make_one() -> None:
    shelf, begun, go_on, made = Shelf(), threading.Event(), threading.Event(), []

    def slow() -> Export:
        begun.set()
        assert go_on.wait(10)
        made.append(export())
        return made[-1]

    found: list[Export] = []
    threads = [threading.Thread(target=lambda: found.append(shelf.get("a", slow))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    go_on.set()
    for thread in threads:
        thread.join(10)

    assert len(made) == 1
    assert found == made * 4

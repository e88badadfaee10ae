"""What a plugin is called, from what its author types."""

from __future__ import annotations

import pytest

from hookline.errors import ConfigurationError
from hookline.scaffold.names import PluginNames, check_free, name_plugin

REDACT = PluginNames(
    id="redact_names",
    distribution="hookline-redact-names",
    package="hookline_redact_names",
    words="Redact names",
)


@pytest.mark.parametrize(
    "typed",
    ["redact-names", "redact_names", "Redact.Names", "hookline-redact-names", "hookline_redact_names"],
)
def test_however_it_is_typed_the_names_are_the_same(typed: str) -> None:
    assert name_plugin(typed) == REDACT
    assert name_plugin(typed).class_prefix == "RedactNames"


@pytest.mark.parametrize(
    "typed",
    ["", "a b", "-acme", "acme-", "a--b", "2fast", "acmé", "acme\n", "../acme", "hookline", "hookline-2fast"],
)
def test_what_is_no_name_is_refused_with_a_better_one(typed: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be called") as caught:
        name_plugin(typed)
    assert caught.value.hint


@pytest.mark.parametrize("typed", ["class", "hookline-import", "match", "Async"])
def test_a_word_of_the_language_is_refused(typed: str) -> None:
    with pytest.raises(ConfigurationError, match="a word of the Python language"):
        name_plugin(typed)


def test_a_name_that_no_action_could_bear_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="longer than 40"):
        name_plugin("a" * 41)


def test_the_name_of_an_installed_plugin_is_taken() -> None:
    with pytest.raises(ConfigurationError, match="There is a plugin 'openai' already: hookline brings it"):
        check_free(name_plugin("openai"))


def test_the_name_of_an_installed_package_is_taken() -> None:
    with pytest.raises(ConfigurationError, match="There is a package `hookline_schemas` already"):
        check_free(name_plugin("schemas"))


def test_a_new_name_is_free() -> None:
    check_free(REDACT)

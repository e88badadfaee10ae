"""What an operator sets."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hookline.options import LayeredOptions
from hookline_callbacks.options import CallbacksOptions


def test_lists_come_from_the_environment() -> None:
    environ = {
        "HOOKLINE_CALLBACKS_ALLOWED_HOSTS": "hooks.zapier.com, *.make.com",
        "HOOKLINE_CALLBACKS_ALLOWED_PORTS": "443,8443",
    }
    found = LayeredOptions(CallbacksOptions, {}, environ, name="callbacks").base

    assert found.allowed_hosts == ("hooks.zapier.com", "*.make.com")
    assert found.allowed_ports == (443, 8443)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("allowed_hosts", ["https://hooks.example.com"]),
        ("allowed_hosts", ["hooks.example.com/x"]),
        ("allowed_hosts", ["hooks.*.com"]),
        ("allowed_hosts", ["*"]),
        ("allowed_hosts", [""]),
        ("allowed_ports", [0]),
        ("allowed_ports", [70_000]),
        ("timeout_s", 120),
    ],
)
def test_what_would_call_nobody_or_anybody_by_mistake_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        CallbacksOptions.model_validate({field: value})


def test_by_default_nothing_near_is_called() -> None:
    assert CallbacksOptions().allow_loopback is False

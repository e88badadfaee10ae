"""What can be set for the plugin ``lifecycle``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from hookline.options import PluginOptions

COMPLETION_INSTRUCTION = (
    "Continue the text of the next message. If it is a question or a task, answer it or carry it out. Write "
    "only what comes next: do not repeat the text, and add no comment and no quotation marks."
)


class LifecycleOptions(PluginOptions):
    """How calls on models and endpoints that go away are served."""

    enabled: bool = Field(
        True, description="Whether models and parameters are looked at and completions may run as chats."
    )
    on_retired: Literal["error", "replace", "pass"] = Field(
        "error",
        description="What to do with a call on a retired model: refuse it and name the replacement, send it "
        "to the replacement, or send it as it is.",
    )
    replacements: dict[str, str] = Field(
        {},
        description="Model to use instead of a retired one, by the name of the retired one; goes before the "
        "table's own.",
    )
    on_unsupported: Literal["error", "drop", "pass"] = Field(
        "error",
        description="What to do with parameters that a model does not take: refuse the call, leave them out "
        "with a warning, or send them.",
    )
    legacy_completions: Literal["auto", "always", "never"] = Field(
        "auto",
        description="When a completion runs as a chat: where it is not served otherwise, always, or never.",
    )
    completion_instruction: str = Field(
        COMPLETION_INSTRUCTION,
        description="System message of a completion that runs as a chat; empty for none.",
    )

    @field_validator("replacements")
    @classmethod
    def _check_replacements(cls, replacements: dict[str, str]) -> dict[str, str]:
        for model, replacement in replacements.items():
            if not replacement.strip():
                raise ValueError(f"the replacement of {model!r} is empty")
            if replacement == model:
                raise ValueError(f"{model!r} cannot be its own replacement")
        return replacements

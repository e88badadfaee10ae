"""One check: content goes to the classifier, in as many requests as it takes, and passes or does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import orjson

from hookline.errors import ContentBlockedError, HooklineError
from hookline_moderation.batches import pack
from hookline_moderation.failures import SKIPPED, CheckFailedError, blocked, describe, unavailable
from hookline_moderation.verdict import WrongAnswerError, blocking_categories, read_answer

if TYPE_CHECKING:
    from hookline import Action, Call
    from hookline.action import JsonObject
    from hookline_moderation.content import Content
    from hookline_moderation.failures import Checked
    from hookline_moderation.options import ModerationOptions

_TEXT_ONLY_MODELS = "text-moderation"


class Checker:
    """Checks one side of one call.

    Args:
        call: The call; it runs the classifier.
        options: What holds for it.
        checked: Which side.
        classifier: The action that checks, or None if there is none of that name.
    """

    def __init__(
        self, call: Call, options: ModerationOptions, checked: Checked, *, classifier: Action | None
    ) -> None:
        self._call = call
        self._options = options
        self._checked = checked
        self._classifier = classifier

    def check(self, content: Content) -> None:
        """Return if the content may pass.

        Raises:
            ContentBlockedError: If it was found to be harmful.
            HooklineError: If it could not be checked, unless that is allowed.
        """
        if not content:
            return
        try:
            for inputs, size in self._requests(content):
                self._classify(inputs, size)
        except CheckFailedError as failure:
            self._fail(failure)

    def _requests(self, content: Content) -> Iterator[tuple[list[object], int]]:
        """Yield the input of each request, and the number of results that it must have."""
        options, images = self._options, list(content.images)
        unreadable = dict(content.unreadable)
        if images and not self._takes_images():
            images = []
            unreadable["an image"] = None
        if unreadable:
            named = " and ".join(unreadable)
            self._fail_in_part(f"`{options.classifier}` cannot read {named}")
        batches = pack(
            content.texts,
            max_chars=options.max_text_chars,
            overlap_chars=options.overlap_chars,
            max_requests=options.max_requests,
        )
        room = options.max_requests - len(batches.requests)
        if not batches.is_complete or len(images) > room:
            self._fail_in_part(
                f"it takes more than {options.max_requests} requests to `{options.classifier}`"
            )
        for texts in batches.requests:
            yield list(texts), len(texts)
        for url in images[:room]:  # the service takes one at a time
            yield [{"type": "image_url", "image_url": {"url": url}}], 1

    def _classify(self, inputs: list[object], size: int) -> None:
        options = self._options
        order: JsonObject = {"input": inputs}
        if options.model is not None:
            order["model"] = options.model
        try:
            answer = self._call.run(options.classifier, order, as_gateway=True)
        except ContentBlockedError as exc:  # a classifier may say it that way, too
            raise blocked(self._checked, _categories_of(exc)) from exc
        except Exception as exc:
            raise CheckFailedError(describe(exc, options.classifier)) from exc
        try:
            categories = blocking_categories(read_answer(answer, inputs=size), options)
        except WrongAnswerError as exc:
            reason = f"the answer of `{options.classifier}` cannot be used, because {exc.problem}"
            raise CheckFailedError(reason) from exc
        if categories is not None:
            raise blocked(self._checked, categories)

    def _takes_images(self) -> bool:
        if self._classifier is None:
            return True  # the call will say what is wrong
        if (self._options.model or "").startswith(_TEXT_ONLY_MODELS):
            return False
        return b'"image_url"' in orjson.dumps(self._classifier.input_schema)

    def _fail_in_part(self, reason: str) -> None:
        """Note that a part cannot be checked; the rest still is, if that part may pass."""
        self._fail(CheckFailedError(reason, is_lasting=True))

    def _fail(self, failure: CheckFailedError) -> None:
        if self._options.on_failure != "allow":
            error = unavailable(failure, self._checked)
            try:
                raise error from failure
            finally:
                del error, failure  # or the traceback, which holds this frame, would keep them alive
        self._call.record.warn(
            SKIPPED, f"The {self._checked} was not checked, or only in part: {failure.reason}."
        )


def _categories_of(error: HooklineError) -> list[str]:
    categories = error.details.get("categories")
    if not isinstance(categories, list):
        return []
    return [name for name in categories if isinstance(name, str)]

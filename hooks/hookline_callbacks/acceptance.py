"""The check of an address when an order comes in, while its caller is there to read what is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hookline.call_options import CallOption
from hookline.errors import InvalidInputError
from hookline.order import CALLBACK_URL

if TYPE_CHECKING:
    from hookline.order import Order
    from hookline.outbound.client import OutboundClient

URL_HEADER = "x-hookline-callback-url"
FORMAT = "callback_format"
FORMAT_HEADER = "x-hookline-callback-format"
FORMATS = ("output", "event")

OPTIONS = (
    CallOption(
        name=CALLBACK_URL,
        place="field",
        title="Callback URL",
        description="Public HTTPS address that the result is posted to when it is there; empty for none.",
        schema={"type": "string", "format": "uri", "maxLength": 2048},
    ),
    CallOption(
        name=FORMAT,
        place="field",
        title="Callback format",
        description="`output` posts what the action answers, `event` puts it into an envelope.",
        schema={"type": "string", "enum": list(FORMATS)},
    ),
)
"""What a call may say about its callback."""

_HINT = (
    "Use the whole address that the platform made for this run, such as Zapier's callback URL, n8n's "
    "`$execution.resumeUrl` or a webhook of Make; or leave it out and fetch the result."
)


def names_a_callback(order: Order) -> bool:
    """Tell whether somebody waits for an order's result at an address. Every order passes here."""
    if URL_HEADER not in order.headers and (
        order.endpoint is not None or not (CALLBACK_URL in order.fields or FORMAT in order.fields)
    ):
        return False
    return not order.is_detached


class Door:
    """Lets orders in whose address may be called.

    Args:
        client: Checks addresses; nothing is sent to them yet.
    """

    def __init__(self, client: OutboundClient) -> None:
        self._client = client

    def admit(self, order: Order) -> Order:
        """Return the order as it goes on; an address that is empty is left out.

        How the result is to be posted travels with the address, behind a ``#``, which no address has.

        Raises:
            InvalidInputError: If the address may not be called, the form is none, or the order came in the
                service's own format; names the field.
        """
        if order.endpoint is not None:
            raise InvalidInputError(
                "The service's own format has no words for an answer that comes later.",
                field=URL_HEADER,
                hint=f"Leave the header {URL_HEADER} out, or run `POST /actions/{order.action_id}` with "
                f"`{CALLBACK_URL}`.",
            )
        fields, headers = dict(order.fields), dict(order.headers)
        url = _one_of(fields.pop(CALLBACK_URL, None), headers.pop(URL_HEADER, None))
        form = fields.pop(FORMAT, None) or headers.pop(FORMAT_HEADER, None)
        if form and form not in FORMATS:
            raise InvalidInputError(
                f"`{FORMAT}` is one of {' and '.join(FORMATS)}.",
                field=FORMAT,
                hint="Leave it out to get exactly what the action answers.",
            )
        if url is not None:
            self._check(url)
            fields[CALLBACK_URL] = f"{url}#{form}" if form else url
        return replace(order, fields=fields, headers=headers)

    def _check(self, url: object) -> None:
        from hookline.outbound.urls import RefusedUrlError

        try:
            self._client.check(url)
        except RefusedUrlError as exc:
            raise InvalidInputError(
                f"`{CALLBACK_URL}` cannot be called: {exc}.", field=CALLBACK_URL, hint=_HINT
            ) from exc


def split_mark(marked: str) -> tuple[str, str | None]:
    """Return an address, and the form that travelled with it; None if nobody chose one."""
    url, _, form = marked.partition("#")
    return url, form or None


def _one_of(in_body: object, in_header: str | None) -> object:
    """Return the address that is named; forms send empty fields for what nobody filled in."""
    if in_body in (None, ""):
        return in_header or None
    if in_header and in_header != in_body:
        raise InvalidInputError(
            f"`{CALLBACK_URL}` and the header {URL_HEADER} name two addresses.",
            field=CALLBACK_URL,
            hint="Name it in one place.",
        )
    return in_body

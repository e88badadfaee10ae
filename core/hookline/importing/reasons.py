"""Every kind of finding: why something of a document cannot be taken over, and what to do."""

from __future__ import annotations

from hookline.importing.findings import Reason, Weight


def _reason(code: str, weight: Weight, why: str, do: str) -> Reason:
    return Reason(code=code, weight=weight, why=why, do=do)


# ---------------------------------------------------------------- operations that become no action

NO_OBJECT = _reason(
    "not_an_object",
    "left_out",
    "It is no object, as OpenAPI wants it.",
    "Correct the document, then import again.",
)
REMOTE_ITEM = _reason(
    "remote_reference",
    "left_out",
    "It refers to another file or address, and nothing but the document itself is read.",
    "Bundle the document into one file first, for instance with `redocly bundle`.",
)
LOST_ITEM = _reason(
    "dead_reference",
    "left_out",
    "It refers to something that is not in the document, or around in a circle.",
    "Correct the reference, then import again.",
)
METHOD = _reason(
    "method",
    "left_out",
    "An action's method is one of GET, HEAD, POST, PUT, PATCH and DELETE.",
    "Nothing to do.",
)
PATH = _reason(
    "path",
    "left_out",
    "Its path cannot be written as an address below the base URL.",
    "Correct the path in the document, or write the action by hand.",
)
OTHER_SERVER = _reason(
    "other_server",
    "left_out",
    "It has a server of its own, and the actions of a connector go to one base URL.",
    "Make another connector of it: import again under another name with --only.",
)
BODY_TYPE = _reason(
    "body_type",
    "left_out",
    "Its body is of a type that is not written here, such as multipart/mixed.",
    "Write the action by hand, in Python.",
)
NO_BODY_METHOD = _reason(
    "body_of_get",
    "left_out",
    "It needs a body, and a GET or HEAD request has none.",
    "Look whether the service takes it with POST.",
)
REDIRECT = _reason(
    "redirect",
    "left_out",
    "It answers with a redirect only, and redirects are not followed.",
    "Look for an operation that answers with the thing itself.",
)
ONLY_STREAM = _reason(
    "only_event_stream",
    "left_out",
    "It answers with a stream of events only, and the document does not say what these mean.",
    "Write the action by hand, with `stream` in the manifest.",
)
HEADER_NEEDED = _reason(
    "header",
    "left_out",
    "It needs a header that the gateway sets itself, or one that cannot be sent.",
    "Write the action by hand, in Python.",
)
STYLE = _reason(
    "parameter_style",
    "left_out",
    "A parameter that it needs cannot be sent in the style that the document wants.",
    "Write the action by hand, in Python.",
)
REFUSED = _reason(
    "refused",
    "left_out",
    "The action that it would become is one that no gateway loads.",
    "Write the action by hand.",
)

# ---------------------------------------------------------------- parts that say less

REFUSED_PART = _reason(
    "refused_part",
    "simplified",
    "A part is one that no gateway loads, such as a schema that takes too long to check; it takes anything.",
    "Describe the part in the manifest.",
)
LOST_PART = _reason(
    "dead_reference_part",
    "simplified",
    "A part refers to something that is not in the document, or around in a circle.",
    "Correct the reference, or describe the part in the manifest.",
)
REMOTE_PART = _reason(
    "remote_reference_part",
    "simplified",
    "A part refers to another file or address, and only the document itself is read; it takes anything.",
    "Bundle the document into one file first, for instance with `redocly bundle`.",
)
WRONG_PART = _reason(
    "wrong_type",
    "simplified",
    "A part is not of the type that OpenAPI wants there, and was left out.",
    "Correct the document, or complete the manifest.",
)
PATTERN = _reason(
    "pattern",
    "simplified",
    "A regular expression looks ahead or back, takes too much memory, or is none; the field takes any text.",
    "Nothing to do: the service checks it itself.",
)
NUMBER = _reason(
    "number",
    "simplified",
    "A bound is no number, or does not fit into 64 bits; it was left out.",
    "Nothing to do.",
)
CIRCLE = _reason(
    "circle",
    "simplified",
    "A schema is a part of itself without anything between; the inner one was left out.",
    "Correct the document, or complete the manifest.",
)
PARAMETER = _reason(
    "parameter",
    "simplified",
    "A parameter cannot be sent, or not in this style, and is not required; it was left out.",
    "Add it to the manifest by hand if you need it.",
)
GATEWAY_HEADER = _reason(
    "gateway_header",
    "note",
    "A parameter stands for a header that the gateway sets itself; it is no field.",
    "Nothing to do.",
)
UNDECLARED = _reason(
    "undeclared_path_field",
    "note",
    "The path has a placeholder that no parameter describes; it became a text field.",
    "Describe the field in the manifest.",
)
UNUSED_PATH = _reason(
    "unused_path_parameter",
    "simplified",
    "A parameter of the path has no placeholder there; it was left out.",
    "Correct the path in the manifest.",
)
GET_BODY = _reason(
    "optional_body_of_get",
    "simplified",
    "A GET or HEAD request has no body; its optional body was left out.",
    "Look whether the service takes it with POST.",
)
RENAMED = _reason(
    "renamed",
    "note",
    "Two fields of one action had the same name; one got another, and goes to the same place as before.",
    "Rename it in the manifest if you know a better name.",
)
ALTERNATIVES = _reason(
    "alternatives",
    "simplified",
    "Rules about which fields go together are not taken over.",
    "Nothing to do: the service checks them itself.",
)
RULE = _reason(
    "rule",
    "simplified",
    "A `not`, an `if` or a `maxContains` rests on what cannot be taken over exactly; the rule was left out.",
    "Nothing to do: the service checks it itself.",
)
OTHER_CREDENTIAL = _reason(
    "other_credential",
    "note",
    "It wants to be shown another credential than most operations; a connection has one.",
    "Leave the action out, or make a connector of its own of it with --only.",
)
CREDENTIAL = _reason(
    "credential",
    "note",
    "A way to show credentials cannot be taken over as it is.",
    "See the comment at the top of the manifest.",
)
REFUSED_CREDENTIAL = _reason(
    "refused_credential",
    "simplified",
    "The way to show credentials is one that no gateway loads; none is shown.",
    "Correct it in the document, or set `credential` in the manifest.",
)
NO_SERVER = _reason(
    "no_server",
    "note",
    "The document does not say where the service is.",
    "Write its address into `base_url`.",
)
SAMPLE = _reason(
    "sample", "note", "An example does not fit its schema, or is large; it was left out.", "Nothing to do."
)
STREAM = _reason(
    "event_stream",
    "simplified",
    "It can answer with a stream of events, and the document does not say what these mean.",
    "Declare `stream` in the manifest, so that callers see the text grow.",
)
XML = _reason(
    "xml",
    "simplified",
    "It speaks XML, which callers give or get as a text.",
    "Look whether the service speaks JSON too.",
)
SHORTENED = _reason(
    "shortened",
    "note",
    "An action's name was shortened, because an id has at most 60 characters.",
    "Nothing to do.",
)
TWICE = _reason(
    "operation_id_twice",
    "note",
    "Operations have the same operationId; their actions are told apart by method and path.",
    "Rename actions in the manifest if you know better names.",
)
NO_CREDENTIAL = _reason(
    "no_credential",
    "note",
    "The document does not say that the service wants a credential.",
    "If it does, write `credential: bearer` into the manifest, or another kind.",
)
KEY_TWICE = _reason(
    "key_twice",
    "simplified",
    "An object has the same key twice, and the last one counts.",
    "Rename one of them in the document, then import again.",
)


def for_part(reason: Reason) -> Reason:
    """Return the reason for a part of an operation whose own reference or type is wrong."""
    return {NO_OBJECT: WRONG_PART, REMOTE_ITEM: REMOTE_PART, LOST_ITEM: LOST_PART}.get(reason, reason)

"""The contract between Hookline and its plugins, in the order of one call.

Write ``from hookline import hookimpl``, mark a function of the same name with ``@hookimpl``, and take
any subset of the arguments. An entry point names a module of such functions, or a class of such methods.
Arguments are added over time, never removed or renamed. Implementations run last-registered first;
``tryfirst`` and ``trylast`` move one. ``async def`` is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from hookline.attempt import Attempt, RetryDecision
    from hookline.call import Call
    from hookline.connection import Connection, Secret
    from hookline.connector import Connector
    from hookline.errors import HooklineError
    from hookline.exports.target import ExportTarget
    from hookline.gateway import Gateway
    from hookline.job import Job
    from hookline.metering import Reservation
    from hookline.order import Order, Proceed
    from hookline.principal import Decision, InboundRequest, Principal
    from hookline.routes import Reply, RouteRegistry
    from hookline.streaming import StreamTransform
    from hookline.upstream import Response, UpstreamRequest, UpstreamResponse
    from hookline.usage import Usage

PROJECT = "hookline"
hookspec = HookspecMarker(PROJECT)
hookimpl = HookimplMarker(PROJECT)

# Hooks that decide about rights, secrets and money: no wrapper may stand around them.
SECURITY_HOOKS = frozenset(
    {
        "hookline_authenticate",
        "hookline_renew_principal",
        "hookline_authorize",
        "hookline_choose_connections",
        "hookline_admit",
        "hookline_settle",
        "hookline_resolve_credential",
        "hookline_exchange_credential",
        "hookline_apply_upstream_auth",
    }
)

# Hooks that set a gateway up and down, called one plugin after another: there is nothing to stand around.
SETUP_HOOKS = frozenset(
    {
        "hookline_register_connectors",
        "hookline_startup",
        "hookline_catalog_changed",
        "hookline_register_routes",
        "hookline_register_exports",
        "hookline_register_commands",
        "hookline_shutdown",
    }
)

# Hooks that watch: called one plugin after another too, so that none keeps the next from watching.
OBSERVER_HOOKS = frozenset({"hookline_record_usage", "hookline_job_over"})

# Hooks that stand around others without pluggy's help, because a wrapper of pluggy yields only once.
AROUND_HOOKS = frozenset({"hookline_run_order"})

# Plugins that every gateway has of its own: what runs code, and what asks the service.
BUILT_IN_PLUGINS = frozenset({"code", "transport"})

# ---------------------------------------------------------------- once, when the gateway is built


@hookspec
def hookline_register_connectors() -> list[Connector] | None:
    """Return the connectors that this plugin adds.

    Called once, when the catalog is built. A connector whose id or schemas are not valid is reported
    with the plugin's name, and the plugin is left out.
    """


@hookspec
def hookline_startup(gateway: Gateway) -> None:
    """Get ready: read settings, open what you need.

    Called once per gateway, after the catalog and the connections were built and before routes are
    collected, one plugin after another. Whatever you raise keeps the gateway from starting. To keep
    something for later, make your entry point a class: each gateway gets its own instance.

    Args:
        gateway: Its ``settings``, ``environ``, ``catalog`` and ``connections`` are there.
    """


@hookspec
def hookline_catalog_changed(gateway: Gateway) -> None:
    """Follow connectors that came, went or took another's place while the gateway runs.

    Called after such a change was found sound and right before calls see it, one plugin after another; what
    you raise is logged and keeps nobody else from following. Read anew what you made of connectors and
    accounts when you were started. Calls that run go on with the connector and the account that they have,
    so keep what belongs to those. Not called when the gateway starts.

    Args:
        gateway: Its ``catalog.connectors``, ``connections`` and ``all_connections`` are the new ones already;
            ``catalog.version`` changes right afterwards.
    """


@hookspec
def hookline_register_routes(routes: RouteRegistry) -> None:
    """Add HTTP routes.

    Called once, after the catalog was built. Each route states ``scope=…`` or ``public=True``.

    Args:
        routes: Call its ``add``, ``add_wire`` and ``use_format``.
    """


@hookspec
def hookline_register_exports() -> list[ExportTarget] | None:
    """Return the platforms that this plugin can write the catalog for.

    Called once, when the gateway is built, one plugin after another. Each is then there for
    ``hookline export`` and ``GET /exports/{target}``, with the actions of every connector. Name what writes
    it as ``"module:function"``, so that it is imported when it is needed.
    """


@hookspec
def hookline_register_commands(group: click.Group) -> None:
    """Add commands to the command line.

    Called whenever ``hookline`` starts, also for ``--help``: import what is heavy inside the command.

    Args:
        group: Call its ``add_command``.
    """


@hookspec
def hookline_shutdown(gateway: Gateway) -> None:
    """Let go: write what is still to be written, close what you opened.

    Called once when the gateway is closed, one plugin after another, last-started first. What you raise is
    logged and keeps nobody else from closing. Take a few seconds at most: nobody waits longer.

    Args:
        gateway: The gateway; it takes no more calls.
    """


# ---------------------------------------------------------------- one call, from start to end


@hookspec(firstresult=True)
def hookline_authenticate(request: InboundRequest) -> Principal | None:
    """Recognise the caller.

    Called once per request, before its body is read. Return None if the request carries no credential of
    your kind, so that the next plugin is asked. Raise `AuthenticationError` if it carries one that
    is not valid: nobody else is asked then. If all return None the caller gets 401. No wrappers.

    Args:
        request: Method, path and headers; ``request.read_body()`` for signatures over the body.
    """


@hookspec(firstresult=True)
def hookline_renew_principal(principal: Principal) -> Principal | None:
    """Return a caller with the rights that it has now, for a call that runs long after it was asked for.

    Called before a job runs. Return None for a caller that is not yours: it keeps the rights it had. Raise
    `AuthenticationError` if its credential is not valid any more; then the job fails. No wrappers.

    Args:
        principal: Who asked, as you returned it from `hookline_authenticate`.
    """


@hookspec
def hookline_run_order(principal: Principal, order: Order, proceed: Proceed) -> Reply | None:
    """Stand around an order: answer it from what is kept, run it at another time, or run it in parts.

    Called once per order from outside, before anything but its caller was checked; each plugin stands around
    the next ones, the first in running order outermost. Return None to let the order go on as it is. What
    ``proceed`` returns for a stream is still running; close its content if you do not hand it on. Raise a
    `HooklineError` to refuse the order. No wrappers: this is one.

    Args:
        principal: Who asks.
        order: What for; read-only. Make a changed one with `dataclasses.replace`.
        proceed: Runs an order past everybody inside of you, and returns the reply; errors are replies too.
            Call it as often as you like, also from another thread.
    """


@hookspec
def hookline_authorize(call: Call) -> Decision | None:
    """Say whether this caller may run this action.

    Called once per call, after the body was parsed and before the input is validated. All plugins are
    asked: one denial denies, and so do silence of all, an exception, and a result of another type.
    No wrappers.

    Args:
        call: ``call.input`` is what the caller sent, not validated yet.
    """


@hookspec(firstresult=True)
def hookline_choose_connections(call: Call) -> Sequence[Connection] | None:
    """Say which upstream accounts a call may use, the best one first.

    Called once per call, after the input was validated. The first is used; a plugin that implements
    `hookline_retry` may go on with another one of them. An empty list refuses the call. If nobody answers,
    the connection of the settings is used. Each must belong to the action's connector, to the caller's tenant
    or to nobody, and be one that the caller may use. No wrappers.

    Args:
        call: The call; its ``connection`` is that of the settings.
    """


@hookspec
def hookline_shape_request(call: Call, request: UpstreamRequest) -> None:
    """Change a request before it is signed and sent.

    Called once per call, after the input was validated. What you change in the body of an action's
    request is validated again, unless you changed the path: another endpoint has another body. Wait for
    nothing here. Raise a `HooklineError` to stop the call. Wrappers are allowed.

    Args:
        call: Who runs which action, with which deadline; read-only, holds no secret.
        request: Method, path, headers and JSON body; change it in place.
    """


@hookspec
def hookline_admit(call: Call, request: UpstreamRequest, estimate: Usage) -> Reservation | None:
    """Say whether the call may run now, and set aside what it will take.

    Called once per call, after the last plugin shaped its request, one plugin after another. Raise a
    `RateLimitedError` or a `BudgetExhaustedError` to refuse it; what other plugins had set aside is then
    given back. A call inside another (``call.parent``) is admitted on its own. No wrappers.

    Args:
        call: The call.
        request: What will be sent.
        estimate: The most that it can take, as far as the action's connector knows.

    Returns:
        What you need to settle it, or None if there is nothing to settle.
    """


@hookspec(firstresult=True)
def hookline_resolve_credential(call: Call, connection: Connection) -> Secret | None:
    """Return the credential of an upstream account.

    Called once per call whose connector takes a credential. Return None if you do not know this
    connection. If nobody knows it the request is sent without a credential, unless the connection needs one:
    then the call fails. No wrappers.

    Args:
        call: The call that needs it.
        connection: The account; its ``origin`` is where the request will go.
    """


@hookspec(firstresult=True)
def hookline_exchange_credential(call: Call, connection: Connection, secret: Secret) -> Secret | None:
    """Return the access token that a stored credential is exchanged for.

    Called for every attempt, only where the connector's credential is an `OAuth2Credential`, and only after
    the request's origin was found among those that the stored credential is bound to. Return None for a
    connection that is not yours. The token goes on in the credential's place. No wrappers.

    Args:
        call: The call that needs it; nothing may be waited for beyond its deadline.
        connection: The account.
        secret: The stored credential, now bound to the origin of the connector's ``token_url`` alone.

    Returns:
        A token that is bound to no other origins than the stored credential was.
    """


@hookspec(firstresult=True)
def hookline_apply_upstream_auth(call: Call, request: UpstreamRequest, secret: Secret) -> bool | None:
    """Put the credential on the request.

    Called only after the request's origin was found among ``secret.allowed_origins``; it is checked
    once more afterwards. Return True when you did it, None to leave it to the next. No wrappers.

    Args:
        call: The call.
        request: Set a header on it.
        secret: ``secret.reveal()`` returns the credential.
    """


@hookspec(firstresult=True)
def hookline_execute(call: Call, request: UpstreamRequest) -> UpstreamResponse | None:
    """Make one attempt at the upstream.

    Called once per attempt. The built-in transport comes last; whoever returns an answer earlier replaces
    it, and whoever returns None has had its look. A check that needs the network has its place here. Raise
    `UpstreamUnavailableError` or `UpstreamTimeoutError` for a failed attempt. Wrappers are allowed
    and see an answer whose body was not read yet.

    Args:
        call: ``call.cancellation`` tells when nobody waits any more.
        request: What to send; ``request.content`` holds the bytes.
    """


@hookspec(firstresult=True)
def hookline_retry(call: Call, attempt: Attempt) -> RetryDecision | None:
    """Say whether to make another attempt.

    Called after every attempt that failed, and whenever a stream breaks. Return None for a failure
    that is not yours; if nobody decides, the failure is final. The loop, the waiting and the deadline
    are the gateway's: what you ask for is refused where it would repeat an answer that has begun. Wrappers
    are allowed.

    Args:
        call: ``call.remaining_s()`` is the time that is left.
        attempt: What was sent, what it failed with, and whether it may have been charged.
    """


@hookspec
def hookline_open_stream(call: Call) -> StreamTransform | None:
    """Stand in the way of a stream's events.

    Called once for every stream that the upstream opened, also for one that is put together for a
    caller who did not ask for a stream. Return a `StreamTransform`, or None if this stream is nothing to
    you. All transforms form a chain in the order of the plugins. Wrappers are allowed.

    Args:
        call: The call.
    """


@hookspec
def hookline_process_response(call: Call, response: Response) -> None:
    """Change an answer before it goes to the caller.

    Called once per successful call: for a whole answer before it is sent, and for a stream of the action
    door with its final output. ``response.output`` has the action's own shape
    through both doors; what you change is written back into the service's format on the wire door,
    and a change that cannot be written there fails the call. Wrappers are allowed.

    Args:
        call: The call.
        response: Change ``output`` and ``headers`` in place.
    """


@hookspec
def hookline_settle(call: Call, reservation: Reservation, usage: Usage | None) -> None:
    """Book what the call really took in place of what was set aside for it.

    Called exactly once for each of your reservations, however the call ended: well, with an error, refused
    by another plugin, or with a client that left. What you raise is logged. No wrappers.

    Args:
        call: The call; ``call.record`` tells how it ended.
        reservation: What your `hookline_admit` returned.
        usage: What its own requests took, estimated where the upstream did not say; None if nothing was
            carried out. What calls inside this one took is settled with them.
    """


@hookspec
def hookline_record_usage(call: Call, usage: Usage | None) -> None:
    """Take note of a call that is over.

    Called exactly once for every call that was opened, also for those that were refused or failed, after
    all of it was settled, one plugin after another. What you raise is logged. Wait for nothing here: it
    runs before the end of the answer goes out.

    Args:
        call: The call; ``call.record`` has its model, status, attempts and times.
        usage: As in `hookline_settle`.
    """


@hookspec
def hookline_job_over(job: Job) -> None:
    """Take note of a job that is over.

    Called when the reply of a job was kept, one plugin after another, on a thread that nobody waits for. If
    the process ends meanwhile it is called again by another: go by the job's id. What you raise is logged.

    Args:
        job: The job with its reply, also if it failed or was cancelled.
    """


@hookspec(firstresult=True)
def hookline_map_error(call: Call, error: HooklineError) -> HooklineError | None:
    """Make an error say what its reader needs.

    Called for every error of a call that was opened. Return another error, or None to leave it to the next
    plugin and at last to the built-in mapping by status.

    Args:
        call: The call that failed.
        error: ``error.answer`` is the upstream's answer, if there was one.
    """

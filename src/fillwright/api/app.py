"""The application: every route behind one shield. The composition root makes it, the server serves it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from litestar import Litestar
from litestar.exceptions import HTTPException

from fillwright.api.bodies import BODY_BYTES_MAX
from fillwright.api.desk import Desk
from fillwright.api.documents import document_routes, openapi_config, policies
from fillwright.api.entrance import Entrance, entrance_route
from fillwright.api.errors import ApiError, answer_error
from fillwright.api.events import event_route
from fillwright.api.listings import listing_routes
from fillwright.api.modes import mode_routes
from fillwright.api.operations import operation_routes
from fillwright.api.positions import position_routes
from fillwright.api.quotes import quote_routes
from fillwright.api.reads import Reads
from fillwright.api.rollout import rollout_routes
from fillwright.api.shadow import shadow_routes
from fillwright.api.shield import Shield
from fillwright.api.signals import signal_routes
from fillwright.api.tokens import Tokens
from fillwright.ports import Clock, ReadModel
from fillwright.runtime.orchestrator import Orchestrator


def make_app(
    orchestrator: Orchestrator,
    read_model: ReadModel,
    tokens: Tokens,
    clock: Clock,
    *,
    version: str,
    hosts: Iterable[str] = (),
    entrance: Entrance | None = None,
) -> Shield:
    """Make the ASGI application.

    ``read_model`` is asked from threads, so on connections of its own; closing it is the caller's. ``hosts`` are names
    beside the loopback's that the Host header may have (``*``: any). ``entrance``: the first run's one-time link.
    """
    reads = Reads(read_model)
    desk = Desk(orchestrator, reads, clock, version)
    app = _application(desk, tokens, entrance, reads.close)
    return Shield(app, tokens, hosts, policies())


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document of all routes, for whoever writes of them; nothing is served."""
    nothing = cast(Any, None)
    app = _application(Desk(nothing, nothing, nothing, ""), nothing, None, lambda: None)
    return app.openapi_schema.to_schema()


def _application(
    desk: Desk, tokens: Tokens, entrance: Entrance | None, close: Callable[[], None]
) -> Litestar:
    app = Litestar(
        route_handlers=[
            *signal_routes(desk),
            *position_routes(desk),
            *listing_routes(desk),
            *operation_routes(desk),
            *mode_routes(desk),
            *rollout_routes(desk),
            *quote_routes(desk),
            *shadow_routes(desk),
            *document_routes(desk),
            entrance_route(entrance),
            event_route(desk, tokens),
        ],
        exception_handlers={ApiError: answer_error, HTTPException: answer_error, Exception: answer_error},
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=openapi_config(desk.version),
        logging_config=None,
        on_shutdown=[close],
    )
    app.openapi_schema  # noqa: B018 - made now, so that no request waits for it and mistakes in it are found at once
    return app

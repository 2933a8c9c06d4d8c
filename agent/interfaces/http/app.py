"""The FastAPI app: routes, compatibility layers and middleware.

A compatibility layer is a function that adds its routes to the app. It may return a context manager, which is entered
when the server starts and left when it stops. `COMPAT_LAYERS` lists them.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.cors import CORSMiddleware

from .... import __version__
from ...studio import Studio
from ..web import add_page
from . import error_handlers, openapi
from .compat import mcp
from .compat.automatic1111 import images, img2img, settings, txt2img
from .compat.openai import chat, edits, models
from .compat.openai import images as openai_images
from .config import ServerConfig
from .error_responses import error_response
from .input_pictures import MOST_BYTES
from .jobs.service import Service
from .middleware.authentication import Authentication
from .middleware.body_limit import BodyLimit
from .middleware.head_requests import HeadRequests
from .middleware.origin_check import OriginCheck, origins_of
from .middleware.request_log import RequestLog
from .middleware.trace_context import TraceContext
from .routes import archives, catalog, health, replays, report, session_deletion, session_events, sessions, turns
from .routes import images as image_routes
from .telemetry.log import Log
from .telemetry.metrics import Metrics
from .telemetry.telemetry import Telemetry

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
CompatLayer = Callable[[FastAPI, Service], AbstractAsyncContextManager[None] | None]

COMPAT_LAYERS: tuple[CompatLayer, ...] = (
    openai_images.install_images,
    edits.install_edits,
    chat.install_chat,
    models.install_models,
    txt2img.install_txt2img,
    img2img.install_img2img,
    settings.install_settings,
    images.install,
    mcp.install_mcp,
    add_page,
)
"""The compatibility layers and the web page."""

LARGER_BODIES: dict[str, int] = {
    "/v1/chat/completions": MOST_BYTES,
    archives.PATH: archives.MOST_BYTES,
    sessions.PATH: MOST_BYTES,
    **dict.fromkeys(edits.PATHS, MOST_BYTES),
    mcp.PATH: MOST_BYTES,
    **images.LARGER_BODIES,
}
"""Path -> most bytes of a request body, for requests that carry pictures."""

_ROUTERS = (
    sessions.router,
    session_deletion.router,
    archives.router,
    session_events.router,
    turns.router,
    replays.router,
    image_routes.router,
    catalog.router,
    health.router,
    report.router,
)

_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]
_EXPOSED = ["ETag", "Idempotency-Key", "Location", "Mcp-Session-Id", "Preference-Applied", "Retry-After"]
"""What pages of the allowed origins may send, and the response headers that they may read."""

_ABOUT = """Say what is wrong with the picture; get it again without it.

Where the server has keys, send one as `Authorization: Bearer nt_…` or as `X-API-Key`. `Prefer: respond-async` answers
at once, with the address of the turn's events; `Idempotency-Key` makes a request that is sent twice make one turn.
Errors are `application/problem+json`."""


def create_app(
    studio: Studio,
    config: ServerConfig,
    *,
    devices: Iterable[Studio] = (),
    log: Log | None = None,
    compat_layers: tuple[CompatLayer, ...] | None = None,
) -> FastAPI:
    """Build the server's app on a studio, which the caller closes.

    `devices` are studios on the same store with engines on other devices.
    """
    telemetry = Telemetry(Metrics(), log or Log(words=config.log_words))
    service = Service(studio, config, telemetry, devices)
    telemetry.metrics.watch_queue(lambda: len(service.jobs.list_waiting()), lambda: len(service.jobs.list_drawing()))
    contexts: list[AbstractAsyncContextManager[None]] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(service.close)
            stack.push_async_callback(service.stop)
            for context in contexts:
                await stack.enter_async_context(context)
            service.warm_up()
            yield

    app = _create_fastapi(lifespan)
    app.state.service, app.state.config, app.state.telemetry = service, config, telemetry
    error_handlers.install_error_handlers(app, error_response)
    for router in _ROUTERS:
        app.include_router(router)
    for install_layer in COMPAT_LAYERS if compat_layers is None else compat_layers:
        context = install_layer(app, service)
        if context is not None:
            contexts.append(context)
    _add_middleware(app, service, config, telemetry)
    openapi.complete_openapi(app)
    return app


def _create_fastapi(lifespan: Lifespan) -> FastAPI:
    # FastAPI's own spans and logs contain queries and messages, and so the users' words: see telemetry/ for ours.
    no_telemetry: TelemetryConfig = {"tracing": False, "logs": False}
    return FastAPI(
        telemetry=no_telemetry,
        title="notthat",
        version=__version__,
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )


def _add_middleware(app: FastAPI, service: Service, config: ServerConfig, telemetry: Telemetry) -> None:
    """Add the middleware, the innermost first."""
    app.add_middleware(HeadRequests)
    app.add_middleware(BodyLimit, limit=config.body, larger=LARGER_BODIES, respond=error_response)
    app.add_middleware(Authentication, service=service, log=telemetry.log, respond=error_response)
    if config.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins_of(config.cors),
            allow_methods=_METHODS,
            allow_headers=["*"],
            expose_headers=_EXPOSED,
        )
    app.add_middleware(OriginCheck, config=config, respond=error_response)
    app.add_middleware(TraceContext)
    app.add_middleware(RequestLog, log=telemetry.log, metrics=telemetry.metrics, respond=error_response)

"""`notthat serve`: the HTTP server."""

import ipaddress
from typing import Annotated

import typer

from ....errors import InvalidInputError
from .options import LLMTimeout, load_settings


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; any but loopback needs API keys.")] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 chooses a free one.")] = 8000,
    model: Annotated[
        list[str] | None, typer.Option(help="A model that requests may use; the first is the default.")
    ] = None,
    queue: Annotated[int, typer.Option(min=1, help="Maximum number of waiting turns.")] = 64,
    steps: Annotated[
        int, typer.Option(min=1, max=1000, help="Maximum steps per picture, unless the key has a limit.")
    ] = 150,
    size: Annotated[
        int, typer.Option(min=8, max=8192, help="Maximum width and height in pixels, unless the key has a limit.")
    ] = 2048,
    cors: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="A site whose pages may call the API; “*” allows any.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The public address of the server, if it is behind a proxy.")] = None,
    device: Annotated[
        list[str] | None, typer.Option(help="A device to draw on, such as cuda:0; several draw in parallel.")
    ] = None,
    grace: Annotated[float, typer.Option(min=0, help="Seconds that a shutdown waits for running jobs.")] = 30.0,
    take_over: Annotated[
        bool | None,
        typer.Option(help="Draw the turns of servers that have crashed; by default on PostgreSQL.", show_default=False),
    ] = None,
    llm_timeout: LLMTimeout = None,
    log_words: Annotated[bool, typer.Option("--log-words", help="Log prompts and feedback.")] = False,
) -> None:
    """Run the HTTP server: API and web page. The log goes to stdout, one JSON object per line.

    Example:  notthat serve --port 8000
    """
    try:
        from ..http import ServerConfig, create_app
        from ..http.middleware.origin_check import origins_of
        from ..http.server import Server, open_socket, socket_url
        from ..http.telemetry.log import Log, redirect_logging
    except ImportError as error:
        raise InvalidInputError(f"{error.name} is not installed: pip install 'notthat[serve]'") from None

    from ...studio import Studio

    settings = load_settings(llm_timeout=llm_timeout)
    models = tuple(model or [settings.model])
    loopback = _is_loopback(host)
    devices, origins = device or [], origins_of(cors or ())
    _check_devices(devices)
    with Studio.open(settings, device=devices[0] if devices else None) as studio:
        if not loopback and not any(key.revoked_at is None for key in studio.store.keys.all()):
            raise InvalidInputError(
                f"--host {host} is reachable from elsewhere: create a key with notthat keys add NAME, or omit --host"
            )
        studio.store.idempotency_keys.forget_old()
        serving = ServerConfig(
            models=models,
            queue=queue,
            steps=steps,
            size=size,
            cors=origins,
            url=url,
            loopback=loopback,
            grace=grace,
            log_words=log_words,
            take_over=take_over,
        )
        listening = open_socket(host, port)
        address = socket_url(listening)
        keyless = loopback and not studio.store.keys.any_exist()
        note = " (no keys: only for this machine)" if keyless else ""
        log = Log(words=log_words)
        redirect_logging(log)
        app = create_app(studio, serving, log=log, devices=[studio.on_device(device) for device in devices[1:]])
        Server(app, on_ready=lambda: typer.echo(f"notthat: {address}{note}", err=True)).run([listening])


def _check_devices(devices: list[str]) -> None:
    """Raise `InvalidInputError` if a device does not exist, before the server accepts requests."""
    if devices:
        from ....generation.loading import resolve_device  # imports torch, which takes seconds

        for device in devices:
            resolve_device(device)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""`notthat serve`: sessions over HTTP."""

import ipaddress
from typing import Annotated

import typer

from ....errors import InvalidInputError
from .options import load_settings


def serve(
    host: Annotated[str, typer.Option(help="Where to listen; anywhere but this machine's loopback needs keys.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8000,
    model: Annotated[
        list[str] | None, typer.Option(help="A model that may be asked for; the first is the default one.")
    ] = None,
    queue: Annotated[int, typer.Option(min=1, help="How many turns may wait for a picture.")] = 64,
    steps: Annotated[int, typer.Option(min=1, max=1000, help="Most steps a picture, where a key says nothing.")] = 150,
    size: Annotated[int, typer.Option(min=8, max=8192, help="Most pixels a side, where a key says nothing.")] = 2048,
    cors: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="A site whose pages may call; “*” is any site.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The address that the world knows it by, behind a proxy.")] = None,
    device: Annotated[
        list[str] | None, typer.Option(help="Where to draw, as cuda:0; more than one draw side by side.")
    ] = None,
    grace: Annotated[float, typer.Option(min=0, help="Seconds that a stop waits for the picture at hand.")] = 30.0,
    log_words: Annotated[bool, typer.Option("--log-words", help="Let the log repeat what people say.")] = False,
) -> None:
    """Serve sessions over HTTP; the log goes to stdout, a JSON object a line.

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

    settings = load_settings()
    models = tuple(model or [settings.model])
    loopback = _is_loopback(host)
    devices, origins = device or [], origins_of(cors or ())
    _check_devices(devices)
    with Studio.open(settings, device=devices[0] if devices else None) as studio:
        if not loopback and not any(key.revoked_at is None for key in studio.store.keys.all()):
            raise InvalidInputError(
                f"--host {host} is open to others: make a key first, with notthat keys add NAME, or leave --host out"
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
        )
        listening = open_socket(host, port)
        address = socket_url(listening)
        keyless = loopback and not studio.store.keys.any_exist()
        note = " (no keys: for this machine alone)" if keyless else ""
        log = Log(words=log_words)
        redirect_logging(log)
        app = create_app(studio, serving, log=log, devices=[studio.on_device(other) for other in devices[1:]])
        Server(app, on_ready=lambda: typer.echo(f"notthat: {address}{note}", err=True)).run([listening])


def _check_devices(devices: list[str]) -> None:
    """Raise `InvalidInputError` where a device isn't there: said now, not to the first who asks for a picture."""
    if devices:
        from ....generation.loading import resolve_device  # which imports torch, and takes seconds

        for device in devices:
            resolve_device(device)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

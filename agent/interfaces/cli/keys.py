"""`notthat keys`: who may use the server."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Json, open_store

if TYPE_CHECKING:
    from ....storage import KeyRecord

app = typer.Typer(help="Who may use the server, and what applies to them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Whose key it is.")]


@app.command()
def add(
    name: Name,
    policy: Annotated[list[str] | None, typer.Option(help="A pack that applies to all of their sessions.")] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="Lets them see everybody's sessions, and the metrics.")
    ] = False,
    rate: Annotated[int | None, typer.Option(min=1, help="Most requests a minute.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=1000, help="Most steps a picture.")] = None,
    size: Annotated[int | None, typer.Option(min=8, max=8192, help="Most pixels along a side of a picture.")] = None,
    as_json: Json = False,
) -> None:
    """Make a key, and print it: this once, since only a digest of it is kept.

    A name whose key was revoked can be added again, and has its sessions back.

    Example:  notthat keys add support-bot --policy brand-safety --rate 60
    """
    from ....storage import KeyLimits
    from ... import policies
    from .console import emit

    with open_store() as store:
        folder = store.images.folder.parent / "policies"
        for each in policy or ():
            policies.load(each, folder)  # which raises where there is none
        limits = KeyLimits(rate, steps, size)
        key, token = store.keys.add(name, admin=admin, policies=tuple(policy or ()), limits=limits)
    if as_json:
        emit({**_key_to_json(key), "key": token})
    else:
        typer.echo(token)
        typer.echo(f"notthat: that is the key of “{name}”; it can't be shown again", err=True)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the keys, revoked ones too."""
    from .console import emit

    with open_store() as store:
        for key in store.keys.all():
            emit(_key_to_json(key)) if as_json else typer.echo(_format_key(key))


@app.command()
def revoke(name: Name, as_json: Json = False) -> None:
    """Let a key open nothing from now on, on a running server, too; its sessions stay."""
    from .console import emit

    with open_store() as store:
        key = store.keys.revoke(name)
    if as_json:
        emit(_key_to_json(key))
    else:
        typer.echo(f"the key “{name}” opens nothing any more")


def _key_to_json(key: "KeyRecord") -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "admin": key.admin,
        "policies": list(key.policies),
        "limits": {name: value for name, value in asdict(key.limits).items() if value is not None},
        "created_at": key.created_at.isoformat(timespec="seconds"),
        "revoked_at": None if key.revoked_at is None else key.revoked_at.isoformat(timespec="seconds"),
    }


def _format_key(key: "KeyRecord") -> str:
    limits = [f"{name.replace('_', ' ')} {value}" for name, value in asdict(key.limits).items() if value is not None]
    notes = [*(["revoked"] if key.revoked_at else []), *(["admin"] if key.admin else []), *key.policies, *limits]
    return f"{key.name:20}  {key.created_at:%Y-%m-%d}  {', '.join(notes)}".rstrip()

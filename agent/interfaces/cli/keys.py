"""`notthat keys`: API keys of the server."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Json, open_store

if TYPE_CHECKING:
    from ....storage import KeyRecord

app = typer.Typer(help="Manage API keys of the server, with their limits and policies.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the key: the user or program that it is for.")]


@app.command()
def add(
    name: Name,
    policy: Annotated[list[str] | None, typer.Option(help="A policy that applies to all sessions of this key.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="The key can see all sessions and the metrics.")] = False,
    rate: Annotated[int | None, typer.Option(min=1, help="Maximum requests per minute.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=1000, help="Maximum steps per picture.")] = None,
    size: Annotated[
        int | None, typer.Option(min=8, max=8192, help="Maximum width and height of a picture, in pixels.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a key and print it. It is shown only once: only a digest is stored.

    After a key is revoked, you can add its name again. The new key sees the sessions of the old one.

    Example:  notthat keys add support-bot --policy brand-safety --rate 60
    """
    from ....storage import KeyLimits
    from ... import policies
    from .console import emit

    with open_store() as store:
        folder = store.home / "policies"
        for policy_name in policy or ():
            policies.load(policy_name, folder)  # raises if it does not exist
        limits = KeyLimits(rate, steps, size)
        key, token = store.keys.add(name, admin=admin, policies=tuple(policy or ()), limits=limits)
    if as_json:
        emit({**_key_to_json(key), "key": token})
    else:
        typer.echo(token)
        typer.echo(f"notthat: this is the key “{name}”; store it now, it can't be shown again", err=True)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List all keys, including revoked ones.

    Example:  notthat keys list
    """
    from .console import emit

    with open_store() as store:
        for key in store.keys.all():
            emit(_key_to_json(key)) if as_json else typer.echo(_format_key(key))


@app.command()
def revoke(name: Name, as_json: Json = False) -> None:
    """Revoke a key, effective immediately on running servers. Its sessions are kept.

    Example:  notthat keys revoke support-bot
    """
    from .console import emit

    with open_store() as store:
        key = store.keys.revoke(name)
    if as_json:
        emit(_key_to_json(key))
    else:
        typer.echo(f"revoked the key “{name}”")


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

"""Who calls: the holder of a key, or anybody where a server does without keys."""

import base64
from dataclasses import dataclass

from starlette.datastructures import Headers

from ....storage import KeyLimits, Store
from .problems import Problem

_BEARER = {"WWW-Authenticate": "Bearer"}
_BASIC = {"WWW-Authenticate": 'Basic realm="notthat: any user, and a key as the password", charset="UTF-8"'}


@dataclass(frozen=True)
class Principal:
    """Somebody who may call, and what applies to them. `id` is their key's; None where there are no keys."""

    id: str | None
    name: str
    admin: bool
    policies: tuple[str, ...]
    limits: KeyLimits

    def can_see(self, owner: str | None) -> bool:
        """Whether a session of this owner is theirs to see."""
        return self.admin or owner == self.id

    @property
    def owner(self) -> str | None:
        """Whose sessions are listed to them; None is everybody's."""
        return None if self.admin else self.id


ANONYMOUS_ADMIN = Principal(None, "anybody", admin=True, policies=(), limits=KeyLimits())
"""Who calls a server that does without keys: whoever sits at the machine."""


def authenticate(store: Store, headers: Headers, *, keyless: bool) -> Principal:
    """Whose key a request's headers hold: see `token_of`.

    `keyless` servers need none, and look at none, before there is any key.

    Raises:
        Problem: 401; to a browser that shows a page to a person, in a way that has it ask for the key.
    """
    token = token_of(headers)
    if token is not None and (key := store.keys.find_by_token(token)) is not None:
        return Principal(key.id, key.name, key.admin, key.policies, key.limits)
    if keyless and not store.keys.any_exist():  # whatever was sent: clients of other APIs can't do without a key
        return ANONYMOUS_ADMIN
    detail = "a key is needed" if token is None else "the key is none of this server's, or was revoked"
    challenge = _BASIC if "text/html" in headers.get("accept", "") else _BEARER
    raise Problem(
        401, "key-needed", "A key is needed", f"{detail}: send it as “Authorization: Bearer KEY”", headers=challenge
    )


def token_of(headers: Headers) -> str | None:
    """The key that was sent: as `Authorization: Bearer KEY`, as the password of `Basic`, `X-API-Key` or `api-key`.

    None where there is no such header; empty where `Authorization` is of another kind, or can't be read.
    """
    if (authorization := headers.get("authorization")) is not None:
        return _token_in(authorization)
    return next((headers[name].strip() for name in ("x-api-key", "api-key") if name in headers), None)


def _token_in(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip()
        case "basic":
            try:
                return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
            except ValueError:  # no base64, or no UTF-8
                return ""
        case _:
            return ""

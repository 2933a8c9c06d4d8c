"""Who calls: the holder of a key, or anybody where a server does without keys."""

import base64
import binascii
from dataclasses import dataclass

from ....storage import KeyLimits, Store
from .problems import Problem

_BEARER = {"WWW-Authenticate": "Bearer"}
_BASIC = {"WWW-Authenticate": 'Basic realm="notthat: any user, and a key as the password", charset="UTF-8"'}


@dataclass(frozen=True)
class Caller:
    """Somebody who may call, and what applies to them. `id` is their key's; None where there are no keys."""

    id: str | None
    name: str
    admin: bool
    policies: tuple[str, ...]
    limits: KeyLimits

    def may_see(self, owner: str | None) -> bool:
        """Whether a session of this owner is theirs to see."""
        return self.admin or owner == self.id

    @property
    def owner(self) -> str | None:
        """Whose sessions are listed to them; None is everybody's."""
        return None if self.admin else self.id


ANYBODY = Caller(None, "anybody", admin=True, policies=(), limits=KeyLimits())
"""Who calls a server that does without keys: whoever sits at the machine."""


def caller_of(store: Store, authorization: str | None, *, keyless: bool, browsing: bool = False) -> Caller:
    """Whom an `Authorization` header names: `Bearer KEY`, or `Basic` with the key as the password.

    `keyless` servers need none before there is any key. `browsing` asks as browsers ask people.

    Raises:
        Problem: 401.
    """
    token = _token(authorization)
    if token is not None and (key := store.keys.holder(token)) is not None:
        return Caller(key.id, key.name, key.admin, key.policies, key.limits)
    if token is None and keyless and not store.keys.exist():
        return ANYBODY
    detail = "a key is needed" if token is None else "the key is none of this server's, or was revoked"
    headers = _BASIC if browsing else _BEARER
    raise Problem(
        401, "key-needed", "A key is needed", f"{detail}: send it as “Authorization: Bearer KEY”", headers=headers
    )


def _token(authorization: str | None) -> str | None:
    scheme, _, value = (authorization or "").partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return None if authorization is None else ""

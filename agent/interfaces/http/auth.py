"""Authentication by API key. Without any key, a server on loopback serves everybody as an administrator."""

import base64
from dataclasses import dataclass

from starlette.datastructures import Headers

from ....storage import KeyLimits, Store
from .problems import Problem

_BEARER = {"WWW-Authenticate": "Bearer"}
_BASIC = {"WWW-Authenticate": 'Basic realm="notthat: any user, and a key as the password", charset="UTF-8"'}


@dataclass(frozen=True)
class Principal:
    """An authenticated caller with its policies and limits. `id` is the id of the key; None without keys."""

    id: str | None
    name: str
    admin: bool
    policies: tuple[str, ...]
    limits: KeyLimits

    def can_see(self, owner: str | None) -> bool:
        """Whether the caller may see the sessions of this owner."""
        return self.admin or owner == self.id

    @property
    def owner(self) -> str | None:
        """The owner whose sessions the caller may list; None means all sessions."""
        return None if self.admin else self.id


ANONYMOUS_ADMIN = Principal(None, "anybody", admin=True, policies=(), limits=KeyLimits())
"""The caller of a server without keys, which is only reachable from this machine."""


def authenticate(store: Store, headers: Headers, *, keyless: bool) -> Principal:
    """The caller whose key is in the headers; see `token_of`.

    A `keyless` server ignores the header until the first key exists.

    Raises:
        Problem: 401. A browser that loads a page is challenged with Basic, so that it asks for the key.
    """
    token = token_of(headers)
    if token is not None and (key := store.keys.find_by_token(token)) is not None:
        return Principal(key.id, key.name, key.admin, key.policies, key.limits)
    if keyless and not store.keys.any_exist():  # ignore the header: some clients always send a key
        return ANONYMOUS_ADMIN
    detail = "the request has no API key" if token is None else "the API key is unknown or revoked"
    challenge = _BASIC if "text/html" in headers.get("accept", "") else _BEARER
    raise Problem(
        401,
        "key-needed",
        "An API key is needed",
        f"{detail}: send it as “Authorization: Bearer KEY”",
        headers=challenge,
    )


def find_principal(store: Store, key_id: str | None, *, keyless: bool) -> Principal | None:
    """The caller with a key's id, without its token; None if it was revoked. Without an id, as `authenticate`."""
    if key_id is None:
        return ANONYMOUS_ADMIN if keyless else None
    key = next((key for key in store.keys.all() if key.id == key_id and key.revoked_at is None), None)
    return None if key is None else Principal(key.id, key.name, key.admin, key.policies, key.limits)


def token_of(headers: Headers) -> str | None:
    """The key in `Authorization: Bearer KEY`, in the password of `Basic`, or in `X-API-Key` or `api-key`.

    None without such a header; empty if `Authorization` has another scheme or is malformed.
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
            except ValueError:  # not base64 or not UTF-8
                return ""
        case _:
            return ""

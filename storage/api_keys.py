"""API keys of a server. Only digests of the tokens are stored, so a copy of the database gives no access.

record, token = store.keys.add("bot", policies=("brand-safety",))  # the token is only returned here
store.keys.find_by_token(token)  # the record, or None
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import asdict

from sqlalchemy import select

from ..errors import InvalidInputError
from . import queries
from .engine import Database
from .records import KeyLimits, KeyRecord
from .tables import KeyRow

_NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)
_TOKEN = re.compile(r"nt_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)
"""The key's id and 256 random bits. With that much entropy, SHA-256 is as safe as a slow hash."""


class ApiKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        name: str,
        *,
        admin: bool = False,
        policies: tuple[str, ...] = (),
        limits: KeyLimits | None = None,
    ) -> tuple[KeyRecord, str]:
        """Create a key, and return its record and token. The token cannot be recovered later.

        A revoked name can be added again: it gets a new token, and its sessions back.

        Raises:
            InvalidInputError: if the name is invalid or in use.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInputError(f"“{name}” is not a valid key name: use up to 64 letters, digits and . _ @ -")
        with self._database.write_session() as db:
            row = db.scalars(select(KeyRow).where(KeyRow.name == name)).one_or_none()
            if row is not None and row.revoked_at is None:
                raise InvalidInputError(f"there is a key “{name}” already: revoke it first, or choose another name")
            row = row or KeyRow(id=secrets.token_hex(8), name=name)
            token = f"nt_{row.id}_{secrets.token_urlsafe(32)}"
            row.digest, row.admin, row.policies = _hash_token(token), admin, list(policies)
            row.limits, row.created_at, row.revoked_at = asdict(limits or KeyLimits()), queries.utc_now(), None
            db.add(row)
            db.flush()
            return queries.to_key_record(row), token

    def find_by_token(self, token: str) -> KeyRecord | None:
        """The record of a token's key. None if the token is unknown or revoked."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        with self._database.read_session() as db:
            row = db.get(KeyRow, match[1])
            if row is None or not hmac.compare_digest(row.digest, _hash_token(token)) or row.revoked_at is not None:
                return None
            return queries.to_key_record(row)

    def any_exist(self) -> bool:
        """Whether any key was ever created, revoked ones included. Then the server requires a key."""
        with self._database.read_session() as db:
            return db.scalar(select(KeyRow.id).limit(1)) is not None

    def all(self) -> list[KeyRecord]:
        """All keys by name, including revoked ones."""
        with self._database.read_session() as db:
            return [queries.to_key_record(row) for row in db.scalars(select(KeyRow).order_by(KeyRow.name))]

    def revoke(self, name: str) -> KeyRecord:
        """Revoke a key. Its sessions are kept.

        Raises:
            InvalidInputError: if there is no such key.
        """
        with self._database.write_session() as db:
            row = db.scalars(select(KeyRow).where(KeyRow.name == name)).one_or_none() if "\0" not in name else None
            if row is None or row.revoked_at is not None:
                raise InvalidInputError(f"there is no key “{name}” to revoke: see notthat keys list")
            row.revoked_at = queries.utc_now()
            db.flush()
            return queries.to_key_record(row)


def _hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""The keys that callers of a server show: only their digests are kept, so that a copied database opens nothing.

record, token = store.keys.add("bot", policies=("brand-safety",))   # the token is told this once
store.keys.holder(token)                                            # the record, or None
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
"""The key's id, and 256 random bits: a plain SHA-256 of those is as good as a slow hash would be."""


class ApiKeys:
    """The keys of a store."""

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
        """A new key and its token, which nobody can tell again.

        A name that was revoked may be added again: it gets another token, and has its sessions back. Raises
        `InvalidInputError` where the name is in use, or none.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInputError(f"“{name}” is no name for a key: up to 64 letters, digits and . _ @ - are")
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
        """Whose token this is; None where it is nobody's, or was revoked."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        with self._database.read_session() as db:
            row = db.get(KeyRow, match[1])
            if row is None or not hmac.compare_digest(row.digest, _hash_token(token)) or row.revoked_at is not None:
                return None
            return queries.to_key_record(row)

    def any_exist(self) -> bool:
        """Whether there is any key, revoked ones too: then nobody does without."""
        with self._database.read_session() as db:
            return db.scalar(select(KeyRow.id).limit(1)) is not None

    def all(self) -> list[KeyRecord]:
        """Every key, revoked ones too, by name."""
        with self._database.read_session() as db:
            return [queries.to_key_record(row) for row in db.scalars(select(KeyRow).order_by(KeyRow.name))]

    def revoke(self, name: str) -> KeyRecord:
        """Let a key's token open nothing from now on; its sessions stay. Raises `InvalidInputError`."""
        with self._database.write_session() as db:
            row = db.scalars(select(KeyRow).where(KeyRow.name == name)).one_or_none() if "\0" not in name else None
            if row is None or row.revoked_at is not None:
                raise InvalidInputError(f"there is no key “{name}” to revoke: see notthat keys list")
            row.revoked_at = queries.utc_now()
            db.flush()
            return queries.to_key_record(row)


def _hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

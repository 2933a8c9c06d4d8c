"""Token buckets of keys, for servers that share a PostgreSQL database."""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from .engine import Database
from .tables import RateLimitRow


class RateLimits:
    """A bucket holds the requests of one minute, and fills evenly."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, key_id: str, maximum: int) -> float:
        """Count a request of a key that may send `maximum` per minute, and return 0.

        If there is none left, nothing is counted, and the seconds until there is one are returned.
        """
        with self._database.write_session() as db:
            now = db.execute(select(func.clock_timestamp())).scalar_one()
            full = {"key_id": key_id, "tokens": float(maximum), "updated_at": now}
            db.execute(insert(RateLimitRow).values(full).on_conflict_do_nothing())
            row = db.scalars(select(RateLimitRow).where(RateLimitRow.key_id == key_id).with_for_update()).one()
            elapsed = max(0.0, (now - row.updated_at).total_seconds())
            tokens = min(float(maximum), row.tokens + elapsed * maximum / 60)
            row.tokens, row.updated_at = (tokens - 1 if tokens >= 1 else tokens), max(now, row.updated_at)
            return 0.0 if tokens >= 1 else (1 - tokens) * 60 / maximum

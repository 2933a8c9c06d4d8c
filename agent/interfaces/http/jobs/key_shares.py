"""Places that keys share, so that no key takes them all: in the queue, of event streams, of MCP sessions.

A key may hold a share of the places that no other key holds, by default half: the first key half of all, a second one
half of the rest. So a key that holds none finds a place beside others that take all they can get.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


def max_places(key: str | None, own: int, taken: int, places: int, share: float) -> int:
    """How many places a key may hold that holds `own` of the `taken` ones; all of them on a server without keys."""
    return places if key is None else max(1, int(share * (places - taken + own)))


class Places:
    """A number of places, and how many each key holds. Used on the event loop only."""

    def __init__(self, places: int, share: float) -> None:
        self._places, self._share = places, share
        self._held: Counter[str | None] = Counter()

    def __len__(self) -> int:
        return self._held.total()

    def has_place(self, key: str | None) -> bool:
        """Whether this key may take one more."""
        own, taken = self._held[key], len(self)
        return taken < self._places and own < max_places(key, own, taken, self._places, self._share)

    def take(self, key: str | None) -> None:
        """Take one more."""
        self._held[key] += 1

    def give_back(self, key: str | None) -> None:
        """Give one back."""
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]

    @contextmanager
    def hold(self, key: str | None) -> Iterator[None]:
        """Hold one for the block."""
        self.take(key)
        try:
            yield
        finally:
            self.give_back(key)

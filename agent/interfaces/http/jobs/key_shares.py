"""Places that keys share, so that no key can take them all: in the queue, of event streams, of MCP sessions.

A key may hold a share of the places that nobody else holds, by default half: one key at most half of all, a second one
at most half of the rest. So a key that holds none finds a place, also beside several that take all they can get.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


def most_for(key: str | None, mine: int, taken: int, places: int, share: float) -> int:
    """How many of the places a key may hold that holds `mine` of the `taken` ones.

    Where a server does without keys, there is only one who could hold any, who may hold all.
    """
    return places if key is None else max(1, int(share * (places - taken + mine)))


class Places:
    """So many places, and who holds how many. It is used on the event loop alone."""

    def __init__(self, places: int, share: float) -> None:
        self._places, self._share = places, share
        self._held: Counter[str | None] = Counter()

    def __len__(self) -> int:
        return self._held.total()

    def has_place(self, key: str | None) -> bool:
        """Whether there is one more for this key."""
        mine, taken = self._held[key], len(self)
        return taken < self._places and mine < most_for(key, mine, taken, self._places, self._share)

    def take(self, key: str | None) -> None:
        """Hold one more."""
        self._held[key] += 1

    def give_back(self, key: str | None) -> None:
        """Hold one less."""
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]

    @contextmanager
    def held(self, key: str | None) -> Iterator[None]:
        """Hold one while the block runs."""
        self.take(key)
        try:
            yield
        finally:
            self.give_back(key)

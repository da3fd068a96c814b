"""What was used last, up to a number of bytes.

Leaves to others what is kept, and how many bytes it has.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """Values by key; above `most_bytes`, or `most` of them, those unused the longest are dropped.

    The last one that was put in stays, however many bytes it has. Any thread may use it.
    """

    def __init__(self, *, most_bytes: int, most: int | None = None) -> None:
        self._most_bytes, self._most = most_bytes, most
        self._kept: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()
        self.n_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> V | None:
        """The value; from now on the one used last."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: Hashable, value: V, n_bytes: int) -> None:
        """Keeps a value."""
        with self._lock:
            self._drop(key)
            self._kept[key] = (value, n_bytes)
            self.n_bytes += n_bytes
            while len(self._kept) > 1 and self._too_much():
                self._drop(next(iter(self._kept)))

    def drop(self, key: Hashable) -> None:
        """Forgets a value, if it is kept."""
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._kept.clear()
            self.n_bytes = 0

    def _drop(self, key: Hashable) -> None:
        _, n_bytes = self._kept.pop(key, (None, 0))
        self.n_bytes -= n_bytes

    def _too_much(self) -> bool:
        many = self._most is not None and len(self._kept) > self._most
        return many or self.n_bytes > self._most_bytes

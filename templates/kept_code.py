"""Templates that were turned into Python code once need not be again, whichever email they are in.

A theme's files are the same for all of its emails, and a check renders one text for several
readers. Turning Jinja into code costs three times as much as running it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from types import CodeType
from typing import Final

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

CODES_KEPT: Final = 128
LONGEST_KEPT: Final = 20_000  # characters of a source; longer ones are rare and large as code


class KeptCode(BytecodeCache):
    """Keeps the code of the sources used last, in memory, for environments that are alike."""

    def __init__(self, *, codes_kept: int = CODES_KEPT) -> None:
        self._codes_kept = codes_kept
        self._codes: OrderedDict[tuple[str, str], CodeType] = OrderedDict()
        self._lock = threading.Lock()

    def get_source_checksum(self, source: str) -> str:
        """Know a source by itself; a long one by nothing, so that it is not kept."""
        return source if len(source) <= LONGEST_KEPT else ""

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give the code of the bucket's source, if it is kept."""
        place = bucket.key, bucket.checksum
        with self._lock:
            if place in self._codes:
                self._codes.move_to_end(place)
                bucket.code = self._codes[place]

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of the bucket's source, and forget what was not used for longest."""
        if not bucket.checksum or bucket.code is None:
            return
        with self._lock:
            self._codes[bucket.key, bucket.checksum] = bucket.code
            while len(self._codes) > self._codes_kept:
                self._codes.popitem(last=False)

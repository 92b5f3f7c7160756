"""Let the collector of cycles leave alone what lives as long as the process."""

from __future__ import annotations

import gc

# More than a hundred thousand of modules and libraries would be gone through again and again while
# letters are written: a sixth of the time that sending takes.
_YOUNG = 10_000  # new objects that are gone through at once; the default, 700, is one page of facts
_TIMES = 20  # that the young are gone through before the older are, and those before all


def settle_memory() -> None:
    """Count everything that is here now as here to stay, and look less often at what comes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _TIMES, _TIMES)

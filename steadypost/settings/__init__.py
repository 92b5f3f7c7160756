"""What did the operator decide for this site? Read from `steadypost.toml` and the environment."""

from __future__ import annotations

from steadypost.settings.reading import load_settings
from steadypost.settings.sections import FILE_NAME, Settings

__all__ = ["FILE_NAME", "Settings", "load_settings"]

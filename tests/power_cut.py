"""A file system for SQLite that remembers what was synced, to tell what a power cut would leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class SyncedFiles:
    """Opens databases whose files are remembered as they were at each sync."""

    def __init__(self, apsw: Any, name: str) -> None:
        self._apsw, self._name = apsw, name
        self._synced = dict[Path, bytes]()
        self._vfs = _make_vfs(apsw, name, self._synced)

    def open(self, path: Path) -> Any:
        """Open a database here."""
        self._main = path
        return self._apsw.Connection(str(path), vfs=self._name)

    def after_a_power_cut(self, folder: Path) -> Path:
        """Write the files as a machine would find them that lost its power now."""
        folder.mkdir()
        for path, content in self._synced.items():
            (folder / path.name).write_bytes(content)
        return folder / self._main.name


def _make_vfs(apsw: Any, name: str, synced: dict[Path, bytes]) -> Any:
    class File(apsw.VFSFile):  # type: ignore[misc, name-defined]
        def __init__(self, filename: Any, flags: list[int]) -> None:
            super().__init__("", filename, flags)
            text = filename.filename() if hasattr(filename, "filename") else filename
            self._path = Path(text)

        def xSync(self, flags: int) -> None:
            super().xSync(flags)
            synced[self._path] = self._path.read_bytes()

    class Vfs(apsw.VFS):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name, "")

        def xOpen(self, filename: Any, flags: list[int]) -> Any:
            return File(filename, flags)

        def xDelete(self, filename: str, syncdir: bool) -> None:
            super().xDelete(filename, syncdir)
            synced.pop(Path(filename), None)

    return Vfs()

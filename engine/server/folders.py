"""Where the server keeps what it can make again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geophrase.engine.embedding_cache import default_cache_folder
from geophrase.engine.errors import EngineError
from geophrase.engine.server.owned_folder import OwnedFolder
from geophrase.protocol.errors import ErrorCode

_SCORES, _UPLOADS, _TEMPORARY = "scores", "uploads", "temporary"


@dataclass(frozen=True)
class ServerFolders:
    """The folders of one engine; engines may share them, but for a temporary one.

    Attributes:
        encodings: Of images; None to keep none on the disk.
        scores: Probabilities of jobs, for the sliders and for going on after a crash.
        uploads: Rasters that are being sent.
        temporary: What is to be removed at the end; None where everything is kept for the next engine.
    """

    encodings: Path | None
    scores: Path
    uploads: Path
    temporary: OwnedFolder | None = None

    @classmethod
    def default(cls) -> ServerFolders:
        """The user's own cache folders."""
        encodings = default_cache_folder()
        return cls(encodings, encodings.with_name(_SCORES), encodings.with_name(_UPLOADS))

    @classmethod
    def under(cls, folder: Path) -> ServerFolders:
        """Everything in one folder, whose encodings `geophrase segment --cache` shares."""
        return cls(folder, folder / _SCORES, folder / _UPLOADS)

    @classmethod
    def for_now(cls) -> ServerFolders:
        """No encodings, and everything else only for as long as the engine lives.

        Raises:
            EngineError: OUTPUT_NOT_WRITABLE.
        """
        temporary = OwnedFolder(default_cache_folder().with_name(_TEMPORARY))
        try:
            temporary.claim()
        except OSError as error:
            raise EngineError(
                ErrorCode.OUTPUT_NOT_WRITABLE,
                f"Nothing can be kept in {temporary.path.parent}, not even for now ({error.strerror}). "
                "Name a folder with --cache.",
            ) from error
        return cls(None, temporary.path / _SCORES, temporary.path / _UPLOADS, temporary)

    def clean_up(self) -> None:
        """Remove what is temporary."""
        if self.temporary is not None:
            self.temporary.remove()

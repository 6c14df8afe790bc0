"""What every reader asks of a folder before it converts anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import ExifTags, Image, UnidentifiedImageError

from geophrase.training.data.risors import RisorsError


def refuse_gaps(folder: Path, names: Sequence[str], *, what: str = "images") -> None:
    """Pass only when a folder holds every file that the data set's lists name.

    Raises:
        RisorsError: Files are missing; says how many and names one.
    """
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise RisorsError(
            f"{folder} lacks {len(missing)} of {len(names)} {what}, {missing[0]} among them; "
            "copy the whole folder."
        )


def image_size_yx(path: Path) -> tuple[int, int]:
    """Height and width of an image file as it is shown, from its header alone.

    Raises:
        RisorsError: The file is missing or is no image.
    """
    try:
        with Image.open(path) as image:
            is_on_its_side = image.getexif().get(ExifTags.Base.Orientation, 1) > 4
            return image.size if is_on_its_side else image.size[::-1]
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise RisorsError(f"{path} is missing or is not an image that can be read.") from error

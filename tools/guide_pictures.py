#!/usr/bin/env python3
"""Takes the pictures of docs/user_guide.md from the last end-to-end test, made small.

make guide-pictures
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

REPOSITORY = Path(__file__).resolve().parent.parent
TAKEN = REPOSITORY / "build" / "e2e"
KEPT = REPOSITORY / "docs" / "images"
WIDTH_PX = 1100
NUM_COLOURS = 256


def main() -> None:
    """Scales every picture down and gives it a palette."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for path in sorted(TAKEN.glob("[0-9]_*.png")):
        with Image.open(path) as picture:
            height_px = round(picture.height * WIDTH_PX / picture.width)
            small = picture.convert("RGB").resize((WIDTH_PX, height_px), Image.Resampling.LANCZOS)
            small.quantize(NUM_COLOURS, dither=Image.Dither.NONE).save(KEPT / path.name, optimize=True)
        print(KEPT / path.name)


if __name__ == "__main__":
    main()

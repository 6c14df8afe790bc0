"""What places are like: which uses their blocks have, how large these are, where there is water."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """A kind of place.

    Attributes:
        block_m: Range of the side at which blocks are no longer cut.
        uses: Relative frequency of the uses of its blocks (`uses.USES`).
        focus: Uses of which one is drawn for a block near the middle of the picture, so that a place shows
            what it is known for.
        water: Chance of a river, of a lake and of a sea shore.
        highway: Chance of a highway.
        is_rural: Whether its lesser roads are tracks without pavements.
    """

    block_m: tuple[float, float]
    uses: dict[str, float]
    focus: tuple[str, ...] = ()
    water: tuple[float, float, float] = (0.15, 0.12, 0.0)
    highway: float = 0.12
    is_rural: bool = False


def _shares(text: str) -> dict[str, float]:
    """Shares written as "use share use share"."""
    words = text.split()
    return {use: float(share) for use, share in zip(words[::2], words[1::2], strict=True)}


THEMES: dict[str, Theme] = {
    "suburb": Theme(
        (62, 105),
        _shares("residential 8 park 1 courts 0.8 school 0.8 apartments 1 parking 0.3 woods 0.6"),
        ("residential", "residential", "courts", "school"),
    ),
    "town": Theme(
        (65, 120),
        _shares("apartments 4 residential 2 parking 1 park 1 courts 1 retail 1.5 construction 0.4"),
        ("apartments", "retail", "courts"),
        highway=0.2,
    ),
    "industrial": Theme(
        (90, 170),
        _shares("halls 6 tanks 2 containers 1.5 parking 0.8 lorries 1 scrub 0.7 construction 0.6"),
        ("halls", "halls", "containers", "lorries"),
        highway=0.3,
    ),
    "sports": Theme(
        (105, 185),
        _shares(
            "stadium 2 baseball 3 football 2 courts 3 park 1 school 1 parking 0.6 residential 1.5 woods 0.7"
        ),
        ("stadium", "stadium", "baseball", "courts", "football"),
        water=(0.06, 0.06, 0.0),
    ),
    "countryside": Theme(
        (110, 300),
        _shares("fields 9 woods 2.5 farm 2 meadow 1.5 greenhouses 1.2 solar 0.8 residential 0.5"),
        ("farm", "greenhouses", "solar", "fields", "residential"),
        water=(0.3, 0.15, 0.0),
        highway=0.15,
        is_rural=True,
    ),
    "riverside": Theme(
        (70, 150),
        _shares("residential 4 woods 3 park 2 apartments 1.5 fields 1.5 halls 1 meadow 0.6"),
        water=(0.95, 0.1, 0.0),
        highway=0.25,
    ),
    "coast": Theme(
        (62, 125),
        _shares("residential 5 apartments 2 park 1 parking 0.6 scrub 0.7 courts 0.8 woods 0.7"),
        water=(0.0, 0.0, 1.0),
    ),
    "harbour": Theme(
        (95, 170),
        _shares("containers 4 halls 3 tanks 1.5 lorries 1 parking 0.6 apartments 0.8"),
        water=(0.0, 0.0, 1.0),
    ),
    "airfield": Theme(
        (140, 280),
        _shares("meadow 2 fields 3 halls 2 parking 0.8 tanks 0.4 woods 1 residential 1"),
        water=(0.0, 0.05, 0.0),
        is_rural=True,
    ),
    "refinery": Theme(
        (100, 190),
        _shares("tanks 8 halls 1.5 scrub 1 parking 0.4 lorries 0.4"),
        ("tanks",),
        water=(0.1, 0.05, 0.05),
    ),
}

THEME_SHARES: dict[str, float] = _shares(
    "suburb 1.3 town 1 industrial 1 sports 1.7 countryside 0.8 "
    "riverside 1.1 coast 0.7 harbour 1.1 airfield 1.3 refinery 0.7"
)
"""How often a theme is drawn when none is asked for; what people look for from above comes more often."""

ROOM_NEEDED_M: dict[str, tuple[float, float]] = {"stadium": (184.0, 98.0), "football": (106.0, 70.0)}
"""Smallest block, longer side first, in which a use can stand in the middle of the picture."""

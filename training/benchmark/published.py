"""What the RSAM paper prints: every result of its Tables 5–9 and 11–14, in percent, as printed there.

Source: Zhao et al., RSAM, Remote Sensing 17(24), 3960 (2025), doi:10.3390/rs17243960.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MEASURES = ("P@0.5", "P@0.6", "P@0.7", "P@0.8", "P@0.9", "oIoU", "mIoU")
"""The columns of the paper's tables, by the names that our reports use."""

OURS = "RSAM (Ours)"
"""The paper's name of its own method, which the recipes repeat."""

Figures = Mapping[str, float]


@dataclass(frozen=True)
class PublishedSplit:
    """How large a data set is, so that a folder can be told from a part of it.

    Attributes:
        title: As the papers write it.
        num_test_phrases: Pairs of the test split (Table 4).
    """

    title: str
    num_test_phrases: int


DATASETS: Mapping[str, PublishedSplit] = {
    "refsegrs": PublishedSplit("RefSegRS", 1817),
    "rrsis-d": PublishedSplit("RRSIS-D", 3481),
    "risors": PublishedSplit("RISORS", 8685),
}


def _row(*values: float) -> Figures:
    return dict(zip(MEASURES, values, strict=True))


def _pair(overall: float, mean: float) -> Figures:
    return {"oIoU": overall, "mIoU": mean}


METHODS: Mapping[str, Mapping[str, Figures]] = {
    "refsegrs": {
        "LSTM-CNN": _row(15.69, 10.57, 5.17, 1.10, 0.28, 53.83, 24.76),
        "ConvLSTM": _row(31.21, 23.39, 15.30, 7.59, 1.10, 66.12, 43.34),
        "CMSA": _row(28.07, 20.25, 12.71, 5.61, 0.83, 64.53, 41.47),
        "BRINet": _row(22.56, 15.74, 9.85, 3.52, 0.50, 60.16, 32.87),
        "LAVT": _row(70.23, 55.53, 30.05, 14.42, 4.07, 76.21, 57.30),
        "LGCE": _row(76.55, 67.03, 44.85, 19.04, 5.67, 77.62, 61.90),
        "RMSIN": _row(73.25, 59.88, 34.07, 12.27, 2.37, 72.64, 59.07),
        "FIANet": _row(81.29, 69.73, 48.60, 20.20, 3.63, 75.85, 64.12),
        OURS: _row(80.77, 72.86, 61.76, 39.40, 8.63, 76.21, 68.48),
    },
    "rrsis-d": {
        "RNN": _row(51.07, 42.11, 32.77, 21.57, 6.37, 66.43, 45.64),
        "CMSA": _row(55.32, 46.45, 37.43, 25.39, 8.15, 69.39, 48.53),
        "LSCM": _row(56.02, 46.25, 37.70, 25.28, 8.27, 69.05, 49.92),
        "CMPC": _row(55.83, 47.40, 36.94, 25.45, 9.19, 69.22, 49.24),
        "BRINet": _row(56.90, 48.77, 39.12, 27.03, 8.73, 69.88, 49.65),
        "CMPC+": _row(57.65, 47.51, 36.97, 24.33, 7.78, 68.64, 50.24),
        "LAVT": _row(66.93, 60.99, 51.71, 39.79, 23.99, 76.58, 59.05),
        "LGCE": _row(69.41, 63.06, 53.46, 41.22, 24.27, 76.24, 61.02),
        "RMSIN": _row(72.34, 64.72, 52.60, 39.39, 21.00, 76.21, 62.62),
        "FIANet": _row(73.97, 67.19, 55.93, 41.71, 23.50, 76.88, 63.41),
        OURS: _row(78.85, 73.54, 63.61, 48.51, 29.85, 78.25, 67.58),
    },
    "risors": {
        "RMSIN": _row(75.46, 70.71, 63.37, 51.77, 32.84, 80.38, 67.15),
        "FIANet": _row(75.19, 70.39, 63.50, 52.46, 33.70, 79.59, 67.04),
        OURS: _row(80.17, 77.24, 72.61, 64.87, 46.80, 81.84, 72.80),
    },
}
"""Tables 5, 6 and 8: data set -> method -> figures."""

ABLATIONS: Mapping[str, Figures] = {
    "baseline": _row(77.00, 73.77, 68.97, 60.80, 43.04, 78.68, 69.73),
    "MMMD": _row(78.60, 75.19, 70.48, 62.39, 43.92, 80.09, 71.27),
    "TWGM": _row(79.25, 76.03, 71.32, 63.19, 45.49, 80.31, 71.71),
    "TWGM and MMMD": _row(80.17, 77.24, 72.61, 64.87, 46.80, 81.84, 72.80),
}
"""Table 11, on RISORS. The ticks of the second and third rows are those that Section 4.2 tells in words."""


@dataclass(frozen=True)
class FreezingRow:
    """A row of Table 12.

    Attributes:
        total_millions: Parameters.
        trainable_millions: Those of them that training changes.
        figures: On RISORS.
    """

    total_millions: float
    trainable_millions: float
    figures: Figures


FREEZING: Mapping[str, FreezingRow] = {
    "base+": FreezingRow(194, 194, _pair(81.76, 72.75)),
    "base+*": FreezingRow(194, 85.7, _pair(81.84, 72.80)),
    "base+**": FreezingRow(194, 16.6, _pair(78.30, 67.88)),
    "large": FreezingRow(338, 338, _pair(80.44, 70.70)),
    "large*": FreezingRow(338, 229, _pair(80.70, 72.22)),
    "large**": FreezingRow(338, 16.6, _pair(77.60, 67.19)),
}
"""Table 12. One asterisk: the text encoder is frozen; two: the image encoder is frozen too."""

SIZES: Mapping[tuple[str, str], Figures] = {
    ("refsegrs", "base+"): _row(80.77, 72.86, 61.76, 39.40, 8.63, 76.21, 68.48),
    ("refsegrs", "large"): _row(83.79, 76.65, 66.92, 48.63, 13.90, 76.66, 71.65),
    ("rrsis-d", "base+"): _row(78.85, 73.54, 63.61, 48.51, 29.85, 78.25, 67.58),
    ("rrsis-d", "large"): _row(75.29, 71.13, 61.83, 47.50, 28.65, 74.26, 64.85),
    ("risors", "base+"): _row(80.17, 77.24, 72.61, 64.87, 46.80, 81.84, 72.80),
    ("risors", "large"): _row(79.14, 76.17, 72.09, 64.70, 46.17, 80.70, 72.22),
}
"""Table 13: data set and image encoder."""

POINTS: Mapping[int, Figures] = {
    0: _row(80.17, 77.24, 72.61, 64.87, 46.80, 81.84, 72.80),
    1: _row(97.34, 95.35, 91.78, 83.90, 61.54, 91.21, 88.38),
    2: _row(98.54, 97.16, 94.76, 88.14, 65.93, 93.09, 90.04),
}
"""Table 14, on RISORS: points after the phrase."""

_CLASS_METHODS = ("RMSIN", "FIANet", OURS)


def _classes(rows: Mapping[str, tuple[float, float, float]]) -> Mapping[str, Figures]:
    return {name: dict(zip(_CLASS_METHODS, values, strict=True)) for name, values in rows.items()}


CLASSES: Mapping[str, Mapping[str, Figures]] = {
    "rrsis-d": _classes(
        {
            "vehicle": (46.08, 46.84, 54.16),
            "windmill": (58.54, 59.54, 63.24),
            "expressway toll station": (68.00, 70.95, 75.20),
            "airplane": (67.33, 69.21, 72.14),
            "tennis court": (68.52, 69.87, 74.48),
            "bridge": (48.42, 48.03, 53.63),
            "storage tank": (72.38, 75.53, 78.33),
            "harbor": (34.85, 35.53, 37.01),
            "basketball court": (67.35, 66.39, 68.76),
            "ship": (63.22, 61.62, 69.20),
            "baseball field": (83.92, 85.24, 85.30),
            "dam": (60.17, 62.93, 65.54),
            "train station": (61.88, 63.79, 65.28),
            "overpass": (60.26, 61.49, 63.57),
            "chimney": (77.97, 77.11, 81.53),
            "airport": (56.81, 56.04, 60.74),
            "expressway service area": (69.58, 70.75, 72.78),
            "ground track field": (74.86, 75.04, 81.74),
            "golf field": (75.52, 76.80, 77.21),
            "stadium": (82.10, 83.66, 81.85),
            "average": (64.89, 65.82, 69.08),
        }
    ),
    "risors": _classes(
        {
            "windmill": (66.99, 65.67, 75.12),
            "vehicle": (55.85, 56.77, 65.61),
            "expressway toll station": (77.14, 77.01, 82.05),
            "airplane": (71.00, 72.08, 75.42),
            "harbor": (38.23, 38.32, 42.54),
            "bridge": (45.46, 47.38, 57.65),
            "tennis court": (75.25, 75.43, 79.63),
            "storage tank": (77.06, 75.81, 78.43),
            "ship": (69.21, 68.17, 75.79),
            "baseball field": (80.96, 80.41, 84.31),
            "basketball court": (73.45, 74.97, 77.51),
            "dam": (63.10, 61.66, 65.36),
            "airport": (65.55, 65.93, 67.81),
            "train station": (65.49, 66.55, 69.48),
            "overpass": (59.24, 59.00, 63.97),
            "chimney": (78.06, 75.85, 79.90),
            "expressway service area": (75.18, 74.56, 77.74),
            "ground track field": (75.11, 75.38, 79.34),
            "stadium": (85.18, 85.64, 87.01),
            "average": (68.45, 68.24, 72.88),
        }
    ),
}
"""Tables 7 and 9: data set -> class -> method -> mIoU, smallest objects first, and the classes' average.

RMSIN's average on RISORS is printed as 68.45; its classes give 68.29.
"""

"""The data sets that `geophrase-train prepare` knows, with what a model card must say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from geophrase.training.data.sources.boxed import BoxedImage
from geophrase.training.data.sources.close_ups import convert_close_ups
from geophrase.training.data.sources.dior_rsvg import read_dior_rsvg
from geophrase.training.data.sources.dubai import convert_dubai
from geophrase.training.data.sources.naip import convert_naip
from geophrase.training.data.sources.neon import convert_neon
from geophrase.training.data.sources.nwpu import convert_nwpu
from geophrase.training.data.sources.refsegrs import convert_refsegrs
from geophrase.training.data.sources.rrsis_d import convert_rrsis_d
from geophrase.training.data.sources.sample_folders import Splitting, convert_sample_folders
from geophrase.training.data.sources.spacenet import convert_spacenet

Splits = dict[str, list[str]]
ALL_SPLITS = "all splits"


@dataclass(frozen=True)
class Provenance:
    """Where a data set comes from.

    Attributes:
        title: Its name for people.
        licence: What its publisher says.
        citation: The work to cite; "" for the user's own data.
        published: Phrases of each split as published, or of `ALL_SPLITS` together; empty where there is
            nothing to hold ours against.
    """

    title: str
    licence: str
    citation: str = ""
    published: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class MaskSource:
    """A data set with masks: becomes a RISORS folder.

    Attributes:
        convert: Original folders and the RISORS folder to the stems of each split.
        provenance: What is recorded.
        takes_several: Whether more than one folder can be given.
    """

    convert: Callable[[Sequence[Path], Path], Splits]
    provenance: Provenance
    takes_several: bool = False


@dataclass(frozen=True)
class BoxSource:
    """A data set with boxes: becomes a boxes file, which `geophrase-train annotate` starts from.

    Attributes:
        read: The images of an original folder.
        provenance: What is recorded.
    """

    read: Callable[[Path], Iterator[BoxedImage]]
    provenance: Provenance


def _one(convert: Callable[[Path, Path], Splits]) -> Callable[[Sequence[Path], Path], Splits]:
    """A converter of one folder as one of several."""
    return lambda sources, target: convert(sources[0], target)


MASK_SOURCES: Mapping[str, MaskSource] = {
    "refsegrs": MaskSource(
        _one(convert_refsegrs),
        Provenance(
            "RefSegRS",
            "CC BY 4.0",
            "Yuan et al., RRSIS: Referring Remote Sensing Image Segmentation, IEEE TGRS 62, 2024",
            {"train": 2172, "val": 431, "test": 1817},
        ),
    ),
    "rrsis-d": MaskSource(
        _one(convert_rrsis_d),
        Provenance(
            "RRSIS-D",
            "no licence stated; images of DIOR, for research",
            "Liu et al., Rotated Multi-Scale Interaction Network for Referring Remote Sensing Image "
            "Segmentation, CVPR 2024",
            {"train": 12181, "val": 1740, "test": 3481},
        ),
    ),
    "risors": MaskSource(
        lambda sources, target: convert_sample_folders(sources, target, Splitting()),
        Provenance(
            "RISORS",
            "available from its authors on request; images of DIOR, for research",
            "RSAM: Vision-Language Two-Way Guidance for Referring Remote Sensing Image Segmentation, Remote "
            "Sensing 17 (3960), 2025",
            {"train": 23304, "val": 4708, "test": 8685},
        ),
        takes_several=True,
    ),
    "corrections": MaskSource(
        lambda sources, target: convert_sample_folders(
            sources, target, Splitting(val_fraction=0.2, test_fraction=0.0, needs_validation=True)
        ),
        Provenance("Training data exported from QGIS", "that of the imagery"),
        takes_several=True,
    ),
    "nwpu": MaskSource(
        _one(convert_nwpu),
        Provenance(
            "NWPU VHR-10 with instance polygons",
            "annotations MIT; images carry no open licence",
            "Cheng et al., Multi-class geospatial object detection and geographic image classification based "
            "on collection of part detectors, ISPRS J. 98, 2014",
        ),
    ),
    "dubai": MaskSource(
        _one(convert_dubai),
        Provenance(
            "Semantic segmentation of aerial imagery, Dubai (Humans in the Loop, MBRSC)",
            "believed CC0; licence to be confirmed",
        ),
    ),
    "spacenet": MaskSource(
        _one(convert_spacenet),
        Provenance(
            "SpaceNet 1 (Las Vegas) and 4 (Atlanta), a tile each",
            "CC BY-SA 4.0",
            "Van Etten et al., SpaceNet: A Remote Sensing Dataset and Challenge Series, arXiv:1807.01232",
        ),
    ),
    "neon": MaskSource(
        _one(convert_neon),
        Provenance(
            "NEON tree crowns, open sites, ellipses in boxes",
            "CC0",
            "Weinstein et al., A benchmark dataset for canopy crown detection and delineation in "
            "co-registered airborne RGB, LiDAR and hyperspectral imagery, PLoS Comput. Biol. 17, 2021",
        ),
    ),
    "naip": MaskSource(
        _one(convert_naip),
        Provenance(
            "NAIP tiles of Californian towns, for what they don't show",
            "tiles CC BY 4.0; NAIP imagery in the public domain",
            "Ventura et al., Individual Tree Detection in Large-Scale Urban Environments using "
            "High-Resolution Multispectral Imagery, Int. J. Appl. Earth Obs. 130, 2024",
        ),
    ),
    "close-ups": MaskSource(
        convert_close_ups,
        Provenance(
            "Close-ups of NWPU VHR-10, NAIP and SpaceNet images, outlined by GeoPhrase's developers",
            "outlines GPL-3.0-or-later; images as where they come from",
        ),
        takes_several=True,
    ),
}
"""Published counts: Table 4 of the RSAM paper."""

BOX_SOURCES: Mapping[str, BoxSource] = {
    "dior-rsvg": BoxSource(
        read_dior_rsvg,
        Provenance(
            "DIOR-RSVG",
            "no licence stated; images of DIOR, for research",
            "Zhan et al., RSVG: Exploring Data and Models for Visual Grounding on Remote Sensing Data, IEEE "
            "TGRS 61, 2023",
            {ALL_SPLITS: 38320},
        ),
    ),
}

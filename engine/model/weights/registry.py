"""What every model is, where its weights come from, and what they must hash to."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode

ModelFamily = Literal["rsam", "click"]

_RSAM_PAPER = "Zhao et al., RSAM, Remote Sensing 17(24), 3960 (2025), doi:10.3390/rs17243960"
_SAM2_PAPER = "Ravi et al., SAM 2, arXiv:2408.00714 (2024)"
_SAM2_URL = "https://dl.fbaipublicfiles.com/segment_anything_2/092824/"


@dataclass(frozen=True)
class ModelEntry:
    """One model that GeoPhrase knows by name.

    Attributes:
        name: What `--model` takes.
        family: `rsam` answers text and clicks, `click` answers points, boxes and masks only.
        url: Where the weights can be downloaded, None where they can't.
        file_name: The file's name in any weights folder.
        sha256: Lower-case hex digest; None where a model card beside the file gives it.
        size_bytes: Exact size; None where a model card beside the file gives it.
        licence: SPDX identifier of the weights.
        training_data: What the weights were trained on, in a phrase.
        paper: The publication that describes the architecture.
        summary: One sentence for a person choosing a model.
    """

    name: str
    family: ModelFamily
    url: str | None
    file_name: str
    sha256: str | None
    size_bytes: int | None
    licence: str
    training_data: str
    paper: str
    summary: str


def _rsam(name: str, *, licence: str, training_data: str, summary: str) -> ModelEntry:
    return ModelEntry(
        name=name,
        family="rsam",
        url=None,
        file_name=f"{name}.safetensors",
        sha256=None,
        size_bytes=None,
        licence=licence,
        training_data=training_data,
        paper=_RSAM_PAPER,
        summary=summary,
    )


def _sam2(size: str, *, sha256: str, size_bytes: int, summary: str) -> ModelEntry:
    return ModelEntry(
        name=f"sam2.1_hiera_{size}",
        family="click",
        url=f"{_SAM2_URL}sam2.1_hiera_{size}.pt",
        file_name=f"sam2.1_hiera_{size}.pt",
        sha256=sha256,
        size_bytes=size_bytes,
        licence="Apache-2.0",
        training_data="SA-1B images and SA-V videos",
        paper=_SAM2_PAPER,
        summary=summary,
    )


# Meta publishes no checksums. The sizes and digests of the four SAM 2.1 files are the ones on which several
# independent public projects agree: checksum tables of downloaders for this very URL, and records of the
# Git-LFS object ids of the facebook/sam2.1-hiera-* repositories on the Hugging Face hub.
_ENTRIES = (
    _rsam(
        "rsam_small",
        licence="GPL-3.0-or-later",
        training_data="see the model card beside the weights",
        summary="The bundled text model: small enough to travel with the program, meant for a CPU.",
    ),
    _rsam(
        "rsam_base_plus",
        licence="chosen by whoever trains them",
        training_data="none: no weights are published",
        summary="The paper's model on Hiera B+; no weights exist yet, so train them or give a file.",
    ),
    _rsam(
        "rsam_large",
        licence="chosen by whoever trains them",
        training_data="none: no weights are published",
        summary="The paper's model on Hiera L; no weights exist yet, so train them or give a file.",
    ),
    _sam2(
        "tiny",
        sha256="7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",  # pragma: allowlist secret
        size_bytes=156_008_466,
        summary="SAM 2.1 for points and boxes, the fastest of the four.",
    ),
    _sam2(
        "small",
        sha256="6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",  # pragma: allowlist secret
        size_bytes=184_416_285,
        summary="SAM 2.1 for points and boxes, a little slower and better than tiny.",
    ),
    _sam2(
        "base_plus",
        sha256="a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",  # pragma: allowlist secret
        size_bytes=323_606_802,
        summary="SAM 2.1 for points and boxes, the balance most people want on a GPU.",
    ),
    _sam2(
        "large",
        sha256="2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",  # pragma: allowlist secret
        size_bytes=898_083_611,
        summary="SAM 2.1 for points and boxes, the best and slowest of the four.",
    ),
)

REGISTRY: Mapping[str, ModelEntry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})


def find_entry(name: str, *, files_advice: str = "", other_names: Sequence[str] = ()) -> ModelEntry:
    """Give the entry of a model by its exact name.

    Args:
        name: What `--model` takes.
        files_advice: What the error adds about weights files, where those can be used, too.
        other_names: Of models elsewhere that may have been meant.

    Raises:
        EngineError: `MODEL_UNKNOWN`, with the nearest names.
    """
    entry = REGISTRY.get(name)
    if entry is None:
        names = [*REGISTRY, *other_names]
        near = difflib.get_close_matches(name, names, n=2, cutoff=0.5) or names
        message = (
            f"There is no model called “{name}”; did you mean {' or '.join(near)}? "
            "`geophrase models list` shows them all."
        )
        raise EngineError(ErrorCode.MODEL_UNKNOWN, f"{message} {files_advice}".rstrip())
    return entry

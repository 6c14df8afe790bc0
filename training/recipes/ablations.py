"""Table 11: RSAM base+ on RISORS without one or both of its modules; with both it is ``risors_base_plus``.

Without the two-way guidance the text encoder's global token passes one linear layer to the decoder's width.
Without the multimodal decoder the text token enters SAM 2's as one more sparse prompt.

Source: Section 3.3.3, which names the settings; that a baseline's token is a sparse prompt follows from
Section 2.3, where prior work is described so.
"""

from __future__ import annotations

from dataclasses import replace

from geophrase.engine.model.rsam.config import PRESETS
from geophrase.training.config import TrainConfig
from geophrase.training.recipes.risors import risors_run

_BOTH = PRESETS["rsam_base_plus"]


def risors_baseline() -> TrainConfig:
    """Table 11, neither module."""
    return risors_run(
        replace(_BOTH, name="rsam_base_plus_baseline", guidance=None, is_text_added_to_mask_token=False)
    )


def risors_mmmd() -> TrainConfig:
    """Table 11, the multimodal mask decoder alone."""
    return risors_run(replace(_BOTH, name="rsam_base_plus_mmmd", guidance=None))


def risors_twgm() -> TrainConfig:
    """Table 11, the two-way guidance module alone."""
    return risors_run(replace(_BOTH, name="rsam_base_plus_twgm", is_text_added_to_mask_token=False))

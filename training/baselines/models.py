"""What can be trained and scored: RSAM, or a baseline beside it."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from torch import Tensor

from geophrase.engine.errors import EngineError
from geophrase.engine.model.load_model import load_model as load_rsam
from geophrase.engine.model.rsam.config import RsamConfig
from geophrase.engine.model.rsam.multimodal_mask_decoder import MaskOutput
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.rsam.text_encoder import TextFeatures
from geophrase.engine.model.weights.load import WeightsFile, read_metadata, read_state_dict
from geophrase.protocol.errors import ErrorCode
from geophrase.training.baselines.early_fusion import EarlyFusion, EarlyFusionConfig

ModelConfig: TypeAlias = RsamConfig | EarlyFusionConfig
Model: TypeAlias = Rsam | EarlyFusion


class Answering(Protocol):
    """How a model is asked, whatever it keeps of an image."""

    def encode_image(self, image_BCHW: Tensor) -> Any:
        """Computes once per image what all its queries share, for :meth:`decode` alone to look into."""

    def decode(
        self,
        features: Any,
        *,
        image_index_Q: Tensor | None = None,
        text: TextFeatures | None = None,
        points_xy_QNC: Tensor | None = None,
        point_labels_QN: Tensor | None = None,
        boxes_xyxy_QC: Tensor | None = None,
        mask_logits_Q1HW: Tensor | None = None,
    ) -> MaskOutput:
        """Answers queries.

        Raises:
            ValueError: The model cannot take one of the prompts.
        """


def build_model(config: ModelConfig) -> Model:
    """Builds the model of a configuration, with random weights."""
    return Rsam(config) if isinstance(config, RsamConfig) else EarlyFusion(config)


def load_model(weights: WeightsFile) -> Model:
    """Builds the model that a weights file belongs to, a baseline's too, and fills it.

    Raises:
        EngineError: WEIGHTS_INVALID where the file is damaged or does not fit.
    """
    metadata = read_metadata(weights)
    if metadata is None or not EarlyFusionConfig.is_in(metadata.config_json):
        return load_rsam(weights)
    try:
        model = EarlyFusion(EarlyFusionConfig.from_json(metadata.config_json))
        model.load_own_state_dict(read_state_dict(weights))
    except ValueError as error:
        message = f"The weights in {weights.path} cannot be used: {error}. Train them again."
        raise EngineError(ErrorCode.WEIGHTS_INVALID, message) from error
    return model


def num_own_parameters(model: Model) -> int:
    """Counts what a model adds to its text encoder."""
    return sum(p.numel() for name, p in model.named_parameters() if not name.startswith("text_encoder."))

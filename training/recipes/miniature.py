"""Any recipe in miniature: its own switches on a model of some ten thousand weights, drawn images and words.

For tests, and to see in seconds that a recipe runs to its end where no data and no GPU are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

from geophrase.engine.model.rsam.config import HieraConfig, TextEncoderConfig
from geophrase.engine.model.rsam.conv_trunk import ConvTrunkConfig
from geophrase.training.baselines.early_fusion import EarlyFusionConfig
from geophrase.training.baselines.models import ModelConfig
from geophrase.training.config import Budget, TrainConfig
from geophrase.training.data.risors import Phrase, write_sample, write_split

IMAGE_PX = 64
NUM_STEPS = 3
_NATIVE_HW_PX = (80, 80)
_SHRUNK_CONVOLUTIONS = ConvTrunkConfig(
    stem_channels=8, channels=(8, 16, 32, 32), depths=(1, 1, 1, 1), gate_ratio=4
)
_SPLITS = {"train": 4, "val": 1, "test": 2}
_COLOURS_RGB = {"white": (240, 235, 230), "red": (200, 50, 40), "blue": (40, 60, 190)}
_CLASSES = {"square": "storage_tank", "disc": "windmill"}
_SIDES = ("left", "right")
_WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "on", *_SIDES, *_COLOURS_RGB, *_CLASSES)


@dataclass(frozen=True)
class Miniature:
    """What a recipe in miniature runs on.

    Attributes:
        data: A RISORS folder with stored phrases in all three splits.
        text_encoder: A folder with a BERT of two layers that knows the phrases' words.
    """

    data: Path
    text_encoder: Path

    @classmethod
    def write(cls, root: Path) -> Miniature:
        """Draws the images and makes the BERT, the same on every machine."""
        miniature = cls(root / "data", root / "text_encoder")
        _write_data(miniature.data)
        _write_text_encoder(miniature.text_encoder)
        return miniature

    def shrink(self, config: TrainConfig) -> TrainConfig:
        """Returns a recipe of a few updates whose model has the same parts, of which the same are frozen.

        What stays: guidance or none, where the text token goes, position pairs, mask tokens, Hiera or
        convolutions, what trains, clicks, losses, augmentation, schedule. What shrinks: widths, depths,
        sides, batches and the budget.
        """
        return replace(
            config,
            model=self._shrunk_model(config.model),
            data=replace(config.data, batch_size=2, image_px=(IMAGE_PX,)),
            execution=replace(config.execution, is_bfloat16=False),
            validation=replace(
                config.validation, num_rounds=1, max_images=0, image_px=IMAGE_PX, num_panels=1
            ),
            budget=Budget(steps=NUM_STEPS),
            log_steps=1,
        )

    def _shrunk_model(self, model: ModelConfig) -> ModelConfig:
        if isinstance(model, EarlyFusionConfig):
            text = _shrunk_text(model.text, self.text_encoder)
            return replace(model, image_px=IMAGE_PX, trunk=_SHRUNK_CONVOLUTIONS, text=text, head_width=16)
        return replace(
            model,
            image_px=IMAGE_PX,
            width=32,
            trunk=_shrunk_trunk(model.trunk),
            text=model.text and _shrunk_text(model.text, self.text_encoder),
            guidance=model.guidance and replace(model.guidance, num_layers=1, num_heads=2, mlp_dim=32),
            decoder=replace(model.decoder, num_heads=2, mlp_dim=32, iou_hidden_dim=16),
        )


def _shrunk_trunk(trunk: HieraConfig | ConvTrunkConfig) -> HieraConfig | ConvTrunkConfig:
    if isinstance(trunk, ConvTrunkConfig):
        return _SHRUNK_CONVOLUTIONS
    return replace(trunk, embed_dim=8, num_heads=1, stages=(1, 1, 2, 1), global_blocks=(3, 3, 3))


def _shrunk_text(text: TextEncoderConfig, folder: Path) -> TextEncoderConfig:
    return replace(
        text,
        location=str(folder),
        width=32,
        num_layers=2,
        num_heads=2,
        mlp_dim=32,
        max_tokens=16,
        sha256=(),
        revision=None,
    )


def _write_text_encoder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in _WORDS), encoding="utf-8")
    config = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        bert = BertModel(config, add_pooling_layer=False)
    save_file(bert.state_dict(), folder / "model.safetensors")


def _write_data(root: Path) -> None:
    rng = np.random.default_rng(0)
    for split, count in _SPLITS.items():
        stems = [f"{split}_{number}" for number in range(count)]
        for stem in stems:
            image_HWC, phrases = _drawn_image(rng)
            write_sample(root, stem, image_HWC, phrases)
        write_split(root, split, stems)


def _drawn_image(rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[Phrase]]:
    """A square and a disc of some colour, each in its half, with a referring phrase for either."""
    image_HWC = rng.integers(90, 130, (*_NATIVE_HW_PX, 3), dtype=np.uint8)
    phrases = []
    for shape, side, column_px in zip(rng.permutation(list(_CLASSES)), _SIDES, (20, 60), strict=True):
        colour = str(rng.choice(list(_COLOURS_RGB)))
        centre = (column_px, int(rng.integers(20, 60)))
        mask_HW = np.zeros(_NATIVE_HW_PX, np.uint8)
        if shape == "disc":
            cv2.circle(mask_HW, centre, 12, 1, thickness=-1)
        else:
            cv2.rectangle(mask_HW, (centre[0] - 11, centre[1] - 11), (centre[0] + 11, centre[1] + 11), 1, -1)
        image_HWC[mask_HW > 0] = _COLOURS_RGB[colour]
        text = f"the {colour} {shape} on the {side}"
        phrases.append(Phrase.from_mask(text, mask_HW, kind="class", name=_CLASSES[str(shape)]))
    return image_HWC, phrases

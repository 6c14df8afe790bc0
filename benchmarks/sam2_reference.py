"""The sam2 package's image predictor and ours, with the same random weights."""

from __future__ import annotations

import sys
import types
from dataclasses import replace
from importlib.machinery import ModuleSpec
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from geophrase.engine.model.rsam.config import PRESETS
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.rsam.sam2_checkpoint import load_sam2_state_dict

# sam2's own names of its configurations.
_CONFIG_NAMES = {"tiny": "t", "small": "s", "base_plus": "b+", "large": "l"}


def build_pair(size: str, *, device: torch.device, image_px: int = 1024) -> tuple[Any, Rsam]:
    """A sam2 image predictor and our model with its weights, which are random.

    Args:
        size: tiny, small, base_plus or large.
        device: Where both go.
        image_px: Side of the square that both take.
    """
    from sam2.build_sam import build_sam2

    torch.manual_seed(0)
    reference = build_sam2(
        f"configs/sam2.1/sam2.1_hiera_{_CONFIG_NAMES[size]}.yaml",
        device=str(device),
        hydra_overrides_extra=[f"++model.image_size={image_px}"],
    )
    rsam = Rsam(replace(PRESETS[f"sam2.1_hiera_{size}"], image_px=image_px)).eval()
    load_sam2_state_dict(rsam, reference.state_dict())
    predictor = _image_predictor_class()(reference)
    predictor._bb_feat_sizes = [(image_px // stride, image_px // stride) for stride in (4, 8, 16)]
    return predictor, rsam


class _Resize(nn.Module):
    """What torchvision's Resize does to a float tensor since 0.17."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, image_CHW: Tensor) -> Tensor:
        image_1CHW = image_CHW[None]
        return F.interpolate(image_1CHW, self.size, mode="bilinear", align_corners=False, antialias=True)[0]


class _Normalize(nn.Module):
    def __init__(self, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.mean, self.std = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]

    def forward(self, image_CHW: Tensor) -> Tensor:
        return (image_CHW - self.mean) / self.std


class _ToTensor:
    def __call__(self, image_HWC: Any) -> Tensor:
        return torch.from_numpy(image_HWC).permute(2, 0, 1).float() / 255


def _image_predictor_class() -> Any:
    """sam2's SAM2ImagePredictor; where torchvision is absent, its three transforms are stood in for."""
    try:
        import torchvision.transforms  # noqa: F401
    except ImportError:
        transforms: Any = types.ModuleType("torchvision.transforms")
        transforms.Resize, transforms.Normalize, transforms.ToTensor = _Resize, _Normalize, _ToTensor
        package: Any = types.ModuleType("torchvision")
        package.transforms = transforms
        package.__spec__ = ModuleSpec("torchvision", None)
        sys.modules.setdefault("torchvision", package)
        sys.modules.setdefault("torchvision.transforms", transforms)
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    return SAM2ImagePredictor

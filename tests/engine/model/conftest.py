"""The sam2 package as the reference, built small and with random weights."""

from __future__ import annotations

import sys
import types
from dataclasses import replace
from importlib.machinery import ModuleSpec

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from geophrase.engine.model.rsam.config import PRESETS

REFERENCE_PX = 256


class _Resize(nn.Module):
    """What torchvision's Resize does to a float tensor since 0.17."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, image_CHW):
        return F.interpolate(
            image_CHW[None], size=self.size, mode="bilinear", align_corners=False, antialias=True
        )[0]


class _Normalize(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.std = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]

    def forward(self, image_CHW):
        return (image_CHW - self.mean) / self.std


class _ToTensor:
    def __call__(self, image_HWC):
        return torch.from_numpy(image_HWC).permute(2, 0, 1).float() / 255


@pytest.fixture(scope="session")
def image_predictor_class():
    """sam2's SAM2ImagePredictor; where torchvision is absent, its three transforms are stood in for."""
    with pytest.MonkeyPatch.context() as patch:
        try:
            import torchvision.transforms  # noqa: F401
        except ImportError:
            transforms = types.ModuleType("torchvision.transforms")
            transforms.Resize, transforms.Normalize, transforms.ToTensor = _Resize, _Normalize, _ToTensor
            package = types.ModuleType("torchvision")
            package.transforms = transforms
            package.__spec__ = ModuleSpec("torchvision", None)
            patch.setitem(sys.modules, "torchvision", package)
            patch.setitem(sys.modules, "torchvision.transforms", transforms)
        from sam2.sam2_image_predictor import SAM2ImagePredictor
    return SAM2ImagePredictor


def build_reference(config_name, *, image_px, has_stability_test=True, seed=0):
    """Builds a sam2 model from its own configuration with weights that leave nothing at zero."""
    from sam2.build_sam import build_sam2

    torch.manual_seed(seed)
    model = build_sam2(
        f"configs/sam2.1/{config_name}.yaml",
        device="cpu",
        hydra_overrides_extra=[f"++model.image_size={image_px}"],
        apply_postprocessing=has_stability_test,
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    return model


@pytest.fixture(scope="session")
def reference():
    return build_reference("sam2.1_hiera_t", image_px=REFERENCE_PX)


@pytest.fixture(scope="session")
def reference_checkpoint(reference, tmp_path_factory):
    """The reference's weights in a file of the official form."""
    path = tmp_path_factory.mktemp("sam2") / "sam2.1_hiera_tiny.pt"
    torch.save({"model": reference.state_dict()}, path)
    return path


@pytest.fixture(scope="session")
def reference_config():
    """Our configuration of the reference's architecture."""
    return replace(PRESETS["sam2.1_hiera_tiny"], image_px=REFERENCE_PX)

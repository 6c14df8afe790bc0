"""From an image's pixels to a model's input: the squashed, normalised square and prompts in its coordinates.

Shape letters: B images, Q queries (1 here), N points, C channels or coordinates, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional as F

# Source: sam2/utils/transforms.py.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def normalised_input(images_BHWC: NDArray[np.uint8], *, image_px: int, device: torch.device) -> Tensor:
    """Squashes RGB images to the model's square and takes ImageNet's mean and deviation out.

    Returns:
        float32 (B, 3, image_px, image_px) on the device.

    Raises:
        ValueError: Where the images are not uint8 with three channels, or empty.
    """
    if images_BHWC.dtype != np.uint8 or images_BHWC.ndim != 4 or images_BHWC.shape[-1] != 3:
        raise ValueError(f"images must be uint8 RGB, not {images_BHWC.dtype} {images_BHWC.shape[1:]}")
    if images_BHWC.size == 0:
        raise ValueError(f"images must have pixels, not shape {images_BHWC.shape}")
    image_BCHW = torch.from_numpy(np.ascontiguousarray(images_BHWC)).to(device).permute(0, 3, 1, 2)
    image_BCHW = image_BCHW.float() / 255
    size = (image_px, image_px)
    if tuple(image_BCHW.shape[-2:]) != size:
        image_BCHW = F.interpolate(
            image_BCHW, size=size, mode="bilinear", align_corners=False, antialias=True
        )
    return imagenet_normalised(image_BCHW)


def imagenet_normalised(image_BCHW: Tensor) -> Tensor:
    """Takes ImageNet's mean and deviation out of float RGB images in [0, 1], which stay on their device."""
    mean_C11 = torch.tensor(IMAGENET_MEAN, device=image_BCHW.device)[:, None, None]
    std_C11 = torch.tensor(IMAGENET_STD, device=image_BCHW.device)[:, None, None]
    return (image_BCHW - mean_C11) / std_C11


@dataclass(frozen=True)
class ClickPrompts:
    """One query's points, box and mask as tensors in the model's input frame.

    Attributes:
        points_xy_QNC: Points in pixels of the input.
        point_labels_QN: 1 foreground, 0 background.
        boxes_xyxy_QC: A box in pixels of the input.
        mask_logits_Q1HW: Mask logits of an earlier answer.
    """

    points_xy_QNC: Tensor | None
    point_labels_QN: Tensor | None
    boxes_xyxy_QC: Tensor | None
    mask_logits_Q1HW: Tensor | None

    @property
    def is_empty(self) -> bool:
        """Whether there is no prompt at all."""
        return self.points_xy_QNC is None and self.boxes_xyxy_QC is None and self.mask_logits_Q1HW is None


@dataclass(frozen=True)
class InputFrame:
    """How pixels of one image become pixels of the model's input.

    Attributes:
        image_hw_px: Height and width of the image.
        image_px: Side of the model's input.
        device: Where prompts go.
    """

    image_hw_px: tuple[int, int]
    image_px: int
    device: torch.device

    def prompts(
        self,
        *,
        points_xy: ArrayLike | None,
        point_labels: ArrayLike | None,
        box_xyxy: ArrayLike | None,
        mask_logits: ArrayLike | None,
    ) -> ClickPrompts:
        """Turns one query's prompts, in pixels of the image, into tensors.

        Raises:
            ValueError: For a prompt of a wrong shape.
        """
        points = None if points_xy is None else self._tensor(points_xy, "points_xy", (-1, 2))
        labels = None if point_labels is None else self._tensor(point_labels, "point_labels", (-1,))
        box = None if box_xyxy is None else self._tensor(box_xyxy, "box_xyxy", (4,))
        mask = None if mask_logits is None else self._tensor(mask_logits, "mask_logits", (-1, -1))
        return ClickPrompts(
            points_xy_QNC=None if points is None else self._scaled(points)[None],
            point_labels_QN=None if labels is None else labels[None],
            boxes_xyxy_QC=None if box is None else self._scaled(box)[None],
            mask_logits_Q1HW=None if mask is None else mask[None, None],
        )

    def _tensor(self, values: ArrayLike, name: str, shape: tuple[int, ...]) -> Tensor:
        """Makes a float tensor of a shape in which -1 stands for any length."""
        array = np.array(values, dtype=np.float32)  # a copy: what came over the wire is read-only
        is_right = array.ndim == len(shape) and all(
            want in (-1, have) for want, have in zip(shape, array.shape, strict=True)
        )
        if not is_right:
            raise ValueError(f"{name} has shape {array.shape}, not {str(shape).replace('-1', 'any')}")
        return torch.from_numpy(array).to(self.device)

    def _scaled(self, coordinates: Tensor) -> Tensor:
        """Scales x, y, … pairs from the image's pixels to the model's input."""
        height_px, width_px = self.image_hw_px
        scale_C = torch.tensor([self.image_px / width_px, self.image_px / height_px], device=self.device)
        return (coordinates.reshape(-1, 2) * scale_C).reshape(coordinates.shape)

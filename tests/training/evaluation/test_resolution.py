import numpy as np
import pytest
from PIL import Image

from geophrase.training.evaluation.resolution import NATIVE, Resolution


def test_native_leaves_masks_as_they_are():
    mask = np.random.default_rng(0).integers(0, 2, (31, 17), dtype=np.uint8)
    assert (NATIVE.reference(mask) == (mask > 0)).all()
    assert NATIVE.hw_px((31, 17)) == (31, 17)
    assert Resolution.parse("native") == NATIVE
    assert str(NATIVE) == "native"


@pytest.mark.parametrize("hw", [(800, 800), (512, 512), (1000, 600), (31, 17)])
def test_a_fixed_side_samples_the_reference_where_torchvision_and_pillow_do(hw):
    """torchvision's functional.resize of a Pillow image, which LAVT and RMSIN call, is Pillow's resize."""
    mask = np.random.default_rng(1).integers(0, 2, hw, dtype=np.uint8)
    resolution = Resolution.parse("480")
    assert resolution.hw_px(hw) == (480, 480)
    expected = np.asarray(Image.fromarray(mask, mode="P").resize((480, 480), Image.NEAREST)) == 1
    assert (resolution.reference(mask) == expected).all()
    centres = [np.floor((np.arange(480) + 0.5) * side / 480 - 1e-9).astype(int) for side in hw]
    assert (resolution.reference(mask) == (mask[np.ix_(*centres)] > 0)).mean() > 0.99


def test_an_object_smaller_than_a_pixel_may_vanish():
    mask = np.zeros((960, 960), np.uint8)
    mask[0, 0] = 1
    assert not Resolution(480).reference(mask).any()


@pytest.mark.parametrize("text", ["", "0", "-3", "4.5", "big"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="native"):
        Resolution.parse(text)

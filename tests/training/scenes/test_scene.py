from __future__ import annotations

import colorsys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from geophrase.training.data.lexicon import LEXICON
from geophrase.training.scenes.kinds import EXPORTED, KINDS, PARENTS, PAVEMENT, Layer, lineage
from geophrase.training.scenes.scene import SceneConfig, generate_scene
from geophrase.training.scenes.themes import THEME_SHARES, THEMES
from geophrase.training.scenes.uses import USES


def test_the_same_configuration_gives_the_same_pixels_and_truth():
    config = SceneConfig(size_px=256, gsd_m=0.5, seed=11)
    first, second = generate_scene(config), generate_scene(config)
    assert np.array_equal(first.image_HWC, second.image_HWC)
    assert first.grid == second.grid
    assert len(first.instances) == len(second.instances)
    for one, other in zip(first.instances, second.instances, strict=True):
        assert one.name == other.name
        assert np.array_equal(one.instance.patch_HW, other.instance.patch_HW)


def test_another_seed_gives_another_scene():
    first, second = (generate_scene(SceneConfig(size_px=128, gsd_m=0.5, seed=seed)) for seed in (1, 2))
    assert np.abs(first.image_HWC.astype(int) - second.image_HWC).mean() > 8
    assert first.grid != second.grid


def test_every_kind_appears(many_scenes):
    seen = {each.name for scene in many_scenes for each in scene.instances}
    assert seen == set(KINDS) - {PAVEMENT}


def test_masks_are_inside_the_image_tight_and_not_empty(many_scenes):
    for scene in many_scenes:
        for each in scene.instances:
            instance = each.instance
            assert instance.area_px >= 6
            assert instance.left_px >= 0
            assert instance.top_px >= 0
            assert instance.right_px <= 480
            assert instance.bottom_px <= 480
            for axis in (0, 1):
                edges = instance.patch_HW.any(axis=axis)
                assert edges[0]
                assert edges[-1]
            assert 0 < instance.visible_fraction <= 1


def test_masks_of_one_layer_are_disjoint(many_scenes):
    for scene in many_scenes:
        counts = np.zeros((len(Layer), 480, 480), np.uint16)
        for each in scene.instances:
            x, y, width, height = each.instance.bbox_xywh
            counts[KINDS[each.name].layer, y : y + height, x : x + width] += each.instance.patch_HW
        assert counts.max() == 1


def test_what_stands_on_the_ground_hides_it_but_cars_do_not_cut_roads(many_scenes):
    hidden_px = cars_on_roads_px = 0
    for scene in many_scenes:
        ground = np.zeros((480, 480), bool)
        for each in scene.instances:
            if KINDS[each.name].layer == Layer.SURFACE:
                each.instance.paint(ground.view(np.uint8))
        for each in scene.instances:
            x, y, width, height = each.instance.bbox_xywh
            below = ground[y : y + height, x : x + width][each.instance.patch_HW > 0]
            if each.name in ("house", "tree", "storage_tank"):
                hidden_px += int(below.sum())
            if each.name == "car":
                cars_on_roads_px += int(below.sum())
    assert hidden_px == 0
    assert cars_on_roads_px > 1000


def test_general_kinds_cover_special_ones(many_scenes):
    for scene in many_scenes:
        for general, special in (
            ("building", "house"),
            ("building", "warehouse"),
            ("vehicle", "truck"),
            ("water", "sea"),
        ):
            assert set(map(id, scene.of_kind(special))) <= set(map(id, scene.of_kind(general)))
    assert list(lineage("river")) == ["river", "water"]
    assert list(lineage("building")) == ["building"]
    assert list(lineage("vegetation")) == ["vegetation"]
    with pytest.raises(KeyError):
        list(lineage("castle"))
    with pytest.raises(ValueError, match="castle"):
        many_scenes[0].of_kind("castle")


def test_kinds_speak_the_lexicon():
    assert set(LEXICON) >= EXPORTED
    assert PARENTS == {"building", "vehicle", "vegetation", "water", "ship"}


def test_themes_use_what_exists():
    assert set(THEME_SHARES) == set(THEMES)
    for theme in THEMES.values():
        assert set(theme.uses) | set(theme.focus) <= set(USES)


def _roof_hues(scenes):
    colours = [each.instance.mean_rgb for scene in scenes for each in scene.instances if each.name == "house"]
    hsv = [colorsys.rgb_to_hsv(*(channel / 255 for channel in colour)) for colour in colours]
    return np.asarray([(hue, saturation, value) for hue, saturation, value in hsv])


def test_roofs_vary_in_hue_and_brightness(many_scenes):
    hsv = _roof_hues(many_scenes)
    assert len(hsv) > 60
    sectors = Counter((hsv[hsv[:, 1] > 0.15, 0] * 12).astype(int).tolist())
    assert len(sectors) >= 4
    assert max(sectors.values()) < 0.8 * sum(sectors.values())
    assert hsv[:, 2].std() > 0.08


def test_scenes_vary_in_light_colour_and_content(many_scenes):
    means = np.asarray([scene.image_HWC.mean(axis=(0, 1)) for scene in many_scenes])
    assert means.mean(axis=1).std() > 12, "exposures and seasons differ"
    balance = means / means.mean(axis=1, keepdims=True)
    assert balance[:, 2].std() > 0.04, "colour casts differ"
    contents = {frozenset(each.name for each in scene.instances) for scene in many_scenes}
    assert len(contents) > 0.8 * len(many_scenes)
    assert np.median([len(each) for each in contents]) >= 8


def test_pictures_are_exposed_like_pictures(many_scenes):
    for scene in many_scenes:
        assert 30 < scene.image_HWC.mean() < 215
        assert np.mean(scene.image_HWC >= 254) < 0.35
        assert scene.image_HWC.std() > 8


def test_what_is_labelled_looks_unlike_what_surrounds_it(many_scenes):
    """Swimming pools are bluer than the picture: labels and pixels belong together."""
    excess = []
    for scene in many_scenes:
        red, _, blue = scene.image_HWC.mean(axis=(0, 1))
        for each in scene.of_kind("swimming_pool"):
            excess.append((each.instance.mean_rgb[2] - each.instance.mean_rgb[0]) - (blue - red))
    assert len(excess) > 10
    assert np.mean(np.asarray(excess) > 20) > 0.9


@pytest.mark.parametrize("change", [{"size_px": 32}, {"gsd_m": 0.0}, {"gsd_m": 5.0}, {"theme": "moon"}])
def test_what_cannot_be_drawn_is_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        replace(SceneConfig(), **change)

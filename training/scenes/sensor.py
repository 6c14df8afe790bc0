"""From reflectance to pixels: sunlight and cast shadows, the air, the optics and the camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from geophrase.training.scenes.canvas import Canvas
from geophrase.training.scenes.look import Sun
from geophrase.training.scenes.texture import FloatHW, FloatHWC


@dataclass(frozen=True)
class Sensor:
    """One camera on one day.

    Attributes:
        exposure: Gain on the linear signal.
        sky_share: Share of the light that comes from the sky and reaches the shadows.
        haze: Added veil of light, linear.
        balance: Gains of red, green and blue.
        blur_px: Gaussian point spread.
        noise: Standard deviation of the noise at full signal, linear.
        gamma: Exponent of the tone curve; 2.2 is neutral.
        contrast: Strength of the S-curve around mid grey, 0 for none.
        saturation: Factor on the distance from grey.
        sharpen: Strength of unsharp masking, as providers apply it.
        jpeg_quality: 0 for uncompressed.
    """

    exposure: float
    sky_share: float
    haze: float
    balance: tuple[float, float, float]
    blur_px: float
    noise: float
    gamma: float
    contrast: float
    saturation: float
    sharpen: float
    jpeg_quality: int


def draw_sensor(rng: np.random.Generator) -> Sensor:
    """A camera from good to poor, on a clear to a hazy day."""
    balance = np.exp(rng.normal(0, 0.05, 3))
    return Sensor(
        exposure=float(np.exp(rng.normal(0.0, 0.22))),
        sky_share=float(rng.uniform(0.14, 0.38)),
        haze=float(max(0.0, rng.normal(0.012, 0.02))),
        balance=(float(balance[0]), float(balance[1]), float(balance[2])),
        blur_px=float(rng.uniform(0.35, 0.95)),
        noise=float(rng.uniform(0.002, 0.018)),
        gamma=float(rng.uniform(1.9, 2.5)),
        contrast=float(rng.uniform(0.0, 0.7)),
        saturation=float(rng.uniform(0.75, 1.25)),
        sharpen=float(rng.choice([0.0, rng.uniform(0.2, 0.9)])),
        jpeg_quality=int(rng.choice([0, 92, 85, 72], p=[0.3, 0.3, 0.25, 0.15])),
    )


def expose(canvas: Canvas, sun: Sun, sensor: Sensor) -> npt.NDArray[np.uint8]:
    """The picture that the sensor takes of the canvas, RGB uint8 HWC."""
    shadow_HW = cast_shadows(canvas.height_HW, sun, canvas.gsd_m)
    direct_HW = canvas.light_HW * (1 - shadow_HW) * np.float32(1 - sensor.sky_share)
    sky = np.asarray((0.90, 1.0, 1.18), np.float32) * np.float32(sensor.sky_share)
    gain = np.asarray(sensor.balance, np.float32) * np.float32(sensor.exposure)
    signal_HWC = canvas.reflectance_HWC * (direct_HW[..., None] + sky) * gain
    signal_HWC += np.asarray((0.85, 1.0, 1.25), np.float32) * np.float32(sensor.haze)
    signal_HWC = np.asarray(cv2.GaussianBlur(signal_HWC, (0, 0), sensor.blur_px), np.float32)
    grain_HW = canvas.rng.standard_normal(canvas.height_HW.shape, np.float32)
    chroma_HWC = canvas.rng.standard_normal(signal_HWC.shape, np.float32)
    strength = np.float32(sensor.noise) * np.sqrt(np.maximum(signal_HWC, 0.01))
    signal_HWC += strength * (0.8 * grain_HW[..., None] + 0.4 * chroma_HWC)
    return _developed(signal_HWC, sensor)


def cast_shadows(height_HW: FloatHW, sun: Sun, gsd_m: float) -> FloatHW:
    """Where sunlight is blocked, float32 in [0, 1].

    The height of the shadow volume over a pixel is the maximum over distances of the height towards the sun
    less the fall of the ray. Doubling the distance in every pass finds it in a logarithmic number of passes.
    """
    fall_m = gsd_m * math.tan(sun.elevation_rad)
    step = (math.cos(sun.azimuth_rad), math.sin(sun.azimuth_rad))
    volume_HW = height_HW
    top_m, reach_px = float(height_HW.max()), 1
    while reach_px * fall_m < top_m:
        shift = np.asarray([[1, 0, step[0] * reach_px], [0, 1, step[1] * reach_px]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(volume_HW, shift, volume_HW.shape[::-1], flags=flags)
        volume_HW = np.maximum(volume_HW, moved - np.float32(fall_m * reach_px))
        reach_px *= 2
    return np.asarray(np.clip((volume_HW - height_HW - 0.15) / max(0.5, fall_m), 0, 1), np.float32)


def _developed(signal_HWC: FloatHWC, sensor: Sensor) -> npt.NDArray[np.uint8]:
    """Tone curve, colour, sharpening and compression."""
    grey_HW1 = signal_HWC.mean(axis=2, keepdims=True)
    signal_HWC = grey_HW1 + (signal_HWC - grey_HW1) * np.float32(sensor.saturation)
    index_HWC = np.clip(signal_HWC * 4095, 0, 4095).astype(np.uint16)
    level = (np.arange(4096) / 4095.0) ** (1 / sensor.gamma)
    curved = level + sensor.contrast * 0.5 * (level - 0.5) * (1 - np.abs(2 * level - 1)) * 1.4
    image_HWC = np.clip(curved * 255, 0, 255).astype(np.uint8)[index_HWC]
    if sensor.sharpen:
        soft = cv2.GaussianBlur(image_HWC, (0, 0), 1.2)
        image_HWC = cv2.addWeighted(image_HWC, 1 + sensor.sharpen, soft, -sensor.sharpen, 0)
    if sensor.jpeg_quality:
        data = cv2.imencode(".jpg", image_HWC, [cv2.IMWRITE_JPEG_QUALITY, sensor.jpeg_quality])[1]
        image_HWC = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.asarray(image_HWC, np.uint8)

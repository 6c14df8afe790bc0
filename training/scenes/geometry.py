"""Plane figures in the scene's ground frame: metres, x to the right and y down from the top-left corner.

Letters of the shapes: N points, 2 coordinates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PointsN2 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """A place and a heading: local u runs along the heading, local v to its right (y down)."""

    x_m: float
    y_m: float
    heading_rad: float = 0.0

    def points(self, local_N2: npt.ArrayLike) -> PointsN2:
        """Local uv coordinates carried into the ground frame."""
        uv_N2 = np.asarray(local_N2, np.float64)
        cos, sin = math.cos(self.heading_rad), math.sin(self.heading_rad)
        x = self.x_m + uv_N2[..., 0] * cos - uv_N2[..., 1] * sin
        y = self.y_m + uv_N2[..., 0] * sin + uv_N2[..., 1] * cos
        return np.stack([x, y], axis=-1)

    def at(self, u_m: float, v_m: float, turn_rad: float = 0.0) -> Pose:
        """The pose at a local offset, turned by an angle."""
        x, y = self.points((u_m, v_m))
        return Pose(float(x), float(y), self.heading_rad + turn_rad)


@dataclass(frozen=True)
class TownFrame:
    """A street plan's uv plane laid over the ground, gently bent so that streets curve.

    The bend displaces by sines of long wavelength; a pose taken from it is rigid, so what stands on it keeps
    its true dimensions.
    """

    origin: Pose
    amplitude_m: float = 0.0
    wavelength_m: float = 1000.0
    phase_rad: float = 0.0

    def points(self, uv_N2: npt.ArrayLike) -> PointsN2:
        """Plan coordinates carried into the ground frame."""
        uv = np.asarray(uv_N2, np.float64)
        wave = 2 * math.pi / self.wavelength_m
        bent = np.stack(
            [
                uv[..., 0] + self.amplitude_m * np.sin(wave * uv[..., 1] + self.phase_rad),
                uv[..., 1] + self.amplitude_m * np.sin(wave * 0.83 * uv[..., 0] + 1.7 * self.phase_rad),
            ],
            axis=-1,
        )
        return self.origin.points(bent)

    def pose(self, u_m: float, v_m: float, turn_rad: float = 0.0) -> Pose:
        """The rigid pose at a plan point, headed along the plan's u direction there."""
        here, ahead = self.points([(u_m, v_m), (u_m + 1.0, v_m)])
        heading = math.atan2(ahead[1] - here[1], ahead[0] - here[0])
        return Pose(float(here[0]), float(here[1]), heading + turn_rad)


def rectangle(length_m: float, width_m: float, *, centre: tuple[float, float] = (0.0, 0.0)) -> PointsN2:
    """A rectangle around a centre, `length_m` along u."""
    half_u, half_v = length_m / 2, width_m / 2
    corners = [(-half_u, -half_v), (half_u, -half_v), (half_u, half_v), (-half_u, half_v)]
    return np.asarray(corners, np.float64) + np.asarray(centre, np.float64)


def ellipse(
    radius_u_m: float, radius_v_m: float, *, num: int = 36, centre: tuple[float, float] = (0.0, 0.0)
) -> PointsN2:
    """An ellipse as a polygon with the area of the true one."""
    angle = np.arange(num) * (2 * math.pi / num)
    equal_area = math.sqrt(2 * math.pi / num / math.sin(2 * math.pi / num))
    ring = np.stack([radius_u_m * np.cos(angle), radius_v_m * np.sin(angle)], axis=-1)
    return np.asarray(ring * equal_area + np.asarray(centre), np.float64)


def arc(
    radius_m: float,
    start_rad: float,
    end_rad: float,
    *,
    num: int = 16,
    centre: tuple[float, float] = (0.0, 0.0),
) -> PointsN2:
    """Points along a circle from one angle to another."""
    angle = np.linspace(start_rad, end_rad, num)
    points: PointsN2 = np.stack([radius_m * np.cos(angle), radius_m * np.sin(angle)], axis=-1) + np.asarray(
        centre
    )
    return points


def oval(straight_m: float, radius_m: float) -> PointsN2:
    """Two straights joined by half circles: a running track's outline."""
    half = straight_m / 2
    right = arc(radius_m, -math.pi / 2, math.pi / 2, num=28, centre=(half, 0.0))
    left = arc(radius_m, math.pi / 2, 3 * math.pi / 2, num=28, centre=(-half, 0.0))
    return np.concatenate([right, left])


def rounded(length_m: float, width_m: float, radius_m: float) -> PointsN2:
    """A rectangle with rounded corners."""
    radius_m = min(radius_m, length_m / 2, width_m / 2)
    u, v = length_m / 2 - radius_m, width_m / 2 - radius_m
    quarters = [(u, v, 0.0), (-u, v, 0.5), (-u, -v, 1.0), (u, -v, 1.5)]
    parts = [
        arc(radius_m, turn * math.pi, (turn + 0.5) * math.pi, num=4, centre=(cu, cv))
        for cu, cv, turn in quarters
    ]
    return np.concatenate(parts)


def blob(rng: np.random.Generator, radius_m: float, *, roughness: float = 0.25, num: int = 48) -> PointsN2:
    """A smooth irregular closed outline around the origin."""
    angle = np.arange(num) * (2 * math.pi / num)
    radius = np.ones(num)
    for order in range(2, 7):
        radius += roughness * rng.normal() / order * np.cos(order * angle + rng.uniform(0, 2 * math.pi))
    radius = radius_m * np.clip(radius, 0.35, 1.8)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)


def normals(line_N2: PointsN2) -> PointsN2:
    """Unit normals (to the right of travel, y down) along a polyline."""
    tangent = np.gradient(line_N2, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    return np.stack([-tangent[:, 1], tangent[:, 0]], axis=-1)


def offset(line_N2: PointsN2, distance_m: float | npt.NDArray[np.float64]) -> PointsN2:
    """The polyline moved sideways, positive to the right of travel."""
    shift = np.asarray(distance_m, np.float64).reshape(-1, 1)
    return np.asarray(line_N2 + normals(line_N2) * shift, np.float64)


def ribbon(line_N2: PointsN2, width_m: float | npt.NDArray[np.float64]) -> PointsN2:
    """The closed band of a width along a polyline."""
    half = np.asarray(width_m, np.float64) / 2
    return np.concatenate([offset(line_N2, half), offset(line_N2, -half)[::-1]])


def densified(line_N2: npt.ArrayLike, step_m: float) -> PointsN2:
    """The same polyline with points at most a step apart."""
    line = np.asarray(line_N2, np.float64)
    gaps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(gaps)])
    num = max(2, math.ceil(float(along[-1]) / step_m) + 1)
    at = np.linspace(0.0, along[-1], num)
    return np.stack([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])], axis=-1)


def length_of(line_N2: PointsN2) -> float:
    """A polyline's length."""
    return float(np.linalg.norm(np.diff(line_N2, axis=0), axis=1).sum())


def dashes(line_N2: PointsN2, dash_m: float, gap_m: float) -> list[PointsN2]:
    """The dashes of a broken line along a polyline."""
    fine = densified(line_N2, 1.0)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))])
    starts = np.arange(0.0, along[-1], dash_m + gap_m)
    ends = np.minimum(starts + dash_m, along[-1])
    pair = np.stack([starts, ends], axis=-1)
    x, y = np.interp(pair, along, fine[:, 0]), np.interp(pair, along, fine[:, 1])
    return [np.stack([x[row], y[row]], axis=-1) for row in range(len(starts))]


def meander(
    rng: np.random.Generator, start: tuple[float, float], end: tuple[float, float], *, amplitude_m: float
) -> PointsN2:
    """A winding line between two points, as a river or a country road runs."""
    begin, finish = np.asarray(start, np.float64), np.asarray(end, np.float64)
    reach = float(np.linalg.norm(finish - begin))
    num = max(24, int(reach / 12.0))
    along = np.linspace(0.0, 1.0, num)
    side = np.zeros(num)
    for waves in (1.0, 2.0, 3.7, 6.1):
        side += (
            rng.normal()
            / waves
            * np.sin(2 * math.pi * waves * along * rng.uniform(0.7, 1.2) + rng.uniform(0, 6.3))
        )
    direction = (finish - begin) / max(reach, 1e-9)
    normal = np.asarray([-direction[1], direction[0]])
    points: PointsN2 = begin + along[:, None] * (finish - begin) + (amplitude_m * side)[:, None] * normal
    return points


def curve(ends_N2: npt.ArrayLike) -> PointsN2:
    """A bow from the first to the last of three points, drawn towards the second."""
    first, middle, last = np.asarray(ends_N2, np.float64)
    t = np.linspace(0, 1, 24)[:, None]
    return np.asarray((1 - t) ** 2 * first + 2 * t * (1 - t) * middle + t**2 * last, np.float64)


def polygon_area(ring_N2: PointsN2) -> float:
    """The area inside a simple ring, without sign."""
    x, y = ring_N2[:, 0], ring_N2[:, 1]
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2

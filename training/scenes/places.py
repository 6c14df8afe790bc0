"""Places larger than a block: rivers, lakes and shores, harbours and airfields."""

from __future__ import annotations

import math

import numpy as np

from geophrase.training.scenes import buildings, installations, nature, vehicles
from geophrase.training.scenes import dimensions as dim
from geophrase.training.scenes.geometry import PointsN2, Pose, blob, dashes, meander, rectangle, ribbon
from geophrase.training.scenes.look import tiled
from geophrase.training.scenes.site import Site
from geophrase.training.scenes.texture import Material, octaves


def river(site: Site) -> PointsN2:
    """A river across the scene; answers its centre line."""
    rng, size = site.rng, site.canvas.extent_m
    angle = float(rng.uniform(0, 2 * math.pi))
    middle = rng.uniform(0.25, 0.75, 2) * size
    reach = np.asarray([math.cos(angle), math.sin(angle)]) * (size * 1.1 + 80)
    line = meander(
        rng, tuple(middle - reach), tuple(middle + reach), amplitude_m=size * float(rng.uniform(0.01, 0.07))
    )
    width = float(np.clip(np.exp(rng.normal(math.log(0.14 * size), 0.55)), 8.0, 260.0))
    wobble = 1 + 0.12 * np.interp(
        np.arange(len(line)),
        np.arange(0, len(line) + 8, 8),
        rng.normal(0, 1, len(line) // 8 + 2)[: len(range(0, len(line) + 8, 8))],
    )
    nature.paint_water(site.canvas, site.look, [ribbon(line, width * np.clip(wobble, 0.6, 1.5))], "river")
    if rng.random() < 0.5:
        _moored_along(site, line, width)
    return line


def _moored_along(site: Site, line: PointsN2, width: float) -> None:
    """Boats and, on wide rivers, ships under way or moored."""
    rng = site.rng
    for _ in range(int(rng.poisson(5))):
        index = int(rng.integers(1, len(line) - 1))
        step = line[index + 1] - line[index - 1]
        pose = Pose(float(line[index, 0]), float(line[index, 1]), math.atan2(step[1], step[0]))
        pose = pose.at(0.0, float(rng.uniform(-0.38, 0.38)) * width, float(rng.choice([0.0, math.pi])))
        if width > 60 and rng.random() < 0.4:
            vehicles.ship(site.canvas, site.look, pose, min(vehicles.draw_ship_length(rng), width))
        else:
            vehicles.boat(site.canvas, site.look, pose)


def lake(site: Site) -> None:
    """A lake with an irregular shore."""
    rng, size = site.rng, site.canvas.extent_m
    ring = blob(rng, size * float(rng.uniform(0.10, 0.32))) + rng.uniform(0.15, 0.85, 2) * size
    nature.paint_water(site.canvas, site.look, [ring], "lake")
    for _ in range(int(rng.poisson(2))):
        at = ring.mean(axis=0) + rng.normal(0, size * 0.05, 2)
        vehicles.boat(site.canvas, site.look, Pose(float(at[0]), float(at[1]), float(rng.uniform(0, 6.28))))


def sea(site: Site, shore: Pose, *, is_built: bool) -> None:
    """Open water beyond a shore line (v > 0 of the pose): a straight quay or a wavy beach."""
    rng, reach = site.rng, site.canvas.extent_m * 1.6 + 100
    u = np.linspace(-reach, reach, 160)
    v = np.zeros_like(u)
    if not is_built:
        swell = octaves(rng, 160, 50.0)[0]
        v = swell * site.canvas.extent_m * 0.03
    edge = np.stack([u, v], axis=-1)
    ring = np.concatenate([edge, [(reach, 3 * reach), (-reach, 3 * reach)]])
    nature.paint_water(site.canvas, site.look, [shore.points(ring)], "sea")
    if is_built:
        quay = shore.at(0.0, -6.0).points(rectangle(2 * reach, 18.0))
        site.canvas.fill(
            quay,
            tiled(site.look.concrete, shore, 6.0, 0.05, 0.1),
            label=site.canvas.label("pavement"),
            height_m=1.5,
        )
    for _ in range(int(rng.poisson(4))):
        at = shore.at(
            float(rng.uniform(-0.6, 0.6)) * site.canvas.extent_m,
            float(rng.uniform(0.1, 0.6)) * site.canvas.extent_m,
            float(rng.uniform(0, 6.28)),
        )
        if rng.random() < 0.6:
            vehicles.boat(site.canvas, site.look, at)
        else:
            vehicles.ship(site.canvas, site.look, at, vehicles.draw_ship_length(rng))


def harbour(site: Site, shore: Pose) -> None:
    """Piers into the water, some with ships alongside, some as marinas with fingers and boats."""
    rng, size = site.rng, site.canvas.extent_m
    u = -0.75 * size
    while u < 0.75 * size:
        length = float(rng.uniform(0.15, 0.5)) * min(size, 500)
        if rng.random() < 0.5:
            _marina(site, shore.at(u, length / 2), length)
            u += float(rng.uniform(34, 60))
        else:
            reach = _ship_pier(site, shore.at(u, length / 2), length)
            u += reach
    if rng.random() < 0.6:
        for at_u in np.arange(-0.6 * size, 0.6 * size, 90.0):
            if rng.random() < 0.35:
                ship_m = min(vehicles.draw_ship_length(rng), 80.0)
                vehicles.ship(
                    site.canvas, site.look, shore.at(float(at_u) + 45, 3.5 + ship_m * 0.085), ship_m
                )


def _marina(site: Site, pier: Pose, length: float) -> None:
    rng, canvas = site.rng, site.canvas
    plank = Material(site.look.concrete.rgb, 0.06) if rng.random() < 0.5 else site.look.gravel.jittered(rng)
    label = canvas.label("harbor", pose=pier)
    canvas.fill(pier.points(rectangle(2.4, length)), plank, label=label, height_m=1.4, light=1.0)
    boat_m = float(rng.uniform(6, 13))
    share, slot_m = float(rng.uniform(0.3, 0.95)), boat_m * 0.45
    for v in np.arange(-length / 2 + slot_m + 6, length / 2, slot_m):
        for side in (-1, 1):
            if canvas.shows(0.9):
                finger = pier.points(
                    rectangle(boat_m * 0.8, 0.7, centre=(side * (1.2 + boat_m * 0.4), v - slot_m / 2))
                )
                canvas.fill(finger, plank, label=label, height_m=1.2)
            if rng.random() < share:
                at = pier.at(side * (1.6 + boat_m / 2), float(v), 0.0 if rng.random() < 0.5 else math.pi)
                vehicles.boat(canvas, site.look, at, length_m=boat_m * float(rng.uniform(0.75, 1.0)))


def _ship_pier(site: Site, pier: Pose, length: float) -> float:
    rng, canvas = site.rng, site.canvas
    width = float(rng.uniform(8, 28))
    label = canvas.label("harbor", pose=pier)
    canvas.fill(
        pier.points(rectangle(width, length)),
        site.look.concrete.jittered(rng),
        label=label,
        height_m=2.5,
        light=1.0,
    )
    if width > 16:
        installations.container_stack_on_pier(canvas, site.look, pier, width, length)
    beam = 0.0
    for side in (-1, 1):
        ship_m = min(vehicles.draw_ship_length(rng), length * 0.95)
        if rng.random() < 0.75 and ship_m > 18:
            beam = max(beam, ship_m * 0.18)
            at = pier.at(
                side * (width / 2 + ship_m * 0.09 + 1.5),
                (length - ship_m) * 0.3,
                math.pi / 2 * float(rng.choice([-1, 1])),
            )
            vehicles.ship(canvas, site.look, at, ship_m)
    return width + 2 * beam + float(rng.uniform(25, 60))


def airfield(site: Site) -> None:
    """A runway with its markings, a taxiway, an apron with aeroplanes and hangars; all of it is reserved."""
    rng, canvas, size = site.rng, site.canvas, site.canvas.extent_m
    heading = float(rng.uniform(0, 2 * math.pi))
    gap = float(rng.uniform(90, 170))
    width = float(rng.uniform(*dim.RUNWAY_WIDTH_M))
    in_view_v = gap + 55.0 if rng.random() < 0.6 else float(rng.uniform(-0.3, 1.2)) * gap
    middle = size / 2 + rng.normal(0, 0.12, 2) * size
    centre = Pose(float(middle[0]), float(middle[1]), heading).at(0.0, -in_view_v)
    length = max(1200.0, size * 1.5)
    along = float(rng.uniform(-0.5, 0.5)) * length * 0.9
    runway = centre.at(-along, 0.0)
    strip = centre.at(0, gap / 2).points(rectangle(2 * length, gap + width + 60))
    canvas.fill(strip, site.look.grass.jittered(rng), label=canvas.label("grass"))
    _runway(site, runway, length, width)
    taxi_m = float(rng.uniform(*dim.TAXIWAY_WIDTH_M))
    pavement = canvas.label("pavement")
    surface = site.look.asphalt.jittered(rng) if rng.random() < 0.6 else site.look.concrete.jittered(rng)
    lines = [[(-length / 2, gap), (length / 2, gap)]]
    lines += [
        [(u, 0.0 + width / 2), (u + float(rng.choice([-60, 0, 60])), gap)]
        for u in np.arange(-length / 2 + 10, length / 2, 260.0)
    ]
    for line in lines:
        canvas.fill(ribbon(runway.points(line), taxi_m), surface, label=pavement, light=1.0)
    yellow = Material((0.62, 0.45, 0.05))
    canvas.lines([runway.points(line) for line in lines], 0.3, yellow)
    _apron(site, centre.at(0.0, gap + taxi_m / 2), surface, size)
    canvas.reserve(strip)


def _runway(site: Site, pose: Pose, length: float, width: float) -> None:
    canvas, rng = site.canvas, site.rng
    asphalt = site.look.asphalt.jittered(rng, 0.15)
    label = canvas.label("runway", pose=pose)
    canvas.fill(pose.points(rectangle(length, width)), asphalt, label=label, light=1.0)
    for u in (-0.34, 0.34):
        rubber = pose.points(rectangle(length * 0.2, width * 0.3, centre=(u * length, 0.0)))
        canvas.fill(rubber, asphalt.scaled(0.55), opacity=0.6)
    dash_m, gap_m, line_m = dim.RUNWAY_CENTRE_STRIPE_M
    centre = dashes(pose.points([(-length / 2 + 90, 0.0), (length / 2 - 90, 0.0)]), dash_m, gap_m)
    edges = [pose.points([(-length / 2, v), (length / 2, v)]) for v in (-width / 2 + 1, width / 2 - 1)]
    canvas.lines(centre + edges, line_m, site.look.marking)
    stripe_m, wide_m = dim.RUNWAY_STRIPE_M
    for side in (-1, 1):
        for v in np.arange(-width / 2 + 3, width / 2 - 2, 2 * wide_m):
            bar = rectangle(stripe_m, wide_m, centre=(side * (length / 2 - 6 - stripe_m / 2), v))
            canvas.fill(pose.points(bar), site.look.marking)
        for v in (-width * 0.2, width * 0.2):
            aim = rectangle(*dim.RUNWAY_AIMING_M, centre=(side * (length / 2 - 330), v))
            canvas.fill(pose.points(aim), site.look.marking)


def _apron(site: Site, edge: Pose, surface: Material, size: float) -> None:
    """Stands in a row, nose in, before a terminal or hangars."""
    canvas, rng = site.canvas, site.rng
    is_small = rng.random() < 0.3
    frames = dim.AIRFRAMES[5:] if is_small else dim.AIRFRAMES[: int(rng.choice([1, 3, 5]))]
    stand_m = max(frame.span for frame in frames) * 1.12 + 3
    deep = max(frame.length for frame in frames) * 1.5 + 12
    long_m = min(size * 1.3, stand_m * int(rng.integers(5, 14)))
    apron = edge.at(0.0, deep / 2).points(rectangle(long_m, deep))
    slabs = tiled(site.look.concrete.jittered(rng) if rng.random() < 0.6 else surface, edge, 7.5, 0.06, 0.06)
    canvas.fill(apron, slabs, label=canvas.label("pavement"), light=1.0)
    nose_in = math.pi / 2 if rng.random() < 0.75 else -math.pi / 2
    yellow = Material((0.62, 0.45, 0.05))
    for u in np.arange(-long_m / 2 + stand_m / 2, long_m / 2, stand_m):
        canvas.lines([edge.points([(u, 2.0), (u, deep - 4)])], 0.25, yellow)
        if rng.random() < 0.82:
            frame = frames[int(rng.integers(len(frames)))]
            at = edge.at(
                float(u), deep * 0.56 + float(rng.normal(0, 0.6)), nose_in + float(rng.normal(0, 0.04))
            )
            vehicles.airplane(canvas, site.look, at, frame)
    for _ in range(int(rng.poisson(long_m / 30))):
        at = edge.at(float(rng.uniform(-0.5, 0.5)) * long_m, deep * 0.94, float(rng.choice([0.0, math.pi])))
        (vehicles.truck if rng.random() < 0.5 else vehicles.car)(canvas, site.look, at)
    _terminal(site, edge.at(0.0, deep), long_m, is_small=is_small)
    canvas.reserve(edge.at(0.0, deep / 2).points(rectangle(long_m + 10, deep + 10)))


def _terminal(site: Site, pose: Pose, long_m: float, *, is_small: bool) -> None:
    if is_small:
        for u in np.arange(-long_m / 2 + 15, long_m / 2 - 10, 32.0):
            if site.rng.random() < 0.6:
                buildings.warehouse(site.canvas, site.look, pose.at(float(u), 16.0), 26.0, 20.0)
    elif site.rng.random() < 0.75:
        buildings.warehouse(site.canvas, site.look, pose.at(0.0, 24.0), long_m * 0.7, 30.0)

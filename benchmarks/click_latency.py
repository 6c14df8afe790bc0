"""From a click in QGIS to the polygon on the map, on an encoded view: the whole way and its parts.

Run it with QGIS's own Python, under which the plugin lives::

    QT_QPA_PLATFORM=offscreen build/qgis-env/bin/python benchmarks/click_latency.py

A real canvas, the plugin's map tool and a real engine process. Each click marks another place of the view as
a new object, of which every third is clicked a second time with its mask going along. `map` is the time from
the mouse button until the outline's rubber band is set. `engine` is the same kind of question asked by the
plugin's client from a plain thread right after, and `model` what the engine says the network took.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from osgeo import gdal, osr

REPOSITORY = Path(__file__).resolve().parent.parent
SIDE_PX = 1024
BUDGET_MS = {"rsam_small": 100.0, "rsam_base_plus": 150.0}
LIMIT_S = 120.0


@dataclass(frozen=True)
class Percentiles:
    """Milliseconds."""

    p50_ms: float
    p95_ms: float

    @classmethod
    def of(cls, seconds: list[float]) -> Percentiles:
        """Of some measurements in seconds."""
        return cls(*(round(float(value) * 1000, 1) for value in np.percentile(seconds, [50, 95])))


def write_scene(path: Path) -> None:
    """A georeferenced picture of bright roofs on a dark ground, with noise."""
    generator = np.random.default_rng(0)
    image_HWC = generator.integers(60, 90, (SIDE_PX, SIDE_PX, 3)).astype(np.uint8)
    for _ in range(120):
        row, col = generator.integers(0, SIDE_PX - 60, 2)
        height, width = generator.integers(15, 60, 2)
        image_HWC[row : row + height, col : col + width] += generator.integers(60, 150, 3).astype(np.uint8)
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(25832)
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), SIDE_PX, SIDE_PX, 3, gdal.GDT_Byte)
    dataset.SetGeoTransform((600000, 0.3, 0, 5300000, 0, -0.3))
    dataset.SetProjection(crs.ExportToWkt())
    for band in range(3):
        dataset.GetRasterBand(band + 1).WriteArray(image_HWC[..., band])


def wait(is_true: Callable[[], object], what: str) -> None:
    """Lets Qt work until something holds, without sleeping away the milliseconds that are measured."""
    from qgis.PyQt.QtWidgets import QApplication

    end_s = time.monotonic() + LIMIT_S
    while not is_true():
        if time.monotonic() > end_s:
            raise TimeoutError(f"waited {LIMIT_S:.0f} s for {what}")
        QApplication.processEvents()
        time.sleep(0.0005)


class Desk:
    """The canvas, the tool and the engine."""

    def __init__(self, raster: Path, engine: Path, model: str) -> None:
        from qgis.core import QgsProject, QgsRasterLayer
        from qgis.gui import QgsMapCanvas

        from geophrase.qgis_plugin.core.engine.service import EngineService
        from geophrase.qgis_plugin.core.raster.layer_raster import layer_raster
        from geophrase.qgis_plugin.core.refine.outlined import RefineOptions
        from geophrase.qgis_plugin.core.refine.refine_engine import RefineEngine
        from geophrase.qgis_plugin.gui.refine_tool import RefineTool

        self.layer = QgsRasterLayer(str(raster), "scene")
        QgsProject.instance().addMapLayer(self.layer)
        self.canvas = QgsMapCanvas()
        self.canvas.resize(800, 800)
        self.canvas.setDestinationCrs(self.layer.crs())
        self.canvas.setLayers([self.layer])
        self.canvas.setExtent(self.layer.extent())
        self.canvas.show()
        self.service = EngineService(lambda: [str(engine), "serve", "--device", "cpu", "--cache", "none"])
        self.engine = RefineEngine(self.service, layer_raster(self.layer), RefineOptions(model=model))
        self.tool = RefineTool(self.canvas, self.engine)
        self.answers: list[object] = []
        self.failures: list[str] = []
        encoded: list[bool] = []
        self.engine.outlined.connect(self.answers.append)  # after the tool's own slot, which draws
        self.engine.failed.connect(self.failures.append)
        self.engine.view_encoded.connect(lambda: encoded.append(True))
        self.engine.start()
        self.tool.set_text("roofs")
        self.canvas.setMapTool(self.tool)
        wait(lambda: encoded or self.failures, "the first view")
        self.idle()

    def idle(self) -> None:
        """Waits until the neighbourhood is encoded, so that clicks are measured alone."""
        client = self.service.client()
        wait(lambda: client.health().state == "idle" and client.health().num_queued == 0, "the neighbourhood")

    def click_s(self, x: int, y: int) -> float:
        """Seconds from the click until its outline is drawn."""
        from qgis.PyQt.QtCore import QPoint, Qt
        from qgis.PyQt.QtTest import QTest

        num_before = len(self.answers)
        started_s = time.perf_counter()
        QTest.mouseClick(
            self.canvas.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(x, y)
        )
        wait(lambda: len(self.answers) > num_before or self.failures, "an outline")
        if self.failures:
            raise RuntimeError(self.failures[0])
        return time.perf_counter() - started_s

    def close(self) -> None:
        """Ends the engine and lets QGIS go."""
        self.canvas.unsetMapTool(self.tool)
        self.engine.stop()
        self.service.stop()
        self.engine.join(5)
        self.layer = None


def ask_engine(desk: Desk, num_clicks: int) -> tuple[list[float], list[float]]:
    """The plain client's seconds and the model's share of them, for clicks on the view's session."""
    from geophrase.protocol.grid import WindowPx
    from geophrase.protocol.messages import PointsQuery, TextQuery
    from geophrase.protocol.sessions import OpenSession, PredictRequest

    client = desk.service.client()
    source = desk.engine.raster.file_source()
    opened = client.open_session(
        OpenSession(source, WindowPx(0, 0, SIDE_PX, SIDE_PX), model=desk.engine.options.model)
    )
    generator = np.random.default_rng(2)
    whole_s, model_s = [], []
    for x, y in generator.uniform(100, SIDE_PX - 100, (num_clicks, 2)).tolist():
        prompts = (TextQuery("roofs"), PointsQuery(((x, y),), (1,)))
        started_s = time.perf_counter()
        answer = client.predict(opened.session_id, PredictRequest(prompts))
        whole_s.append(time.perf_counter() - started_s)
        model_s.append(answer.reply.model_s)
    return whole_s, model_s


def measure(desk: Desk, num_clicks: int) -> dict[str, Percentiles]:
    generator = np.random.default_rng(1)
    desk.click_s(400, 400)  # kernels are chosen and the text is encoded once
    desk.tool.discard()
    map_s = []
    for number, (x, y) in enumerate(generator.integers(100, 700, (num_clicks, 2)).tolist()):
        map_s.append(desk.click_s(x, y))
        if number % 3 == 0:
            map_s.append(desk.click_s(x + 8, y + 8))
        desk.tool.discard()
    engine_s, model_s = ask_engine(desk, num_clicks)
    parts = {"map": map_s, "engine": engine_s, "model": model_s}
    return {name: Percentiles.of(seconds) for name, seconds in parts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", type=Path, default=REPOSITORY / ".venv" / "bin" / "geophrase")
    parser.add_argument("--model", default="rsam_small")
    parser.add_argument("--clicks", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    plugins = REPOSITORY / "build" / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    if not (plugins / "geophrase").is_symlink():
        (plugins / "geophrase").symlink_to(REPOSITORY)
    sys.path.insert(0, str(plugins))
    from qgis.core import QgsApplication

    with tempfile.TemporaryDirectory() as folder:
        application = QgsApplication([], True, folder)
        application.initQgis()
        write_scene(Path(folder) / "scene.tif")
        desk = Desk(Path(folder) / "scene.tif", arguments.engine, arguments.model)
        try:
            measured = measure(desk, arguments.clicks)
        finally:
            desk.close()
    budget_ms = BUDGET_MS.get(arguments.model)
    if arguments.json:
        print(
            json.dumps(
                {
                    "model": arguments.model,
                    "budget_p95_ms": budget_ms,
                    **{k: asdict(v) for k, v in measured.items()},
                }
            )
        )
        return
    print(f"{arguments.model}, {arguments.clicks} places; budget for the map: p95 {budget_ms} ms")
    for name, times in measured.items():
        ratio = times.p50_ms / measured["model"].p50_ms
        print(f"{name:8s} p50 {times.p50_ms:7.1f} ms   p95 {times.p95_ms:7.1f} ms   {ratio:5.2f} x model")


if __name__ == "__main__":
    main()

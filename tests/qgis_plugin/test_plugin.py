"""The plugin in real QGIS: loaded by folder name, used, unloaded without a trace."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"

SCRIPT = """
import sys
from unittest.mock import MagicMock
from qgis.core import QgsApplication, QgsRasterLayer
from qgis.PyQt.QtWidgets import QMainWindow
application = QgsApplication([], True)
application.initQgis()
sys.path.insert(0, sys.argv[1])
import geophrase
window = QMainWindow()
iface = MagicMock()
iface.mainWindow.return_value = window
plugin = geophrase.classFactory(iface)
plugin.initGui()
(menu, action), _ = iface.addPluginToRasterMenu.call_args
iface.activeLayer.return_value = None
action.trigger()
assert "raster layer" in iface.messageBar().pushMessage.call_args[0][1]
layer = QgsRasterLayer(sys.argv[2], "layer")
assert layer.isValid()
iface.activeLayer.return_value = layer
action.trigger()
print(application.clipboard().text())
plugin.unload()
iface.removePluginRasterMenu.assert_called_once_with(menu, action)
assert "torch" not in sys.modules
"""


@pytest.mark.qgis
def test_the_action_copies_the_command_of_a_real_layer(repository: Path, tmp_path: Path):
    np, rasterio = pytest.importorskip("numpy"), pytest.importorskip("rasterio")
    has_qgis = (
        Path(SYSTEM_PYTHON).exists()
        and not subprocess.run(
            [SYSTEM_PYTHON, "-c", "import qgis.gui"], capture_output=True, check=False
        ).returncode
    )
    if not has_qgis:
        pytest.skip("QGIS's Python bindings are not installed (Debian: python3-qgis)")
    raster = tmp_path / "my town.tif"
    with rasterio.open(
        raster, "w", driver="GTiff", width=8, height=8, count=1, dtype="uint8", crs="EPSG:25832"
    ) as dataset:
        dataset.write(np.ones((1, 8, 8), np.uint8))
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "geophrase").symlink_to(repository)
    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", SCRIPT, str(tmp_path / "plugins"), str(raster)],
        capture_output=True,
        text=True,
        check=False,
        env={"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert f"geophrase segment '{raster}' 'storage tanks' -o" in done.stdout, done.stderr
    assert done.returncode == 0, done.stderr

"""A local server of XYZ tiles and WMS pictures that can be told to misbehave."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from qgis.PyQt.QtCore import QBuffer, QByteArray, QIODevice
from qgis.PyQt.QtGui import QColor, QImage

CAPABILITIES = """<?xml version="1.0"?><WMS_Capabilities version="1.3.0" xmlns="http://www.opengis.net/wms"
 xmlns:xlink="http://www.w3.org/1999/xlink"><Service><Name>WMS</Name><Title>t</Title></Service><Capability>
<Request><GetMap><Format>image/png</Format><DCPType><HTTP><Get><OnlineResource xlink:href="{url}"/></Get>
</HTTP></DCPType></GetMap></Request><Exception><Format>XML</Format></Exception>
<Layer queryable="0"><Title>t</Title>
<CRS>EPSG:25832</CRS><EX_GeographicBoundingBox><westBoundLongitude>9</westBoundLongitude>
<eastBoundLongitude>9.1</eastBoundLongitude><southBoundLatitude>50</southBoundLatitude>
<northBoundLatitude>50.1</northBoundLatitude></EX_GeographicBoundingBox>
<BoundingBox CRS="EPSG:25832" minx="500000" miny="5540000" maxx="504000" maxy="5544000"/>
<Layer><Name>photo</Name><Title>photo</Title></Layer></Layer></Capability></WMS_Capabilities>"""


def tile_colour(z: int, x: int, y: int) -> tuple[int, int, int]:
    """Tells tiles and zoom levels apart."""
    return x * 37 % 200 + 40, y * 53 % 200 + 40, z * 10


def picture(colour: tuple[int, int, int], width: int = 256, height: int = 256) -> bytes:
    """A PNG of one colour."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(*colour))
    array = QByteArray()
    buffer = QBuffer(array)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(array)


class TileServer:
    """Serves until closed. `answers` maps (z, x, y), or "GetMap", to what goes wrong there.

    A number is sent as the status, bytes as a body that says it is a PNG, and an Event is waited for.
    """

    def __init__(self):
        self.answers: dict = {}
        self.asked: list = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_GET(self):
                server._serve(self)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def xyz(self) -> str:
        return f"type=xyz&url={self.url}/{{z}}/{{x}}/{{y}}.png&zmax=18&zmin=0"

    @property
    def wms(self) -> str:
        return f"crs=EPSG:25832&format=image/png&layers=photo&styles&url={self.url}/wms"

    def close(self):
        self._http.shutdown()
        self._http.server_close()

    def _serve(self, request):
        parts = urlsplit(request.path)
        fields = {name.lower(): values[0] for name, values in parse_qs(parts.query).items()}
        if fields.get("request") == "GetCapabilities":
            self._send(request, 200, CAPABILITIES.format(url=f"{self.url}/wms?").encode(), "text/xml")
            return
        if fields.get("request") == "GetMap":
            key = "GetMap"
            body = picture((10, 200, 30), int(fields["width"]), int(fields["height"]))
        else:
            key = tuple(int(part) for part in parts.path.strip("/").split(".")[0].split("/"))
            body = picture(tile_colour(*key))
        self.asked.append(key)
        answer = self.answers.get(key, 200)
        if isinstance(answer, threading.Event):
            answer.wait(20)
            answer = 200
        if isinstance(answer, bytes):
            self._send(request, 200, answer, "image/png")
        elif answer == 200:
            self._send(request, 200, body, "image/png")
        else:
            self._send(request, answer, b"no", "text/plain")

    def _send(self, request, status: int, body: bytes, kind: str):
        try:
            request.send_response(status)
            request.send_header("Content-Type", kind)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            pass

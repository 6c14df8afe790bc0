"""Every format read back by GDAL or pyarrow, and outputs that appear whole or not at all."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
import warnings
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from geophrase.engine.errors import EngineError
from geophrase.engine.vector.run_parameters import read_run_parameters
from geophrase.engine.vector.write import (
    VECTOR_SUFFIXES,
    SegmentsWriter,
    refuse_unwritable,
    write_segments,
)
from geophrase.protocol.errors import ErrorCode

from .conftest import grid_of

UTM = grid_of(25832, (0.3, 0.0, 500_000.0, 0.0, -0.3, 5_500_000.0))
NO_CRS = grid_of(None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
RUN = {
    "queries": ['Lagerhäuser, "grün" & <rot>'],
    "threshold": 0.5,
    "bands": None,
    "extent": [0.1, 2.0, 3.0, 4.0],
}


def read_back(path: Path) -> gpd.GeoDataFrame:
    return gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path)


def in_one_order(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    order = np.lexsort(np.round(frame.bounds.to_numpy(), 2).T)
    return frame.iloc[order].reset_index(drop=True)


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("suffix", VECTOR_SUFFIXES)
class TestFormats:
    def test_features_and_crs_come_back(self, suffix, tmp_path, make_frame):
        frame, path = make_frame(UTM), tmp_path / f"out{suffix}"
        with SegmentsWriter(path, frame, metadata=RUN) as writer:
            writer.write(frame.iloc[:50])
            writer.write(frame.iloc[50:50])
            writer.write(frame.iloc[50:])
            assert writer.num_features == len(frame)
        back = read_back(path).rename(columns={"perim_m": "perimeter_m"})
        assert back.crs.to_epsg() == (4326 if suffix == ".geojson" else 25832)
        back, frame = in_one_order(back.to_crs(25832)), in_one_order(frame)
        assert list(back.columns) == list(frame.columns)
        assert back.is_valid.all()
        assert (back.count_coordinates() == frame.count_coordinates()).all()
        assert back.boundary.hausdorff_distance(frame.boundary).max() < 5e-4
        for column in ("score", "iou_pred", "area_m2", "perimeter_m"):
            assert back[column].to_numpy() == pytest.approx(frame[column].to_numpy(), rel=1e-9)
        assert back["objectness"].isna().all()
        for column in ("query", "model", "weights", "source"):
            assert (back[column] == frame[column]).all()
        assert str(back["created"].iloc[0]).replace("T", " ").startswith("2026-11-21 12:30:05.123")

    def test_no_features_is_a_valid_file_with_the_schema(self, suffix, tmp_path, make_frame):
        frame, path = make_frame(UTM), tmp_path / f"out{suffix}"
        write_segments(frame.iloc[:0], path, metadata=RUN)
        back = read_back(path).rename(columns={"perim_m": "perimeter_m"})
        assert len(back) == 0
        if suffix != ".geojson":  # which has no place for a schema without features
            assert set(back.columns) == set(frame.columns)
            assert back.crs.to_epsg() == 25832
        assert read_run_parameters(path) == RUN

    def test_raster_without_crs(self, suffix, tmp_path, make_frame):
        frame, path = make_frame(NO_CRS), tmp_path / f"out{suffix}"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            write_segments(frame, path, metadata=RUN)
        back = read_back(path)
        assert shapely.area(back.geometry.to_numpy()).sum() == pytest.approx(frame.area.sum())
        if suffix != ".geojson":  # which means longitude and latitude when it names no CRS
            assert back.crs is None

    def test_local_crs_that_is_not_tied_to_the_earth(self, suffix, tmp_path, make_frame):
        site_crs = (
            'ENGCRS["site",EDATUM["post"],CS[Cartesian,2],'
            'AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]'
        )
        frame, path = make_frame(replace(NO_CRS, crs_wkt=site_crs)), tmp_path / f"out{suffix}"
        write_segments(frame, path, metadata=RUN)
        back = shapely.area(read_back(path).geometry.to_numpy())
        assert back.sum() == pytest.approx(frame["area_m2"].sum())

    def test_run_parameters_come_back(self, suffix, tmp_path, make_frame):
        path = tmp_path / f"out{suffix}"
        write_segments(make_frame(UTM), path, metadata=RUN)
        assert read_run_parameters(path) == RUN

    def test_replaces_an_older_output_and_leaves_nothing_else(self, suffix, tmp_path, make_frame):
        frame, path = make_frame(UTM), tmp_path / f"out{suffix}"
        write_segments(frame, path, metadata=RUN)
        before = everything_in(tmp_path)
        write_segments(frame.iloc[:3], path, metadata=RUN)
        assert len(read_back(path)) == 3
        assert everything_in(tmp_path) == before
        if suffix != ".shp":
            assert before == [path.name]

    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
    def test_failure_leaves_the_old_output_and_nothing_else(self, suffix, error, tmp_path, make_frame):
        frame, path = make_frame(UTM), tmp_path / f"out{suffix}"
        write_segments(frame.iloc[:3], path, metadata=RUN)
        before = {name: (tmp_path / name).read_bytes() for name in everything_in(tmp_path)}

        def fail_half_way():
            with SegmentsWriter(path, frame, metadata=RUN) as writer:
                writer.write(frame)
                raise error

        with pytest.raises(error):
            fail_half_way()
        assert {name: (tmp_path / name).read_bytes() for name in everything_in(tmp_path)} == before

    def test_full_disk_is_one_sentence_and_leaves_nothing(self, suffix, tmp_path, make_frame):
        """A limit on file sizes fails writes just as a full disk does; it needs a process of its own."""
        make_frame(UTM).to_parquet(tmp_path / "features")
        outcome = run_python(
            f"""
            import resource, signal
            import geopandas as gpd
            from geophrase.engine.errors import EngineError
            from geophrase.engine.vector.write import SegmentsWriter
            frame = gpd.read_parquet("features")
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
            try:
                with SegmentsWriter("out{suffix}", frame, metadata={{}}) as writer:
                    for _ in range(40):
                        writer.write(frame)
            except EngineError as error:
                print(error.code.value)
            """,
            tmp_path,
        )
        assert outcome.stdout.strip() == "output_not_writable", outcome.stderr
        assert everything_in(tmp_path) == ["features"]

    def test_killed_process_leaves_the_old_output(self, suffix, tmp_path, make_frame):
        frame, path = make_frame(UTM), tmp_path / f"out{suffix}"
        write_segments(frame.iloc[:3], path, metadata=RUN)
        old = {name: (tmp_path / name).read_bytes() for name in everything_in(tmp_path)}
        frame.to_parquet(tmp_path / "features")
        outcome = run_python(
            f"""
            import os, signal
            import geopandas as gpd
            from geophrase.engine.vector.write import SegmentsWriter
            frame = gpd.read_parquet("features")
            with SegmentsWriter("out{suffix}", frame, metadata={{}}) as writer:
                writer.write(frame)
                os.kill(os.getpid(), signal.SIGKILL)
            """,
            tmp_path,
        )
        assert outcome.returncode == -signal.SIGKILL
        assert {name: (tmp_path / name).read_bytes() for name in old} == old


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=folder, capture_output=True, text=True, timeout=60
    )


class TestGeoPackage:
    def test_layer_name_and_parameters_as_gdal_sees_them(self, tmp_path, make_frame):
        path = tmp_path / "out.gpkg"
        write_segments(make_frame(UTM), path, metadata=RUN)
        assert pyogrio.list_layers(path).tolist() == [["segments", "Polygon"]]
        assert json.loads(pyogrio.read_info(path)["layer_metadata"]["GEOPHRASE_RUN"]) == RUN

    def test_the_version_is_one_that_older_qgis_knows(self, tmp_path, make_frame):
        write_segments(make_frame(UTM), tmp_path / "out.gpkg", metadata=RUN)
        with closing(sqlite3.connect(tmp_path / "out.gpkg")) as database:
            assert database.execute("PRAGMA user_version").fetchone() == (10200,)

    @pytest.mark.parametrize("sidecar", ["out.gpkg-wal", "out.gpkg-journal"])
    def test_one_that_is_open_elsewhere_is_not_replaced(self, sidecar, tmp_path, make_frame):
        path = tmp_path / "out.gpkg"
        write_segments(make_frame(UTM), path, metadata=RUN)
        (tmp_path / sidecar).touch()
        with pytest.raises(EngineError, match="another program has it open"):
            write_segments(make_frame(UTM), path, metadata=RUN)
        assert everything_in(tmp_path) == ["out.gpkg", sidecar]

    def test_opened_by_another_program_while_we_write(self, tmp_path, make_frame):
        path, frame = tmp_path / "out.gpkg", make_frame(UTM)

        def write_meanwhile():
            with SegmentsWriter(path, frame, metadata=RUN) as writer:
                writer.write(frame)
                (tmp_path / "out.gpkg-wal").touch()

        with pytest.raises(EngineError, match="another program has it open"):
            write_meanwhile()
        assert everything_in(tmp_path) == ["out.gpkg-wal"]


class TestOtherFormats:
    def test_geojson_is_rfc_7946(self, tmp_path, make_frame):
        path = tmp_path / "out.geojson"
        write_segments(make_frame(UTM), path, metadata=RUN)
        collection = json.loads(path.read_text(encoding="utf-8"))
        assert "crs" not in collection
        lon, lat = collection["features"][0]["geometry"]["coordinates"][0][0]
        assert (lon, lat) == pytest.approx((9.0, 49.65), abs=0.01)

    def test_parquet_metadata_follows_the_specification(self, tmp_path, make_frame):
        path = tmp_path / "out.parquet"
        write_segments(make_frame(UTM), path, metadata=RUN)
        geo = json.loads(pq.read_schema(path).metadata[b"geo"])
        assert geo["version"] == "1.1.0"
        assert geo["columns"]["geometry"]["crs"]["id"] == {"authority": "EPSG", "code": 25832}
        write_segments(make_frame(NO_CRS), path, metadata=RUN)
        assert json.loads(pq.read_schema(path).metadata[b"geo"])["columns"]["geometry"]["crs"] is None

    def test_parquet_is_written_by_row_groups(self, tmp_path, make_frame):
        frame, path = make_frame(UTM), tmp_path / "out.parquet"
        with SegmentsWriter(path, frame, metadata=RUN) as writer:
            for _ in range(3):
                writer.write(frame)
        assert pq.read_metadata(path).num_row_groups == 3

    def test_shapefile_names_fit_and_its_old_projection_goes(self, tmp_path, make_frame):
        path = tmp_path / "out.shp"
        write_segments(make_frame(UTM), path, metadata=RUN)
        assert (tmp_path / "out.prj").exists()
        assert "perim_m" in pyogrio.read_info(path)["fields"]
        assert max(map(len, pyogrio.read_info(path)["fields"])) <= 10
        write_segments(make_frame(NO_CRS), path, metadata=RUN)
        assert not (tmp_path / "out.prj").exists()

    def test_shapefile_keeps_a_long_query(self, tmp_path, make_frame):
        frame = make_frame(UTM).iloc[:1].assign(query="ä" * 120)
        write_segments(frame, tmp_path / "out.shp", metadata=RUN)
        assert read_back(tmp_path / "out.shp")["query"].iloc[0] == "ä" * 120


class TestRefusals:
    """Each is found before any work is done, by the writer and by the check alone."""

    def refused(self, path: Path, schema: gpd.GeoDataFrame) -> EngineError:
        with pytest.raises(EngineError) as early:
            refuse_unwritable(path)
        with pytest.raises(EngineError) as late:
            write_segments(schema, path, metadata=RUN)
        assert early.value.code == late.value.code
        assert "\n" not in late.value.message
        return late.value

    def test_unknown_suffix(self, tmp_path, make_frame):
        for name in ("out.docx", "out"):
            error = self.refused(tmp_path / name, make_frame(UTM))
            assert error.code == ErrorCode.BAD_REQUEST
            assert ".gpkg, .geojson" in error.message

    def test_output_is_a_folder(self, tmp_path, make_frame):
        (tmp_path / "out.gpkg").mkdir()
        assert "is a folder" in self.refused(tmp_path / "out.gpkg", make_frame(UTM)).message

    def test_name_that_is_no_text(self, tmp_path, make_frame):
        assert "is not UTF-8" in self.refused(tmp_path / "caf\udce9.gpkg", make_frame(UTM)).message

    def test_output_is_a_pipe_or_a_device(self, tmp_path, make_frame):
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "out.gpkg").symlink_to(tmp_path / "pipe")
        assert "not an ordinary file" in self.refused(tmp_path / "out.gpkg", make_frame(UTM)).message
        assert (tmp_path / "pipe").is_fifo()

    def test_geopackage_with_other_peoples_layers(self, tmp_path, make_frame):
        path, frame = tmp_path / "a project #1.gpkg", make_frame(UTM)
        pyogrio.write_dataframe(frame, path, layer="parcels")
        before = path.read_bytes()
        assert "also holds parcels" in self.refused(path, frame).message
        assert path.read_bytes() == before

    def test_raster_that_the_output_is_made_from(self, tmp_path):
        raster = tmp_path / "town.tif"
        raster.write_bytes(b"pixels")
        (tmp_path / "link.tif").symlink_to(raster)
        with pytest.raises(EngineError, match="is the raster itself"):
            refuse_unwritable(raster, raster=tmp_path / "link.tif")
        refuse_unwritable(tmp_path / "mask.tif", raster=raster)

    def test_missing_folder(self, tmp_path, make_frame):
        error = self.refused(tmp_path / "nowhere" / "out.gpkg", make_frame(UTM))
        assert error.code == ErrorCode.OUTPUT_NOT_WRITABLE
        assert "does not exist" in error.message

    def test_folder_is_a_file(self, tmp_path, make_frame):
        (tmp_path / "file").touch()
        assert "does not exist" in self.refused(tmp_path / "file" / "out.gpkg", make_frame(UTM)).message

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_unwritable_folder_and_file(self, tmp_path, make_frame):
        (tmp_path / "out.gpkg").touch(mode=0o444)
        assert "write-protected" in self.refused(tmp_path / "out.gpkg", make_frame(UTM)).message
        tmp_path.chmod(0o555)
        assert "Permission denied" in self.refused(tmp_path / "new.gpkg", make_frame(UTM)).message

    def test_folder_that_takes_no_files_even_from_root(self, make_frame):
        if not Path("/proc/self").is_dir():
            pytest.skip("no /proc here")
        assert self.refused(Path("/proc/out.gpkg"), make_frame(UTM)).code == ErrorCode.OUTPUT_NOT_WRITABLE

    def test_link_is_followed(self, tmp_path, make_frame):
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "link.gpkg").symlink_to(tmp_path / "elsewhere" / "real.gpkg")
        write_segments(make_frame(UTM), tmp_path / "link.gpkg", metadata=RUN)
        assert (tmp_path / "link.gpkg").is_symlink()
        assert read_run_parameters(tmp_path / "elsewhere" / "real.gpkg") == RUN

    def test_parameters_that_json_cannot_hold(self, tmp_path, make_frame):
        with pytest.raises(ValueError, match="JSON"):
            write_segments(make_frame(UTM), tmp_path / "out.gpkg", metadata={"x": float("nan")})

    def test_reading_parameters_of_foreign_files(self, tmp_path, make_frame):
        make_frame(UTM).to_file(tmp_path / "foreign.gpkg")
        for name in ("foreign.gpkg", "missing.gpkg", "missing.parquet", "missing.tif", "missing.shp"):
            with pytest.raises(EngineError) as refused:
                read_run_parameters(tmp_path / name)
            assert refused.value.code == ErrorCode.BAD_REQUEST


@pytest.mark.slow
def test_memory_does_not_grow_with_the_features(tmp_path, make_frame):
    frame = make_frame(UTM)
    peaks = []
    with SegmentsWriter(tmp_path / "out.gpkg", frame, metadata=RUN) as writer:
        for _ in range(120):
            writer.write(frame)
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert peaks[-1] - peaks[20] < 30_000  # kilobytes

"""RasterSource against what rasterio itself reads, for every kind of file."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp
from rasterio.errors import NodataShadowWarning
from rasterio.windows import Window

from geophrase.engine.errors import EngineError
from geophrase.engine.raster.source import KnownRaster, RasterSource
from geophrase.engine.raster.tiles import tile_windows
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid, WindowPx

pytestmark = [
    # affine 3 wants `@` where rasterio still says `*`; plain pictures have no place on purpose.
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
]

RED, GREEN, BLUE, ALPHA, GREY, PALETTE = (
    ColorInterp.red,
    ColorInterp.green,
    ColorInterp.blue,
    ColorInterp.alpha,
    ColorInterp.gray,
    ColorInterp.palette,
)


def read_whole(path, **options):
    with RasterSource.open(path, **options) as source:
        return source.read(source.grid.window)


def dataset_mask(path):
    with warnings.catch_warnings(), rasterio.open(path) as dataset:
        warnings.simplefilter("ignore", NodataShadowWarning)
        return dataset.dataset_mask() > 0


def refusal(path, **options):
    with pytest.raises(EngineError) as caught:
        read_whole(path, **options)
    assert "\n" not in caught.value.message
    assert caught.value.message.endswith(".")
    return caught.value


@pytest.fixture(scope="module")
def rgb_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("rgb") / "rgb.tif"
    pixels = np.random.default_rng(0).integers(0, 256, (3, 61, 83), np.uint8)
    with rasterio.open(
        path, "w", driver="GTiff", count=3, height=61, width=83, dtype="uint8", nodata=0
    ) as dataset:
        dataset.write(pixels)
    return path


@given(st.integers(-90, 90), st.integers(-90, 90), st.integers(1, 120), st.integers(1, 120))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_window_is_rasterios_boundless_read(rgb_file, col, row, width, height):
    with RasterSource.open(rgb_file) as source, rasterio.open(rgb_file) as dataset:
        tile = source.read(WindowPx(col, row, width, height))
        expected = dataset.read(window=Window(col, row, width, height), boundless=True, fill_value=0)
    assert tile.image_HWC.dtype == np.uint8
    assert np.array_equal(tile.image_HWC, expected.transpose(1, 2, 0))
    assert np.array_equal(tile.valid_HW, expected.any(axis=0))


def test_the_grid_is_the_files_own(rgb_file, write_tiff, noise):
    transform = rasterio.Affine(0.3, 0.1, 7e5, 0.2, -0.4, 4e6)
    path = write_tiff(noise(3, 5, 9), transform=transform)
    with RasterSource.open(path) as source:
        assert (source.grid.width_px, source.grid.height_px) == (9, 5)
        assert source.grid == source.native_grid
        assert source.grid.map_from_pix == tuple(transform)[:6]
        assert rasterio.CRS.from_wkt(source.grid.crs_wkt).to_epsg() == 32633
    with RasterSource.open(rgb_file) as source:
        assert source.grid.crs_wkt == ""
        assert source.grid.map_from_pix == (1, 0, 0, 0, 1, 0)


@pytest.mark.parametrize(
    ("count", "colours", "bands", "expected"),
    [
        (1, None, None, (1, 1, 1)),
        (2, [GREY, ALPHA], None, (1, 1, 1)),
        (2, [GREY, ColorInterp.undefined], None, (1, 1, 1)),
        (3, [BLUE, GREEN, RED], None, (3, 2, 1)),
        (5, [GREY] + [ColorInterp.undefined] * 4, None, (1, 2, 3)),
        (4, [RED, GREEN, BLUE, ALPHA], None, (1, 2, 3)),
        (4, [ALPHA, BLUE, GREEN, RED], None, (4, 3, 2)),
        (5, None, [5, 1, 3], (5, 1, 3)),
        (5, None, [4], (4, 4, 4)),
        (5, None, [2, 2, 1], (2, 2, 1)),
        (4, [RED, GREEN, BLUE, ALPHA], [4, 1, 2], (4, 1, 2)),
    ],
)
def test_the_bands_of_the_picture(write_tiff, noise, count, colours, bands, expected):
    pixels = noise(count, 12, 20)
    path = write_tiff(pixels, colours=colours, photometric="MINISBLACK")
    tile = read_whole(path, bands=bands)
    assert np.array_equal(tile.image_HWC, pixels[np.array(expected) - 1].transpose(1, 2, 0))
    assert tile.valid_HW.all()


@pytest.mark.parametrize("bands", [[], [1, 2], [1, 2, 3, 4], [0, 1, 2], [1, 2, 6]])
def test_impossible_bands_get_a_sentence(write_tiff, noise, bands):
    error = refusal(write_tiff(noise(5, 8, 8)), bands=bands)
    assert error.code == ErrorCode.BAD_REQUEST
    assert "band" in error.message


def test_alpha_nodata_and_masks_are_gdals(write_tiff, noise):
    pixels = noise(3, 32, 40, low=0, high=3)
    holes = noise(32, 40, low=0, high=2).astype(bool)
    alpha = np.where(holes, 0, 128).astype("uint8")
    with_alpha = np.concatenate([pixels, alpha[None]])
    colours = [RED, GREEN, BLUE, ALPHA]
    for path in (
        write_tiff(pixels, name="nodata.tif", nodata=0),
        write_tiff(with_alpha, name="alpha.tif", colours=colours),
        write_tiff(pixels, name="internal.tif", mask_HW=~holes),
        write_tiff(pixels, name="plain.tif"),
    ):
        tile = read_whole(path)
        assert np.array_equal(tile.valid_HW, dataset_mask(path)), path.name
        assert not tile.image_HWC[~tile.valid_HW].any()
        assert np.array_equal(tile.image_HWC[tile.valid_HW], pixels[:, tile.valid_HW].T)
    assert (dataset_mask(write_tiff(pixels, name="internal.tif", mask_HW=~holes)) == ~holes).all()


def test_external_mask_file(write_tiff, noise):
    pixels, valid = noise(3, 32, 40), noise(32, 40, low=0, high=2).astype(bool)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False):
        path = write_tiff(pixels, mask_HW=valid)
    assert path.with_name("raster.tif.msk").exists()
    assert np.array_equal(read_whole(path).valid_HW, valid)


def test_alpha_and_nodata_both_count(write_tiff, noise):
    pixels = noise(4, 16, 16)
    pixels[:3, 2, 2] = 0
    pixels[3, 5, 5] = 0
    path = write_tiff(pixels, nodata=0, colours=[RED, GREEN, BLUE, ALPHA])
    assert {tuple(place) for place in np.argwhere(~read_whole(path).valid_HW)} == {(2, 2), (5, 5)}


@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint32", "int32", "float32", "float64", "int8"])
def test_other_dtypes_are_stretched_over_their_valid_pixels(write_tiff, dtype):
    ramp = np.linspace(-100, 120, 80 * 50).astype(dtype).reshape(1, 50, 80)
    if np.issubdtype(dtype, np.unsignedinteger):
        ramp = np.linspace(500, 900, 80 * 50).astype(dtype).reshape(1, 50, 80)
    ramp[0, :5] = nodata = 77 if dtype == "int8" else -99 if "u" not in dtype else 0
    tile = read_whole(write_tiff(ramp, nodata=nodata))
    assert not tile.valid_HW[:5].any()
    values, grey = ramp[0][tile.valid_HW].astype(float), tile.image_HWC[tile.valid_HW][:, 0].astype(float)
    assert np.array_equal(tile.image_HWC[..., 0], tile.image_HWC[..., 2])
    low, high = np.percentile(values, (2, 98))
    assert np.allclose(grey, np.clip((values - low) / (high - low) * 255, 0, 255), atol=0.51)


def test_pixels_that_are_not_finite_are_no_data(write_tiff, noise):
    pixels = noise(3, 20, 20, dtype="float32")
    pixels[0, 1, 1], pixels[1, 2, 2], pixels[:, 3, 3] = np.nan, np.inf, -np.inf
    for path in (write_tiff(pixels, name="a.tif"), write_tiff(pixels, name="b.tif", nodata=float("nan"))):
        tile = read_whole(path)
        assert {tuple(place) for place in np.argwhere(~tile.valid_HW)} == {(1, 1), (2, 2), (3, 3)}
        assert tile.image_HWC.max() == 255


def test_palette_becomes_its_colours(write_tiff, noise):
    indexes = noise(1, 32, 48, low=0, high=4)
    table = {0: (0, 0, 0, 255), 1: (255, 0, 0, 255), 2: (9, 200, 30, 255), 3: (1, 2, 3, 255)}
    path = write_tiff(indexes, photometric="PALETTE")
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, table)
    expected = np.array([table[value][:3] for value in range(4)], np.uint8)[indexes[0]]
    assert np.array_equal(read_whole(path).image_HWC, expected)
    coarse = read_whole(path, resolution_m=1.0).image_HWC
    assert coarse.shape == (16, 24, 3)
    assert {tuple(colour) for colour in coarse.reshape(-1, 3).tolist()} <= {c[:3] for c in table.values()}


def test_transparent_palette_entries_are_no_data(write_tiff, noise):
    indexes = noise(1, 16, 24, low=0, high=3)
    path = write_tiff(indexes, name="picture.png", driver="PNG", crs=None, transform=None)
    vrt = f"""<VRTDataset rasterXSize="24" rasterYSize="16"><VRTRasterBand dataType="Byte" band="1">
      <ColorInterp>Palette</ColorInterp><ColorTable><Entry c1="0" c2="0" c3="0" c4="0"/>
      <Entry c1="5" c2="6" c3="7" c4="255"/><Entry c1="8" c2="9" c3="1" c4="255"/></ColorTable>
      <SimpleSource><SourceFilename>{path}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>
      </VRTRasterBand></VRTDataset>"""
    path.with_name("p.vrt").write_text(vrt)
    assert np.array_equal(read_whole(path.with_name("p.vrt")).valid_HW, indexes[0] > 0)


def test_bands_of_different_dtypes_in_a_vrt(write_tiff, noise):
    eight, sixteen = noise(1, 16, 24), noise(1, 16, 24, dtype="uint16", low=0, high=9000)
    files = write_tiff(eight, name="8.tif"), write_tiff(sixteen, name="16.tif")
    band = """<VRTRasterBand dataType="{}" band="{}"><SimpleSource><SourceFilename>{}</SourceFilename>
      <SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"""
    bands = [("Byte", 1, files[0]), ("UInt16", 2, files[1]), ("Byte", 3, files[0])]
    vrt = files[0].with_name("mixed.vrt")
    inside = "".join(band.format(*values) for values in bands)
    vrt.write_text(f'<VRTDataset rasterXSize="24" rasterYSize="16">{inside}</VRTDataset>')
    image_HWC = read_whole(vrt).image_HWC
    low, high = np.percentile(sixteen, (2, 98))
    assert np.allclose(image_HWC[..., 1], np.clip((sixteen[0] - low) / (high - low) * 255, 0, 255), atol=0.51)
    assert np.array_equal(image_HWC[..., 0], image_HWC[..., 2])


def test_complex_gcp_and_containers_are_refused_with_a_way_out(write_tiff, noise, tmp_path):
    assert "complex" in refusal(write_tiff(noise(1, 8, 8, dtype="complex64"))).message
    points = [rasterio.control.GroundControlPoint(r, c, 10 + c, 50 - r) for r, c in ((0, 0), (0, 8), (8, 0))]
    gcp_file = write_tiff(noise(3, 8, 8), name="gcp.tif", transform=None, crs=None)
    with rasterio.open(gcp_file, "r+") as dataset:
        dataset.gcps = points, rasterio.CRS.from_epsg(4326)
    error = refusal(gcp_file)
    assert error.code == ErrorCode.RASTER_UNSUPPORTED
    assert "gdalwarp" in error.message
    assert "no such file" in refusal(tmp_path / "missing.tif").message
    (tmp_path / "text.tif").write_text("not a raster")
    assert refusal(tmp_path / "text.tif").code == ErrorCode.RASTER_UNREADABLE


def test_a_file_cut_anywhere_reads_or_gets_a_sentence(write_tiff, noise):
    path = write_tiff(noise(3, 200, 200), tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    content = path.read_bytes()
    num_refused = 0
    for length in (0, 3, 8, 100, 300, 1000, len(content) // 2, len(content) - 500, len(content) - 1):
        path.write_bytes(content[:length])
        try:
            read_whole(path)
        except EngineError as error:
            num_refused += error.code == ErrorCode.RASTER_UNREADABLE
    assert num_refused >= 6


def test_threads_read_what_one_thread_reads(write_tiff, noise):
    path = write_tiff(noise(3, 300, 300, dtype="uint16"), tiled=True, blockxsize=64, blockysize=64)
    with RasterSource.open(path) as source:
        windows = [t.window for t in tile_windows(source.grid.window, tile_px=64, overlap_px=16)] * 4
        with ThreadPoolExecutor(6) as pool:
            together = list(pool.map(source.read, windows))
        alone = [source.read(window) for window in windows]
    assert all(np.array_equal(a.image_HWC, b.image_HWC) for a, b in zip(together, alone, strict=True))
    with pytest.raises(ValueError, match="closed"):
        source.read(windows[0])


def test_one_window_reads_a_decimated_picture(write_tiff, noise):
    pixels = noise(3, 64, 96)
    with RasterSource.open(write_tiff(pixels)) as source:
        tile = source.read(WindowPx(32, 0, 64, 64), shape_yx=(16, 16))
    means = pixels[:, :, 32:].reshape(3, 16, 4, 16, 4).mean((2, 4)).transpose(1, 2, 0)
    assert np.abs(tile.image_HWC - means).max() <= 0.51
    assert tile.valid_HW.shape == (16, 16)


@pytest.mark.parametrize("shape_yx", [(16, 16), (128, 128), (40, 24)])
def test_a_resized_picture_of_a_window_that_sticks_out_shows_the_raster_in_its_place(write_tiff, shape_yx):
    pixels = np.zeros((3, 64, 96), np.uint8) + np.arange(1, 97, dtype=np.uint8)  # each column its own grey
    window = WindowPx(-16, 32, 64, 64)
    with RasterSource.open(write_tiff(pixels)) as source:
        picture = source.read(window, shape_yx=shape_yx)
    col_px = (np.arange(shape_yx[1]) + 0.5) * window.width / shape_yx[1] + window.col
    row_px = (np.arange(shape_yx[0]) + 0.5) * window.height / shape_yx[0] + window.row
    is_inside_HW = (row_px < 64)[:, None] & (col_px > 0)[None]
    assert (picture.valid_HW <= is_inside_HW).all()
    assert picture.valid_HW.sum() >= is_inside_HW.sum() - sum(shape_yx)
    expected_HW = np.broadcast_to(col_px + 0.5, shape_yx)  # grey grows by 1 in each column
    inside_HW = picture.valid_HW
    assert np.abs(picture.image_HWC[inside_HW][:, 0] - expected_HW[inside_HW]).max() <= 1.01
    assert not picture.image_HWC[~inside_HW].any()


def test_what_the_writer_knows_holds_instead_of_what_the_file_says(write_tiff, noise):
    grid = RasterGrid(64, 48, (2.0, 0.5, 7.0, 0.5, -2.0, 9.0), 'LOCAL_CS["somewhere"]')

    def opened(pixels, key, **options):
        known = KnownRaster(name="Layer", content_key=key, grid=grid)
        return RasterSource.open(write_tiff(pixels), known=known, **options)

    with opened(noise(3, 48, 64), "a") as source:
        assert (source.grid, source.name) == (grid, "Layer")
        first = source.fingerprint
    with opened(noise(3, 48, 64, low=100), "a") as source:
        assert source.fingerprint == first
    with opened(noise(3, 48, 64), "b") as source:
        assert source.fingerprint != first
    with opened(noise(3, 48, 64), "a", bands=[1]) as source:
        assert source.fingerprint != first


def test_the_fingerprint_of_a_vrt_sees_through_other_vrts(write_tiff, noise):
    path = write_tiff(noise(1, 16, 24), name="deep.tif")
    for outer, inner in (("middle.vrt", "deep.tif"), ("top.vrt", "middle.vrt")):
        path.with_name(outer).write_text(
            f"""<VRTDataset rasterXSize="24" rasterYSize="16"><VRTRasterBand dataType="Byte" band="1">
            <SimpleSource><SourceFilename relativeToVRT="1">{inner}</SourceFilename></SimpleSource>
            </VRTRasterBand></VRTDataset>"""
        )
    with RasterSource.open(path.with_name("top.vrt")) as source:
        before, state = source.fingerprint, source.files_state()
    write_tiff(noise(1, 16, 24, low=99), name="deep.tif")
    with RasterSource.open(path.with_name("top.vrt")) as source:
        assert source.fingerprint != before
        assert source.files_state() != state


def test_the_fingerprint_follows_the_content_not_the_name(write_tiff, noise):
    path = write_tiff(noise(3, 64, 64))

    def fingerprint(path, **options):
        with RasterSource.open(path, **options) as source:
            return source.fingerprint

    first = fingerprint(path)
    moved = path.rename(path.with_name("moved.tif"))
    assert fingerprint(moved) == first
    assert len({first, fingerprint(moved, bands=[1]), fingerprint(moved, resolution_m=2)}) == 3
    with rasterio.open(moved, "r+") as dataset:
        dataset.write(noise(3, 1, 1), window=Window(5, 5, 1, 1))
        dataset.update_tags(edited="yes")
    assert fingerprint(moved) != first


DATA_FILES = ("edge_cases/*.tif", "scenes/*.tif", "spacenet/*.tif")


@pytest.mark.data
def test_every_real_file_reads_as_gdal_reads_it_or_gets_a_sentence(shared_data):
    paths = [path for pattern in DATA_FILES for path in sorted(shared_data.glob(pattern))]
    assert len(paths) > 20
    for path in paths:
        if "corrupt" in path.name:
            assert refusal(path).code == ErrorCode.RASTER_UNREADABLE
            continue
        with RasterSource.open(path) as source, rasterio.open(path) as dataset:
            centre_pix = source.grid.width_px / 2, source.grid.height_px / 2
            assert np.allclose(source.grid.to_map(centre_pix), dataset.xy(*centre_pix[::-1], offset="ul"))
            window = WindowPx(0, 0, min(900, dataset.width), min(900, dataset.height))
            tile = source.read(window)
            native = Window(0, 0, window.width, window.height)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NodataShadowWarning)
                mask_HW = dataset.read_masks(list(source.band_indexes), window=native).any(axis=0)
            values_BHW = dataset.read(list(source.band_indexes), window=native)
            assert np.array_equal(tile.valid_HW, mask_HW & np.isfinite(values_BHW).all(axis=0)), path.name
            if dataset.dtypes[0] == "uint8" and dataset.count >= 3:
                expected = dataset.read([1, 2, 3], window=native).transpose(1, 2, 0)
                assert np.array_equal(tile.image_HWC[tile.valid_HW], expected[tile.valid_HW]), path.name

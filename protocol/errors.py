"""The closed set of error codes that the engine's exceptions and, on the wire, its answers carry."""

from __future__ import annotations

from enum import Enum


class ErrorCode(str, Enum):
    """What went wrong, as a word that programs can branch on; the message beside it is for people."""

    BAD_REQUEST = "bad_request"
    RASTER_UNREADABLE = "raster_unreadable"
    RASTER_UNSUPPORTED = "raster_unsupported"
    OUTSIDE_RASTER = "outside_raster"
    NO_DATA = "no_data"
    MODEL_UNKNOWN = "model_unknown"
    WEIGHTS_MISSING = "weights_missing"
    WEIGHTS_INVALID = "weights_invalid"
    DOWNLOAD_FAILED = "download_failed"
    DEVICE_UNAVAILABLE = "device_unavailable"
    OUT_OF_MEMORY = "out_of_memory"
    OUTPUT_NOT_WRITABLE = "output_not_writable"
    INTERNAL = "internal"
    # Of the wire alone:
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    TOO_LARGE = "too_large"
    VERSION_MISMATCH = "version_mismatch"
    SUPERSEDED = "superseded"
    BUSY = "busy"
    SHUTTING_DOWN = "shutting_down"

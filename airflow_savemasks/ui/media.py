"""What a file of an archive is, told by its first bytes: never by its name, which somebody else chose. Pure."""

from __future__ import annotations

HEAD = 16  # bytes that are looked at
JSON = "application/json"
SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
)
SHOWN = frozenset(("image/png", "image/jpeg", "image/bmp", "image/webp"))  # by every browser


def picture_type(head: bytes) -> str | None:
    """The content type of a picture by its first HEAD bytes; None for whatever else it is."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in SIGNATURES if head.startswith(start)), None)

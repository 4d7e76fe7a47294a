"""PNG files in every coding that bitmap labels come in, written by hand: no library that is tested here takes part."""

from __future__ import annotations

import base64
import io
import random
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples: NDArray[np.integer], kind: int, depth: int, extra: bytes = b"") -> bytes:
    """PNG file of samples (height, width) or (height, width, channels) of `depth` bits; `extra`: PLTE, tRNS chunks."""
    height, width = samples.shape[:2]
    if depth < 8:
        bits = np.unpackbits(samples.astype(np.uint8)[..., None], axis=-1)[..., 8 - depth :]
        rows = np.packbits(bits.reshape(height, -1), axis=1)
    else:
        rows = samples.astype(">u2" if depth == 16 else np.uint8).reshape(height, -1).view(np.uint8)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(lines.tobytes())) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + body


def mask_codings(mask: Mask, noise: np.random.Generator) -> dict[str, bytes]:
    """The mask as PNG files of every kind; some of them are no valid bitmaps. Colors below it are random."""
    high, shape = noise.integers(1, 256, mask.shape), mask.shape
    gray, deep = np.where(mask, high, 0), np.where(mask, high * 257 - 5, 0)
    rgb, alpha = noise.integers(0, 256, (*shape, 3)), gray[..., None]
    palette = chunk(b"PLTE", bytes([0, 0, 0, 255, 255, 255]))
    clear = chunk(b"tRNS", b"\x00")
    return {
        "palette 1 tRNS": png(mask, PALETTE, 1, palette + clear),
        "palette 8 tRNS": png(mask, PALETTE, 8, palette + clear),
        "palette 2 tRNS": png(mask, PALETTE, 2, palette + clear),
        "palette half tRNS": png(mask, PALETTE, 8, palette + chunk(b"tRNS", b"\x00\x40")),
        "palette 1": png(mask, PALETTE, 1, palette),
        "RGBA 8": png(np.concatenate([rgb, alpha], axis=2), RGBA, 8),
        "RGBA opaque": png(np.concatenate([rgb, np.full((*shape, 1), 255)], axis=2), RGBA, 8),
        "RGBA 16": png(np.concatenate([rgb * 256, deep[..., None]], axis=2), RGBA, 16),
        "RGB 8": png(np.where(mask[..., None], rgb, 0), RGB, 8),
        "RGB 16": png(np.where(mask[..., None], rgb * 257, 0), RGB, 16),
        "LA 8": png(np.concatenate([rgb[..., :1], alpha], axis=2), GRAY_ALPHA, 8),
        "LA 8 clear": png(np.concatenate([gray[..., None], alpha], axis=2), GRAY_ALPHA, 8),
        "LA 16": png(np.concatenate([rgb[..., :1], deep[..., None]], axis=2), GRAY_ALPHA, 16),
        "gray 1": png(mask, GRAY, 1),
        "gray 2": png(mask * 2, GRAY, 2),
        "gray 4": png(mask * 7, GRAY, 4),
        "gray 8": png(gray, GRAY, 8),
        "gray 8 tRNS": png(gray, GRAY, 8, chunk(b"tRNS", b"\x00\x00")),
        "gray 16": png(deep, GRAY, 16),
        "gray 16 small": png(mask * 3, GRAY, 16),
    }


def spoiled(content: bytes, rng: random.Random) -> bytes:
    """The bytes with one thing broken, or nothing left."""
    at = rng.randrange(len(content))
    changed = content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
    return rng.choice([b"", b"\0", content[:at], changed, content + b"more", b"no picture at all"])


def text_of(content: bytes, *, compressed: bool = True) -> str:
    """The `data` of a bitmap label."""
    return base64.b64encode(zlib.compress(content) if compressed else content).decode("ascii")


def npy(array: NDArray[np.generic]) -> bytes:
    """The file that a multichannelBitmap holds."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()

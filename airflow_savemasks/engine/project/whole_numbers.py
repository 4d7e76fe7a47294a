"""JSON with whole numbers of any size: orjson reads those above 64 bits as floats, and writes none of them.

Ids, values of tags and whatever a project has in its own objects are handed on as they came.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from airflow_savemasks.engine.project.depth import CONTAINERS, is_too_deep

ZEROS = bytes.maketrans(b"123456789", b"000000000")
LONG = b"0" * 19  # 2^63 has 19 digits


def loads(content: bytes) -> Any:
    """Parsed JSON, with whole numbers as they are. Raises orjson.JSONDecodeError where it is broken."""
    return exact(content, orjson.loads(content))


def exact(content: bytes, data: Any) -> Any:
    """The same as `data`, which orjson made of `content`, but for whole numbers above 64 bits: those are exact.

    `data` itself where there are none. Raises orjson.JSONDecodeError where such numbers stand in what is nested deeper
    than can be written again (depth.py).
    """
    if content.translate(ZEROS).find(LONG) < 0:
        return data
    if type(data) in CONTAINERS and is_too_deep([data]):  # how deep Python's own parser goes depends on its version
        raise orjson.JSONDecodeError("long numbers, and nested too deep", content.decode(), 0)
    return json.loads(content)


def dumps(data: Any, option: int = 0) -> bytes:
    """JSON in UTF-8, as orjson writes it wherever it can.

    option: orjson's OPT_INDENT_2, OPT_SORT_KEYS and OPT_SERIALIZE_NUMPY. Raises TypeError.
    """
    try:
        return orjson.dumps(data, option=option)
    except TypeError as error:
        if "Integer exceeds 64-bit range" not in str(error):
            raise
    indent, separators = (2, (",", ": ")) if option & orjson.OPT_INDENT_2 else (None, (",", ":"))
    written = json.JSONEncoder(
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=bool(option & orjson.OPT_SORT_KEYS),
        indent=indent,
        separators=separators,
        default=_plain,
    )
    return written.encode(data).encode()


def _plain(array: Any) -> Any:
    """What json cannot write: arrays and numbers of numpy."""
    return array.tolist()

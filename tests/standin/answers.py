"""What every answer of an instance is made of: errors, JSON, multipart parts, filters and pages."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import Response
from fastapi.responses import FileResponse

Json = dict[str, Any]

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "in": lambda value, wanted: value in wanted,
    "!in": lambda value, wanted: value not in wanted,
}
CHECKSUM = "x-content-checksum-sha256"


class ApiError(Exception):
    """A refusal: HTTP status, the short `error` and the text of `details.message`."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(status, error, message)
        self.status, self.error, self.message = status, error, message

    @classmethod
    def bad_request(cls, message: str) -> ApiError:
        """Return the refusal of a request that nobody could fulfil."""
        return cls(400, "Bad Request", message)

    @classmethod
    def not_found(cls, kind: str, key: object) -> ApiError:
        """Return the refusal that means "no such object"."""
        return cls(404, "Not Found", f"{kind} {key!r} not found")

    def body(self) -> Json:
        """Return the JSON body of the refusal."""
        return {"error": self.error, "details": {"message": self.message}}


class Part(NamedTuple):
    """One part of a multipart answer; the id becomes the part's name."""

    id: int
    filename: str
    mime: str
    content: bytes
    hash: str


def sha256(content: bytes) -> str:
    """Return the hash as an instance writes it: base64 of the SHA-256 of the bytes."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def json_response(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON answer; numbers that JSON does not know (NaN in a broken annotation) pass as Python writes them."""
    content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, headers, media_type="application/json")


def file_response(path: Path, mime: str, content_hash: str) -> Response:
    """Return the bytes of a file with their length and hash; ranges are not answered, so none are offered."""
    response = FileResponse(path, media_type=mime, headers={CHECKSUM: content_hash})
    del response.headers["accept-ranges"]
    return response


def multipart_response(parts: Sequence[Part]) -> Response:
    """Return a multipart answer with the parts in *reverse* order: a client must not rely on any."""
    names = ",".join(str(part.id) for part in parts)
    boundary = "part-" + hashlib.sha256(names.encode()).hexdigest()[:32]
    chunks = []
    for part in reversed(parts):
        filename = part.filename.replace('"', "%22").replace("\r", "").replace("\n", "")
        head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="{part.id}"; filename="{filename}"\r\n'
            f"Content-Type: {part.mime}\r\n"
            f"{CHECKSUM}: {part.hash}\r\n\r\n"
        )
        chunks += [head.encode(), part.content, b"\r\n"]
    chunks.append(f"--{boundary}--\r\n".encode())
    return Response(b"".join(chunks), media_type=f"multipart/form-data; boundary={boundary}")


def required(body: Json, name: str, kind: type | tuple[type, ...] = int) -> Any:
    """Return a field that the method needs, or refuse with 400."""
    value = body.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ApiError.bad_request(f"Field {name!r} is missing or of the wrong type")
    return value


def selected(records: Iterable[Json], filters: object) -> list[Json]:
    """Return the records that meet every `{"field", "operator", "value"}` of `filter`.

    An unknown field or operator is refused with 400: a stand-in that ignored it would hide a mistake of the client.
    """
    if not isinstance(filters, list):
        raise ApiError.bad_request("'filter' must be a list")
    result = list(records)
    for condition in filters:
        name, sign = condition.get("field"), condition.get("operator", "=")
        if sign not in OPERATORS or "value" not in condition:
            raise ApiError.bad_request(f"Filter {condition!r} has an unknown operator or no value")
        kept = []
        for record in result:
            if name not in record:
                raise ApiError.bad_request(f"Unknown filter field {name!r}")
            if _meets(OPERATORS[sign], record[name], condition["value"]):
                kept.append(record)
        result = kept
    return result


def page_of(records: Iterable[Json], body: Json, page_size: int) -> Json:
    """Return the page that `body` asks for, filtered and sorted, in the form of the list methods.

    `per_page` may ask for fewer records than the page size of the instance, not for more. With
    `"pagination_mode": "token"` the answer has `after` (null at the end) in place of `pagesCount`.
    """
    found = selected(records, body.get("filter") or [])
    found = _sorted(found, body.get("sort") or "id", body.get("sort_order") or "asc")
    total = len(found)
    size = min(_positive(body.get("per_page"), page_size), page_size)
    if body.get("pagination_mode") == "token":
        start = _cursor(body.get("after"))
        entities = found[start : start + size]
        after = f"after-{start + size}" if start + size < total else None
        return {"total": total, "perPage": size, "entities": _projected(entities, body.get("fields")), "after": after}
    start = (_positive(body.get("page"), 1) - 1) * size
    return {
        "total": total,
        "perPage": size,
        "pagesCount": math.ceil(total / size),
        "entities": _projected(found[start : start + size], body.get("fields")),
    }


def _meets(compare: Callable[[Any, Any], bool], value: object, wanted: object) -> bool:
    try:
        return compare(value, wanted)
    except TypeError:
        return False


def _sorted(records: list[Json], field: str, order: str) -> list[Json]:
    if order not in {"asc", "desc"} or any(field not in record for record in records):
        raise ApiError.bad_request(f"Cannot sort by {field!r} {order!r}")
    by_id = sorted(records, key=operator.itemgetter("id"))
    return sorted(by_id, key=lambda record: (record[field] is None, record[field]), reverse=order == "desc")


def _projected(records: list[Json], fields: object) -> list[Json]:
    if not isinstance(fields, list) or not fields:
        return records
    return [{name: record[name] for name in record if name == "id" or name in fields} for record in records]


def _positive(value: object, default: int) -> int:
    if value is None:
        return default
    if not isinstance(value, int) or value < 1:
        raise ApiError.bad_request(f"{value!r} is not a page number or a page size")
    return value


def _cursor(after: object) -> int:
    if after is None:
        return 0
    digits = str(after).removeprefix("after-")
    if not digits.isdigit():
        raise ApiError.bad_request(f"Unknown cursor {after!r}")
    return int(digits)

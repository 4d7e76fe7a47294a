"""A small S3 in memory that is as far away as a real one: `python slow_s3.py LATENCY_MS MB_PER_SECOND`.

Each request waits the latency, and each connection moves bodies at that speed (0: as fast as it can). It prints the
port that it listens on (127.0.0.1), and the CPU seconds that it took when its standard input ends. What an export
needs is there: multipart uploads, copies of ranges, ranges, conditions, listings. For measuring, not for testing.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

SMALL = 1 << 16  # bytes of a body that takes no time


@dataclass(frozen=True, slots=True)
class Object:
    content: bytes
    tag: str
    modified: float = field(default_factory=time.time)


def made(content: bytes, tag: str = "") -> Object:
    return Object(content, f'"{tag or md5(content, usedforsecurity=False).hexdigest()}"')


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, latency: float, speed: float) -> None:
        """latency: seconds; speed: bytes a second, 0 for no bound."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.latency, self.speed = latency, speed
        self.objects: dict[str, Object] = {}
        self.uploads: dict[str, dict[int, Object]] = {}
        self.keys: dict[str, str] = {}  # of the uploads
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        key, words = self.begin()
        if "uploads" in words:
            self.answer(200, xml("ListMultipartUploadsResult", "<IsTruncated>false</IsTruncated>"))
        elif not key:
            self.answer(200, self.listing(words.get("prefix", ""), words.get("delimiter", "")))
        elif (found := self.server.objects.get(key)) is None:
            self.answer(404, error("NoSuchKey"))
        elif self.headers.get("If-Match", found.tag) != found.tag:
            self.answer(412, error("PreconditionFailed"))
        else:
            self.content(found)

    do_HEAD = do_GET  # noqa: N815

    def do_PUT(self) -> None:
        key, words = self.begin()
        body = self.body()
        source = self.headers.get("x-amz-copy-source")
        if source is not None:
            body = self.server.objects[unquote(source).lstrip("/").partition("/")[2]].content
            first, last = map(int, self.headers["x-amz-copy-source-range"].removeprefix("bytes=").split("-"))
            body = body[first : last + 1]
        new = made(body)
        with self.server.lock:
            there = self.server.objects.get(key)
            if (there and self.headers.get("If-None-Match")) or self.headers.get("If-Match") not in {
                None,
                there and there.tag,
            }:
                self.answer(412, error("PreconditionFailed"))
                return
            if "partNumber" in words:
                self.server.uploads[words["uploadId"]][int(words["partNumber"])] = new
            else:
                self.server.objects[key] = new
        if source is None:
            self.answer(200, ETag=new.tag)
        else:
            self.answer(200, xml("CopyPartResult", f"<ETag>{escape(new.tag)}</ETag>"))

    def do_POST(self) -> None:
        key, words = self.begin()
        body = self.body()
        if "uploads" in words:
            upload = uuid4().hex
            self.server.uploads[upload], self.server.keys[upload] = {}, key
            self.answer(200, xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>"))
        elif "delete" in words:
            for entry in ET.fromstring(body).iter():
                if entry.tag.endswith("Key"):
                    self.server.objects.pop(entry.text or "", None)
            self.answer(200, xml("DeleteResult", ""))
        else:
            parts = self.server.uploads.pop(words["uploadId"])
            tags = "".join(parts[number].tag for number in sorted(parts))
            whole = b"".join(parts[number].content for number in sorted(parts))
            tag = f"{md5(tags.encode(), usedforsecurity=False).hexdigest()}-{len(parts)}"
            new = self.server.objects[self.server.keys.pop(words["uploadId"])] = made(whole, tag)
            self.answer(200, xml("CompleteMultipartUploadResult", f"<ETag>{escape(new.tag)}</ETag>"))

    def do_DELETE(self) -> None:
        key, words = self.begin()
        if "uploadId" in words:
            self.server.uploads.pop(words["uploadId"], None)
        else:
            self.server.objects.pop(key, None)
        self.answer(204)

    def begin(self) -> tuple[str, dict[str, str]]:
        """Key and query, after the latency. The bucket may be called anything."""
        time.sleep(self.server.latency)
        target = urlsplit(self.path)
        words = {name: values[0] for name, values in parse_qs(target.query, keep_blank_values=True).items()}
        return unquote(target.path).lstrip("/").partition("/")[2], words

    def body(self) -> bytes:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.take_time(len(data))
        return data

    def take_time(self, size: int) -> None:
        if self.server.speed and size > SMALL:
            time.sleep(size / self.server.speed)

    def content(self, found: Object) -> None:
        content, code, headers = found.content, 200, {}
        if wanted := self.headers.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            begin, end = int(first), min(int(last or len(content)) + 1, len(content))
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(content)}"
            content, code = content[begin:end], 206
        headers["Last-Modified"] = formatdate(found.modified, usegmt=True)
        self.answer(code, content, ETag=found.tag, **headers)

    def listing(self, prefix: str, delimiter: str) -> bytes:
        """All of it on one page."""
        with self.server.lock:
            there = sorted((key, one) for key, one in self.server.objects.items() if key.startswith(prefix))
        files, folders = [], {}
        for key, one in there:
            rest = key[len(prefix) :]
            if delimiter and delimiter in rest:
                folders[prefix + rest.partition(delimiter)[0] + delimiter] = True
                continue
            time_of = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(one.modified))
            words = f"<Key>{escape(key)}</Key><LastModified>{time_of}</LastModified><ETag>{escape(one.tag)}</ETag>"
            files.append(f"<Contents>{words}<Size>{len(one.content)}</Size></Contents>")
        inside = [f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>" for folder in folders]
        return xml("ListBucketResult", "<IsTruncated>false</IsTruncated>" + "".join(files + inside))

    def answer(self, code: int, body: bytes = b"", **headers: str) -> None:
        shown = self.command != "HEAD"
        if shown:
            self.take_time(len(body))
        self.send_response(code)
        for name, text in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, text)
        self.end_headers()
        if shown:
            self.wfile.write(body)


def xml(name: str, inside: str) -> bytes:
    return f"<{name}>{inside}</{name}>".encode()


def error(code: str) -> bytes:
    return xml("Error", f"<Code>{code}</Code><Message>{code}</Message>")


def main() -> None:
    server = Server(float(sys.argv[1]) / 1e3, float(sys.argv[2]) * 1e6)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    for _ in sys.stdin:
        print(sum(os.times()[:2]), flush=True)


if __name__ == "__main__":
    main()

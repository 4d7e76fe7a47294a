"""S3: faults at every kind of request, what a killed writer leaves, and how archives are put together."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_savemasks.engine.errors import AccessError, StorageError
from airflow_savemasks.engine.storage import s3_parts
from airflow_savemasks.engine.storage.base import Range, Storage
from airflow_savemasks.engine.storage.remote import size_of
from tests.engine import samples
from tests.storages import places
from tests.storages.conftest import BLOCK
from tests.storages.proxy import Faults, faulty
from tests.storages.test_contract import NOISE, everything, put

WIDTH, HEIGHT = 1300, 700  # a part of one such picture of noise has 5.8 MB, 8.2 without kernels: two blocks
KINDS = [
    "PutObject",
    "CreateMultipartUpload",
    "UploadPart",
    "UploadPartCopy",
    "CompleteMultipartUpload",
    "GetObject",
    "ListObjectsV2",
    "HeadObject",
    "DeleteObjects",
]


@dataclass
class Scene:
    """place: behind the proxy; direct: the same without it; project: on the same S3; expected: the archive."""

    place: places.Place
    direct: Storage
    faults: Faults
    project: Storage
    expected: bytes

    def export(self, storage: Storage | None = None) -> dict[str, Any]:
        from airflow_savemasks.engine.project.stored import StorageProject

        checked = samples.parse_layer(samples.LAYER)
        source = StorageProject(self.project, connections=4)
        job = samples.open_job(checked, {"$data_1": source}, samples.Options())
        to = storage or self.place.open()
        return samples.export(job, to, samples.threading.Event(), samples.Progress())

    def archive(self) -> bytes | None:
        return None if self.direct.stat("export.tar") is None else self.direct.read("export.tar")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A project of two large pictures, and its archive as a folder has it."""
    root = samples.make_project(tmp_path_factory.mktemp("project"), items=0)
    for number in range(2):
        name = f"{number}.png"
        (root / "ds0/img" / name).write_bytes(samples.picture(number, WIDTH, HEIGHT))
        words = samples.json.dumps(samples.annotation(number, WIDTH, HEIGHT))
        (root / "ds0/ann" / f"{name}.json").write_text(words)
    out = tmp_path_factory.mktemp("out")
    samples.run(root, out)
    return root, (out / "export.tar").read_bytes()


@pytest.fixture(scope="module")
def proxy(s3_address: str) -> Iterator[tuple[str, Faults]]:
    with faulty(s3_address) as address_and_faults:
        yield address_and_faults


@pytest.fixture
def scene(s3_address: str, proxy: tuple[str, Faults], project: tuple[Path, bytes]) -> Scene:
    address, faults = proxy
    place = places.s3_place(address, s3_address)
    direct = places.Place(place.root, lambda: places.s3_client(s3_address), place.traces)
    root, expected = project
    for file in sorted(root.rglob("*.*")):
        put(direct.open("project"), str(file.relative_to(root)), file.read_bytes())
    faults.clear()
    out = places.Place(f"{place.root}/out", place.client, place.traces)
    return Scene(out, direct.open("out"), faults, place.open("project"), expected)


def test_an_export_uses_every_kind_of_request(scene: Scene) -> None:
    scene.export()
    assert scene.archive() == scene.expected
    assert set(KINDS) <= set(scene.faults.seen)


def test_no_byte_of_an_archive_is_sent_twice(scene: Scene) -> None:
    scene.export()
    assert scene.archive() == scene.expected
    sent = sum(len(body) for path, body in scene.faults.bodies if ".tar" in path)
    assert len(scene.expected) <= sent < len(scene.expected) + 10_000


@pytest.mark.parametrize("kind", KINDS)
def test_passing_faults_are_tried_again(scene: Scene, kind: str) -> None:
    scene.faults.plan[kind] = ["500", "503", "reset"]
    scene.export()
    assert scene.faults.plan[kind] == []
    scene.faults.plan[kind] = ["lost", *(["torn", "torn"] if kind == "GetObject" else [])]
    scene.direct.delete(["export.manifest.json"])
    scene.export()
    assert scene.faults.plan[kind] == []
    assert scene.archive() == scene.expected
    assert everything(scene.direct) == ["export.index.jsonl", "export.manifest.json", "export.tar"]
    if kind == "CreateMultipartUpload":  # an upload whose name was lost with the answer is found by the next export
        assert scene.direct.remove_abandoned(".parts", []) == 1
    assert scene.place.traces() == []


@pytest.mark.parametrize(
    ("kind", "fault"),
    [(kind, fault) for kind in KINDS for fault in ("503", "403")]
    + [("UploadPart", "reset"), ("UploadPartCopy", "400"), ("CompleteMultipartUpload", "reset")],
)
def test_a_fault_that_stays_leaves_nothing_half_done(
    scene: Scene, kind: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    scene.faults.always[kind] = fault
    if kind == "DeleteObjects":  # the archive is there already; what is left over is told
        scene.export()
        assert "something is left over" in caplog.text
        assert scene.archive() == scene.expected
        assert scene.place.traces() == []
        return
    with pytest.raises(StorageError) as caught:
        scene.export()
    assert (type(caught.value) is AccessError) == (fault == "403")
    assert caught.value.where.startswith("s3://")
    if fault == "403":
        assert "Look at the connection with the credentials of s3://" in caught.value.fix
        assert scene.faults.seen[kind] <= 8  # not tried again; some requests are sent in parallel
    assert scene.place.traces() == []
    assert scene.archive() is None
    scene.faults.clear()
    scene.export()
    assert scene.archive() == scene.expected


def test_an_upload_that_cannot_even_be_aborted_is_swept_by_the_next_export(scene: Scene) -> None:
    scene.faults.always = {"UploadPartCopy": "400", "AbortMultipartUpload": "reset"}
    with pytest.raises(StorageError, match="InvalidRequest"):
        scene.export()
    assert scene.place.traces() != []
    scene.faults.clear()
    assert scene.export()["items"]["rendered"] == 0
    assert scene.archive() == scene.expected
    assert scene.place.traces() == []


def test_without_the_right_to_list_uploads_an_export_goes_on_and_says_so(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.faults.always["ListMultipartUploads"] = "403"
    scene.export()
    assert scene.archive() == scene.expected
    assert "open multipart uploads of killed exports are not removed" in caplog.text


def test_the_clients_own_tries_are_not_multiplied(scene: Scene, s3_address: str) -> None:
    address = scene.place.client().meta.endpoint_url
    for attempts, least, most in [(1, 5, 5), (3, 6, 6)]:
        scene.faults.clear()
        scene.faults.always["HeadObject"] = "500"
        place = places.s3_place(address, s3_address, attempts)
        with pytest.raises(StorageError, match=r"500.*run it again later"):
            place.open().stat("x")
        assert least <= scene.faults.seen["HeadObject"] <= most


def test_requests_of_a_compose(scene: Scene) -> None:
    storage = scene.place.open()
    for number in range(12):
        put(storage, f"{number}", NOISE[:BLOCK] + bytes([number]))
    storage.stat("warm")
    scene.faults.clear()
    ranges = [Range(f"{number}", 0, BLOCK + 1) for number in range(12)]
    storage.compose("x", [b"head", *ranges, b"end"])
    # the head takes the first range with it; the others are copied; the end is a part by itself
    kinds = {"CreateMultipartUpload": 1, "GetObject": 1, "UploadPart": 2, "UploadPartCopy": 11}
    assert scene.faults.seen == {**kinds, "CompleteMultipartUpload": 1}
    scene.faults.clear()
    put(storage, "small", b"x" * 1000)
    assert scene.faults.seen == {"PutObject": 1}


WRITER = """
import sys, time
from airflow_savemasks.engine.storage import block_writer
from tests.storages import places
from airflow_savemasks.engine.storage.opening import open_storage
block_writer.BLOCK = 5 << 20
with open_storage(sys.argv[1], lambda: places.s3_client(sys.argv[2])).writing(sys.argv[3]) as out:
    out.write(bytes(6 << 20)); print("writing", flush=True); time.sleep(60)
"""


def test_what_a_killed_writer_left_is_swept(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = places.s3_place(s3_address)
    storage = place.open("out")
    for count, path in enumerate((".parts/a/x.tar", "a.tar", "b.tar"), 1):
        words = [sys.executable, "-c", WRITER, storage.uri, s3_address, path]
        with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            until = time.monotonic() + 20
            while len(place.traces()) < count and time.monotonic() < until:  # the first block is on its way
                time.sleep(0.05)
            writer.kill()
    assert len(place.traces()) == 3
    with monkeypatch.context() as patch:  # an export with other settings may be writing a part there
        patch.setattr("airflow_savemasks.engine.storage.s3.ABANDONED", 1e12)
        assert storage.remove_abandoned(".parts/a", []) == 0
    assert storage.remove_abandoned(".parts/a", ["a.tar", "a.manifest.json"]) == 2
    assert [key.rpartition("/")[2] for key in place.traces()] == ["b.tar"]
    assert everything(storage) == []


def test_a_missing_bucket_and_missing_credentials_are_told(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_savemasks.engine.storage.opening import open_storage

    storage = open_storage("s3://nobody/x", lambda: places.s3_client(s3_address))
    with pytest.raises(StorageError, match="the bucket does not exist"):
        storage.listdir("")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_address)
    monkeypatch.setenv("HOME", "/nowhere")
    with pytest.raises(AccessError, match=r"NoCredentials.*Look at the connection with the credentials of s3://"):
        open_storage("s3://savemasks/x").listdir("")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    assert open_storage("s3://savemasks/nothing").listdir("").files == {}


SIZES = st.one_of(st.integers(0, 20), st.integers((5 << 20) - 9, (5 << 20) + 9), st.integers(1, 40 << 30))


@given(st.lists(st.tuples(st.booleans(), SIZES), max_size=12))
def test_parts_keep_every_byte_and_the_rules_of_s3(drawn: list[tuple[bool, int]]) -> None:
    pieces = [
        b"x" * min(size, 9) if as_bytes else Range(str(number), 7, size)
        for number, (as_bytes, size) in enumerate(drawn)
    ]
    parts = s3_parts.split(pieces)
    assert all(s3_parts.LEAST <= size_of(part) <= s3_parts.MOST for part in parts[:-1])
    assert not parts or 0 < size_of(parts[-1]) <= s3_parts.MOST
    for part in parts:  # what comes through this process is small
        assert len(part) == 1 or size_of(part) <= 2 * s3_parts.LEAST
    again = joined(piece for part in parts for piece in part)
    assert again == joined(pieces)


@given(st.lists(st.tuples(st.booleans(), SIZES), max_size=12), st.sampled_from(s3_parts.GATHERED))
def test_parts_are_larger_where_there_would_be_too_many(drawn: list[tuple[bool, int]], least: int) -> None:
    pieces = [b"x" * min(size, 9) if as_bytes else Range("x", 7, size) for as_bytes, size in drawn]
    parts = s3_parts.split(pieces, least)
    assert all(s3_parts.LEAST <= size_of(part) <= s3_parts.MOST for part in parts[:-1])
    assert sum(map(size_of, parts)) == size_of(pieces)
    assert all(len(part) == 1 or size_of(part) < least + s3_parts.LEAST for part in parts)


def test_a_hundred_thousand_small_ranges_are_not_too_many_parts() -> None:
    many = [Range(f"{number}", 0, 4 << 20) for number in range(100_000)]
    assert len(s3_parts.parts_for(many, "https://s3.amazonaws.com")) <= s3_parts.MOST_PARTS


@given(st.lists(st.tuples(st.booleans(), SIZES), max_size=12))
def test_parts_are_equal_where_a_server_wants_it(drawn: list[tuple[bool, int]]) -> None:
    pieces = [
        b"x" * min(size, 9) if as_bytes else Range(str(number), 7, size)
        for number, (as_bytes, size) in enumerate(drawn)
    ]
    parts = s3_parts.parts_for(pieces, "https://account.r2.cloudflarestorage.com")
    assert len({size_of(part) for part in parts[:-1]}) <= 1
    assert not parts or 0 < size_of(parts[-1]) <= size_of(parts[0])
    assert len(parts) <= s3_parts.MOST_PARTS
    assert joined(piece for part in parts for piece in part) == joined(pieces)


def test_an_archive_of_equal_parts_is_the_same(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_parts, "WANT_EQUAL", ("127.0.0.1",))
    monkeypatch.setattr(s3_parts, "EQUAL", BLOCK)
    place = places.s3_place(s3_address)
    storage = place.open()
    put(storage, "big", NOISE)
    pieces = [b"head", Range("big", 0, len(NOISE)), Range("big", 5, 9), Range("big", 7, BLOCK)]
    storage.compose("x", pieces)
    assert storage.read("x") == b"head" + NOISE + NOISE[5:14] + NOISE[7 : BLOCK + 7]
    answer = places.s3_client(s3_address).head_object(
        Bucket=places.BUCKET, Key=f"{place.root.rpartition('/')[2]}/x", PartNumber=1
    )
    assert answer["ContentLength"] == BLOCK


def joined(pieces: Any) -> list[Any]:
    """Neighbours put together, empty ones left out."""
    out: list[Any] = []
    for piece in pieces:
        last = out[-1] if out else None
        if isinstance(piece, bytes):
            if isinstance(last, bytes):
                out[-1] = last + piece
            elif piece:
                out.append(piece)
        elif isinstance(last, Range) and last.path == piece.path and last.offset + last.size == piece.offset:
            out[-1] = Range(last.path, last.offset, last.size + piece.size)
        elif piece.size:
            out.append(piece)
    return out


def test_what_is_too_large_for_s3_says_what_to_do(s3_address: str) -> None:
    storage = places.s3_place(s3_address).open()
    for pieces in ([Range("x", 0, 6 << 40)], [Range(f"{number}", 0, 6 << 20) for number in range(10_001)]):
        with pytest.raises(StorageError, match="Set volume_size"):
            storage.compose("y", pieces)


ANSWERS = {  # of real S3, of a server that cannot be asked this way
    "<Error><Code>NoSuchUpload</Code></Error>": (404, True),
    "<Error><Code>AccessDenied</Code></Error>": (403, False),
    "<Error><Code>NotImplemented</Code></Error>": (501, None),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_right_to_write_is_asked_for_without_writing(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto fails at this request, so a server of three words stands in for S3."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    from airflow_savemasks.engine.storage.opening import open_storage

    asked = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(ANSWERS[answer][0])
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    try:
        assert open_storage("s3://bucket/masks").may_write() is ANSWERS[answer][1]
    finally:
        server.shutdown()
        server.server_close()
    assert asked == ["POST /bucket/masks/savemasks-may-this-be-written?uploadId=0"]

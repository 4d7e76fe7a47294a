"""An instance whose pictures change, whose answers break off or lack something; and stopping."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import Changed, NotFound, ProjectError, Stopped, StorageError
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.opening import open_instance_project, open_team_files
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.storage.base import Range
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.supervisely.api import Api
from airflow_savemasks.engine.supervisely.listing import full_names, item_of
from airflow_savemasks.engine.supervisely.project import InstanceProject
from airflow_savemasks.engine.supervisely.team_files import TeamFiles
from tests.engine.samples import make_project, picture
from tests.instance.conftest import TOKEN

CONTENT = bytes(range(256)) * 20_000


@pytest.fixture
def project(server, api, tmp_path: Path) -> InstanceProject:
    server.instance.add_project(make_project(tmp_path / "project", items=3), workspace="ws", name="p")
    return open_instance_project("supervisely://ws/p", api)


@pytest.fixture
def files(server, api, tmp_path: Path) -> TeamFiles:
    storage = open_team_files(f"supervisely://team/{server.instance.team.id}/x", api, open_storage(str(tmp_path)))
    with storage.writing("file") as out:
        out.write(CONTENT)
    return storage


def test_a_picture_that_changed_after_it_was_listed_is_a_bad_item(server, project, tmp_path: Path) -> None:
    items = list(project.items("ds0", Remarks()))
    image = server.instance.image(next(iter(server.instance.projects)), "ds0", "0001.png")
    (tmp_path / "other.png").write_bytes(picture(77))
    server.instance.set_picture(image.id, tmp_path / "other.png")
    loaded = project.load(items)
    assert [one.error is None for one in loaded] == [True, False, True]
    assert "listed" in loaded[1].error.problem
    assert server.traffic.count("images.download") == 1
    assert [one.picture for one in loaded if one.error is None] == [picture(0), picture(2)]


def test_what_is_left_out_by_a_filter_is_noted(project, api) -> None:
    filtered = open_instance_project("supervisely://ws/p?updated_since=2099-01-01T00:00:00Z", api)
    remarks = Remarks()
    assert list(filtered.items("ds0", remarks)) == []
    assert remarks.warnings() == ["3 images left out by the filters of their sources"]


def test_a_project_and_a_storage_of_an_instance_obey_a_stop_while_they_wait(server, project, files) -> None:
    slow = Api(server.address, TOKEN, first_wait=30.0)
    for work in (
        lambda: list(project.items("ds0", Remarks())),
        lambda: files.read("file"),
        lambda: files.stat("file"),
        lambda: files.delete(["file"]),
    ):
        project._api = files._api = slow
        project._tree = {"ds0": 1}
        stop = threading.Event()
        project.watch(stop)
        files.watch(stop)
        server.faults.fail(status=503)
        threading.Timer(0.2, stop.set).start()
        began = time.monotonic()
        with pytest.raises(Stopped):
            work()
        assert time.monotonic() - began < 1.2
        server.faults.clear()
    files.watch(threading.Event())
    assert files.read("file") == CONTENT


def test_nothing_is_uploaded_after_a_stop(server, files) -> None:
    stop = threading.Event()
    files.watch(stop)
    with pytest.raises(Stopped), files.writing("new") as out:
        out.write(CONTENT)
        stop.set()
    files.watch(threading.Event())
    with files.writing(".parts/one") as out:
        out.write(CONTENT)
    stop = threading.Event()
    files.watch(stop)
    stream = files._parts.stream

    def stopping(*words: Any) -> Iterator[bytes]:
        for chunk in stream(*words):
            yield chunk
            stop.set()

    files._parts.stream = stopping
    with pytest.raises(Stopped):
        files.compose("new", [b"head", Range(".parts/one", 0, len(CONTENT))])
    assert server.instance.storage.paths(server.instance.team.id) == ["/x/file"]


def test_an_upload_says_what_the_listing_shows(files) -> None:
    for path in ("new", ".parts/new"):
        with files.writing(path) as out:
            out.write(CONTENT)
        assert out.entry == files.stat(path)
        assert files.compose(f"{path}.tar", [b"head", Range(path, 0, 5, out.entry)]) == files.stat(f"{path}.tar")
        with files.writing(path) as again:
            again.write(CONTENT[::-1])
        assert again.entry != out.entry
        with pytest.raises(Changed):
            files.compose("other.tar", [b"head", Range(path, 0, 5, out.entry)])
    assert files.stat("other.tar") is None


def test_a_download_that_breaks_off_goes_on_where_it_was(server, files) -> None:
    server.faults.truncate(method="file-storage.download", times=2)
    assert files.read("file") == CONTENT
    server.faults.truncate(method="file-storage.download", times=2)
    assert b"".join(files.stream("file", 1000, 2_000_000)) == CONTENT[1000:2_001_000]
    server.faults.truncate(method="file-storage.download")
    with pytest.raises(StorageError, match=r"file-storage\.download.*6 times"):
        files.read("file")


def test_team_files_say_which_file_they_read_and_what_they_cannot_hold(files) -> None:
    known = files.stat("file")
    assert files.read("file", known) == CONTENT
    with files.writing("file") as out:
        out.write(CONTENT[::-1])
    for work in (lambda: files.read("file", known), lambda: list(files.stream("file", 0, 5, known))):
        with pytest.raises(Changed):
            work()
    with pytest.raises(NotFound):
        files.read("nope")
    with pytest.raises(StorageError, match="ends 5 bytes too early"):
        list(files.stream("file", len(CONTENT), 5))
    assert files.obstacle("a/b.tar") is None
    assert files.obstacle("a\0b") is not None
    assert "bytes" in files.obstacle(".parts/" + "x" * 300)


def test_an_address_without_a_scheme_is_one_of_https_and_requests_are_not_logged() -> None:
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.getLogger("httpcore").setLevel(logging.DEBUG)
    assert Api("instance.example/", TOKEN).address == "https://instance.example"
    assert Api("http://127.0.0.1:1", TOKEN).address == "http://127.0.0.1:1"
    assert logging.getLogger("httpx").level == logging.WARNING
    assert logging.getLogger("httpcore").level == logging.DEBUG
    logging.getLogger("httpcore").setLevel(logging.WARNING)


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"null", b'"x"', b'{"pagesCount": 1, "total": 1, "perPage": 1}'])
def test_an_answer_that_lacks_something_is_an_error_that_names_the_method(answer: bytes) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Silent."""

    with HTTPServer(("127.0.0.1", 0), Handler) as wrong:
        thread = threading.Thread(target=wrong.serve_forever, args=(0.05,))
        thread.start()
        try:
            api = Api(f"http://127.0.0.1:{wrong.server_address[1]}", TOKEN, attempts=1)
            for uri in ("supervisely://project/5", "supervisely://3/p"):
                with pytest.raises(StorageError, match=r"projects\.(info|list): the answer is another"):
                    open_instance_project(uri, api)
        finally:
            wrong.shutdown()
            thread.join()


def records(*rows: tuple[int, str, int | None]) -> list[dict[str, Any]]:
    return [{"id": number, "name": name, "parentId": parent} for number, name, parent in rows]


def test_datasets_lie_in_each_other_up_to_a_limit_and_never_in_circles() -> None:
    assert full_names("p", records((3, "c", 2), (1, "a/b", None), (2, "b", 1)), Limits()) == {
        "a_b": 1,
        "a_b/b": 2,
        "a_b/b/c": 3,
    }
    deep = records(*((number, "d", number - 1) for number in range(100_000)))
    for order in (deep, deep[::-1]):
        with pytest.raises(ProjectError, match="nesting"):
            full_names("p", order, Limits())
    with pytest.raises(ProjectError, match="lies in itself"):
        full_names("p", records((1, "a", 2), (2, "b", 1)), Limits())
    for name in (".", "..", "caf\udce9"):
        with pytest.raises(ProjectError, match="can be no name of a folder"):
            full_names("p", records((1, name, None)), Limits())
    with pytest.raises(ProjectError, match="two datasets"):
        full_names("p", records((1, "a/b", None), (2, "a_b", None)), Limits())


def test_an_image_whose_name_is_none_of_a_file_is_a_bad_item() -> None:
    for name in ("..", "caf\udce9.png"):
        assert "no name of a file" in item_of({"id": 1, "name": name}, "ds", 1).problem

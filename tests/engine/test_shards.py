"""The layout "webdataset": an archive, and each volume of it, is a shard. Rules: more-masks, section 12."""

from __future__ import annotations

import json
import re
import shutil
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
import pytest

from airflow_savemasks import open_archive
from airflow_savemasks.engine.archive.item_names import shard_name
from airflow_savemasks.engine.archive.naming import Names
from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.errors import ArchiveError, SettingsError
from airflow_savemasks.engine.publish import publishing
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import add_item, make_project, members, run

SPLIT = {"shares": [["train", 0.5], ["val", 0.5]], "seed": "3"}
EVERYTHING: dict[str, Any] = {
    "layout": "webdataset", "semantic": True, "instances": "ids", "class_maps": True, "split": SPLIT,
    "human": {"format": "jpeg"},
}  # fmt: skip


def put(project: Path, dataset: str, names: list[str]) -> None:
    """Pictures of these names, PNGs whatever they are called, without annotations."""
    folder = project / dataset.replace("/", "/datasets/")
    for kind in ("img", "ann"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copy(project / "ds0/img/0000.png", folder / "img" / name)


def test_the_table_of_the_specification(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=1)
    names = ".hidden.png Photo.JPG a.b.jpg a_b.png photo.v2.bmp photo.v2.jpeg photo_v2.jpg x.jpg x.png x_1.jpg".split()
    put(project, "top", names)
    put(project, "top/night.v1", ["x.jpg"])
    run(project, tmp_path / "out", layout="webdataset")
    found = {(line["source"]["dataset"], line["source"]["name"]): line["item"] for line in index(tmp_path / "out")}
    wanted = (
        "top/_hidden.png top/Photo.jpg top/a_b.jpg top/a_b_1.png top/photo_v2.bmp top/photo_v2_1.jpeg "
        "top/photo_v2_2.jpg top/x.jpg top/x_1.png top/x_1_1.jpg"
    ).split()
    assert [found["top", name] for name in names] == wanted
    assert found["top/night.v1", "x.jpg"] == "top/datasets/night.v1/x.jpg"


def test_a_name_without_an_extension_gets_one() -> None:
    assert [shard_name(name) for name in ("a", "a.", ".a", "a.b.C", "é.ПНГ")] == [
        "a.img", "a.img", "_a.img", "a_b.c", "é.пнг",
    ]  # fmt: skip
    names = Names()
    assert [names.give(shard_name(name)) for name in ("a", "a.img", "A.img")] == ["a.img", "a_1.img", "A.img"]


def index(folder: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (folder / "export.index.jsonl").read_bytes().splitlines()]


def samples(archive: str | Path) -> dict[str, dict[str, bytes]]:
    """Key -> extension -> content, as webdataset's `group_by_keys` has them; fails where it would drop something."""
    found: dict[str, dict[str, bytes]] = {}
    names = list(members(archive).items())
    split = [(re.match(r"^((?:.*/|)[^.]+)[.]([^/]*)$", name), content) for name, content in names]
    assert all(match for match, _ in split)
    parts = [(match[1], match[2], content) for match, content in split if match]
    for key, group in groupby(parts, key=lambda part: part[0]):
        assert key not in found
        files = list(group)
        found[key] = {extension: content for _, extension, content in files}
        assert len(found[key]) == len(files)
        assert not re.match("__[^/]*__($|/)", key)
    return found


def test_a_sample_has_the_files_of_the_other_layout_and_nothing_else_is_in_the_shard(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=5)
    others = {name: value for name, value in EVERYTHING.items() if name != "layout"}
    run(project, tmp_path / "plain", **others)
    result = run(project, tmp_path / "out", **EVERYTHING)
    plain, shard = members(tmp_path / "plain/export.tar"), samples(result["archive"])
    assert list(shard) == [f"ds0/{n:04d}" for n in range(5)]
    for key, files in shard.items():
        stem = key.removeprefix("ds0/")
        assert files == {
            "json": plain[f"ds0/ann/{stem}.png.json"],
            "png": plain[f"ds0/img/{stem}.png"],
            "human.jpg": plain[f"ds0/masks_human/{stem}.jpg"],
            "instances.png": plain[f"ds0/masks_instances/{stem}.png"],
            "machine.png": plain[f"ds0/masks_machine/{stem}.png"],
            "semantic.png": plain[f"ds0/masks_semantic_rgb/{stem}.png"],
        }
        assert list(files) == ["json", "png", "human.jpg", "instances.png", "machine.png", "semantic.png"]
    roots = {name: content for name, content in plain.items() if not name.startswith("ds0/")}
    beside = {f"export.{name.replace('/', '.')}": content for name, content in roots.items()}
    assert len(beside) == 7
    for name, content in beside.items():
        if ".splits." in name:
            content = re.sub(rb"/img/(.*)\.png", rb"/\1", content)
        assert (tmp_path / "out" / name).read_bytes() == content
    there = {path.name for path in (tmp_path / "out").iterdir() if path.is_file()}
    assert there == {*beside, "export.tar", "export.index.jsonl", "export.manifest.json"}
    for line, other in zip(index(tmp_path / "out"), index(tmp_path / "plain"), strict=True):
        assert [member["kind"] for member in line["members"]] == [member["kind"] for member in other["members"]]
        assert [member["sha256"] for member in line["members"]] == [member["sha256"] for member in other["members"]]
        assert line["split"] == other["split"]


def test_every_volume_is_a_shard_and_the_files_beside_them_are_there_once(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=12)
    result = run(project, tmp_path / "out", **EVERYTHING, volume_size=60_000)
    assert len(result["volumes"]) > 2
    keys = [key for volume in result["volumes"] for key in samples(volume)]
    assert keys == [f"ds0/{n:04d}" for n in range(12)]
    assert len(list((tmp_path / "out").glob("*meta.json"))) == 1
    assert verify(open_storage(str(tmp_path / "out")), "export")["items"] == 12


@pytest.mark.parametrize("file", ["export.meta.json", "export.splits.val.txt", "export.classes.csv"])
def test_verify_and_the_next_export_look_at_the_files_beside(tmp_path: Path, file: str) -> None:
    project = make_project(tmp_path / "p", items=9)
    run(project, tmp_path / "out", **EVERYTHING)
    storage = open_storage(str(tmp_path / "out"))
    verify(storage, "export")
    assert run(project, tmp_path / "out", **EVERYTHING)["unchanged"]
    content = (tmp_path / "out" / file).read_bytes()
    (tmp_path / "out" / file).write_bytes(bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(ArchiveError, match=f"{file}: differs"):
        verify(storage, "export")
    (tmp_path / "out" / file).unlink()
    with pytest.raises(ArchiveError, match=f"{file}: missing"):
        verify(storage, "export")
    assert not run(project, tmp_path / "out", **EVERYTHING)["unchanged"]
    assert (tmp_path / "out" / file).read_bytes() == content


def test_renamed_together_it_is_still_verified_and_opened(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=3)
    run(project, tmp_path / "out", **EVERYTHING)
    for path in list((tmp_path / "out").glob("export.*")):
        path.rename(path.with_name(path.name.replace("export", "copy")))
    assert verify(open_storage(str(tmp_path / "out")), "copy")["items"] == 3
    archive = open_archive(str(tmp_path / "out/copy.tar"))
    assert [one["title"] for one in archive.meta["classes"]] == ["leaf", "box"]
    assert set(archive.root) == {
        "meta.json", "classes.csv", "labelmap.txt", "obj_class_to_machine_color.json",
        "obj_class_to_semantic_color.json",
    }  # fmt: skip
    item = archive["ds0/0001.png"]
    assert item.machine.shape == item.picture.shape[:2] == (30, 40)
    assert item.files["semantic"] == "ds0/0001.semantic.png"
    assert len(archive.split("train")) == archive.splits["train"]


def test_another_layout_takes_the_files_of_the_one_before_away(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=3)
    run(project, tmp_path / "out", **EVERYTHING)
    result = run(project, tmp_path / "out")
    assert result["items"]["reused"] == 0
    there = {path.name for path in (tmp_path / "out").iterdir() if path.is_file()}
    assert there == {"export.tar", "export.index.jsonl", "export.manifest.json"}
    run(project, tmp_path / "new")
    assert (tmp_path / "out/export.tar").read_bytes() == (tmp_path / "new/export.tar").read_bytes()
    run(project, tmp_path / "out", **EVERYTHING)
    assert (tmp_path / "out/export.splits.train.txt").exists()


def test_the_name_that_is_free_holds_for_all_files(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=2)
    run(project, tmp_path / "out", **EVERYTHING)
    add_item(project, "new.png", 5)
    run(project, tmp_path / "out", **EVERYTHING, if_exists="rename")
    assert (tmp_path / "out/export_000.splits.val.txt").exists()
    assert verify(open_storage(str(tmp_path / "out")), "export_000")["items"] == 3
    assert verify(open_storage(str(tmp_path / "out")), "export")["items"] == 2


@pytest.mark.parametrize("split", [SPLIT, None])
@pytest.mark.parametrize("step", ["volumes", "index", "some", "all"])
def test_a_run_that_is_killed_while_it_publishes_is_ended_by_the_next_one(
    tmp_path: Path,
    step: str,
    split: dict[str, Any] | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    project = make_project(tmp_path / "p", items=4)
    options = {**EVERYTHING, "split": split}
    run(project, tmp_path / "new", **options)
    run(project, tmp_path / "out", layout="webdataset")
    real = publishing._commit
    number = 8 if split else 6
    wanted = {"volumes": 0, "index": 1, "some": 3, "all": number}[step]

    class Killed(BaseException):
        pass

    def killed(storage: Any, name: str, raw: Any, beside: Any, *more: Any) -> Any:
        files = [raw["index"], *raw["root_files"]]
        assert len(files) == number
        for file, content in list(zip(files, beside, strict=True))[:wanted]:
            storage.compose(file["file"], [content])
        raise Killed

    monkeypatch.setattr(publishing, "_commit", killed)
    with pytest.raises(Killed):
        run(project, tmp_path / "out", **options)
    monkeypatch.setattr(publishing, "_commit", real)
    result = run(project, tmp_path / "out", **options)
    assert result["items"]["rendered"] == 0
    assert "the last run was killed while it published; the rest is done" in caplog.text
    for path in (tmp_path / "new").glob("export.*"):
        if path.name != "export.manifest.json":
            assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes(), path.name
    assert not [path.name for path in (tmp_path / "out/.parts").rglob("next*")]


def test_a_dataset_that_readers_would_skip_is_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=1)
    for dataset in ("__x__", "__cache__"):
        shutil.copytree(project / "ds0", project / dataset)
    with pytest.raises(SettingsError, match="readers of shards skip the datasets '__cache__', '__x__'"):
        run(project, tmp_path / "out", layout="webdataset")
    run(project, tmp_path / "out", layout="webdataset", pick={"datasets": ["ds0"]})
    run(project, tmp_path / "plain")


@pytest.mark.parametrize("dataset", ["v1.0\nb", "a\n.b/c", "a\nb/c.d"])
def test_a_dataset_in_which_readers_find_nothing_is_refused(tmp_path: Path, dataset: str) -> None:
    """Their expression takes a folder with dots and a line break for no name at all, and drops what is in it."""
    project = make_project(tmp_path / "p", items=1)
    put(project, dataset, ["x.png"])
    put(project, "a\nb", ["x.png"])  # they find this one
    put(project, "a.b", ["x\ny.png"])
    with pytest.raises(SettingsError, match=re.escape(f"readers of shards skip the datasets {dataset!r} in silence")):
        run(project, tmp_path / "out", layout="webdataset")
    run(project, tmp_path / "out", layout="webdataset", pick={"datasets": ["ds0", "a.b"]})
    assert len(samples(tmp_path / "out/export.tar")) == 2
    run(project, tmp_path / "plain")


def test_a_share_whose_list_cannot_be_written_is_told_before_anything_is(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=1)
    shares = {"shares": [["🐈" * 100, 0.5], ["x", 0.5]]}
    with pytest.raises(SettingsError, match="cannot be written"):
        run(project, tmp_path / "out", layout="webdataset", split=shares)
    (tmp_path / "out/export.meta.json").mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"export.meta.json: cannot be written"):
        run(project, tmp_path / "out", layout="webdataset")
    run(project, tmp_path / "plain", split=shares)
    assert json.loads((tmp_path / "plain/export.manifest.json").read_text())["splits"]

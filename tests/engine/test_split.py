"""Which share a picture belongs to. Rules: more-masks, section 11; shares of keys: settings/test_mask_options.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from airflow_savemasks import open_archive
from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.errors import ArchiveError, BadItemsError, SettingsError
from airflow_savemasks.engine.publish import next_file
from airflow_savemasks.engine.settings.split import Split, as_text
from airflow_savemasks.engine.storage.folder import FolderStorage
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import add_item, job_of, make_project, members, plan_of, render, run

THREE: dict[str, Any] = {"shares": {"train": 0.5, "val": 0.3, "test": 0.2}, "seed": "2026"}


def index(folder: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (folder / "export.index.jsonl").read_bytes().splitlines()]


def manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "export.manifest.json").read_text()))


def lists(archive: Path | str) -> dict[str, list[str]]:
    return {n: c.decode().splitlines() for n, c in members(archive).items() if n.startswith("splits/")}


def test_index_manifest_and_the_end_of_the_archive_tell_the_shares(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=20)
    plain = (tmp_path / "plain", run(project, tmp_path / "plain"))[0]
    run(project, tmp_path / "out", split=THREE)
    split = Split(**THREE)
    wanted = {f"ds0/{n:04d}.png": split.share_of(f"ds0/{n:04d}.png") for n in range(20)}
    assert {line["item"]: line["split"] for line in index(tmp_path / "out")} == wanted
    counts = {name: list(wanted.values()).count(name) for name in ("train", "val", "test")}
    assert manifest(tmp_path / "out")["splits"] == counts
    assert list(manifest(tmp_path / "out")["splits"]) == ["train", "val", "test"]
    assert lists(tmp_path / "out/export.tar") == {
        f"splits/{name}.txt": [f"ds0/img/{item[4:]}" for item, share in wanted.items() if share == name]
        for name in ("train", "val", "test")
    }
    assert list(members(tmp_path / "out/export.tar"))[-3:] == [f"splits/{n}.txt" for n in ("train", "val", "test")]
    before = (plain / "export.tar").read_bytes()[:-1024]
    assert (tmp_path / "out/export.tar").read_bytes().startswith(before)  # no byte before them is another
    assert manifest(tmp_path / "out")["settings"]["options"] == {
        "split": {"shares": [["train", 0.5], ["val", 0.3], ["test", 0.2]], "seed": "2026"}
    }
    assert "splits" not in manifest(plain)


def test_an_empty_share_has_an_empty_list_and_a_zero(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=3)
    run(project, tmp_path / "out", split={"shares": [["all", 1 - 1e-12], ["none", 1e-12]]})
    assert manifest(tmp_path / "out")["splits"] == {"all": 3, "none": 0}
    assert lists(tmp_path / "out/export.tar")["splits/none.txt"] == []
    assert verify(open_storage(str(tmp_path / "out")), "export")["items"] == 3


def test_by_dataset_pictures_of_one_go_together(tmp_path: Path) -> None:
    project = tmp_path / "p"
    for dataset in ("a", "b", "c", "d", "e"):
        make_project(project, items=3, dataset=dataset)
    run(project, tmp_path / "out", split={**THREE, "by": "dataset"})
    split = Split(**THREE)
    for line in index(tmp_path / "out"):
        assert line["split"] == split.share_of(line["source"]["dataset"])


TAGS = [
    {"name": "day", "value_type": "any_number", "color": "#000000"},
    {"name": "city", "value_type": "any_string", "color": "#000000"},
    {"name": "good", "value_type": "none", "color": "#000000"},
]


def with_tags(project: Path) -> None:
    meta = json.loads((project / "meta.json").read_text())
    (project / "meta.json").write_text(json.dumps({**meta, "tags": TAGS}))


@pytest.mark.parametrize(
    ("values", "key"),
    [([12.5], "12.5"), ([3.0], "3"), ([3], "3"), ([10, 9], "10"), ([], "ds0/a.png"), ([-0.5, 2], "-0.5")],
)
def test_by_tag_the_text_that_sorts_first_decides(tmp_path: Path, values: list[Any], key: str) -> None:
    project = make_project(tmp_path / "p", items=0)
    with_tags(project)
    add_item(project, "a.png", 1, tags=[{"name": "day", "value": value} for value in values])
    shares = {"shares": [[f"s{n}", 0.01] for n in range(100)]}
    run(project, tmp_path / "out", split={**shares, "by": "tag:day"})
    assert index(tmp_path / "out")[0]["split"] == Split(**shares).share_of(key)


def test_numbers_are_written_as_python_does() -> None:
    assert [as_text(value) for value in (3, 3.0, 12.5, 1e300, 0.1, -2.0, "x")][:3] == ["3", "3", "12.5"]
    assert as_text(1e300) == str(int(1e300))
    assert as_text(0.1) == "0.1"
    assert as_text("03") == "03"


@pytest.mark.parametrize(
    ("by", "says"),
    [
        ("tag:no", "split.by: tag 'no' does not exist. Tags with values are 'day', 'city'"),
        ("tag:good", "split.by: tag 'good' has no values. Tags with values are 'day', 'city'"),
        ("tag:a:b", "split.by: tag 'a:b' does not exist"),
    ],
)
def test_a_tag_that_has_no_values_is_refused(tmp_path: Path, by: str, says: str) -> None:
    project = make_project(tmp_path / "p", items=1)
    with_tags(project)
    with pytest.raises(SettingsError) as refused:
        run(project, tmp_path / "out", split={**THREE, "by": by})
    assert str(refused.value).startswith(says)
    assert not (tmp_path / "out/export.tar").exists()


def test_where_no_tag_has_values_that_is_said(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=1)
    with pytest.raises(SettingsError, match="tag .day. does not exist. No tag has values"):
        run(project, tmp_path / "out", split={**THREE, "by": "tag:day"})


def test_adding_and_removing_pictures_moves_no_other_and_renders_none(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=30)
    run(project, tmp_path / "out", split=THREE)
    before = {line["item"]: line["split"] for line in index(tmp_path / "out")}
    assert run(project, tmp_path / "out", split=THREE)["unchanged"]
    add_item(project, "new.png", 99)
    (project / "ds0/img/0007.png").unlink()
    (project / "ds0/ann/0007.png.json").unlink()
    result = run(project, tmp_path / "out", split=THREE)
    assert result["items"]["rendered"] == 1
    after = {line["item"]: line["split"] for line in index(tmp_path / "out")}
    assert {item: share for item, share in after.items() if item != "ds0/new.png"} == {
        item: share for item, share in before.items() if item != "ds0/0007.png"
    }
    run(project, tmp_path / "new", split=THREE)
    assert (tmp_path / "out/export.tar").read_bytes() == (tmp_path / "new/export.tar").read_bytes()
    assert not run(project, tmp_path / "out", split={**THREE, "seed": "2027"})["items"]["reused"]


def test_skipped_pictures_are_in_no_share_and_a_line_break_makes_a_bad_item(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=4)
    (project / "ds0/img/0001.png").write_bytes(b"none")
    (project / "ds0/img/a\nb.png").write_bytes((project / "ds0/img/0000.png").read_bytes())
    with pytest.raises(BadItemsError, match="has a line break"):
        run(project, tmp_path / "out", split=THREE)
    run(project, tmp_path / "out", split=THREE, on_bad_item="skip")
    assert sum(manifest(tmp_path / "out")["splits"].values()) == 3
    assert sum(map(len, lists(tmp_path / "out/export.tar").values())) == 3
    run(project, tmp_path / "plain", on_bad_item="skip")
    assert len(index(tmp_path / "plain")) == 4  # without shares it is a name as any other


def test_the_last_of_several_volumes_has_the_lists(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=10)
    result = run(project, tmp_path / "out", split=THREE, volume_size=40_000)
    assert len(result["volumes"]) > 2
    for volume in result["volumes"]:
        assert bool(lists(volume)) == (volume == result["volumes"][-1])
    assert verify(open_storage(str(tmp_path / "out")), "export")["items"] == 10
    assert result["files"] == sum(len(members(volume)) for volume in result["volumes"])


def test_verify_checks_the_lists(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=6)
    run(project, tmp_path / "out", split=THREE)
    storage = open_storage(str(tmp_path / "out"))
    verify(storage, "export")
    whole = (tmp_path / "out/export.tar").read_bytes()
    at = whole.rindex(b"ds0/img/0")
    for place, says in ((at, "splits/test.txt differs"), (len(whole) - 1, "the end of the archive is damaged")):
        (tmp_path / "out/export.tar").write_bytes(whole[:place] + b"X" + whole[place + 1 :])
        with pytest.raises(ArchiveError, match=says):
            verify(storage, "export")


def test_long_lists_lie_in_the_work_folder_until_they_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "p", items=12)
    run(project, tmp_path / "short", split=THREE)
    monkeypatch.setattr(next_file, "HELD", 10)
    monkeypatch.setattr(FolderStorage, "remote", True)
    run(project, tmp_path / "long", split=THREE)
    for file in ("export.tar", "export.index.jsonl"):
        assert (tmp_path / "short" / file).read_bytes() == (tmp_path / "long" / file).read_bytes()
    assert not list((tmp_path / "long/.parts").rglob("next*"))


def test_a_line_of_an_index_that_names_no_share_is_an_error_with_its_item(tmp_path: Path) -> None:
    from airflow_savemasks.engine.archive.index import KnownItem
    from airflow_savemasks.engine.publish.splits import Splits

    job = job_of(make_project(tmp_path / "p", items=1), split=THREE)
    item = KnownItem(0, 0, 0, "ds0/a.png", "", ((), 0, ""), 0, 0, {}, {}, "dev")
    with Splits(job, FolderStorage(tmp_path)) as splits:
        with pytest.raises(ArchiveError, match=r"ds0/a.png: its line of the index names the share 'dev'; there are \["):
            splits.add(item)
        splits.finish()


def test_a_retry_and_a_group_make_the_same_archive(tmp_path: Path) -> None:
    from airflow_savemasks.engine.publish.assemble import Rendered, assemble

    project = make_project(tmp_path / "p", items=9)
    run(project, tmp_path / "alone", split=THREE)
    storage = FolderStorage(tmp_path / "group")
    job = job_of(project, split=THREE)
    files = plan_of(job, storage)
    render(job, storage, files)
    as_pairs = {**THREE, "shares": list(map(list, THREE["shares"].items()))}
    assemble(job_of(project, split=as_pairs), storage, files, Rendered(9))
    assert (tmp_path / "group/export.tar").read_bytes() == (tmp_path / "alone/export.tar").read_bytes()


def test_an_open_archive_gives_the_items_of_a_share(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=10)
    run(project, tmp_path / "out", split=THREE)
    archive = open_archive(str(tmp_path / "out/export.tar"))
    assert sum(archive.splits.values()) == len(archive) == 10
    for name, count in archive.splits.items():
        assert [item.split for item in archive.split(name)] == [name] * count
    with pytest.raises(KeyError, match=r"'dev' is no share of .*; there are \['train', 'val', 'test'\]"):
        archive.split("dev")
    run(project, tmp_path / "plain")
    plain = open_archive(str(tmp_path / "plain/export.tar"))
    assert plain.splits == {}
    assert plain[0].split == ""

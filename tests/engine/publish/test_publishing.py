"""An archive, its index and its manifest are one thing: whatever came in between, the next run makes them so again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.archive.published import read_manifest, seal
from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.publish import publishing
from airflow_savemasks.engine.publish.assemble import Rendered, assemble
from airflow_savemasks.engine.publish.lease import lease_path, publishing_alone
from airflow_savemasks.engine.publish.next_file import next_index
from airflow_savemasks.engine.publish.publishing import finish_publishing, next_manifest
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.option_samples import COLORS, OPTIONS, make_full_project, published
from tests.engine.samples import WORK, add_item, job_of, layer, make_project, plan_of, render, run


class Died(Exception):
    """As if the process had been killed."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=12)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def die(*_: object) -> None:
    raise Died


def run_and_die(project: Path, out: Path, step: str, *, after: bool = False, **options: Any) -> None:
    """Die before a step of publishing, or after it."""
    work = getattr(publishing, step)

    def last_step(*given: Any) -> None:
        work(*given)
        die()

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):
        patch.setattr(publishing, step, last_step if after else die)
        run(project, out, **options)


def finish(out: Path) -> None:
    storage = FolderStorage(out)
    with publishing_alone(storage, "export", None) as lease:
        finish_publishing(storage, "export", lease)


def is_whole(project: Path, out: Path, **options: Any) -> None:
    """What lies there is what an export from nothing makes, and nothing else."""
    fresh = out.with_name("fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    run(project, fresh, **options)
    files = [path.name for path in fresh.iterdir() if not path.name.endswith("manifest.json")]
    assert {path.name for path in out.iterdir()} == {*files, "export.manifest.json"}
    assert all((out / name).read_bytes() == (fresh / name).read_bytes() for name in files)
    verify(FolderStorage(out), "export")


@pytest.mark.parametrize("volumes", [(None, None), (40_000, 40_000), (40_000, None), (None, 40_000), (40_000, 20_000)])
def test_an_incremental_run_that_died_between_archive_and_manifest_costs_nothing(
    project: Path, out: Path, volumes: tuple[int | None, int | None]
) -> None:
    run(project, out, volume_size=volumes[0])
    add_item(project, "0003.png", seed=99)
    run_and_die(project, out, "_commit", volume_size=volumes[1])
    result = run(project, out, volume_size=volumes[1])
    assert result["items"] == {"rendered": 0, "reused": 12, "skipped": 0}
    assert result["unchanged"]
    is_whole(project, out, volume_size=volumes[1])


@pytest.mark.parametrize("name", OPTIONS)
def test_a_run_that_died_while_it_published_is_finished_whatever_was_asked_for(
    tmp_path: Path, out: Path, name: str
) -> None:
    project, options = make_full_project(tmp_path / "full", items=4), OPTIONS[name]
    run_and_die(project, out, "_commit", raw=COLORS, **options)
    assert run(project, out, COLORS, **options)["unchanged"]
    run(project, tmp_path / "fresh", COLORS, **options)
    assert published(FolderStorage(out)) == published(FolderStorage(tmp_path / "fresh"))
    verify(FolderStorage(out), "export")


def test_a_run_that_died_before_anything_was_replaced_leaves_the_archive_as_it_was(project: Path, out: Path) -> None:
    run(project, out)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    add_item(project, "0003.png", seed=99)
    run_and_die(project, out, "at_once", after=True)
    assert (out / next_manifest("export")).exists()
    finish(out)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    assert run(project, out)["items"] == {"rendered": 0, "reused": 12, "skipped": 0}
    is_whole(project, out)


def test_the_project_may_change_again_before_the_rest_is_done(project: Path, out: Path) -> None:
    run(project, out)
    add_item(project, "0003.png", seed=99)
    run_and_die(project, out, "_commit")
    add_item(project, "0007.png", seed=98)
    assert run(project, out)["items"] == {"rendered": 1, "reused": 11, "skipped": 0}
    is_whole(project, out)


@pytest.mark.parametrize(
    "change",
    [
        lambda out: (out / "export.tar").write_bytes((out / "export.tar").read_bytes()[:-1]),
        lambda out: (out / "export.tar").write_bytes(b"x" + (out / "export.tar").read_bytes()[1:]),
        lambda out: (out / "export.tar").unlink(),
        lambda out: (out / next_index("export")).write_bytes(b"x"),
        lambda out: (out / next_index("export")).unlink(),
        lambda out: (out / next_manifest("export")).write_bytes(b"x"),
        lambda out: (out / next_manifest("export")).write_bytes(seal({"name": "export"})),
        lambda out: (out / next_manifest("export")).write_bytes(seal({"format": 3})),
        lambda out: (out / next_manifest("export")).unlink(),
    ],
)
def test_what_is_not_what_was_going_to_be_published_is_not_vouched_for(
    project: Path, out: Path, change: Callable[[Path], Any]
) -> None:
    run(project, out)
    add_item(project, "0003.png", seed=99)
    run_and_die(project, out, "_commit")
    change(out)
    old = (out / "export.manifest.json").read_bytes()
    finish(out)
    assert (out / "export.manifest.json").read_bytes() == old
    result = run(project, out)
    assert result["items"]["rendered"] == 11, "the one that was rendered lies in a part still"
    is_whole(project, out)


def test_an_export_that_finds_that_another_one_has_published_replaces_nothing(
    project: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project, out)
    add_item(project, "0003.png", seed=99)
    place = publishing.describe
    theirs: list[dict[str, bytes]] = []

    def meanwhile(*given: Any) -> Any:
        """Another export of the same name, of another project, comes to its end."""
        monkeypatch.setattr(publishing, "describe", place)
        (out / lease_path("export")).unlink()  # as somebody does who tidies up
        run(make_project(project.with_name("other"), items=5), out)
        theirs.append({path.name: path.read_bytes() for path in out.iterdir() if path.is_file()})
        return place(*given)

    monkeypatch.setattr(publishing, "describe", meanwhile)
    with pytest.raises(ArchiveError, match="another export published this archive meanwhile"):
        run(project, out)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == theirs[0]
    verify(FolderStorage(out), "export")
    run(project, out)
    is_whole(project, out)


def test_a_manifest_tells_the_identities_that_the_files_have(project: Path, out: Path) -> None:
    run(project, out, volume_size=40_000)
    storage = FolderStorage(out)
    raw = json.loads((out / "export.manifest.json").read_text())
    for file in [*raw["volumes"], raw["index"]]:
        entry = storage.stat(file["file"])
        assert entry is not None
        assert (entry.size, entry.identity) == (file["size"], file["identity"])
    assert raw["totals"]["bytes"] == sum(path.stat().st_size for path in out.glob("*.tar"))


def test_a_name_that_was_taken_for_a_renamed_archive_is_finished_too(project: Path, out: Path) -> None:
    run(project, out, if_exists="rename")
    add_item(project, "0003.png", seed=99)
    run_and_die(project, out, "_commit", if_exists="rename")
    assert (out / "export_000.tar").exists()
    assert not (out / "export_000.manifest.json").exists()
    result = run(project, out, if_exists="rename")
    assert (Path(result["archive"]).name, result["unchanged"]) == ("export_000.tar", True)
    assert verify(FolderStorage(out), "export_000")["items"] == 12
    assert not (out / WORK).exists()


def test_what_was_written_and_has_another_size_is_told(project: Path, out: Path) -> None:
    storage = FolderStorage(out)
    compose = storage.compose

    def cut(path: str, pieces: Any) -> Any:
        entry = compose(path, pieces)
        return replace(entry, size=100) if path == "export.tar" else entry

    storage.compose = cut  # type: ignore[method-assign]
    with pytest.raises(ArchiveError, match=r"export\.tar: has 100 bytes, not \d+, right after it was written"):
        run(project, storage)
    assert read_manifest(storage, "export") is None


def test_a_next_manifest_names_no_file_for_removal_that_is_no_volume_of_the_archive(project: Path, out: Path) -> None:
    run(project, out, volume_size=40_000)
    others = ("other.tar", "export.tar.tar", "export-1.tar", "exportx00001.tar", "export.index.jsonl")
    for name in others[:4]:
        (out / name).write_bytes(b"somebody's")
    add_item(project, "0003.png", seed=99)
    run_and_die(project, out, "_commit")
    path = out / next_manifest("export")
    raw = json.loads(path.read_text())
    raw.pop("sha256")
    assert raw["beside"]["replaces"][0] == "export-00001.tar"
    raw["beside"]["replaces"] += [*others, "../secret"]
    path.write_bytes(seal(raw))
    (out.parent / "secret").write_bytes(b"x")
    run(project, out)
    assert all((out / name).exists() for name in others)
    assert (out.parent / "secret").exists()
    assert not (out / "export-00001.tar").exists()


def test_a_plan_of_a_group_that_finds_nothing_changed_leaves_no_lists_where_parts_are_kept(
    project: Path, out: Path
) -> None:
    storage = FolderStorage(out)
    storage.keeps_parts = True
    first = plan_of(job_of(project), storage)
    render(job_of(project), storage, first)
    assemble(job_of(project), storage, first, Rendered(12))
    kept = sorted(path.name for path in (out / WORK).iterdir())
    assert kept
    again = plan_of(job_of(project), storage)
    assert again.plan.todo == 0
    assert assemble(job_of(project), storage, again, Rendered(0))["unchanged"]
    assert sorted(path.name for path in (out / WORK).iterdir()) == kept


def test_the_same_archive_under_another_name_is_linked(tmp_path: Path) -> None:
    project, out = make_project(tmp_path / "project", items=6), tmp_path / "out"
    run(project, out)
    result = run(project, out, layer(dst="other"), reuse="export")
    assert result["items"] == {"rendered": 0, "reused": 6, "skipped": 0}
    assert (out / "other.tar").samefile(out / "export.tar")
    verify(FolderStorage(out), "other")
    add_item(project, "0003.png", seed=99)
    run(project, out)
    assert not (out / "other.tar").samefile(out / "export.tar")
    for name in ("export", "other"):
        verify(FolderStorage(out), name)
    run(project, tmp_path / "fresh", volume_size=60_000)
    run(project, tmp_path / "fresh", layer(dst="other"), reuse="export", volume_size=60_000)
    volumes = sorted((tmp_path / "fresh").glob("export*.tar"))
    assert len(volumes) > 1
    for volume in volumes:
        other = volume.with_name(volume.name.replace("export", "other"))
        assert other.read_bytes() == volume.read_bytes()


@pytest.mark.parametrize("before", [False, True])
def test_volumes_of_a_run_that_died_between_them_do_not_outlive_a_run_with_fewer(
    project: Path, out: Path, before: bool
) -> None:
    if before:
        run(project, out, volume_size=20_000)
        add_item(project, "0003.png", seed=99)
    compose = FolderStorage.compose

    def dying(self: FolderStorage, path: str, pieces: Any) -> Any:
        if path == "export-00006.tar":
            raise Died
        return compose(self, path, pieces)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):
        patch.setattr(FolderStorage, "compose", dying)
        run(project, out, volume_size=15_000)
    assert (out / "export-00005.tar").exists()
    run(project, out, volume_size=60_000)
    is_whole(project, out, volume_size=60_000)


def test_a_run_that_fails_before_its_index_stands_leaves_nothing_half_written(project: Path, out: Path) -> None:
    run(project, out, volume_size=40_000)
    add_item(project, "0003.png", seed=99)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):
        patch.setattr("airflow_savemasks.engine.publish.assemble.take_out", die)
        run(project, out, volume_size=40_000)
    assert not [path for path in out.rglob("*") if path.name.endswith(".tmp")]
    assert not (out / next_index("export")).exists()

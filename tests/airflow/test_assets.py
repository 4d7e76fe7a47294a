"""The asset of an archive, names of metrics, names of lineage: without a run."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from airflow_savemasks.engine.errors import BadItemsError, ItemError
from airflow_savemasks.engine.progress import Progress
from tests.engine.test_errors_told import KINDS

pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.mark.parametrize(
    ("archive", "uri"),
    [
        ("/data/masks/space.tar", "file:///data/masks/space.tar"),
        ("/data/my masks #1?/é%.tar", "file:///data/my%20masks%20%231%3F/%C3%A9%25.tar"),
        ("s3://bucket/masks/space.tar", "s3://bucket/masks/space.tar"),
        ("s3://bucket/a#b.tar", "s3://bucket/a%23b.tar"),
        ("gs://bucket/a/b.tar", "gs://bucket/a/b.tar"),
        ("azure://container/a/b.tar", "azure://container/a/b.tar"),
        ("supervisely://team/5/masks/space.tar", "supervisely://team/5/masks/space.tar"),
    ],
)
def test_the_uri_of_an_archive_is_one_that_airflow_keeps(archive: str, uri: str) -> None:
    from airflow_savemasks.operators.assets import archive_asset

    asset = archive_asset(archive, group="masks")
    assert (asset.uri, asset.name, asset.group) == (uri, uri, "masks")


def test_the_asset_opens_the_archive(tmp_path: Any) -> None:
    from airflow_savemasks import open_archive
    from airflow_savemasks.operators.assets import archive_asset
    from tests.engine.samples import make_project, run

    result = run(make_project(tmp_path / "my project #1"), tmp_path / "my masks #1")
    assert len(open_archive(archive_asset(result["archive"]).uri)) == 4


def result_of(name: str = "space", **more: Any) -> dict[str, Any]:
    items = {"rendered": 1, "reused": 0, "skipped": 0}
    told = {"manifest": f"/out/{name}.manifest.json", "archive": f"/out/{name}.tar", "index": "", "bytes": 1}
    rest = {"manifest_sha256": "0" * 64, "classes": {}, "class_count": 0, "unchanged": False, "sources": []}
    return {**told, **rest, "items": items, **more}


def test_an_archive_in_volumes_is_the_same_asset_however_many_there_are() -> None:
    from airflow.sdk import AssetAlias

    from airflow_savemasks.operators.assets import archive_asset, tell_assets

    alias = AssetAlias("masks")
    for archive in ("/out/space.tar", "/out/space-00001.tar"):
        events = {alias: mock.Mock()}
        tell_assets([alias], events, result_of(archive=archive))
        (asset,) = events[alias].add.call_args.args
        assert asset == archive_asset("/out/space.tar")
        assert events[alias].add.call_args.kwargs["extra"]["archive"] == archive


def test_an_archive_whose_name_no_asset_can_have_is_published_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    from airflow.sdk import AssetAlias

    from airflow_savemasks.operators.assets import tell_assets

    alias = AssetAlias("masks")
    events = {alias: mock.Mock()}
    tell_assets([alias], events, result_of("é" * 400))
    assert not events[alias].add.called
    assert "no event is told of it" in caplog.text


@pytest.mark.parametrize("result", [None, [{"plan": "x"}], {"rendered": 1}])
def test_a_task_that_publishes_nothing_tells_no_asset(result: Any) -> None:
    from airflow.sdk import Asset, AssetAlias

    from airflow_savemasks.operators.assets import tell_assets

    tell_assets([Asset("a"), AssetAlias("b")], {}, result)
    tell_assets([Asset("a")], None, result_of())


def test_ids_become_parts_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_savemasks.operators import metrics

    stats = mock.Mock()
    monkeypatch.setattr(metrics, "_stats", lambda: stats)
    with metrics.counted({"dag_id": "d.é 1", "task_id": "group.save"}, Progress()) as count:
        count({"archive": "x", "items": {"reused": 0, "skipped": 0}, "bytes": 1, "unchanged": True})
    named = [call.args[0] for call in stats.incr.call_args_list]
    assert "savemasks.d____1.group__save.exports_unchanged" in named
    assert "savemasks.exports_unchanged" in named


@pytest.mark.parametrize("result", [None, [{"plan": "a batch"}], {"dry_run": True, "items": {}}])
@pytest.mark.parametrize("error", [None, KeyError("x"), BadItemsError([ItemError("a", "b", "c")] * 3)])
def test_what_did_not_happen_is_not_counted(result: Any, error: Exception | None) -> None:
    """A task that only planned has rendered nothing, not even no items."""
    from airflow_savemasks.operators.metrics import _emit_all

    told: list[tuple[str, str]] = []
    progress = Progress()
    with progress.stage("plan"):
        pass
    _emit_all(lambda kind, name, _: told.append((kind, name)), progress, result, error)
    failed = [("incr", "failures")] if error else []
    bad = [("incr", "items_bad")] if isinstance(error, BadItemsError) else []
    assert told == [("timing", "duration.plan"), *failed, *bad]


def test_metrics_that_cannot_be_emitted_fail_nothing(monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    from airflow_savemasks.operators import metrics

    monkeypatch.setattr(metrics, "PLACES", ("airflow_savemasks.nowhere",))
    with metrics.counted({}, Progress()) as count:
        count(None)
    assert "its metrics are not emitted: this Airflow has its metrics at none of" in caplog.text
    with pytest.raises(KeyError), metrics.counted({}, Progress()):
        raise KeyError


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_a_callback_on_failure_is_given_begins_with_the_fact(kind: Any) -> None:
    from airflow_savemasks.operators.outcome import outcome

    with pytest.raises(Exception) as raised, outcome():
        raise kind("s3://bucket/space.tar", "has 7 bytes, not 9", "Look who writes there")
    assert str(raised.value).startswith("s3://bucket/space.tar: has 7 bytes, not 9")


def test_names_of_datasets_have_no_secrets() -> None:
    from airflow_savemasks.operators.lineage import dataset_of
    from airflow_savemasks.operators.save_masks import SaveMasksOperator

    assert dataset_of("sftp://ann@host/x") == ("file://host", "/x")
    assert dataset_of("supervisely://project/17?tags=a", "http://127.0.0.1:8") == (
        "supervisely://127.0.0.1:8",
        "project/17",
    )
    sources = {"$data_1": "https://ann:geheim@host/a.tar?token=geheim", "$data_2": "supervisely://ws/p"}
    task = SaveMasksOperator(task_id="x", layer={}, sources=sources)
    (one,) = task.get_openlineage_facets_on_start().inputs
    assert (one.namespace, one.name) == ("https://host", "/a.tar")
    assert (
        SaveMasksOperator(task_id="y", layer={}, sources="{{ later }}").get_openlineage_facets_on_start().inputs == []
    )


@pytest.mark.parametrize("result", [{"dry_run": True, "items": {}}, [{"plan": "a batch"}], None])
def test_a_task_that_publishes_nothing_has_written_nothing_by_lineage(result: Any) -> None:
    pytest.importorskip("airflow.providers.openlineage")
    from airflow_savemasks.operators.save_masks import SaveMasksOperator

    task = SaveMasksOperator(task_id="save_masks", layer={})
    task.wrote(result)
    assert task.get_openlineage_facets_on_complete(None).outputs == []

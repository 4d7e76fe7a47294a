"""Exports in real runs, as others see them: events of assets, OpenLineage's file, a StatsD socket, the task's log."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.seen import StatsD, dags_test, team_files
from tests.engine.samples import make_project

INFO = re.compile(r"\[info +\] (.*?) +\[airflow_savemasks[.\w]*\] ")
ITEMS = 6


@dataclass
class Seen:
    """What one run left to see. sent: to StatsD; lineage: OpenLineage's events of tasks; said: all that was logged."""

    out: Path
    project: Path
    sent: StatsD
    lineage: list[dict[str, Any]]
    said: str

    def events(self, kind: str, task: str = "") -> list[dict[str, Any]]:
        """Of OpenLineage, of a task whose name ends so."""
        found = [event for event in self.lineage if event["eventType"] == kind and "." in event["job"]["name"]]
        return [event for event in found if event["job"]["name"].endswith(task)]

    def metrics(self, task: str) -> dict[str, tuple[float, str]]:
        return self.sent.found(f"airflow.savemasks.{task}.")


@pytest.fixture(scope="module")
def run_of(airflow_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Seen]:
    place = tmp_path_factory.mktemp("seen")
    project = make_project(place / "project", items=ITEMS)
    bad = make_project(place / "bad", items=ITEMS)
    (bad / "ds0/img/0001.png").write_bytes(b"x")

    def run(dag_id: str, name: str, *, broken: bool = False, conf: dict[str, Any] | None = None, **more: str) -> Seen:
        file = place / f"{name}.openlineage.jsonl"
        chosen = bad if broken else project
        with StatsD() as sent:
            environment = {
                "AIRFLOW__METRICS__STATSD_ON": "True",
                "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
                "AIRFLOW__METRICS__STATSD_PORT": str(sent.port),
                "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
                    {"type": "file", "log_file_path": str(file), "append": True}
                ),
                **team_files(place / "out"),
            }
            said = dags_test(
                airflow_home, dag_id, {"project": str(chosen), "dst": name, **(conf or {})}, **environment | more
            )
        lineage = [json.loads(line) for line in file.read_text().splitlines()]
        return Seen(place / "out", chosen, sent, lineage, said)

    return run


@pytest.fixture(scope="module")
def exported(run_of: Callable[..., Seen]) -> Seen:
    return run_of("seen_case", "alone")


@pytest.fixture(scope="module")
def again(run_of: Callable[..., Seen], exported: Seen) -> Seen:
    """The same once more, with a StatsD that has tags, and without names that have ids in them."""
    return run_of(
        "seen_case",
        "alone",
        AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED="True",
        AIRFLOW__METRICS__LEGACY_NAMES_ON="False",
    )


@pytest.fixture(scope="module")
def failed(run_of: Callable[..., Seen]) -> Seen:
    return run_of("seen_case", "failed", broken=True)


@pytest.fixture(scope="module")
def skipped(run_of: Callable[..., Seen]) -> Seen:
    return run_of("seen_case", "skipped", broken=True, conf={"on_bad_item": "skip"})


@pytest.fixture(scope="module")
def group(run_of: Callable[..., Seen]) -> Seen:
    return run_of("seen_group", "group")


def asset_events(uri: str) -> list[dict[str, Any]]:
    """The extras of all events of an asset, in their order."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        query = select(AssetEvent).join(AssetModel, AssetModel.id == AssetEvent.asset_id)
        rows = session.scalars(query.where(AssetModel.uri == uri).order_by(AssetEvent.id)).all()
        return [dict(row.extra) for row in rows]


def check_extra(extra: dict[str, Any], out: Path, name: str, rendered: int, *, unchanged: bool = False) -> None:
    manifest = out / f"{name}.manifest.json"
    assert extra["archive"] == str(out / f"{name}.tar")
    assert extra["manifest"] == str(manifest)
    assert extra["index"] == str(out / f"{name}.index.jsonl")
    assert extra["manifest_sha256"] == sha256(manifest.read_bytes()).hexdigest()
    assert extra["items"] == {"rendered": rendered, "reused": ITEMS - rendered, "skipped": 0}
    assert (extra["rendered"], extra["reused"]) == (rendered, ITEMS - rendered)
    assert extra["classes"] == {"leaf": ITEMS, "box": ITEMS}
    assert extra["unchanged"] is unchanged
    assert extra["bytes"] == (out / f"{name}.tar").stat().st_size


def test_an_alias_gets_an_event_of_the_archive_s_own_uri_where_nothing_changed_too(exported: Seen, again: Seen) -> None:
    first, second = asset_events(f"file://{exported.out}/alone.tar")
    check_extra(first, exported.out, "alone", ITEMS)
    check_extra(second, exported.out, "alone", 0, unchanged=True)


def test_an_asset_gets_the_same_and_so_does_the_group(exported: Seen, group: Seen, failed: Seen) -> None:
    events = {extra["archive"]: extra for extra in reversed(asset_events("seen_masks"))}
    check_extra(events[str(exported.out / "alone.tar")], exported.out, "alone", ITEMS)
    check_extra(events[str(group.out / "group.tar")], group.out, "group", ITEMS)
    check_extra(asset_events(f"file://{group.out}/group.tar")[0], group.out, "group", ITEMS)
    assert str(failed.out / "failed.tar") not in events
    assert asset_events(f"file://{failed.out}/failed.tar") == []


def test_metrics_of_an_export_reach_statsd(exported: Seen) -> None:
    for found in (exported.metrics("seen_case.save_masks"), exported.sent.found("airflow.savemasks.")):
        told = {name: value for name, value in found.items() if "." not in name or name.startswith("duration.")}
        assert {name: kind for name, (_, kind) in told.items()} == {
            "duration.plan": "ms", "duration.render": "ms", "duration.publish": "ms", "items_rendered": "c",
            "bytes_rendered": "c", "items_reused": "c", "items_skipped": "c", "images_per_second": "g",
            "archive_bytes": "g", "exports_published": "c",
        }  # fmt: skip
        assert [told[f"items_{what}"][0] for what in ("rendered", "reused", "skipped")] == [ITEMS, 0, 0]
        size = (exported.out / "alone.tar").stat().st_size
        assert 0 < told["bytes_rendered"][0] < told["archive_bytes"][0] == size
        seconds = told["duration.render"][0] / 1000
        assert told["images_per_second"][0] == pytest.approx(ITEMS / seconds, rel=0.01)
        assert told["exports_published"][0] == 1


def test_with_tags_the_ids_are_tags_and_where_legacy_names_are_off_in_no_name(again: Seen) -> None:
    lines = [line for line in again.sent.lines if "savemasks.items" in line or "savemasks.exports" in line]
    tags = ",dag_id=seen_case,task_id=save_masks"
    assert sorted(lines) == [
        f"airflow.savemasks.exports_unchanged{tags}:1|c",
        f"airflow.savemasks.items_rendered{tags}:0|c",
        f"airflow.savemasks.items_reused{tags}:{ITEMS}|c",
        f"airflow.savemasks.items_skipped{tags}:0|c",
    ]


def test_what_failed_and_what_was_skipped_is_counted(failed: Seen, skipped: Seen) -> None:
    found = failed.metrics("seen_case.save_masks")
    assert (found["failures"], found["items_bad"]) == ((1, "c"), (1, "c"))
    assert found["items_rendered"] == (ITEMS - 1, "c")
    assert set(found) & {"exports_published", "archive_bytes", "duration.publish"} == set()
    found = skipped.metrics("seen_case.save_masks")
    assert (found["items_skipped"], found["exports_published"]) == ((1, "c"), (1, "c"))
    assert "failures" not in found


def test_each_task_of_a_group_counts_its_part(group: Seen) -> None:
    parts = {task: group.metrics(f"seen_group.save_masks__{task}") for task in ("plan", "render", "assemble")}
    assert set(parts["plan"]) == {"duration.plan"}
    assert set(parts["render"]) == {"duration.render", "items_rendered", "bytes_rendered", "images_per_second"}
    assert parts["render"]["items_rendered"] == (ITEMS, "c")
    published = {"duration.publish", "items_reused", "items_skipped", "archive_bytes", "exports_published"}
    assert set(parts["assemble"]) == published


def test_lineage_has_the_source_and_the_archive_with_their_counts(exported: Seen, group: Seen) -> None:
    size = sum(file.stat().st_size for file in (exported.project / "ds0").rglob("*") if file.is_file())
    for seen, name, task in ((exported, "alone", "save_masks"), (group, "group", "save_masks.assemble")):
        (event,) = seen.events("COMPLETE", task)
        (source,) = event["inputs"]
        assert (source["namespace"], source["name"]) == ("file", str(seen.project))
        read = source["inputFacets"]["inputStatistics"]
        assert (read["rowCount"], read["size"]) == (ITEMS, size)
        archive, manifest = event["outputs"]
        assert (archive["namespace"], archive["name"]) == ("file", str(seen.out / f"{name}.tar"))
        assert (manifest["namespace"], manifest["name"]) == ("file", str(seen.out / f"{name}.manifest.json"))
        wrote = archive["outputFacets"]["outputStatistics"]
        whole = (seen.out / f"{name}.tar").stat().st_size
        assert (wrote["rowCount"], wrote["size"], wrote["fileCount"]) == (ITEMS, whole, 1)
        digest = sha256((seen.out / f"{name}.manifest.json").read_bytes()).hexdigest()
        assert archive["facets"]["version"]["datasetVersion"] == digest


def test_lineage_begins_with_the_sources_and_a_failure_has_no_output(exported: Seen, failed: Seen) -> None:
    for event in (*exported.events("START"), *failed.events("START"), *failed.events("FAIL")):
        assert [one["name"] for one in event["inputs"]] in ([str(exported.project)], [str(failed.project)])
        assert event["outputs"] == []
    assert failed.events("FAIL")


def test_where_nothing_was_written_lineage_counts_nothing_written(again: Seen) -> None:
    event = again.events("COMPLETE")[-1]
    assert len(again.events("COMPLETE")) == 2
    archive = event["outputs"][0]
    assert archive["name"] == str(again.out / "alone.tar")
    assert archive["outputFacets"] == {}
    assert event["inputs"][0]["inputFacets"]["inputStatistics"]["rowCount"] == ITEMS


def test_the_log_of_an_export_is_a_line_at_its_start_and_one_at_its_end(exported: Seen, again: Seen) -> None:
    archive = exported.out / "alone.tar"
    first, last = INFO.findall(exported.said)
    assert first == f"{archive}: {ITEMS} items, 0 of them finished already"
    times = r"[\d.]+ s \(plan [\d.]+, render [\d.]+, publish [\d.]+\)"
    assert re.fullmatch(rf"{re.escape(str(archive))}: {ITEMS} items, [\d.]+ kB, {times}, [\d.]+ images/s", last)
    first, last = INFO.findall(again.said)
    assert first == f"{archive}: {ITEMS} items, {ITEMS} of them finished already"
    assert re.fullmatch(rf"{re.escape(str(archive))}: {ITEMS} items, nothing changed, [\d.]+ kB, {times}", last)


def test_each_task_of_a_group_says_two_lines(group: Seen) -> None:
    archive = group.out / "group.tar"
    said = INFO.findall(group.said)
    assert said[:2] == [f"{archive}: {ITEMS} items, 0 of them finished already", said[1]]
    assert re.fullmatch(rf"{ITEMS} items to render in 2 batches, planned in [\d.]+ s", said[1])
    assert len(said) == 2 * (1 + 2 + 1)
    batch = re.compile(r"items \d to \d: 3 rendered, 0 reused, 0 bad, [\d.]+ images/s, [\d.]+ kB, [\d.]+ s")
    assert len([line for line in said if batch.fullmatch(line)]) == 2
    assert said[-1].startswith(f"{archive}: {ITEMS} items, ")

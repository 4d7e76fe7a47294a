"""`$data_1` finds its task, and an archive is verified, in real runs of DAGs (dags/nested_case.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import SettingsError, StorageError
from tests.airflow.test_dags import result_of
from tests.engine.samples import exported, make_project


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    connection = {"conn_type": "savemasks", "extra": {"root": str(tmp_path / "team")}}
    monkeypatch.setenv("AIRFLOW_CONN_NESTED_TEAM_FILES", json.dumps(connection))
    return tmp_path / "team"


def projects(tmp_path: Path, *items: int) -> list[str]:
    return [str(make_project(tmp_path / f"project{count}", items=count)) for count in items]


def state_of(run, task_id: str) -> list[str]:
    return [str(ti.state) for ti in run.get_task_instances() if ti.task_id == task_id]


@pytest.mark.usefixtures("team")
def test_in_nested_groups_the_nearest_task_of_that_name_is_meant(dags, tmp_path: Path) -> None:
    run = dags["nested_case"].test(run_conf={"projects": projects(tmp_path, 1, 2, 3)})
    assert run.state == "success"
    assert exported(result_of(run, "save_masks")) == 1
    assert exported(result_of(run, "outer.inner.save_masks")) == 2
    assert exported(result_of(run, "outer.other.fanned.assemble")) == 3


@pytest.mark.usefixtures("team")
def test_the_nearest_task_counts_even_if_it_returned_nothing(dags, tmp_path: Path) -> None:
    (one,) = projects(tmp_path, 1)
    run = dags["nested_case"].test(run_conf={"projects": [one, None, one]})
    assert state_of(run, "save_masks") == ["success"]
    assert state_of(run, "outer.inner.save_masks") == ["failed"]


def test_in_a_mapped_group_each_copy_takes_the_result_of_its_own_copy(dags, tmp_path: Path, team: Path) -> None:
    run = dags["mapped_case"].test(run_conf={"projects": projects(tmp_path, 1, 2, 3)})
    assert run.state == "success"
    assert state_of(run, "export.verify") == ["success"] * 3
    for index in range(3):
        manifest = json.loads((team / f"export.save_masks{index}.manifest.json").read_text())
        assert manifest["totals"]["items"] == index + 1


@pytest.mark.usefixtures("team")
def test_a_task_that_is_mapped_by_itself_is_refused_at_once(dags, tmp_path: Path) -> None:
    run = dags["alone_case"].test(run_conf={"projects": projects(tmp_path, 1, 2)})
    assert state_of(run, "save_masks") == ["failed"]
    (ti,) = [ti for ti in run.get_task_instances() if ti.task_id == "save_masks"]
    assert ti.try_number == 1


@pytest.mark.usefixtures("team")
def test_an_archive_is_verified_by_its_result_its_uri_or_its_name(dags, tmp_path: Path) -> None:
    run = dags["verify_case"].test(run_conf={"projects": projects(tmp_path, 4)})
    assert run.state == "success"
    for way in ("result", "text", "uri", "name"):
        assert result_of(run, f"verify_{way}")["items"] == 4


@pytest.mark.usefixtures("team")
def test_one_byte_that_is_another_fails_at_once(dags, tmp_path: Path) -> None:
    run = dags["verify_case"].test(run_conf={"projects": projects(tmp_path, 4), "harm": True})
    for way in ("result", "text", "uri", "name"):
        assert state_of(run, f"verify_{way}") == ["failed"], way
    tries = {ti.task_id: ti.try_number for ti in run.get_task_instances()}
    assert tries["verify_result"] == 1


@pytest.mark.usefixtures("airflow_home")
def test_the_error_of_a_damaged_archive_names_the_file(tmp_path: Path, team: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from airflow_savemasks.operators.verify import VerifyArchiveOperator
    from tests.engine.samples import run

    result = run(make_project(tmp_path / "project"), team)
    task = VerifyArchiveOperator(task_id="verify", archive=result, team_files_conn_id="nested_team_files")
    assert task.execute({})["items"] == 4
    content = bytearray(Path(result["archive"]).read_bytes())
    content[content.index(b"IHDR") + 4] ^= 1  # inside of a picture
    Path(result["archive"]).write_bytes(content)
    with pytest.raises(AirflowFailException, match=r"export\.tar: ds0/\S+ differs"):
        task.execute({})


@pytest.mark.usefixtures("airflow_home")
def test_an_archive_of_volumes_is_found_by_its_result_its_name_and_each_of_its_volumes(
    tmp_path: Path, team: Path
) -> None:
    from airflow_savemasks.operators.verify import VerifyArchiveOperator
    from tests.engine.samples import run

    result = run(make_project(tmp_path / "project"), team, volume_size=10_000)
    assert len(result["volumes"]) > 1
    texts = (f"\n {json.dumps(result)}", f" {result} ")  # as templates make them of a result
    for archive in (result, *texts, result["archive"], result["volumes"][-1], "export", "export.tar"):
        task = VerifyArchiveOperator(task_id="verify", archive=archive, team_files_conn_id="nested_team_files")
        assert task.execute({})["items"] == 4, archive


def test_sources_nested_too_deep_are_refused_by_name() -> None:
    from airflow_savemasks.operators.upstream import checked_sources

    with pytest.raises(SettingsError, match="sources: is a text that is no JSON"):
        checked_sources("[" * 100_000)


@pytest.mark.usefixtures("airflow_home")
@pytest.mark.parametrize(
    ("archive", "says"),
    [
        ("/elsewhere/export.tar", "does not lie in"),
        ("BESIDE", "does not lie in"),
        ("s3://bucket/export.tar", "does not lie in"),
        ("../export.tar", "does not lie in"),
        ("", "names none"),
        (None, "names none"),
        ({"items": 4}, "names none"),
        ("nobody", "no such archive"),
    ],
)
def test_what_names_no_archive_of_these_team_files_is_refused(archive, says: str, team: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from airflow_savemasks.operators.verify import VerifyArchiveOperator

    team.mkdir()
    if archive == "BESIDE":  # what begins with the name of their folder
        archive = f"{team}_b/export.tar"
    task = VerifyArchiveOperator(task_id="verify", archive=archive, team_files_conn_id="nested_team_files")
    with pytest.raises(AirflowFailException, match=says):
        task.execute({})


@pytest.mark.usefixtures("airflow_home")
def test_a_text_that_no_parser_takes_is_looked_for_by_its_name(team: Path) -> None:
    from airflow_savemasks.operators.verify import VerifyArchiveOperator

    team.mkdir()
    deep = '{"a":' * 100_000
    with pytest.raises(StorageError, match=str(team)):
        VerifyArchiveOperator(task_id="verify", archive=deep, team_files_conn_id="nested_team_files").execute({})


@pytest.mark.usefixtures("airflow_home")
def test_verifying_stops_when_it_is_killed(tmp_path: Path, team: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_savemasks.operators.verify import VerifyArchiveOperator
    from tests.engine.samples import run

    result = run(make_project(tmp_path / "project"), team)
    task = VerifyArchiveOperator(task_id="verify", archive=result, team_files_conn_id="nested_team_files")

    def killed(*_: object) -> None:
        task.on_kill()

    monkeypatch.setattr("airflow_savemasks.operators.verify.name_of", lambda *_: killed() or "export")
    with pytest.raises(SystemExit, match="^Stopped"):
        task.execute({})


@pytest.mark.usefixtures("team")
def test_a_password_in_a_mapped_exports_source_stands_in_no_rendered_field_and_no_log(
    dags, everything_stored, capfd: pytest.CaptureFixture[str]
) -> None:
    run = dags["secret_case"].test()
    assert state_of(run, "save_masks") == ["failed"]
    stored = everything_stored()
    assert "sftp://ann:***@host/x" in stored, "the rendered fields are there"
    assert "quite-a-secret" not in stored
    told = "".join(capfd.readouterr())
    assert "there is a password in the URI" in told
    assert "quite-a-secret" not in told

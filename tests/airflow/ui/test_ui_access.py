"""Who gets nothing from the Masks tab, and what nobody gets."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.ui.runs import Run, export, finished, set_xcom, token
from tests.engine.samples import LAYER, make_project

VALUES = {
    "map_index": "-1",
    "task_id": "save_masks",
    "number": "0",
    "kind": "human",
    "what": "archive",
    "name": "page.js",
}


def routes(run: Run) -> list[str]:
    """Every address of the tab, for a run."""
    from airflow_savemasks.ui.app import make_app

    found = []
    for route in make_app().routes:
        assert "{dag_id}" in route.path, "without it the right is asked for all DAGs"
        assert route.methods == {"GET"}
        path = route.path.replace("{dag_id}", run.dag_id).replace("{run_id}", run.run_id.replace("+", "%2B"))
        found.append("/savemasks" + re.sub(r"\{(\w+)\}", lambda match: VALUES[match[1]], path))
    assert len(found) > 12
    return found


def test_nobody_gets_anything_without_a_login(served: Any, shown: Run) -> None:
    for url in routes(shown):
        answer = served.get(url)
        assert (answer.status_code, answer.headers["x-content-type-options"]) == (401, "nosniff"), url
        assert served.get(url, headers={"Authorization": "Bearer x.y.z"}).status_code == 403, url


def test_who_has_no_right_gets_nothing(served: Any, shown: Run) -> None:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="nobody", role=None))
    for url in routes(shown):
        assert served.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 403, url


def test_the_right_is_asked_for_this_dag_and_its_xcoms(
    served: Any, admin: Any, shown: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity

    def only_another(*, method, access_entity, details, user) -> bool:
        assert (method, access_entity) == ("GET", DagAccessEntity.XCOM)
        return details.id != shown.dag_id

    monkeypatch.setattr(get_auth_manager(), "is_authorized_dag", only_another)
    for url in routes(shown):
        assert served.get(url, headers=admin).status_code == 403, url
        assert served.get(f"{url}?dag_id=another", headers=admin).status_code == 403, url


def test_a_viewer_sees_and_nobody_writes(served: Any, admin: Any, shown: Run) -> None:
    viewer = token(served, "vic")
    for url in routes(shown):
        answer = served.get(url, headers=viewer)
        assert answer.status_code in (200, 404), url  # there are no bad items
        assert "default-src 'none'" in answer.headers["content-security-policy"], url
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert served.request(method, url, headers=admin).status_code == 405, url


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "s3://somebody/else.tar",
        "http://127.0.0.1:1/x.tar",
        "{root}/../secret.tar",
        "{root}/a/../../secret.tar",
        "../secret.tar",
        "secret.tar",
        "{root}",
        "{root}/link.tar",
        "",
        7,
        None,
    ],
)
def test_a_result_that_names_something_else_opens_nothing(
    served: Any, admin: Any, shown: Run, team_files: Path, uri: Any
) -> None:
    from tests.engine.samples import run

    secret = team_files.parent / "secret.tar"
    if not secret.exists():
        run(make_project(team_files.parent / "secret project"), team_files.parent, {**LAYER, "dst": "secret"})
        for ending in (".tar", ".manifest.json", ".index.jsonl"):
            (team_files / f"link{ending}").symlink_to(team_files.parent / f"secret{ending}")
    told = uri.replace("{root}", str(team_files)) if isinstance(uri, str) else uri
    set_xcom(shown, {**shown.result, "archive": told})
    try:
        for url in (
            "items",
            "archive",
            "items/0/files/picture",
            "items/0/zip",
            "download/archive",
            "download/manifest",
        ):
            answer = served.get(f"{shown.tab}/{url}", headers=admin)
            assert answer.status_code in (404, 409, 502), (url, answer.content[:200])
            assert answer.headers["content-type"] == "application/json"
    finally:
        set_xcom(shown, shown.result)
    assert served.get(f"{shown.tab}/items", headers=admin).status_code == 200


def test_the_archive_of_another_dag_is_not_to_be_had_here(served: Any, admin: Any, shown: Run, dags) -> None:
    other = finished(dags["ingest_then_save_masks"].test())
    assert served.get(f"{other.tab}/items", headers=admin).json()["total"] == 3
    crossed = shown.tab.replace(shown.dag_id, other.dag_id)
    assert served.get(f"{crossed}/items", headers=admin).status_code == 404
    for name in ("archive", "uri", "path", "dst"):
        answer = served.get(f"{shown.tab}/items?{name}={other.result['archive']}", headers=admin)
        assert answer.json()["total"] == 7
    set_xcom(shown, other.result)  # it lies below the root of another connection than this task wrote through
    try:
        assert served.get(f"{shown.tab}/items", headers=admin).status_code == 409
    finally:
        set_xcom(shown, shown.result)


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "page.html", ".", "%2e%2e", "page.js%00", "sub/page.js"]
)
def test_no_file_but_the_page_s_own_is_an_asset(served: Any, admin: Any, shown: Run, path: str) -> None:
    answer = served.get(f"/savemasks/dags/{shown.dag_id}/assets/{path}", headers=admin)
    assert b"root:" not in answer.content
    assert answer.status_code in (404, 405) or "text/html" in answer.headers["content-type"]  # Airflow's own page


@pytest.mark.parametrize("name", ["7", "-1", "x", "../0", "99999999999999999999"])
def test_there_are_no_items_but_those_of_the_archive(served: Any, admin: Any, shown: Run, name: str) -> None:
    answer = served.get(f"{shown.tab}/items/{name}/files/picture", headers=admin)
    assert answer.status_code in (404, 422)


def test_there_are_no_kinds_but_four(served: Any, admin: Any, shown: Run) -> None:
    for kind in ("img", "../machine", "meta.json", "%2e%2e"):
        assert served.get(f"{shown.tab}/items/0/files/{kind}", headers=admin).status_code == 404


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"\x00" * 40,
    ],
)
def test_svg_or_html_that_is_called_png_is_not_given_out(
    served: Any, admin: Any, dags, team_files: Path, tmp_path: Path, content: bytes
) -> None:
    run = finished(export(dags, make_project(tmp_path / "project", 1), {**LAYER, "dst": f"forged{sum(content)}"}))
    forge(team_files, f"forged{sum(content)}", content)
    for asked in ("", "?max_side=300"):
        answer = served.get(f"{run.tab}/items/0/files/picture{asked}", headers=admin)
        assert (answer.status_code, answer.headers["content-type"]) == (415, "application/json")
        assert b"alert" not in answer.content
    assert served.get(f"{run.tab}/items/0/files/human", headers=admin).status_code == 200


def forge(team_files: Path, name: str, content: bytes) -> None:
    """Put other bytes in the place of an archive's first picture, and vouch for them in index and manifest."""
    from airflow_savemasks.engine.archive.published import seal
    from airflow_savemasks.engine.storage.opening import open_storage

    line = json.loads((team_files / f"{name}.index.jsonl").read_text())
    member = next(one for one in line["members"] if one["kind"] == "img")
    content = content.ljust(member["size"], b" ")[: member["size"]]
    member["sha256"] = sha256(content).hexdigest()
    tar, index = team_files / f"{name}.tar", team_files / f"{name}.index.jsonl"
    whole = bytearray(tar.read_bytes())
    at = line["offset"] + member["offset"]
    whole[at : at + len(content)] = content
    tar.write_bytes(whole)
    index.write_text(json.dumps(line) + "\n")
    storage = open_storage(str(team_files))
    raw = json.loads((team_files / f"{name}.manifest.json").read_text())
    raw["volumes"][0]["identity"] = storage.stat(tar.name).identity
    entry = storage.stat(index.name)
    raw["index"] |= {"size": entry.size, "identity": entry.identity, "sha256": sha256(index.read_bytes()).hexdigest()}
    (team_files / f"{name}.manifest.json").write_bytes(seal(raw))


def test_bytes_that_are_not_what_was_written_are_not_given_out(
    served: Any, admin: Any, dags, team_files: Path, tmp_path: Path
) -> None:
    import os

    run = finished(export(dags, make_project(tmp_path / "project", 1), {**LAYER, "dst": "rotten"}))
    tar = team_files / "rotten.tar"
    line = json.loads((team_files / "rotten.index.jsonl").read_text())
    member = next(one for one in line["members"] if one["kind"] == "masks_human")
    before = tar.stat()
    with tar.open("r+b") as file:
        file.seek(line["offset"] + member["offset"] + 60)
        file.write(b"rotten")
    os.utime(tar, ns=(before.st_atime_ns, before.st_mtime_ns))
    answer = served.get(f"{run.tab}/items/0/files/human", headers=admin)
    assert answer.status_code == 409
    assert "rotten" not in answer.text.replace("rotten.tar", "")


def test_the_page_runs_no_script_but_its_own(served: Any, admin: Any, shown: Run) -> None:
    page = served.get(f"/savemasks/{shown.place}/tasks/save_masks/-1", headers=admin)
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "://" not in page.text
    assert re.findall(r"<script(?![^>]*src=)|\son\w+=|style=", page.text) == []
    names = set(re.findall(r"assets/([\w.]+)", page.text))
    static = Path(__file__).parents[3] / "airflow_savemasks/ui/static"
    assert names == {path.name for path in static.iterdir()} - {"page.html"}, "what is imported is loaded at once"
    for name in names:
        assert served.get(f"/savemasks/dags/{shown.dag_id}/assets/{name}", headers=admin).status_code == 200


def test_the_page_makes_no_html_of_texts() -> None:
    static = Path(__file__).parents[3] / "airflow_savemasks/ui/static"
    sources = {path.name: path.read_text() for path in static.glob("*.js")}
    assert len(sources) > 8
    for name, text in sources.items():
        assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text), name
        imported = re.findall(r'from "([^"]+)"', text)
        assert all(one.removeprefix("./") in sources for one in imported), name
        assert "http" not in text.replace("https_", ""), name


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    code = (
        "import sys; import airflow_savemasks.ui.plugin;"
        "heavy = {'numpy', 'cv2', 'smart_open', 'fastapi', 'airflow_savemasks.ui.app'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

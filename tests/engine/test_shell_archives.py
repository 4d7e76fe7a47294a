"""The shell's verbs for an archive that is there: list, show, extract, verify."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_savemasks.__main__ import main
from tests.engine.samples import add_item, decoded, make_project, members, run


@pytest.fixture
def archive(tmp_path: Path) -> str:
    project = make_project(tmp_path / "project")
    for folder in ("img", "ann"):
        (project / "other" / folder).mkdir(parents=True)
    add_item(project, "Кот's <b>.png", 9, "other")
    add_item(project, "bare.png", 9, "other", objects=[])
    return str(run(project, tmp_path / "out")["archive"])


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What words write to standard output, or to standard error where they fail."""
    assert main(words) == code, capsys.readouterr().err
    found = capsys.readouterr()
    return found.err if code else found.out


def test_list_has_a_line_for_each_item_in_the_order_of_the_archive(
    archive: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(capsys, "list", archive).splitlines()
    names = [f"ds0/{number:04d}.png" for number in range(4)] + ["other/bare.png", "other/Кот's <b>.png"]
    assert [line.split("\t")[0] for line in lines] == sorted(names[:4]) + sorted(names[4:])
    assert lines[0].split("\t")[1:3] == ["40x30", "2 labels"]
    assert set(lines[0].split("\t")[3].split(", ")) <= {"leaf", "box"}
    assert len(said(capsys, "list", archive, "--dataset", "other").splitlines()) == 2
    shown = said(capsys, "list", archive, "--class", "box", "--json").splitlines()
    assert len(shown) == 5
    assert all(json.loads(line)["pixels"]["box"] > 0 for line in shown)


def test_show_tells_of_an_item_and_writes_its_files(
    archive: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = json.loads(said(capsys, "show", archive, "other/Кот's <b>.png"))
    assert facts["item"] == "other/Кот's <b>.png"
    assert (facts["width"], facts["height"], facts["labels"]) == (40, 30, 2)
    for kind, name in facts["files"].items():
        out = tmp_path / "x" / f"{kind}.png"
        result = json.loads(
            said(capsys, "show", archive, facts["item"], "--kind", kind, "--out", str(out)).splitlines()[-1]
        )
        assert out.read_bytes() == members(archive)[name]
        assert result["out"] == str(out)
    assert decoded((tmp_path / "x/human.png").read_bytes()).shape[1] > 80
    assert main(["show", archive, facts["item"], "--kind", "machine", "--out", str(tmp_path / "x")]) == 0
    assert (tmp_path / "x" / Path(facts["files"]["machine"]).name).is_file()
    done = subprocess.run(
        [sys.executable, "-m", "airflow_savemasks", "show", archive, "ds0/0001.png", "--kind", "picture"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout == members(archive)["ds0/img/0001.png"]


def test_extract_writes_a_project_that_can_be_exported_again(
    archive: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = json.loads(said(capsys, "extract", archive, "--out", str(tmp_path / "all")))
    expected = members(archive)
    assert (result["items"], result["files"]) == (6, len(expected))
    for name, content in expected.items():
        if name != "meta.json":
            assert (tmp_path / "all" / name).read_bytes() == content
    assert json.loads((tmp_path / "all/meta.json").read_bytes()) == json.loads(expected["meta.json"])
    again = run(tmp_path / "all", tmp_path / "again")
    assert members(again["archive"]) == expected
    words = ["extract", archive, "--out", str(tmp_path / "some"), "--item", "ds0/0002.png", "--kind", "machine"]
    assert json.loads(said(capsys, *words))["items"] == 1
    found = sorted(str(path.relative_to(tmp_path / "some")) for path in (tmp_path / "some").rglob("*.*"))
    assert found == ["ds0/masks_machine/0002.png", "meta.json"]
    assert (
        json.loads(said(capsys, "extract", archive, "--out", str(tmp_path / "o"), "--dataset", "other"))["items"] == 2
    )


SPLIT = {"shares": [["train", 0.5], ["val", 0.5]], "seed": "3"}


@pytest.fixture(params=["supervisely", "webdataset"])
def more(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An archive of every kind of mask that is one file, in two volumes at least, split."""
    project = make_project(tmp_path / "more", items=8)
    for folder in ("img", "ann"):
        (project / "other" / folder).mkdir(parents=True)
    add_item(project, "x.png", 9, "other")
    options = {"machine_png": "palette", "instances": "ids", "semantic": True, "class_maps": True, "split": SPLIT}
    return str(run(project, tmp_path / "out", **options, layout=request.param, volume_size=30_000)["archive"])


def test_every_kind_of_mask_can_be_read() -> None:
    from airflow_savemasks.engine.masks import registry
    from airflow_savemasks.engine.reading.kinds import KINDS

    assert {kind.name: kind.folder for kind in registry.KINDS}.items() <= KINDS.items()


def test_every_kind_of_mask_is_shown_as_the_file_that_it_is(
    more: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = json.loads(said(capsys, "show", more, "ds0/0003.png").splitlines()[-1])
    assert list(facts["files"]) == ["picture", "annotation", "human", "machine", "instances", "semantic"]
    assert facts["split"] in {"train", "val"}
    assert [one["id"] for one in facts["instances"]] == [1, 2]
    written = {}
    for volume in sorted(Path(more).parent.glob("*.tar")):
        written |= members(volume)
    for kind, name in facts["files"].items():
        said(capsys, "show", more, "ds0/0003.png", "--kind", kind, "--out", str(tmp_path / kind))
        assert (tmp_path / kind).read_bytes() == written[name]
    assert (tmp_path / "machine").read_bytes()[25] == 3, "a palette stays one"


def test_list_has_a_share_and_extract_writes_it(more: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shares = {name: said(capsys, "list", more, "--split", name).splitlines() for name in ("train", "val")}
    assert all(shares.values())
    assert sorted(shares["train"] + shares["val"]) == sorted(said(capsys, "list", more).splitlines())
    told = [json.loads(line) for line in said(capsys, "list", more, "--json", "--split", "val").splitlines()]
    assert {one["split"] for one in told} == {"val"}
    of_both = said(capsys, "list", more, "--split", "val", "--dataset", "ds0").splitlines()
    assert of_both == [line for line in shares["val"] if line.startswith("ds0/")]
    out = tmp_path / "extracted"
    words = ["extract", more, "--out", str(out), "--split", "val", "--kind", "instances", "--kind", "semantic"]
    result = json.loads(said(capsys, *words).splitlines()[-1])
    assert result["items"] == len(shares["val"])
    masks = [path for path in out.rglob("*.png") if path.is_file()]
    assert len(masks) == 2 * result["items"]
    says = "has no share 'test'\nfix: Choose of ['train', 'val']"
    assert says in said(capsys, "list", more, "--split", "test", code=2)


def test_where_each_label_has_a_file_one_is_shown_and_all_are_extracted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project(tmp_path / "p", items=1)
    archive = str(run(project, tmp_path / "out", instances="files")["archive"])
    err = said(capsys, "show", archive, "ds0/0000.png", "--kind", "instances", code=2)
    says = "--kind: ds0/0000.png has a file for each label\nfix: Choose of ['instances/box', 'instances/leaf']"
    assert says in err
    err = said(capsys, "show", archive, "ds0/0000.png", "--kind", "instances/bux", "--out", str(tmp_path / "x"), code=1)
    assert "fix: It has ['annotation', 'human', 'instances/box'" in err
    said(capsys, "show", archive, "ds0/0000.png", "--kind", "instances/box", "--out", str(tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == members(archive)["ds0/masks_instances/0000/box.png"]
    said(capsys, "extract", archive, "--out", str(tmp_path / "all"), "--kind", "instances")
    found = sorted(str(path.relative_to(tmp_path / "all")) for path in (tmp_path / "all").rglob("*.png"))
    assert found == ["ds0/masks_instances/0000/box.png", "ds0/masks_instances/0000/leaf.png"]
    assert "has no share 'train'\nfix: Export it" in said(capsys, "list", archive, "--split", "train", code=2)
    with pytest.raises(SystemExit) as wrong:
        main(["show", archive, "ds0/0000.png", "--kind", "human/x"])
    assert wrong.value.code == 2
    assert "invalid choice: 'human/x' (choose from picture" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["show", "ARCHIVE", "ds0/0009.png"], 2, "has no item 'ds0/0009.png'\nfix: Did you mean 'ds0/000"),
        (["list", "ARCHIVE", "--dataset", "dsO"], 2, "has no dataset 'dsO'\nfix: Choose of ['ds0', 'other']"),
        (["list", "ARCHIVE", "--class", "boxx"], 2, "has no class 'boxx'\nfix: Did you mean 'box'?"),
        (
            ["show", "ARCHIVE", "ds0/0001.png", "--out", "x.png"],
            2,
            "nothing says which file of the item\nfix: Add --kind",
        ),
        (["extract", "ARCHIVE", "--out", "/proc/x"], 2, "/proc/x/meta.json: cannot be written"),
    ],
)
def test_what_is_wrong_is_a_line_and_what_to_do_is_the_next(
    archive: str, words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    err = said(capsys, *[archive if word == "ARCHIVE" else word for word in words], code=code)
    assert err.startswith("error: ")
    assert says in err


@pytest.mark.parametrize("verb", [["verify"], ["list"], ["show", "x"], ["extract", "--out", "/tmp/x"]])
@pytest.mark.parametrize("place", ["out/nobody.tar", "nowhere/nobody.tar"])
def test_there_is_one_no_such_archive(
    archive: str, tmp_path: Path, verb: list[str], place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / place
    err = said(capsys, verb[0], str(path), *verb[1:], code=1)
    assert err == f"error: {path}: no such archive\nfix: Correct the name\n"


def test_a_damaged_file_is_neither_shown_nor_extracted(
    archive: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = Path(archive).stat()
    data = bytearray(Path(archive).read_bytes())
    at = data.index(b"IDAT") + 6
    data[at] ^= 1
    with Path(archive).open("r+b") as file:
        file.write(data)
    os.utime(archive, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    code = main(["extract", archive, "--out", str(tmp_path / "x")])
    assert code == 1
    assert "error: " in capsys.readouterr().err


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    from airflow_savemasks.engine.errors import ArchiveError
    from airflow_savemasks.shell.archives import _below

    assert _below(tmp_path, "ds0/img/a.png") == tmp_path / "ds0/img/a.png"
    for name in ("../x", "/etc/x", "a//b", "a/../../b", "a/./b"):
        with pytest.raises(ArchiveError, match="leads out of the folder"):
            _below(tmp_path, name)


@pytest.mark.parametrize(("count", "more"), [(0, ""), (2, ""), (3, "... and 1 more\n")])
def test_a_table_says_how_many_rows_it_does_not_show(count: int, more: str, capsys: pytest.CaptureFixture[str]) -> None:
    from airflow_savemasks.shell.reports import _table
    from airflow_savemasks.shell.screen import Screen

    _table(Screen(), ["removed", "size"], [["a\tb", "1"], ["c", "22"]], count)
    assert capsys.readouterr().err == f"\nremoved  size\na\\tb     1\nc        22\n{more}"


def test_where_there_is_no_bar_a_line_is_said_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from airflow_savemasks.shell import screen

    with screen.Screen().bar("verifying", "bytes") as bar:
        for done in range(5):
            bar.at(done, 9)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(screen, "LINES", 0.0)
        bar.at(5, 9)
        bar.at(6, 9, "6 B of 9 B")
    assert capsys.readouterr().err == "verifying: 5/9 bytes\nverifying: 6 B of 9 B\n"


def test_a_reader_that_goes_away_is_no_error(archive: str) -> None:
    command = f"set -o pipefail; {sys.executable} -m airflow_savemasks list {archive} --json | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode in {0, 141}
    assert not done.stderr


def test_no_verb_for_archives_imports_airflow_or_what_another_one_needs(archive: str) -> None:
    code = (
        "import sys\n"
        "from airflow_savemasks.__main__ import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "found = {'airflow', 'smart_open', 'boto3'} & set(sys.modules)\n"
        "assert not found, found\n"
    )
    for words in (["list", archive], ["verify", archive]):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_verify_tells_how_far_it_is(archive: str) -> None:
    from airflow_savemasks.engine.archive.verify import verify
    from airflow_savemasks.engine.storage.opening import open_storage

    told: list[tuple[int, int]] = []
    verify(open_storage(str(Path(archive).parent)), "export", tell=lambda done, whole: told.append((done, whole)))
    size = Path(archive).stat().st_size
    assert told[-1] == (size, size)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ds0/a b.png", "ds0/a b.png"),
        ("ds0/Кот 🐈.png", "ds0/Кот 🐈.png"),
        ("ds0/a\nb.png", "ds0/a\\nb.png"),
        ("ds0/\x1b[31m.png", "ds0/\\x1b[31m.png"),
        ("ds0/\u202egnp.exe", "ds0/\\u202egnp.exe"),
        ("ds0/\u2028x", "ds0/\\u2028x"),
    ],
)
def test_a_name_stays_on_its_line_and_moves_no_cursor(name: str, shown: str) -> None:
    from airflow_savemasks.shell.text import on_a_line

    assert on_a_line(name) == shown

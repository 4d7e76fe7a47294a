"""The shell's verbs, its flags for the options, and the file of --options."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks import __version__
from airflow_savemasks.__main__ import main
from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.settings.gates import Gates
from airflow_savemasks.engine.settings.human_mask import HumanMask
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.settings.pick import Pick
from airflow_savemasks.engine.settings.split import Split
from airflow_savemasks.shell.flags import chosen
from airflow_savemasks.shell.words import parser
from tests.engine.samples import LAYER, make_project


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "layer.json").write_text(json.dumps(LAYER))
    make_project(tmp_path / "project")
    return [str(tmp_path / "layer.json"), "--source", str(tmp_path / "project"), "--team-files", str(tmp_path / "out")]


def test_every_option_but_the_one_for_airflow_is_a_flag_whose_help_has_its_sentence_and_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    help_text = helped(capsys, "export", "--help")
    for name, field in Options.model_fields.items():
        flag = f"--{name.replace('_', '-')}".removesuffix("s" if name in {"limits", "gates"} else "")
        if name == "retry_bad_items":
            assert flag not in help_text
            continue
        default = {"True": "true", "False": "false", "None": "none"}.get(str(field.default), field.default)
        default = {"limits": "none", "human": "none", "keep_parts_days": "7"}.get(name, default)
        assert re.search(rf"{flag}\b[^()]* {re.escape(f'{field.description} (default: {default})')}", help_text), name
    for name, field in Limits.model_fields.items():
        assert f"{name}={field.default}: {field.description}" in help_text


def helped(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a help says, as one line."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    return re.sub(r"\s+", " ", capsys.readouterr().out)


def test_the_help_lists_the_verbs_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    said = helped(capsys, "--help")
    for verb in ("export", "verify", "ingest"):
        line = re.search(rf" {verb} ([a-z][^.]{{20,80}})", said)
        assert line, verb
        assert line[1].split(" ")[0] in helped(capsys, verb, "--help").lower()
    assert helped(capsys, "layer.json", "--help") == helped(capsys, "export", "--help")
    for words in (["--version"], ["export", "--version"], ["verify", "--version"]):
        assert helped(capsys, *words).strip() == __version__
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2


def test_words_without_a_verb_are_those_of_export(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = []
    for line in (words, ["export", *words], ["--debug", *words]):
        assert main([*line, "--no-reuse"]) == 0
        result = json.loads(capsys.readouterr().out)
        results.append({**result, **dict.fromkeys(("seconds", "stages", "summary", "manifest_sha256"))})
    assert results[0] == results[1] == results[2]


def parsed(tmp_path: Path, in_file: Any, *flags: str) -> Options:
    """The options that a file and flags give."""
    (tmp_path / "options.json").write_text(in_file if isinstance(in_file, str) else json.dumps(in_file))
    args = parser().parse_args(
        ["export", "x", "--team-files", "y", "--options", str(tmp_path / "options.json"), *flags]
    )
    return chosen(args, lambda path: Path(path).read_text())


def test_options_come_from_a_file_and_flags_win_over_it(tmp_path: Path) -> None:
    in_file: dict[str, Any] = {
        "machine_png": "rgb", "unlisted": "auto", "overlap": "area", "line_width": 3, "instances": "ids",
        "semantic": True, "class_maps": True, "layout": "webdataset", "redact": True,
        "human": {"alpha": 0.3, "quality": 80}, "pick": {"classes": ["kiwi"], "labelled": True},
        "split": {"shares": {"a": 0.5, "b": 0.5}, "seed": "1"},
        "strict_colors": "all", "unknown_colors": "error",
        "on_bad_item": "skip", "max_skipped": 3, "if_exists": "rename",
        "retry_bad_items": True, "reuse": "older", "workers": 2, "volume_size": "5000000", "keep_parts_days": 0.5,
        "limits": {"labels": 7, "nesting": 3}, "gates": {"min_items": 3, "classes_present": ["kiwi"]}, "keep": 7,
    }  # fmt: skip
    assert set(in_file) == set(Options.model_fields)
    assert parsed(tmp_path, in_file) == Options(**in_file)
    assert parsed(tmp_path, {}) == parsed(tmp_path, {"workers": None, "limits": None}) == Options()
    flags = {
        "machine_png": ["--machine-png", "auto"], "strict_colors": ["--no-strict-colors"], "reuse": ["--no-reuse"],
        "on_bad_item": ["--on-bad-item", "fail"], "max_skipped": ["--max-skipped", "100"],
        "if_exists": ["--if-exists", "replace"], "volume_size": ["--volume-size", ""], "workers": ["--workers", "none"],
        "keep_parts_days": ["--keep-parts-days", "7"], "keep": ["--keep", "none"],
        "unknown_colors": ["--unknown-colors", "typos"],
    }  # fmt: skip
    flags |= {
        "unlisted": ["--unlisted", "skip"], "overlap": ["--overlap", "order"], "line_width": ["--line-width", "1"],
        "instances": ["--instances", "none"], "semantic": ["--no-semantic"], "class_maps": ["--no-class-maps"],
        "layout": ["--layout", "supervisely"], "redact": ["--no-redact"],
    }  # fmt: skip
    for name, given in flags.items():
        expected = False if name == "reuse" else Options.model_fields[name].default
        assert parsed(tmp_path, in_file, *given) == Options(**{**in_file, name: expected}), name
    assert parsed(tmp_path, in_file, "--reuse", "true") == Options(**{**in_file, "reuse": True})
    for flag, meant in (("--strict-colors", True), ("--strict-colors-all", "all")):
        assert parsed(tmp_path, {}, flag) == Options(strict_colors=meant)
    for flag, meant in (("--semantic", True), ("--no-semantic", False)):
        assert parsed(tmp_path, {}, flag) == Options(semantic=meant)
    limits = parsed(tmp_path, in_file, "--limit", "labels=9", "--limit", "members=5").limits
    assert limits == Limits(labels=9, nesting=3, members=5)
    objects = ["--human", "alpha=0.5", "--pick", "classes=lemon", "--pick", "classes=fig", "--split", "seed=2026"]
    options = parsed(tmp_path, in_file, *objects)
    assert options.human == HumanMask(alpha=0.5, quality=80)
    assert options.pick == Pick(classes=["lemon", "fig"], labelled=True)
    assert options.split == Split(shares={"a": 0.5, "b": 0.5}, seed="2026")
    gates = parsed(tmp_path, in_file, "--gate", "max_unlabelled=0.2", "--gate", "classes_present=fig").gates
    assert gates == Gates(min_items=3, max_unlabelled=0.2, classes_present=["fig"])
    with pytest.raises(SettingsError, match=r"line_width: 'wide' is no whole number"):
        parsed(tmp_path, {}, "--line-width", "wide")
    with pytest.raises(SettingsError, match=r"--human: 'overlay' is not NAME=VALUE. Write one, such as --human alpha"):
        parsed(tmp_path, {}, "--human", "overlay")
    with pytest.raises(SettingsError, match=r"human.alhpa: there is no such .* Did you mean 'alpha'\?"):
        parsed(tmp_path, {}, "--human", "alhpa=0.3")


@pytest.mark.parametrize(
    ("in_file", "says"),
    [
        ({"workers": "many"}, "options.json, workers: 'many' is no whole number from 1 on"),
        ({"limits": {"lables": 5}}, "options.json, limits.lables: there is no such limit. Did you mean 'labels'?"),
        ({"worker": 2}, "options.json, worker: there is no such option. Did you mean 'workers'?"),
        ({"workers": 0, "reuse": "../x"}, "options.json, options: 2 of them are wrong"),
        ([1], "options.json: is no JSON object"),
        ("{", "options.json: is no JSON"),
        ("[" * 100_000, "options.json: is no JSON"),
        ('{"workers": 1, "workers": 2}', "'workers' is there twice"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_the_file(tmp_path: Path, in_file: Any, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parsed(tmp_path, in_file)
    assert says in str(refused.value)


def test_the_file_of_options_may_be_standard_input(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"limits": {"labels": 1}}'))
    assert main([*words, "--options", "-"]) == 1
    assert "labels" in capsys.readouterr().err
    assert main(["-", *words[1:], "--options", "-"]) == 2
    assert "read from standard input already" in capsys.readouterr().err
    assert main([*words, "--options", "/no/such/file"]) == 2
    assert "/no/such/file: cannot be read" in capsys.readouterr().err


def test_ingest(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = tmp_path / "project"
    inbox = tmp_path / "inbox"
    shutil.copytree(project / "ds0/img", inbox)
    shutil.copytree(project / "ds0/ann", inbox, dirs_exist_ok=True)
    shutil.copy(project / "meta.json", inbox)
    for happened in ("added", "unchanged"):
        assert main(["ingest", str(inbox), "--project", str(tmp_path / "new"), "--dataset", "ds0"]) == 0
        assert len(json.loads(capsys.readouterr().out)[happened]) == 4
    (inbox / "meta.json").unlink()
    assert main(["ingest", str(inbox), "--project", str(tmp_path / "new"), "--dataset", "ds0"]) == 1


def test_a_mistyped_verb_is_told_with_the_one_that_is_meant(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for wrong, meant in (("exprt", "export"), ("verfy", "verify"), ("shwo", "show")):
        with pytest.raises(SystemExit) as ended:
            main([wrong, "layer.json"])
        assert ended.value.code == 2
        assert f"there is no verb {wrong!r}; did you mean {meant!r}?" in capsys.readouterr().err
    (tmp_path / "exports").write_text("{}")  # a file of that name is a layer
    with pytest.raises(SystemExit):
        main(["exports"])
    assert "--team-files" in capsys.readouterr().err

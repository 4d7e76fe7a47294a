"""Every command and every code block of docs/ and of the README runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, Story, blocks_of, commands_of, matches, needs_of, parse
from tests.tools import raised, reference_pages

ELSEWHERE = {  # pages whose blocks another test runs, all of them
    "masks.md": "tests/readers/test_masks_page.py",
    "samples.md": "tests/airflow/test_dags.py",
    "observability.md": "tests/airflow/test_observability_page.py",
}
PAGES = sorted(
    page
    for page in [*DOCS.rglob("*.md"), ROOT / "README.md"]
    if page.name not in ELSEWHERE and blocks_of(page.read_text("utf-8"))
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_runs(page: Path, folder: Path, env: dict[str, str], request: pytest.FixtureRequest) -> None:
    for need in needs_of(page.read_text("utf-8")):
        env |= request.getfixturevalue(need)
    Story(page, folder, env).run()


def test_pages_that_are_made_from_the_code_are_what_is_made() -> None:
    for name, make in reference_pages.PAGES.items():
        found = (reference_pages.REFERENCE / name).read_text("utf-8")
        assert found == make(), f"{name}: run python tests/tools/reference_pages.py"


def test_errors_are_found_where_they_are_raised() -> None:
    found = raised.by_kind()
    assert ("pick leaves out all ‹left out› pictures", "Ask for less in pick") in found["ProjectError"]
    assert ("is no share from 0 to 1", "Write one, such as 0.2 for a fifth") in found["SettingsError"]
    assert sum(map(len, found.values())) > 150


def test_pages_that_run_elsewhere_name_the_test_that_does() -> None:
    for page, test in ELSEWHERE.items():
        assert {"masks.md": "masks_page", "samples.md": "dags[dag_id].test", "observability.md": "observability.md"}[
            page
        ] in (ROOT / test).read_text("utf-8")


def story(tmp_path: Path, text: str) -> Story:
    page = ROOT / ".story.md"
    (tmp_path / "page.md").write_text(text)
    found = Story(tmp_path / "page.md", tmp_path, {"PATH": "/usr/bin:/bin"})
    found.page = type("Page", (), {"read_text": lambda *_: text, "relative_to": lambda *_: page.name})()
    return found


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ false\n```\n",
        "```console\n$ echo one\ntwo\n```\n",
        "```bash\nexit 3\n```\n",
        "```python\nraise ValueError\n```\n",
        "```json\n{\n```\n",
        "```yaml\na: [\n```\n",
        "```haskell\nmain\n```\n",
        "<!-- run by: README.md -->\n```console\n$ no such command there\n```\n",
        "<!-- file: a.json -->\n```json\n{\n```\n",
        "1. in a list\n\n    ```console\n    $ false\n    ```\n",
        "<!-- fails: 2 -->\n```console\n$ true\n```\n",
    ],
)
def test_a_block_that_does_not_run_or_parse_or_is_of_an_unknown_language_is_seen(tmp_path: Path, text: str) -> None:
    with pytest.raises((AssertionError, SyntaxError)):
        story(tmp_path, text).run()


def test_a_story_keeps_files_folder_and_environment(tmp_path: Path) -> None:
    text = (
        "<!-- file: a/b.txt -->\n```text\nhello\n```\n```bash\nexport NAME=you\n```\n"
        '```console\n$ echo "$NAME" >> \\\n  a/b.txt\n$ cat a/b.txt\nhe...\nyou\n```\n'
        "<!-- fails: 3 -->\n```console\n$ exit 3\n```\n"
    )
    assert story(tmp_path, text).run() == 4


def test_output_is_compared_line_by_line_with_gaps() -> None:
    assert matches("a 1 b\nnoise\nc", "a ... b\nc")
    assert not matches("c\na 1 b", "a ... b\nc")
    assert not matches("a 1 b and more", "a ... b")
    assert list(commands_of("$ a \\\n  b\nout\n\n$ c\n")) == [("a \\\n  b", "out"), ("c", "")]


def test_what_is_shown_as_text_is_not_run(tmp_path: Path) -> None:
    assert story(tmp_path, "```text\n$ false\n```\n").run() == 0
    parse(blocks_of("```json\n[1]\n```\n")[0], "here")

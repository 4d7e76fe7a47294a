"""Options of more-masks: JSON types and nothing else, but from templates and words of a shell what these mean."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.settings.human_mask import HumanMask
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.settings.pick import Pick
from airflow_savemasks.engine.settings.split import Split
from airflow_savemasks.engine.settings.texts import below, checked, from_texts

HALVES = {"shares": {"a": 0.5, "b": 0.5}}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("machine_png", None, "machine_png: None is unknown. Choose of ['auto', 'rgb', 'palette', 'gray16']"),
        ("machine_png", " rgb", "machine_png: ' rgb' is unknown"),
        ("unlisted", None, "unlisted: None is unknown"),
        ("overlap", True, "overlap: True is unknown"),
        ("line_width", "3", "line_width: '3' is no whole number from 1 to 32767"),
        ("line_width", 3.0, "line_width: 3.0 is no"),
        ("line_width", True, "line_width: True is no"),
        ("line_width", 0, "line_width: 0 is no"),
        ("line_width", 32768, "line_width: 32768 is no"),
        ("human", None, "human: None is no JSON object"),
        ("human", "{}", "human: '{}' is no JSON object"),
        ("human", {"alpha": True}, "human.alpha: True is no number from 0 to 1"),
        ("human", {"alpha": 10**400}, "human.alpha: 1000"),
        ("human", {"alpha": float("nan")}, "human.alpha: nan is no"),
        ("human", {"max_side": 2}, "human.max_side: 2 is no whole number from 3 to 2147483647"),
        ("human", {"max_side": 2**31}, "human.max_side: 2147483648 is no"),
        ("human", {"quality": 0}, "human.quality: 0 is no whole number from 1 to 100"),
        ("human", {"aplha": 0.1}, "human.aplha: there is no such key. Did you mean 'alpha'?"),
        ("human", {1: 0.1}, "human.1: there is no such key"),
        ("instances", "none", "instances: 'none' is unknown. Choose of ['ids', 'files'], or null"),
        ("semantic", 1, "semantic: 1 is neither true nor false"),
        ("class_maps", "true", "class_maps: 'true' is neither"),
        ("pick", [], "pick: [] is no JSON object"),
        ("pick", {"tags": []}, "pick.tags: [] is no list of names"),
        ("pick", {"tags": "train"}, "pick.tags: 'train' is no list"),
        ("pick", {"tags": None}, "pick.tags: None is no list"),
        ("pick", {"classes": ["kiwi", 3]}, "pick.classes: 3 is no text"),
        ("pick", {"classes": ["\ud83d"]}, "pick.classes: '\\ud83d' has half of a surrogate pair"),
        ("pick", {"labelled": 1}, "pick.labelled: 1 is neither"),
        ("pick", {"labeled": True}, "pick.labeled: there is no such key. Did you mean 'labelled'?"),
        ("split", {}, "split.shares: is missing"),
        ("split", {"shares": {}}, "split.shares: {} is neither an object of shares nor a list of pairs"),
        ("split", {"shares": {"a": 0.5, "b": 0.4}}, "split.shares: {'a': 0.5, 'b': 0.4} adds up to 0.9, not to 1"),
        ("split", {"shares": {"a": 1.0, "b": 0}}, "split.shares: 0 is no share of 'b'"),
        ("split", {"shares": {"a": True}}, "split.shares: True is no share of 'a'"),
        ("split", {"shares": {"a": "1"}}, "split.shares: '1' is no share of 'a'"),
        ("split", {"shares": {"a": 10**400}}, "split.shares: 1000"),
        ("split", {"shares": {"a": 0.5, "A": 0.5}}, "split.shares: ['a', 'A'] has a name twice"),
        ("split", {"shares": [["a", 0.5], ["a", 0.5]]}, "split.shares: ['a', 'a'] has a name twice"),
        ("split", {"shares": [["a", 0.5, 1]]}, "split.shares: ['a', 0.5, 1] is no pair"),
        ("split", {"shares": {".a": 1}}, "split.shares: '.a' cannot name a file"),
        ("split", {"shares": {"a/b": 1}}, "split.shares: 'a/b' cannot name a file"),
        ("split", {"shares": {"a\x7f": 1}}, "split.shares: 'a\\x7f' cannot name a file"),
        ("split", {"shares": {"": 1}}, "split.shares: '' has 0 characters"),
        ("split", {"shares": {"a" * 101: 1}}, "split.shares: 'aaaa"),
        ("split", HALVES | {"by": "picture"}, "split.by: 'picture' is unknown"),
        ("split", HALVES | {"by": "tag:"}, "split.by: 'tag:' is unknown"),
        ("split", HALVES | {"seed": 2026}, "split.seed: 2026 is no text"),
        ("split", HALVES | {"seed": "\udc00"}, "split.seed: '\\udc00' has half of a surrogate pair"),
        ("layout", "tar", "layout: 'tar' is unknown. Choose of ['supervisely', 'webdataset']"),
        ("redact", "yes", "redact: 'yes' is neither true nor false"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_is_right(name: str, value: Any, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Options(**{name: value})
    assert str(refused.value).startswith(says)


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        Options(human={"alpha": 2, "quality": 0}, pick={"tags": []}, line_width=0, unlisted="no")
    for name in ("human.alpha", "human.quality", "pick.tags", "line_width", "unlisted"):
        assert f"\n  {name}: " in str(refused.value)


def test_a_file_an_instance_has_no_place_in_a_webdataset() -> None:
    with pytest.raises(SettingsError, match="instances: 'files' cannot be had with layout \"webdataset\""):
        Options(instances="files", layout="webdataset")
    Options(instances="ids", layout="webdataset")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ({"line_width": "3"}, {"line_width": 3}),
        ({"semantic": "True"}, {"semantic": True}),
        ({"redact": "false"}, {"redact": False}),
        ({"human": "{'alpha': 0.3, 'max_side': None}"}, {"human": HumanMask(alpha=0.3)}),
        ({"human": '{"format": "jpeg"}'}, {"human": HumanMask(format="jpeg")}),
        ({"human": ""}, {}),
        ({"human": None}, {}),
        ({"instances": " ids "}, {"instances": "ids"}),
        ({"instances": "None"}, {"instances": None}),
        ({"unlisted": ""}, {}),
        ({"pick": '{"classes": ["kiwi"]}'}, {"pick": Pick(classes=["kiwi"])}),
        ({"split": "{'shares': [['a', 0.5], ['b', 0.5]]}"}, {"split": Split(**HALVES)}),
    ],
)
def test_a_template_s_text_is_what_it_means(text: dict[str, Any], meant: dict[str, Any]) -> None:
    assert checked(text) == Options(**meant)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ({"line_width": "3.5"}, "line_width: 3.5 is no whole number"),
        ({"line_width": "wide"}, "line_width: 'wide' is no whole number"),
        ({"line_width": True}, "line_width: True is no whole number"),
        ({"semantic": "1"}, "semantic: 1 is neither"),
        ({"human": "overlay"}, "human: 'overlay' is no JSON object"),
        ({"human": "__import__('os')"}, 'human: "__import__'),
        ({"human": "[" * 10_000}, "human: '[[["),
        ({"unlisted": None}, "unlisted: None is unknown"),
        ({"instances": "both"}, "instances: 'both' is unknown"),
        ({"human": '{"alpha": 0.5, "alpha": 0.7}'}, """human: '{"alpha": 0.5, "alpha": 0.7}' is no JSON object"""),
        ({"split": '{"shares": {"a": 0.5, "a": 1}}'}, """split: '{"shares": {"a": 0.5, "a": 1}}' is no JSON object"""),
        ({"split": below("split", [("shares", '{"a": 0.5, "a": 1}')])}, 'split.shares: \'{"a": 0.5, "a": 1}\' is nei'),
    ],
)
def test_a_template_s_text_that_means_nothing_of_the_kind_is_refused(text: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        checked(text)
    assert str(refused.value).startswith(says)


def test_an_option_that_does_not_exist_is_refused_as_a_text_too() -> None:
    with pytest.raises(SettingsError, match=r"line_widht: there is no such option. Did you mean 'line_width'\?"):
        checked({"line_widht": "3"})


def test_older_options_come_through_as_they_are() -> None:
    assert from_texts({"workers": "3", "reuse": "none"}) == {"workers": "3", "reuse": "none"}


def test_an_object_s_words_in_a_shell() -> None:
    assert below("human", [("alpha", "0.3"), ("layout", "overlay")]) == {"alpha": 0.3, "layout": "overlay"}
    assert below("pick", [("classes", "kiwi"), ("classes", "12"), ("labelled", "true")]) == {
        "classes": ["kiwi", "12"],
        "labelled": True,
    }
    assert below("pick", [("classes", '["a", "b"]')]) == {"classes": ["a", "b"]}
    shares = [("shares", '{"a": 0.5, "b": 0.5}'), ("seed", "2026")]
    assert below("split", shares) == {"shares": {"a": 0.5, "b": 0.5}, "seed": "2026"}


@pytest.mark.parametrize(
    ("seed", "key", "share"),
    [
        ("2026", "ds0/0001.jpg", "train"),
        ("2026", "ds0/0004.jpg", "val"),
        ("2026", "ds0/0009.jpg", "test"),
        ("2026", "street/night/0007.jpg", "train"),
        ("2026", "street/night", "train"),
        ("2026", "12.5", "train"),
        ("2026", "улица/кот 🐈.png", "train"),
        ("", "ds0/0001.jpg", "train"),
        ("", "ds0/0003.jpg", "test"),
        ("", "street/night/0001.jpg", "val"),
    ],
)
def test_a_picture_s_share_depends_on_seed_and_key_alone(seed: str, key: str, share: str) -> None:
    assert Split(shares={"train": 0.8, "val": 0.1, "test": 0.1}, seed=seed).share_of(key) == share


@pytest.mark.parametrize(("seed", "counts"), [("2026", [813, 96, 91]), ("", [821, 94, 85])])
def test_a_thousand_pictures_are_shared_out_as_the_specification_counts_them(seed: str, counts: list[int]) -> None:
    split = Split(shares=[["train", 0.8], ["val", 0.1], ["test", 0.1]], seed=seed)
    shares = [split.share_of(f"ds0/{number:04d}.jpg") for number in range(1000)]
    assert [shares.count(name) for name in ("train", "val", "test")] == counts


def test_the_order_of_shares_counts() -> None:
    pairs = [["val", 0.1], ["test", 0.1], ["train", 0.8]]
    assert Split(shares=pairs, seed="2026").share_of("ds0/0001.jpg") == "test"

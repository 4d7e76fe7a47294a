"""Options: typed whatever they come as, and all mistakes named at once."""

from __future__ import annotations

import json
import math
import pickle
from typing import Any

import pytest

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.settings.mask_options import MaskOptions
from airflow_savemasks.engine.settings.options import Options


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"max_skipped": "3"}, {"max_skipped": 3}),
        ({"max_skipped": " 3 "}, {"max_skipped": 3}),
        ({"workers": "4"}, {"workers": 4}),
        ({"workers": 4.0}, {"workers": 4}),
        ({"workers": "4.0"}, {"workers": 4}),
        ({"volume_size": "5000000"}, {"volume_size": 5_000_000}),
        ({"keep_parts_days": "0.5"}, {"keep_parts_days": 0.5}),
        ({"keep_parts_days": 3}, {"keep_parts_days": 3.0}),
        ({"strict_colors": "True"}, {"strict_colors": True}),
        ({"strict_colors": "true"}, {"strict_colors": True}),
        ({"retry_bad_items": "TRUE"}, {"retry_bad_items": True}),
        ({"strict_colors": "FALSE"}, {"strict_colors": False}),
        ({"strict_colors": " all "}, {"strict_colors": "all"}),
        ({"reuse": "False"}, {"reuse": False}),
        ({"reuse": "true"}, {"reuse": True}),
        ({"reuse": "space 2026-01-01"}, {"reuse": "space 2026-01-01"}),
        ({"reuse": "nightly/space"}, {"reuse": "nightly/space"}),
        ({"limits": {"labels": "7"}}, {"limits": Limits(labels=7)}),
        ({"limits": '{"labels": 7}'}, {"limits": Limits(labels=7)}),
        ({"limits": {"labels": None, "nesting": ""}}, {"limits": Limits()}),
        ({"limits": Limits(labels=7)}, {"limits": Limits(labels=7)}),
    ],
)
def test_what_a_template_made_of_a_value_means_the_value(given: dict[str, Any], meant: dict[str, Any]) -> None:
    assert Options(**given) == Options(**meant)
    ((name, value),) = meant.items()
    assert getattr(Options(**given), name) == value
    assert type(getattr(Options(**given), name)) is type(value)


EXACT = tuple(MaskOptions.model_fields)  # take JSON types only


@pytest.mark.parametrize("name", [name for name in Options.model_fields if name not in EXACT])
@pytest.mark.parametrize("empty", ["", " ", "none", "None", "null", None])
def test_nothing_is_the_default(name: str, empty: Any) -> None:
    assert Options(**{name: empty}) == Options()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("strict_colors", 1, "strict_colors: 1 is neither true, false nor 'all'. Write one of them"),
        ("strict_colors", "yes", "strict_colors: 'yes' is neither"),
        ("retry_bad_items", 0, "retry_bad_items: 0 is neither true nor false. Write true or false"),
        ("workers", True, "workers: True is no whole number from 1 on"),
        ("workers", 0, "workers: 0 is no whole number from 1 on"),
        ("workers", "-1", "workers: '-1' is no"),
        ("workers", 2.5, "workers: 2.5 is no"),
        ("workers", "many", "workers: 'many' is no"),
        ("workers", "{{ params.workers }}", "workers: '{{ params.workers }}' is no"),
        ("workers", [2], "workers: [2] is no"),
        ("workers", math.inf, "workers: inf is no"),
        ("workers", "9" * 5000, "workers: '99"),
        ("max_skipped", math.nan, "max_skipped: nan is no whole number from 0 on"),
        ("max_skipped", "1_000", "max_skipped: '1_000' is no"),
        ("max_skipped", -1, "max_skipped: -1 is no"),
        ("keep_parts_days", "nan", "keep_parts_days: 'nan' is no number from 0 on"),
        ("keep_parts_days", -0.5, "keep_parts_days: -0.5 is no"),
        ("keep_parts_days", False, "keep_parts_days: False is no"),
        ("keep_parts_days", 10**400, "keep_parts_days: 1000"),
        ("on_bad_item", "ignore", "on_bad_item: 'ignore' is unknown. Choose of ['fail', 'skip']"),
        ("on_bad_item", True, "on_bad_item: True is unknown"),
        ("reuse", 1, "reuse: 1 is neither true, false nor the name of an archive"),
        ("reuse", "../other", "reuse: '../other' cannot name an archive"),
        ("reuse", "a\0b", "reuse: 'a\\x00b' cannot name an archive"),
        ("reuse", "a\ud800", "reuse: 'a\\ud800' cannot name an archive"),
        ("volume_size", 10**30, "volume_size: 1000000000000000000000000000000 is above 9007199254740992"),
        ("keep", "9" * 30, "keep: '999999999999999999999999999999' is above 9007199254740992"),
        ("limits", {"labels": 2**64}, "limits.labels: 18446744073709551616 is above 9007199254740992"),
        ("reuse", "/etc/passwd", "reuse: '/etc/passwd' cannot name an archive"),
        ("limits", "{", "limits: '{' is no JSON object"),
        ("limits", "7", "limits: '7' is no JSON object"),
        ("limits", [1], "limits: [1] is no JSON object"),
        ("limits", {"labels": True}, "limits.labels: True is no whole number from 1 on"),
        ("limits", {"labels": -1}, "limits.labels: -1 is no"),
        ("limits", '{"labels": NaN}', "limits.labels: nan is no"),
        ("limits", {"lables": 5}, "limits.lables: there is no such limit. Did you mean 'labels'?"),
        ("colour", "red", "colour: there is no such option"),
        ("worker", 2, "worker: there is no such option. Did you mean 'workers'?"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_is_right(name: str, value: Any, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Options(**{name: value})
    assert str(refused.value).startswith(says)
    assert len(str(refused.value)) < 600


def test_all_mistakes_come_in_one_error() -> None:
    with pytest.raises(SettingsError) as refused:
        Options(workers="many", strict_colors=1, limits={"labels": 0, "nesting": "deep"}, color="red")
    said = str(refused.value)
    assert "5 of them are wrong" in said
    for name in ("workers", "strict_colors", "limits.labels", "limits.nesting", "color"):
        assert f"\n  {name}: " in said


def test_options_are_frozen_and_cross_process_borders() -> None:
    options = Options(workers=2, limits={"labels": 5})
    assert pickle.loads(pickle.dumps(options)) == options
    assert Options(**json.loads(options.model_dump_json())) == options
    with pytest.raises(ValueError, match="frozen"):
        options.workers = 3  # type: ignore[misc]
    split = {"shares": [["train", 0.5], ["val", 0.5]]}
    more = Options(human={"alpha": 0.3}, pick={"tags": ["a"]}, split=split, gates={"min_items": 1})
    for within, name in ((more.human, "alpha"), (more.pick, "tags"), (more.split, "seed"), (more.gates, "min_items")):
        with pytest.raises(ValueError, match="frozen"):
            setattr(within, name, None)


def test_each_option_says_in_one_sentence_what_it_does() -> None:
    for name, field in Options.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        assert field.description.count(". ") == 0, name


@pytest.mark.parametrize("value", [None, "", "none", 5])
def test_an_option_that_is_not_there_is_refused_whatever_it_is(value: Any) -> None:
    with pytest.raises(SettingsError, match="color: there is no such option"):
        Options(color=value)

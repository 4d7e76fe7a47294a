"""The files beside meta.json (more-masks, section 8)."""

from __future__ import annotations

import json

from airflow_savemasks.engine.masks.class_maps import class_maps
from airflow_savemasks.engine.project.meta import parse_meta
from airflow_savemasks.engine.settings.colors import Colors

META = parse_meta(
    {
        "classes": [
            {"title": "sea: deep", "shape": "any", "color": "#00005A"},
            {"title": "background", "shape": "any", "color": "#AABBCC"},
            {"title": '#1, "best"', "shape": "any", "color": "#FF00FF"},
            {"title": "void", "shape": "any", "color": "#000000"},
            {"title": "idle", "shape": "any", "color": "#123456"},
            {"title": "sea_ deep", "shape": "any", "color": "#0000FF"},
        ]
    },
    "meta.json",
)
OWN = {name: tuple(bytes.fromhex(item.raw["color"][1:])) for name, item in META.classes.items()}
SHOWN = OWN | {"void": (1, 1, 1)}
MACHINE = {
    "sea_ deep": (9, 9, 9),
    "gone": (300, 300, 300),
    "void": (0, 0, 0),
    "sea: deep": (3, 3, 3),
    "background": (250, 0, 0),
    '#1, "best"': (7, 7, 7),
}


def maps_of(colors: Colors) -> dict[str, str]:
    return {name: content.decode() for name, content in class_maps(META, colors)}


def test_classes_have_names_values_and_colors() -> None:
    made = maps_of(Colors(MACHINE, None, False, SHOWN))  # type: ignore[arg-type]
    assert list(made) == ["obj_class_to_machine_color.json", "labelmap.txt", "classes.csv"]
    assert made["labelmap.txt"].split("\n") == [
        "# label:color_rgb:parts:actions",
        "background:0,0,0::",
        "sea_ deep:0,0,90::",
        "background_01:170,187,204::",
        '_1, "best":255,0,255::',
        "void:1,1,1::",
        "sea_ deep_01:0,0,255::",
        "",
    ]
    assert made["classes.csv"].split("\n") == [
        "value,name,red,green,blue",
        "0,background,0,0,0",
        "3,sea: deep,0,0,90",
        ",background,170,187,204",
        '7,"#1, ""best""",255,0,255',
        "0,void,1,1,1",
        "9,sea_ deep,0,0,255",
        "",
    ]


def test_maps_of_colors_are_there_where_such_masks_are_and_name_the_classes_of_meta_in_its_order() -> None:
    made = maps_of(Colors(MACHINE | {"idle": (300, 300, 300)}, None, False, SHOWN, OWN))  # type: ignore[arg-type]
    assert list(made) == [
        "obj_class_to_machine_color.json",
        "obj_class_to_semantic_color.json",
        "labelmap.txt",
        "classes.csv",
    ]
    machine = json.loads(made["obj_class_to_machine_color.json"])
    assert list(machine) == list(META.classes)
    assert machine["idle"] == [300, 300, 300]
    assert made["obj_class_to_machine_color.json"].startswith('{\n  "sea: deep": [\n    3,\n')
    semantic = json.loads(made["obj_class_to_semantic_color.json"])
    assert semantic["void"] == [0, 0, 0]
    human = maps_of(Colors(None, {"idle": (1, 2, 3)}, True, SHOWN))  # type: ignore[arg-type]
    assert list(human) == ["labelmap.txt", "classes.csv"]
    assert human["classes.csv"].splitlines()[2:] == [",idle,18,52,86"]


def test_line_breaks_are_kept_in_quotes_and_none_is_left_in_a_labelmap() -> None:
    meta = parse_meta({"classes": [{"title": "a\r\nb#", "shape": "any", "color": "#010203"}]}, "meta.json")
    colors = Colors({"a\r\nb#": (4, 4, 4)}, None, True, {"a\r\nb#": (1, 2, 3)})
    made = dict(class_maps(meta, colors))
    assert made["labelmap.txt"].endswith(b"\na__b#:1,2,3::\n")
    assert made["classes.csv"].endswith(b'\n4,"a\r\nb#",1,2,3\n')

"""A diff as one HTML page that needs nothing else: figures, classes, and the human masks of what changed most.

Names come from data: every one is escaped, and nothing on the page is a script.
"""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.reading.archive import Archive
from airflow_savemasks.engine.reading.diff import Diff
from airflow_savemasks.engine.reading.item import ArchiveItem

PICTURES = 12  # items of each kind that are shown
SIDE = 640  # pixels of the longest side of a shown mask
QUALITY = 80  # of its JPEG
STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 1200px; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.4rem } h2 { font-size: 1.15rem; margin-top: 2rem } h3 { font-size: 1rem; margin: 1.5rem 0 .3rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: right; padding: .2rem .5rem }
th:first-child, td:first-child { text-align: left } tr { border-bottom: 1px solid #8884 }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); gap: .75rem }
figure { margin: 0 } img { max-width: 100%; height: auto; display: block } figcaption, .less { opacity: .75 }
.wide { overflow-x: auto } th, td { overflow-wrap: normal } tr > :not(:first-child) { white-space: nowrap }
"""


def diff_page(diff: Diff, told: dict[str, Any]) -> str:
    """The page. told: what `diff.to_json` gave. Raises ArchiveError where a mask is damaged, StorageError."""
    items = told["items"]
    figures = [(name, items[name]) for name in ("before", "after", "added", "removed", "changed", "same")]
    parts = [
        f"<h1>{escape(told['old'])} → {escape(told['new'])}</h1>",
        _table(["items", "labels"], [[_figures(figures), f"{told['labels'][0]} → {told['labels'][1]}"]]),
        "<h2>Classes</h2>",
        _classes(told["classes"]),
        *_most_changed(diff, told["most_changed"]),
        *_alone("Added", diff.new, told["added"], items["added"]),
        *_alone("Removed", diff.old, told["removed"], items["removed"]),
    ]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>What changed</title><style>{STYLE}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body></html>\n"


def _figures(figures: list[tuple[str, Any]]) -> str:
    return ", ".join(f"{count} {name}" for name, count in figures)


def _classes(classes: list[dict[str, Any]]) -> str:
    rows = [
        [one["name"], *(_number(count) for count in one["items"]), *(_share(share) for share in one["share"])]
        for one in classes
    ]
    return _table(["class", "items before", "after", "share of pixels before", "after"], rows)


def _most_changed(diff: Diff, changes: list[dict[str, Any]]) -> list[str]:
    """What changed most, before and after side by side."""
    if not changes:
        return []
    parts = ["<h2>What changed most</h2>"]
    for change in changes[:PICTURES]:
        new = diff.new[change["item"]]
        counts = "; ".join(f"{name}: {before} → {after}" for name, (before, after) in change["pixels"].items())
        parts.append(f"<h3>{escape(new.name)}</h3>")
        parts.append(
            f'<p class="less">{escape(", ".join(change["what"]))}{escape(f" ({counts})" if counts else "")}</p>'
        )
        old = diff.old[change.get("was", new.name)]
        parts.append(f'<div class="pair">{_figure(old, "before")}{_figure(new, "after")}</div>')
    return parts


def _alone(title: str, archive: Archive, names: list[str], count: int) -> list[str]:
    if not count:
        return []
    shown = names[:PICTURES]
    more = f'<p class="less">and {count - len(shown)} more</p>' if count > len(shown) else ""
    figures = "".join(_figure(archive[name], name) for name in shown)
    return [f"<h2>{title}</h2>", f'<div class="pair">{figures}</div>', more]


def _figure(item: ArchiveItem, caption: str) -> str:
    """Its human mask, or its picture where there is none."""
    image = item.human if "human" in item.files else item.picture
    source = f"data:image/jpeg;base64,{b64encode(_jpeg(image)).decode()}"
    said = escape(caption)
    return f'<figure><img src="{source}" alt="{said}" loading="lazy"><figcaption>{said}</figcaption></figure>'


def _jpeg(image: NDArray[Any]) -> bytes:
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if image.dtype != np.uint8:
        light = np.nan_to_num(image.astype(np.float64), posinf=0.0, neginf=0.0).clip(0)  # floats may be anything
        image = (light * (255 / max(light.max(), 1.0))).astype(np.uint8)
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, content = cv2.imencode(".jpg", cv2.resize(image, size, interpolation=cv2.INTER_AREA), JPEG)
    assert done
    return content.tobytes()


JPEG = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]


def _table(head: list[str], rows: list[list[str]]) -> str:
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{cells}</tr>{body}</table></div>'


def _number(count: int | None) -> str:
    return "–" if count is None else str(count)


def _share(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"

"""What kinds of files of an item are called where an archive is read, and their kind in the index."""

from __future__ import annotations

KINDS = {
    "picture": "img",
    "annotation": "ann",
    "human": "masks_human",
    "machine": "masks_machine",
    "instances": "masks_instances",
    "semantic": "masks_semantic_rgb",
}

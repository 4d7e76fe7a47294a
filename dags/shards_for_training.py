"""A project as WebDataset shards, split into shares; then one share is streamed, as a training does.

The machine masks are indices that viewers show in colour (`palette`), beside them lie ids of the labels. Shares go by
dataset, so that no dataset is in two of them, and stay what they are when pictures are added. Each volume of the
archive is a shard that `webdataset` reads:
`WebDataset("space_shards-{00001..00002}.tar", shardshuffle=False)`.

**Needs** nothing: the project is a sample that lies beside this file; put a path or URI of yours in its place.

**Result:** `space_shards-00001.tar` and what follows, with `space_shards.meta.json`, `space_shards.splits.train.txt`
... beside them, in Team Files, which is the root of the connection `savemasks_team_files_default`, or the folder
`team_files` below `AIRFLOW_HOME`.

**Look at** the XCom of *Class balance*: of each class the share of all pixels, on how many pictures and with how many
labels it is to be seen, and the mean colour below it, in the share that the form names. And at a shard:
`crew/astronaut.machine.png` in it is a mask in colours whose pixels are numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag, task
from airflow.sdk.exceptions import AirflowFailException

from airflow_savemasks.operators.save_masks import SaveMasksOperator

PROJECT = Path(__file__).parent / "sample" / "projects" / "space"  # or s3://bucket/projects/space
SHARES = [["train", 0.6], ["val", 0.4]]
LAYER = {
    "action": "save_masks",
    "src": ["$data_1"],
    "dst": "space_shards",
    "settings": {
        "masks_machine": True,
        "masks_human": True,
        "gt_machine_color": "",  # 1, 2, 3 ... in the order of meta.json
        "gt_human_color": "",  # the colours of meta.json, in palettes too
    },
}


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "savemasks samples"},
    tags=["savemasks", "sample", "training"],
    description="WebDataset shards with index masks, ids of labels and shares; class balance of one share",
    doc_md=__doc__,
    params={
        "share": Param(
            "train", type="string", enum=[name for name, _ in SHARES], title="Share", description="Which is streamed"
        )
    },
)
def shards_for_training() -> None:
    @task(task_display_name="Class balance", doc_md="Goes once through one share, file by file out of the shards.")
    def class_balance(made: dict[str, Any], share: str) -> dict[str, Any]:
        import numpy as np

        from airflow_savemasks import open_archive
        from airflow_savemasks.engine.errors import SaveMasksError

        try:
            archive = open_archive(made["archive"])
        except SaveMasksError as error:
            raise AirflowFailException(error.told()) from None
        items = archive.split(share)
        pixels, sums = np.zeros(256, np.int64), np.zeros((256, 3))  # by value of the machine mask
        names = {item["machine"][0]: item["name"] for item in archive.manifest["classes"] if item["machine"]}
        pictures, labels = dict.fromkeys(names.values(), 0), dict.fromkeys(names.values(), 0)
        for item in items:
            values = item.machine.ravel()
            colours = item.picture.reshape(len(values), -1)  # a gray picture has one channel
            pixels += np.bincount(values, minlength=256)
            for channel in range(3):
                weights = colours[:, channel % colours.shape[1]]
                sums[:, channel] += np.bincount(values, weights, minlength=256)
            for name in item.pixels:
                pictures[name] += 1
            for label in item.visible:
                labels[label["class"]] += label["pixels"] > 0
        return {
            "archive": archive.uri,
            "share": share,
            "pictures": len(items),
            "classes": {
                name: {
                    "share": round(float(pixels[value] / max(1, pixels.sum())), 6),
                    "pictures": pictures[name],
                    "labels": labels[name],
                    "mean_rgb": [round(float(one / pixels[value])) for one in sums[value]] if pixels[value] else None,
                }
                for value, name in names.items()
            },
        }

    shards = SaveMasksOperator(
        task_id="save_masks",
        task_display_name="Save masks",
        doc_md="The project as shards; a re-run takes what has not changed out of those that are there.",
        layer=LAYER,
        sources={"$data_1": str(PROJECT)},
        layout="webdataset",
        machine_png="palette",
        instances="ids",
        human={"layout": "overlay", "format": "jpeg"},
        class_maps=True,
        split={"shares": SHARES, "by": "dataset", "seed": "2026"},
        volume_size=300_000,  # bytes; some hundred MB for a project of yours
    )
    class_balance(shards.output, "{{ params.share }}")


shards_for_training()

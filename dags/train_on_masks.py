"""Read an archive as a training does: pairs of picture and machine mask, one after the other, nothing unpacked.

**Runs** whenever `ingest_then_save_masks` has made its archive anew (an asset event), or when triggered by hand.
Where the event says that nothing changed, it trains nothing anew: its tasks are skipped.

**Needs** an archive. By hand it takes the one in the form, which `ingest_then_save_masks` writes: run that first.

**Look at** the XCom of *Class balance*: for each class the share of all pixels, on how many pictures it is to be seen,
and the mean colour of the pictures below it. It is what a training needs to weigh its classes; a data loader takes
`airflow_savemasks.open_archive(uri)` in the same way.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

ARCHIVE = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "team_files" / "desk.tar"


@dag(
    schedule=[Asset("desk_masks")],
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "savemasks samples"},
    tags=["savemasks", "sample", "training"],
    description="Streams pictures and masks out of a new archive: class balance and mean colours",
    doc_md=__doc__,
    params={
        "archive": Param(
            str(ARCHIVE), type="string", minLength=1, title="Archive", description="Path or URI, for a run by hand"
        )
    },
)
def train_on_masks() -> None:
    @task(task_display_name="Which archive", doc_md="The archive of the asset event, or else the one in the form.")
    def which_archive() -> dict[str, Any]:
        context = get_current_context()
        events = [event for events in context["triggering_asset_events"].values() for event in events]
        told = [event.extra for event in events if "archive" in event.extra]
        if not told:
            return {"archive": context["params"]["archive"]}
        if all(extra["unchanged"] for extra in told):
            raise AirflowSkipException("The archive is the one that was trained on already.")
        return {key: told[-1][key] for key in ("archive", "manifest_sha256", "classes")}

    @task(task_display_name="Class balance", doc_md="Goes once through all pairs of picture and machine mask.")
    def class_balance(told: dict[str, Any]) -> dict[str, Any]:
        import numpy as np

        from airflow_savemasks import open_archive
        from airflow_savemasks.engine.archive.published import manifest_digest
        from airflow_savemasks.engine.errors import SaveMasksError

        try:
            archive = open_archive(told["archive"])
        except SaveMasksError as error:
            raise AirflowFailException(error.told()) from None
        digest = manifest_digest(archive.manifest)
        if told.get("manifest_sha256", digest) != digest:
            raise AirflowSkipException("The archive was replaced meanwhile: the event of the new one follows.")
        colors = {item["name"]: item["machine"] for item in archive.manifest["classes"] if item["machine"]}
        below = {name: np.zeros(4) for name in colors}  # sums of red, green, blue; pixels
        seen = dict.fromkeys(colors, 0)
        whole = 0
        for item in archive:
            picture, mask = item.picture, item.machine
            whole += picture.shape[0] * picture.shape[1]
            for name in item.pixels:
                shown = mask == colors[name][0] if mask.ndim == 2 else (mask == colors[name]).all(axis=2)
                pixels = picture[shown].reshape(np.count_nonzero(shown), -1)  # a gray picture has one channel
                below[name][:3] += pixels.sum(axis=0)
                below[name][3] += len(pixels)
                seen[name] += 1
        return {
            "archive": archive.uri,
            "manifest_sha256": digest,  # what a model was trained on, to the byte
            "pictures": len(archive),
            "classes": {
                name: {
                    "share": round(float(sums[3]) / whole, 6),
                    "pictures": seen[name],
                    "mean_rgb": [round(float(value / sums[3])) for value in sums[:3]] if sums[3] else None,
                }
                for name, sums in below.items()
            },
        }

    class_balance(which_archive())


train_on_masks()

"""A DataLoader takes an open archive as it is, with workers that are forked and with ones that are spawned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from airflow_savemasks import open_archive
from airflow_savemasks.engine.reading.item import ArchiveItem
from tests.readers.conftest import EVERYTHING

torch = pytest.importorskip("torch", reason="torch is not installed: make readers TORCH=1 (its CPU build is 190 MB)")

SPLIT = {"shares": [["train", 0.6], ["val", 0.4]]}


def stacked(items: list[ArchiveItem]) -> dict[str, Any]:
    """What a training takes of a batch."""
    return {
        "names": [item.name for item in items],
        "pictures": torch.stack([torch.from_numpy(np.ascontiguousarray(item.picture)) for item in items]),
        "masks": torch.stack([torch.from_numpy(item.machine) for item in items]),
        "ids": torch.stack([torch.from_numpy(item.instances.astype(np.int32)) for item in items]),
    }


@pytest.fixture(scope="module", params=["supervisely", "webdataset"])
def archive(request: pytest.FixtureRequest, exported: Callable[..., dict[str, Any]]) -> Any:
    return open_archive(exported(**EVERYTHING, split=SPLIT, volume_size=200_000, layout=request.param)["archive"])


@pytest.mark.parametrize(("workers", "way"), [(0, None), (2, "fork"), (2, "spawn")])
def test_every_item_of_a_share_comes_once_and_whole(archive: Any, workers: int, way: str | None) -> None:
    train = archive.split("train")
    loader = torch.utils.data.DataLoader(
        train, batch_size=8, num_workers=workers, multiprocessing_context=way, collate_fn=stacked
    )
    seen = []
    for batch in loader:
        for name, picture, mask, ids in zip(
            *(batch[key] for key in ("names", "pictures", "masks", "ids")), strict=True
        ):
            item = archive[name]
            assert (picture.numpy() == item.picture).all()
            assert (mask.numpy() == item.machine).all()
            assert (ids.numpy() == item.instances).all()
            seen.append(name)
    assert seen == [item.name for item in train]
    assert 0 < len(seen) < len(archive)


def test_shuffled_and_by_two_epochs_with_workers_that_stay(archive: Any) -> None:
    loader = torch.utils.data.DataLoader(
        archive, batch_size=16, shuffle=True, num_workers=2, persistent_workers=True, collate_fn=stacked,
        generator=torch.Generator().manual_seed(3),
    )  # fmt: skip
    names = sorted(item.name for item in archive)
    epochs = [[name for batch in loader for name in batch["names"]] for _ in range(2)]
    assert [sorted(epoch) for epoch in epochs] == [names, names]
    assert epochs[0] != epochs[1]

"""All code of docs/masks.md runs here, that with Pillow and webdataset, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from airflow_savemasks import open_archive
from tests.tools import masks_page

pytest.importorskip("PIL", reason="Pillow is not installed: make readers")
pytest.importorskip("webdataset", reason="webdataset is not installed: make readers")


def test_the_code_of_the_page_runs(tmp_path: Path) -> None:
    masks_page.make_archives(tmp_path)
    found = masks_page.run_blocks(tmp_path, masks_page.blocks())
    item = open_archive(str(tmp_path / "palette.tar"))[masks_page.ITEM]
    by_pillow = found["masks_machine/cat"]
    assert np.array_equal(by_pillow["values"], item.machine)
    assert (by_pillow["colours"][item.machine == 6] == [112, 224, 0]).all()
    assert np.array_equal(found["shards"]["mask"], item.machine)
    assert np.array_equal(found["shards"]["picture"], item.picture)

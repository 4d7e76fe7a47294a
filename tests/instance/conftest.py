"""The stand-in instance (tests/standin), whose faithfulness `make contract` shows with the real SDK."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_savemasks.engine.supervisely.api import Api
from tests.standin.server import StandIn

TOKEN = "a-token-that-must-not-leak"


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn(token=TOKEN, page_size=7) as running:
        yield running


@pytest.fixture
def api(server: StandIn) -> Api:
    """Waits so little between attempts that faults cost no time."""
    return Api(server.address, TOKEN, attempts=6, first_wait=0.01)

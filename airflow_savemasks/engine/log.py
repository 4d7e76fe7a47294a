"""The logger of the whole package."""

from __future__ import annotations

import logging

log = logging.getLogger("airflow_savemasks")

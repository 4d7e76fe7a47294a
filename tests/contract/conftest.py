"""The scripts for the SDK's interpreter are no test modules, also where every module is searched for doctests."""

from __future__ import annotations

collect_ignore = ["drive_sdk.py", "sdk_reading.py", "sdk_team_files.py"]

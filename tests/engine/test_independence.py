"""The engine knows no Airflow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ENGINE = Path(__file__).parents[2] / "airflow_savemasks" / "engine"


def test_no_module_of_the_engine_imports_airflow() -> None:
    modules = sorted(
        ".".join(("airflow_savemasks", "engine", *path.relative_to(ENGINE).with_suffix("").parts))
        for path in ENGINE.rglob("*.py")
        if path.stem not in ("__init__", "s3", "s3_errors", "gcs", "azure", "sftp", "sessions")
    )
    code = f"import sys; sys.modules['airflow'] = None\nfor name in {modules!r}: __import__(name)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_shell_and_the_function_need_no_airflow() -> None:
    code = "import sys; sys.modules['airflow'] = None; import airflow_savemasks.__main__, airflow_savemasks"
    subprocess.run([sys.executable, "-c", code], check=True)

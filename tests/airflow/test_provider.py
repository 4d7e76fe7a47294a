"""The provider's description fits the schema of the installed Airflow, and Airflow finds it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.resources import files

import jsonschema
import pytest

import airflow_savemasks
from airflow_savemasks.engine.storage.uris import SCHEMES


def test_the_description_fits_the_schema_of_the_installed_airflow() -> None:
    schema = json.loads((files("airflow") / "provider_info.schema.json").read_text())
    jsonschema.validate(airflow_savemasks.get_provider_info(), schema)


def test_the_entry_point_is_installed() -> None:
    (entry,) = [e for e in entry_points(group="apache_airflow_provider") if e.value.startswith("airflow_savemasks")]
    assert entry.load()() is airflow_savemasks.get_provider_info()


@pytest.mark.usefixtures("airflow_home")
def test_airflow_knows_the_connection_type_and_its_form() -> None:
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()
    assert "airflow-savemasks" in manager.providers
    assert manager.hooks["savemasks"].hook_name == "Save Masks storage"


def test_parsing_a_dag_imports_nothing_heavy() -> None:
    code = (
        "import sys; import airflow_savemasks.operators.save_masks, airflow_savemasks.hooks.team_files;"
        "heavy = {'numpy', 'cv2', 'smart_open', 'boto3', 'shapely'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_scheme_has_its_hook_and_its_extra() -> None:
    from airflow_savemasks.hooks.clients import HOOKS

    assert {scheme for scheme, (_, extra) in SCHEMES.items() if extra} == set(HOOKS)

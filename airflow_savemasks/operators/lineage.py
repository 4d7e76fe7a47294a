"""OpenLineage: what a task read and wrote, told where apache-airflow-providers-openlineage is installed.

That provider calls the methods below; nothing of it is imported before. Names of datasets are those of OpenLineage's
naming conventions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow_savemasks.engine.storage.uris import INSTANCE, scheme_of, without_secrets
from airflow_savemasks.operators.assets import archive_place

if TYPE_CHECKING:
    from airflow_savemasks.engine.job import Job
    from airflow_savemasks.engine.storage.base import Storage


class Lineage:
    """For operators that export: notes as plain data what is read and written, and gives it to OpenLineage."""

    _read: tuple[tuple[str, str], ...] = ()  # URI and instance of each source
    _instance = ""  # that Team Files belong to
    _result: Mapping[str, Any] | None = None

    def reads(self, job: Job, team_files: Storage) -> None:
        """Note the sources: from here on a task that fails has told what it was reading."""
        sources = [entry.source for entry in job.inputs]
        self._read = tuple(dict.fromkeys((source.uri, getattr(source, "address", "")) for source in sources))
        self._instance = getattr(team_files, "address", "")

    def wrote(self, result: Any) -> None:
        """Note what a task returned; one that publishes nothing wrote nothing."""
        self._result = result if isinstance(result, Mapping) and "archive" in result else None

    def get_openlineage_facets_on_start(self) -> Any:
        """The sources that are known before anything is opened: those of the argument `sources`."""
        given = getattr(self, "sources", None)
        uris = [uri for uri in given.values() if isinstance(uri, str)] if isinstance(given, Mapping) else []
        return _lineage(inputs=((without_secrets(uri), "") for uri in uris if scheme_of(uri) != INSTANCE))

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> Any:  # noqa: ARG002
        """The sources: nothing was published."""
        return _lineage(inputs=self._read)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002
        """Sources with what was listed of them; the archive with what was written of it."""
        return _lineage(inputs=self._read, result=self._result, instance=self._instance)


def _lineage(inputs: Iterable[tuple[str, str]], result: Mapping[str, Any] | None = None, instance: str = "") -> Any:
    """An OperatorLineage of that provider."""
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import input_statistics_input_dataset

    listed = {one["uri"]: one for one in (result or {}).get("sources", ())}
    datasets = []
    for uri, address in inputs:
        namespace, name = dataset_of(uri, address)
        one = listed.get(uri)
        statistics = one and input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
            rowCount=one["items"], size=one["bytes"]
        )
        facets: dict[str, Any] = {"inputStatistics": statistics} if statistics else {}
        datasets.append(InputDataset(namespace=namespace, name=name, inputFacets=facets))
    return OperatorLineage(inputs=datasets, outputs=_outputs(result, instance) if result else [])


def _outputs(result: Mapping[str, Any], instance: str) -> list[Any]:
    """The archive, all volumes together, and its manifest. Counts stand where something was written."""
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import dataset_version_dataset, output_statistics_output_dataset

    items = result["items"]
    version = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=result["manifest_sha256"])
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=items["rendered"] + items["reused"], size=result["bytes"], fileCount=len(result.get("volumes", "1"))
    )
    written: dict[str, Any] = {} if result["unchanged"] else {"outputStatistics": statistics}
    outputs = []
    for place, counts in ((archive_place(result), written), (result["manifest"], {})):
        namespace, name = dataset_of(place, instance)
        outputs.append(OutputDataset(namespace=namespace, name=name, facets={"version": version}, outputFacets=counts))
    return outputs


def dataset_of(place: str, instance: str = "") -> tuple[str, str]:
    """Namespace and name of a path or URI: `s3://bucket` and `key`, `file` and `/some/path`, `gs://bucket` and `key`.

    instance: the address of the server, for `supervisely://project/17`: `supervisely://app.example.com`, `project/17`.
    """
    scheme = scheme_of(place)
    if scheme == "file":
        return "file", unquote(urlsplit(place).path) if "://" in place else place
    host, _, path = place.partition("://")[2].partition("/")
    if scheme == INSTANCE:
        return f"{INSTANCE}://{urlsplit(instance).netloc or 'unknown'}", f"{host}/{path}".partition("?")[0]
    if scheme == "sftp":  # a file of another machine
        return f"file://{host.rpartition('@')[2]}", f"/{path}"
    if scheme in {"http", "https", "hdfs", "webhdfs"}:
        return f"{scheme}://{host}", f"/{path}"
    return f"{scheme}://{host}", path or "/"

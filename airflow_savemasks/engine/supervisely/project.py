"""An images project of an instance as source (supervisely-api, section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

import orjson

from airflow_savemasks.engine.errors import ItemError, ProjectError, SettingsError
from airflow_savemasks.engine.project import Item, Loaded
from airflow_savemasks.engine.supervisely.api import Api, NotFound
from airflow_savemasks.engine.supervisely.coordinates import annotation_to_pixels
from airflow_savemasks.engine.supervisely.uris import ProjectUri, instant

Json = dict[str, Any]

BULK = 50  # ids in one bulk call; above about 60 the server's order of tags is not stable
BULK_BYTES = 32 << 20  # of pictures in one bulk call: several calls are in flight
CALLS = 4  # bulk calls in flight
PLAIN = {"withCustomBigData": True, "forceMetadataForLinks": True, "integerCoords": False}


class InstanceProject:
    """Listing makes one call for the datasets and one for each page of images; loading two for each 50 images."""

    batch = BULK
    batch_bytes = BULK_BYTES
    connections = CALLS

    def __init__(self, api: Api, wanted: ProjectUri, team: int | None = None) -> None:
        self._api = api
        self._wanted = wanted
        self._record = find_project(api, wanted, team)
        self.uri = f"supervisely://project/{self._record['id']}"
        self._meta: Json | None = None
        self._tree: dict[str, int] | None = None

    def meta(self) -> Json:
        if self._meta is None:
            self._meta = dict(self._api.call("projects.meta", {"id": self._record["id"]}))
        return self._meta

    def datasets(self) -> list[str]:
        known = sorted(self._datasets(), key=lambda name: name.split("/"))
        if self._wanted.datasets is None:
            return known
        chosen = []
        for name in self._wanted.datasets:
            found = [full for full in known if full == name] or [f for f in known if f.rpartition("/")[2] == name]
            if len(found) != 1:
                problem = f"no dataset {name!r}" if not found else f"{name!r} may be any of {found}"
                raise ProjectError(self.uri, problem, f"Choose of {known}")
            chosen += found
        return sorted(set(chosen), key=lambda name: name.split("/"))

    def items(self, dataset: str, notes: list[str]) -> Iterator[Item]:
        dataset_id = self._datasets()[dataset]
        body: Json = {
            "projectId": None,
            "datasetId": dataset_id,
            "filter": [],
            "recursive": False,
            "forceMetadataForLinks": True,
        }
        tag_ids = self._tag_ids()
        left_out = 0
        found = []
        for image in self._api.pages("images.list", body):
            if self._is_wanted(image, tag_ids):
                key = f"{dataset_id}/{image['id']}"
                # ids keep two images apart whose server says the same of both
                identity = f"{image['id']}|{image.get('hash')}|{image.get('updatedAt')}|{image.get('labelsCount')}"
                found.append(Item(dataset, _file_name(image["name"]), key, key, identity, int(image.get("size") or 0)))
            else:
                left_out += 1
        if left_out:
            notes.append(f"{self.uri}, dataset {dataset!r}: {left_out} images left out by the filters of the source")
        yield from sorted(found, key=lambda item: item.name)

    def load(self, items: Sequence[Item]) -> list[Loaded]:
        dataset_id = int(items[0].picture.partition("/")[0])
        by_id = {int(item.picture.partition("/")[2]): item for item in items}
        ids = {"datasetId": dataset_id, "imageIds": list(by_id)}
        records = {record["imageId"]: record for record in self._api.call("annotations.bulk.info", {**ids, **PLAIN})}
        self._add_alpha_masks(records.values())
        pictures = self._api.parts("images.bulk.download", ids)
        return [self._loaded(image, item, records.get(image), pictures.get(image)) for image, item in by_id.items()]

    def _loaded(self, image: int, item: Item, record: Json | None, picture: bytes | None) -> Loaded:
        where = f"{self.uri}, {item.dataset}/{item.name} (image {image})"
        if picture is None:  # a bulk answer may lack one; asked for alone it comes, or the instance says why not
            try:
                picture = self._api.again("images.download", lambda: self._api.raw("images.download", {"id": image}))
            except NotFound as error:
                problem = ItemError(
                    where, f"the instance does not deliver the picture ({error.problem})", "Upload it again"
                )
                return Loaded(item, error=problem)
        if record is None:
            problem = ItemError(where, "the instance delivers no annotation", "Run it again, or look at the image")
            return Loaded(item, error=problem)
        try:
            annotation = annotation_to_pixels(record["annotation"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            problem = ItemError(where, f"broken geometry: {error!r}", "Mend the label in Supervisely")
            return Loaded(item, error=problem)
        return Loaded(item, picture, orjson.dumps(annotation))

    def _add_alpha_masks(self, records: Iterable[Json]) -> None:
        """Alpha masks come without their pixels, which are asked for by the ids of the figures."""
        bare = {
            figure["id"]: figure
            for record in records
            for figure in record["annotation"].get("objects") or []
            if (figure.get("geometryType") or figure.get("shape")) == "alpha_mask" and not figure.get("bitmap")
        }
        ids = list(bare)
        for start in range(0, len(ids), BULK):
            some = ids[start : start + BULK]

            def check(found: dict[int, bytes], some: list[int] = some) -> str | None:
                missing = sorted(set(some) - set(found))
                return f"alpha masks {missing} are missing" if missing else None

            for figure, content in self._api.parts("figures.bulk.download.geometry", {"ids": some}, check).items():
                bare[figure]["bitmap"] = orjson.loads(content)

    def _is_wanted(self, image: Json, tag_ids: set[int] | None) -> bool:
        wanted = self._wanted
        if wanted.labelled and not image.get("labelsCount"):
            return False
        if wanted.updated_since is not None and instant(image["updatedAt"]) < wanted.updated_since:
            return False
        return tag_ids is None or any(tag.get("tagId") in tag_ids for tag in image.get("tags") or [])

    def _tag_ids(self) -> set[int] | None:
        if self._wanted.tags is None:
            return None
        known = {tag["name"]: tag.get("id") for tag in self.meta().get("tags") or []}
        if unknown := [name for name in self._wanted.tags if name not in known]:
            raise ProjectError(self.uri, f"no tags {unknown}", f"Choose of {sorted(known)}")
        return {known[name] for name in self._wanted.tags}

    def _datasets(self) -> dict[str, int]:
        """Full name -> id, of the whole tree, asked for once."""
        if self._tree is None:
            body = {"projectId": self._record["id"], "filter": [], "recursive": True}
            records = {record["id"]: record for record in self._api.pages("datasets.list", body)}

            def full(record: Json) -> str:
                parent = records.get(record.get("parentId"))
                name = _file_name(record["name"])
                return name if parent is None else f"{full(parent)}/{name}"

            self._tree = {full(record): record["id"] for record in records.values()}
        return self._tree


def find_project(api: Api, wanted: ProjectUri, team: int | None) -> Json:
    """The project's record, by id or by name. Raises ProjectError that says which names come close."""
    if wanted.workspace is None:
        try:
            record: Json = api.call("projects.info", {"id": int(wanted.project)})
        except NotFound:
            raise ProjectError(
                api.address, f"no project {wanted.project}", "Check the id, and the token's rights"
            ) from None
    else:
        workspace = _find_workspace(api, wanted.workspace, team)
        projects = list(api.pages("projects.list", {"workspaceId": workspace, "filter": []}))
        named = [project for project in projects if project["name"] == wanted.project]
        if len(named) != 1:
            where = f"{api.address}, workspace {wanted.workspace!r}"
            raise ProjectError(where, f"no project {wanted.project!r}", _near(wanted.project, projects))
        record = named[0]
    if record.get("type", "images") != "images":
        raise ProjectError(
            f"{api.address}, project {record['name']!r}", f"is of type {record['type']!r}", "Only images have masks"
        )
    return record


def _find_workspace(api: Api, workspace: str, team: int | None) -> int:
    if workspace.isdigit():
        return int(workspace)
    teams = [team] if team is not None else [record["id"] for record in api.pages("teams.list", {"filter": []})]
    found = [record for number in teams for record in api.pages("workspaces.list", {"teamId": number, "filter": []})]
    named = [record["id"] for record in found if record["name"] == workspace]
    if len(named) > 1:
        raise SettingsError(
            f"workspace {workspace!r}", "is the name of several", "Write its id, or a team in the connection"
        )
    if not named:
        raise ProjectError(api.address, f"no workspace {workspace!r}", _near(workspace, found))
    return int(named[0])


def _near(name: str, records: Sequence[Json]) -> str:
    names = sorted(record["name"] for record in records)
    near = get_close_matches(name, names, n=5, cutoff=0.4)
    return f"Did you mean one of {near}?" if near else f"There are {names[:20]}"


def _file_name(name: str) -> str:
    """A name of the instance as the name of a file: it may have slashes there."""
    return name.replace("/", "_").replace("\0", "_")

"""An images project of an instance as source (supervisely-api, section 2)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from airflow_savemasks.engine.errors import ItemError, NotFound, ProjectError
from airflow_savemasks.engine.limits import LIMITS, Limits
from airflow_savemasks.engine.project import whole_numbers
from airflow_savemasks.engine.project.ahead import Ahead
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.project.source import Again, Item, Loaded, Wanted
from airflow_savemasks.engine.supervisely.api import Api
from airflow_savemasks.engine.supervisely.coordinates import annotation_to_pixels
from airflow_savemasks.engine.supervisely.finding import find_project
from airflow_savemasks.engine.supervisely.listing import difference, full_names, item_of
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
    is_indexed = False
    again: Again | None = None  # the instance would be asked for its lists once more
    opening_seconds = 0.0

    def __init__(self, api: Api, wanted: ProjectUri, team: int | None = None, limits: Limits = LIMITS) -> None:
        self._api = api
        self.address = api.address
        self._wanted = wanted
        self.limits = limits
        self._record = find_project(api, wanted, team)
        self.uri = f"supervisely://project/{self._record['id']}"
        self._meta: Json | None = None
        self._tree: dict[str, int] | None = None
        self._lacks: Callable[[Json], bool] = lambda _: False
        self._ahead = Ahead(self._list, lambda found: len(found[0]), CALLS)

    def watch(self, stop: threading.Event) -> None:
        self._api.watch(stop)

    def meta(self) -> Json:
        if self._meta is None:
            answer = self._api.call("projects.meta", {"id": self._record["id"]})
            with self._api.understood("projects.meta"):
                self._meta = dict(answer)
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

    def narrow(self, tags: Collection[str] | None, *, labelled: bool) -> None:
        """See `Narrows`. An image that is listed with labels is looked at: none of them may lie in the picture."""
        ids = {tag.get("id") for tag in self.meta().get("tags") or [] if tags is None or tag.get("name") in tags}
        by_tag = tags is not None and None not in ids

        def lacks(image: Json) -> bool:
            has_none = by_tag and not any(tag.get("tagId") in ids for tag in image.get("tags") or [])
            return has_none or (labelled and image.get("labelsCount") == 0)

        self._lacks = lacks

    def expect(self, datasets: Sequence[str]) -> None:
        self._datasets()
        self._tag_ids()
        self._ahead.expect(datasets)

    def items(self, dataset: str, remarks: Remarks) -> Iterator[Item]:
        found, left_out = self._ahead.take(dataset)
        remarks.filtered += left_out
        return iter(found)

    def _list(self, dataset: str) -> tuple[list[Item], int]:
        """The items of a dataset by name, and how many more the filters left out."""
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
            with self._api.understood("images.list"):
                if self._is_wanted(image, tag_ids):
                    item = item_of(image, dataset, dataset_id)
                    found.append(replace(item, annotation=None) if self._lacks(image) else item)
                else:
                    left_out += 1
        return sorted(found, key=lambda item: item.name), left_out

    def index(self) -> None:
        """Ids of all that is needed stand in the plan."""

    def use_index(self, index: bytes) -> None:
        """Never called, as there is none."""

    def load(self, items: Sequence[Item], wanted: Wanted | None = None) -> list[Loaded]:
        dataset_id = int(items[0].picture.partition("/")[0])
        by_id = {int(item.picture.partition("/")[2]): item for item in items}
        ids = {"datasetId": dataset_id, "imageIds": list(by_id)}
        answer = self._api.call("annotations.bulk.info", {**ids, **PLAIN})
        with self._api.understood("annotations.bulk.info"):
            records = {record["imageId"]: record for record in answer}
            bare = _without_pixels(records.values())
        self._add_alpha_masks(bare)
        read = {image: self._read_annotation(image, item, records.get(image), wanted) for image, item in by_id.items()}
        asked = [image for image, loaded in read.items() if loaded.annotation is not None]
        pictures = self._api.parts("images.bulk.download", {**ids, "imageIds": asked}) if asked else {}
        return [
            loaded if loaded.annotation is None else self._with_picture(image, loaded, pictures.get(image))
            for image, loaded in read.items()
        ]

    def _read_annotation(self, image: int, item: Item, record: Json | None, wanted: Wanted | None) -> Loaded:
        """The annotation, or why the picture is not asked for."""
        where = self._where(image, item)
        try:
            if record is None:
                raise ItemError(where, "the instance delivers no annotation", "Run it again, or look at the image")
            annotation = _annotation(where, record)
        except ItemError as error:
            return Loaded(item, error=error)
        try:
            picked = wanted is None or wanted(item, annotation)
        except ItemError as error:
            return Loaded(item, error=error, refused=True)
        return Loaded(item, annotation=annotation) if picked else Loaded(item, left_out=True)

    def _with_picture(self, image: int, loaded: Loaded, picture: bytes | None) -> Loaded:
        item = loaded.item
        try:
            return replace(loaded, picture=self._picture(self._where(image, item), image, item, picture))
        except ItemError as error:
            return Loaded(item, error=error)

    def _where(self, image: int, item: Item) -> str:
        return f"{self.uri}, {item.dataset}/{item.name} (image {image})"

    def _picture(self, where: str, image: int, item: Item, picture: bytes | None) -> bytes:
        """What is archived is what was listed. Raises ItemError.

        A bulk answer may lack a picture, or have another: asked for alone it comes, or the instance says why not.
        """
        if picture is not None and not difference(item, picture):
            return picture
        try:
            picture = self._api.raw("images.download", {"id": image})
        except NotFound as error:
            fact = f"the instance does not deliver the picture ({error.problem})"
            raise ItemError(where, fact, "Upload it again") from None
        if fact := difference(item, picture):
            raise ItemError(where, fact, "Do not change a project while it is exported, or upload the picture again")
        return picture

    def _add_alpha_masks(self, bare: dict[int, Json]) -> None:
        """Alpha masks come without their pixels, which are asked for by the ids of the figures."""
        ids = list(bare)
        for start in range(0, len(ids), BULK):
            some = ids[start : start + BULK]

            def check(found: dict[int, bytes], some: list[int] = some) -> str | None:
                missing = sorted(set(some) - set(found))
                return f"alpha masks {missing} are missing" if missing else None

            found = self._api.parts("figures.bulk.download.geometry", {"ids": some}, check)
            with self._api.understood("figures.bulk.download.geometry"):
                for figure, content in found.items():
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
        meta = self.meta()
        with self._api.understood("projects.meta"):
            known = {tag["name"]: tag.get("id") for tag in meta.get("tags") or []}
        if unknown := [name for name in self._wanted.tags if name not in known]:
            raise ProjectError(self.uri, f"no tags {unknown}", f"Choose of {sorted(known)}")
        return {known[name] for name in self._wanted.tags}

    def _datasets(self) -> dict[str, int]:
        """Full name -> id, of the whole tree, asked for once."""
        if self._tree is None:
            body = {"projectId": self._record["id"], "filter": [], "recursive": True}
            records = list(self._api.pages("datasets.list", body))
            with self._api.understood("datasets.list"):
                self._tree = full_names(self.uri, records, self.limits)
        return self._tree


def _without_pixels(records: Iterable[Json]) -> dict[int, Json]:
    """The alpha masks in some annotations that came without their pixels, by the ids of the figures."""
    return {
        figure["id"]: figure
        for record in records
        for figure in record["annotation"].get("objects") or []
        if (figure.get("geometryType") or figure.get("shape")) == "alpha_mask" and not figure.get("bitmap")
    }


def _annotation(where: str, record: Json) -> bytes:
    """The JSON of an annotation as a file would have it. Raises ItemError."""
    try:
        return whole_numbers.dumps(annotation_to_pixels(record["annotation"]))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ItemError(where, f"broken annotation: {error!r}", "Mend the label in Supervisely") from error

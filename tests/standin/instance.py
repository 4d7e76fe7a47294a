"""The state of the stand-in: teams, workspaces, projects loaded from folders, and the Team Files of each team."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from tests.standin import folder
from tests.standin.annotations import Numbering, serve
from tests.standin.answers import ApiError
from tests.standin.picture import picture_size
from tests.standin.records import OWNER_ID, Dataset, Entity, Image, Project, Team, Workspace
from tests.standin.storage import Storage

Json = dict[str, Any]
EntityT = TypeVar("EntityT", bound=Entity)

FIRST_IDS = {"team": 11, "workspace": 101, "project": 1_001, "dataset": 20_001, "image": 3_000_001}
FIRST_META_ID, FIRST_TAG_ID, FIRST_FIGURE_ID = 50_001, 600_001, 900_000_001
EPOCH = datetime(2024, 5, 1, 10, tzinfo=UTC)


class Instance:
    """An instance with one team ("team") and one workspace ("ws"), to which a test adds what it needs.

    Ids are given in the order of adding, from a range of their own for each kind (an id of the wrong kind is not
    found), so they are the same in every run. Dates come from a clock that only moves with changes.

    Args:
        files: an empty folder for the bytes of Team Files.
        page_size: records on a page, at most.
        bulk_limit: ids in one bulk call, at most.
    """

    def __init__(self, files: Path, page_size: int = 500, bulk_limit: int = 50) -> None:
        self.page_size, self.bulk_limit = page_size, bulk_limit
        self.lock = threading.RLock()
        self.teams: dict[int, Team] = {}
        self.workspaces: dict[int, Workspace] = {}
        self.projects: dict[int, Project] = {}
        self.datasets: dict[int, Dataset] = {}
        self.images: dict[int, Image] = {}
        self.alpha_masks: dict[int, Json] = {}
        self._ids = {kind: count(first) for kind, first in FIRST_IDS.items()}
        self._meta_ids, self._tag_ids = count(FIRST_META_ID), count(FIRST_TAG_ID)
        self._figure_ids = count(FIRST_FIGURE_ID)
        self._used_figure_ids: set[int] = set()
        self._clock = count()
        self.storage = Storage(files, self.now)
        self.team = self.add_team("team")
        self.workspace = self.add_workspace("ws")

    def now(self) -> str:
        """Return the next moment of the clock, e.g. `2024-05-01T10:00:07.000Z`."""
        return f"{EPOCH + timedelta(seconds=next(self._clock)):%Y-%m-%dT%H:%M:%S}.000Z"

    def add_team(self, name: str) -> Team:
        """Add a team."""
        return self._add(self.teams, "team", Team, name)

    def add_workspace(self, name: str, team: str | None = None) -> Workspace:
        """Add a workspace to a team named (the first team by default)."""
        owner = self.team if team is None else _named(self.teams.values(), team)
        return self._add(self.workspaces, "workspace", Workspace, name, owner.id)

    def add_project(self, path: Path | str, workspace: str = "ws", name: str | None = None) -> Project:
        """Load a project folder; the workspace is made in the first team if it is new.

        The project is named after its folder, unless `name` says otherwise. Two projects of one name are possible.
        """
        root = Path(path)
        if not (root / "meta.json").is_file():
            raise FileNotFoundError(f"{root}: no meta.json, so no project")
        with self.lock:
            place = next((item for item in self.workspaces.values() if item.name == workspace), None)
            place = place or self.add_workspace(workspace)
            meta = self._numbered_meta(folder.read_json(root / "meta.json"))
            project = self._add(self.projects, "project", Project, name or root.name, place.id, place.team_id, meta)
            for source in folder.datasets(root):
                dataset = self.add_dataset(project.id, "/".join(source.names))
                for picture in folder.pictures(source):
                    annotation = folder.read_json(picture.annotation) if picture.annotation else None
                    image_meta = folder.read_json(picture.meta) if picture.meta else None
                    self.add_image(dataset.id, picture.path, annotation, meta=image_meta)
        return project

    def add_dataset(self, project_id: int, path: str) -> Dataset:
        """Add an empty dataset; `path` is its full name (`top/child`), the parents must be there already."""
        names = tuple(path.split("/"))
        with self.lock:
            parent = self.dataset(project_id, "/".join(names[:-1])).id if len(names) > 1 else None
            return self._add(self.datasets, "dataset", Dataset, names[-1], project_id, parent, names)

    def add_image(
        self,
        dataset_id: int,
        file: Path,
        annotation: Json | None = None,
        *,
        name: str | None = None,
        meta: Json | None = None,
    ) -> Image:
        """Add a picture (its bytes stay where they are) with an annotation in *pixels*, the form of an `ann/` file."""
        with self.lock:
            project = self.projects[self.datasets[dataset_id].project_id]
            served = self._served(annotation or {}, project, file)
            title = name or file.name
            image = self._add(self.images, "image", Image, title, dataset_id, project.id, file, meta or {}, served)
            self.alpha_masks |= served.alpha_masks
        return image

    def set_annotation(self, image_id: int, annotation: Json) -> None:
        """Give an image another annotation in pixels; `updatedAt` moves on."""
        with self.lock:
            image = self.images[image_id]
            image.annotation = self._served(annotation, self.projects[image.project_id], image.file)
            image.updated_at = self.now()
            self.alpha_masks |= image.annotation.alpha_masks

    def set_picture(self, image_id: int, file: Path) -> None:
        """Give an image the bytes of another file, under its old name; `updatedAt` moves on."""
        with self.lock:
            old = self.images[image_id]
            self.images[image_id] = replace(old, file=file, updated_at=self.now())

    def set_updated_at(self, image_id: int, updated_at: str) -> None:
        """Set `updatedAt` of an image's record and of its annotation's record."""
        self.images[image_id].edits["updatedAt"] = updated_at

    def edit(self, entity_id: int, **fields: object) -> None:
        """Set fields of any record by their API names: `edit(image.id, name="x.jpg", link="http://...", size="12")`."""
        kinds: tuple[dict[int, Any], ...] = (
            self.images,
            self.datasets,
            self.projects,
            self.workspaces,
            self.teams,
        )
        next(kind[entity_id] for kind in kinds if entity_id in kind).edits.update(fields)

    def remove_image(self, image_id: int) -> None:
        """Remove a picture."""
        del self.images[image_id]

    def dataset(self, project_id: int, path: str) -> Dataset:
        """Return a dataset by its full name: `top/child`."""
        names = tuple(path.split("/"))
        found = (item for item in self.datasets.values() if item.project_id == project_id and item.path == names)
        return next(found)

    def image(self, project_id: int, dataset: str, name: str) -> Image:
        """Return an image by the full name of its dataset and its own name."""
        dataset_id = self.dataset(project_id, dataset).id
        return next(item for item in self.images.values() if item.dataset_id == dataset_id and item.name == name)

    def images_of(self, dataset_ids: Iterable[int]) -> list[Image]:
        """Return the images that lie in the datasets themselves."""
        wanted = set(dataset_ids)
        with self.lock:
            return [image for image in self.images.values() if image.dataset_id in wanted]

    def project_record(self, project: Project) -> Json:
        """Return the record of `projects.*`; sizes of projects are text, as the real server gives them."""
        datasets = [item for item in self.datasets.values() if item.project_id == project.id]
        images = self.images_of(item.id for item in datasets)
        return {
            **project.common(),
            "workspaceId": project.workspace_id,
            "teamId": project.team_id,
            "groupId": project.team_id,
            "type": project.meta.get("projectType", "images"),
            "size": str(sum(image.file.stat().st_size for image in images)),
            "itemsCount": len(images),
            "imagesCount": len(images),
            "datasetsCount": len(datasets),
            "createdBy": OWNER_ID,
            **project.edits,
        }

    def dataset_record(self, dataset: Dataset) -> Json:
        """Return the record of `datasets.*`, without `customData`; counts are of the dataset itself."""
        project = self.projects[dataset.project_id]
        images = self.images_of([dataset.id])
        return {
            **dataset.common(),
            "parentId": dataset.parent_id,
            "projectId": dataset.project_id,
            "workspaceId": project.workspace_id,
            "teamId": project.team_id,
            "size": str(sum(image.file.stat().st_size for image in images)),
            "itemsCount": len(images),
            "imagesCount": len(images),
            "referenceImageUrl": None,
            "createdBy": OWNER_ID,
            **dataset.edits,
        }

    def _add(self, kind: dict[int, EntityT], name: str, make: type[EntityT], title: str, *rest: object) -> EntityT:
        with self.lock:
            moment = self.now()
            entity = make(next(self._ids[name]), title, moment, moment, *rest)
            kind[entity.id] = entity
        return entity

    def _served(self, annotation: Json, project: Project, file: Path) -> Any:
        size = (0, 0) if annotation.get("size") else picture_size(file)
        numbering = Numbering(figure=self._figure_id, tag=self._tag_id)
        return serve(annotation, project.meta, size, self.now(), numbering)

    def _figure_id(self, wanted: object) -> int:
        free = isinstance(wanted, int) and wanted not in self._used_figure_ids
        number = wanted if free and isinstance(wanted, int) else next(self._figure_ids)
        self._used_figure_ids.add(number)
        return number

    def _tag_id(self, wanted: object) -> int:
        return wanted if isinstance(wanted, int) else next(self._tag_ids)

    def _numbered_meta(self, meta: Json) -> Json:
        result = copy.deepcopy(meta)
        for item in [*result.get("classes", []), *result.get("tags", [])]:
            if item.get("id") is None:
                item["id"] = next(self._meta_ids)
        return result


def existing(kind: str, entities: dict[int, EntityT], entity_id: object) -> EntityT:
    """Return an object by id, or refuse with 404."""
    if not isinstance(entity_id, int) or entity_id not in entities:
        raise ApiError.not_found(kind, entity_id)
    return entities[entity_id]


def _named(entities: Iterable[EntityT], name: str) -> EntityT:
    return next(entity for entity in entities if entity.name == name)

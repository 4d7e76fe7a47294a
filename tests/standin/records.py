"""The objects of an instance - teams, workspaces, projects, datasets, images - and their records in the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.standin.annotations import ServedAnnotation
from tests.standin.answers import sha256
from tests.standin.folder import mime_of
from tests.standin.picture import picture_size

Json = dict[str, Any]
OWNER_ID = 1


@dataclass
class Entity:
    """What all objects have; `edits` are fields that a test has set and that win over the computed ones."""

    id: int
    name: str
    created_at: str
    updated_at: str
    edits: Json = field(default_factory=dict, kw_only=True)

    def common(self) -> Json:
        """Return the fields of every record."""
        return {
            "id": self.id,
            "name": self.name,
            "description": "",
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        }


@dataclass
class Team(Entity):
    """A team: owns workspaces and Team Files."""

    def record(self) -> Json:
        """Return the record of `teams.*`."""
        return {**self.common(), "role": "admin", **self.edits}


@dataclass
class Workspace(Entity):
    """A workspace: holds projects."""

    team_id: int

    def record(self) -> Json:
        """Return the record of `workspaces.*`."""
        return {**self.common(), "teamId": self.team_id, **self.edits}


@dataclass
class Project(Entity):
    """An images project; `meta` is its `meta.json` with an id for every class and tag."""

    workspace_id: int
    team_id: int
    meta: Json


@dataclass
class Dataset(Entity):
    """A dataset; `path` is its full name, parents included."""

    project_id: int
    parent_id: int | None
    path: tuple[str, ...]


@dataclass
class Image(Entity):
    """A picture and its annotation; the bytes stay in the source folder and are read when asked for."""

    dataset_id: int
    project_id: int
    file: Path
    meta: Json
    annotation: ServedAnnotation

    @property
    def content(self) -> bytes:
        """The bytes of the file."""
        return self.file.read_bytes()

    @cached_property
    def hash(self) -> str:
        """The base64 SHA-256 of the bytes."""
        return sha256(self.content)

    @cached_property
    def turned_size(self) -> tuple[int, int]:
        """(width, height) of the picture after its EXIF orientation; (0, 0) if it is no readable picture."""
        return picture_size(self.file)

    def record(self) -> Json:
        """Return the record of `images.*`."""
        width, height = self.turned_size
        storage = f"/storage/images/original/{self.id}{self.file.suffix}"
        return {
            **self.common(),
            "link": None,
            "hash": self.hash,
            "mime": mime_of(self.name),
            "size": self.file.stat().st_size,
            "width": width,
            "height": height,
            "labelsCount": self.annotation.labels_count,
            "datasetId": self.dataset_id,
            "projectId": self.project_id,
            "meta": self.meta,
            "pathOriginal": storage,
            "fullStorageUrl": f"http://127.0.0.1{storage}",
            "tags": [{"entityId": self.id, **tag} for tag in self.annotation.image_tags],
            "createdBy": OWNER_ID,
            **self.edits,
        }

    def annotation_record(self, *, with_custom_data: bool) -> Json:
        """Return the record of `annotations.*`; dates are those of the image's record."""
        document = dict(self.annotation.document)
        if with_custom_data:
            document["customBigData"] = self.annotation.custom_big_data
        record = self.record()
        return {
            "imageId": self.id,
            "imageName": record["name"],
            "annotation": document,
            "createdAt": record["createdAt"],
            "updatedAt": record["updatedAt"],
            "datasetId": self.dataset_id,
        }

"""Material of the stand-in's own tests: a meta, pictures, annotations, and how to read its answers."""

from __future__ import annotations

import email
import email.message
import email.policy
from pathlib import Path
from typing import Any, Protocol

import cv2
import httpx
import numpy as np

from tests.standin.records import Project
from tests.standin.server import StandIn

Json = dict[str, Any]

META = {
    "classes": [
        {"title": "kiwi", "shape": "rectangle", "color": "#FF0000", "id": 7},
        {"title": "smoke", "shape": "alpha_mask", "color": "#00FF00"},
    ],
    "tags": [{"name": "train", "value_type": "none", "color": "#0000FF"}],
}


class Call(Protocol):
    """Posts to a method with the token: a JSON body, or what httpx takes besides."""

    def __call__(self, method: str, body: Json | None = None, **options: Any) -> httpx.Response:
        """Return the answer, whatever its status."""


def picture(path: Path, seed: int = 0) -> Path:
    """Write a picture of 30 x 20 pixels of noise."""
    array = np.random.default_rng(seed).integers(0, 255, (20, 30, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array)
    return path


def annotation(figure_id: int) -> Json:
    """Return an annotation with a tag, a box and an alpha mask."""
    box = {"exterior": [[2, 3], [9, 7]], "interior": []}
    return {
        "size": {"width": 30, "height": 20},
        "tags": [{"name": "train", "value": None}],
        "customBigData": {"k": 1},
        "objects": [
            {"classTitle": "kiwi", "tags": [], "points": box, "id": figure_id},
            {"classTitle": "smoke", "tags": [], "bitmap": {"origin": [4, 5], "data": "eJw="}},
        ],
    }


def parts_of(response: httpx.Response) -> dict[int, bytes]:
    """Return the parts of a multipart answer by id."""
    head = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + response.content, policy=email.policy.HTTP)
    assert isinstance(message, email.message.EmailMessage)
    parts = {}
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        parts[int(str(part.get_param("name", header="content-disposition")))] = content
    return parts


def ids_of(server: StandIn, project: Project, dataset: str = "top") -> tuple[int, list[int]]:
    """Return the ids of a dataset and of its images."""
    found = server.instance.dataset(project.id, dataset)
    return found.id, [image.id for image in server.instance.images_of([found.id])]

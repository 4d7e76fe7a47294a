"""What the engine asks of a storage, whatever it is, and how one is opened from a URI.

Paths are relative to the storage's root, with `/`, never leading or trailing; "" is the root itself. Every method
raises StorageError (AccessError where rights or credentials are missing) that names the URI.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, BinaryIO, Protocol

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.limits import LIMITS, Limits

WORK_FOLDER = ".parts"  # below a root: what an export keeps until it is published
CHUNK = 1 << 20  # bytes read at a time when something is streamed


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as listed. size in bytes; identity changes with the content; modified in seconds since 1970."""

    size: int
    identity: str
    modified: float


NO_UTF8 = "a file whose name is no UTF-8"


@dataclass(frozen=True, slots=True)
class Folder:
    """One level of a storage: names of the folders in it, its files by name, and what is neither.

    others: name -> what it is, in words ("a pipe", "a link to nowhere"). Such a thing is never opened, and a name that
    is no UTF-8 stands here too, written readably. identity: of the folder itself where links can lead to it, or "".
    """

    folders: list[str]
    files: dict[str, Entry]
    others: dict[str, str] = field(default_factory=dict)
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Range:
    """`size` bytes of a file from `offset` on."""

    path: str
    offset: int
    size: int


Piece = bytes | Range


class ReadableStorage(Protocol):
    """A tree of files below one root, to be read: what a project needs, packed or not.

    limits: what is too large in a packed one.
    """

    uri: str
    limits: Limits = LIMITS

    def locate(self, path: str) -> str:
        """The full URI of a path, for people and results."""

    def listdir(self, path: str) -> Folder:
        """One level. A folder that does not exist is empty: object storages know no folders."""

    def stat(self, path: str) -> Entry | None:
        """The file, or None if there is none."""

    def read(self, path: str, known: Entry | None = None) -> bytes:
        """A whole file. known: as it was listed; raises Changed where the bytes are not those of that file.

        Never reads more than `known.size` bytes and one. Raises NotFound.
        """

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        """A range of a file in chunks of about CHUNK bytes. known: as for `read`."""

    def watch(self, stop: threading.Event) -> None:
        """From now on every method raises Stopped, within a second, once `stop` is set; nothing is published then."""


class WritableStorage(ReadableStorage, Protocol):
    """A tree that is written to as well: what publishing an archive needs."""

    def writing(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A new file that appears, whole, when the block ends, and not at all when it raises."""

    def compose(self, path: str, pieces: Sequence[Piece]) -> None:
        """A new file of bytes and ranges of files of this storage, one after the other; whole or not at all."""

    def delete(self, paths: Iterable[str]) -> None:
        """Remove files; one that is not there is no error."""

    def obstacle(self, path: str) -> str | None:
        """Why no file can be written under this path, in words; None where nothing is seen that speaks against it.

        Looks only at what can be known without writing: the name, and what lies there.
        """

    def link(self, path: str) -> str | None:  # noqa: ARG002
        """Where a browser shows the file, None if nowhere."""
        return None


class Storage(WritableStorage, Protocol):
    """A tree with room for work in progress: what an export needs of Team Files.

    boot_id: a text that changes when unsynced files may be lost; keeps_parts: no ranges can be read there, so parts
    have to stay.
    """

    boot_id: str = ""
    keeps_parts: bool = False

    def remove_abandoned(self, folder: str, names: Iterable[str]) -> int:
        """Remove what a killed writer of files in `folder` (or of `names` themselves) left; how many things."""

    def growing(self, path: str) -> AbstractContextManager[BinaryIO | None]:  # noqa: ARG002
        """A file of the work folder, open to be written on, that may become the beginning of a composed one uncopied.

        It is made if it is not there, and stays when the block raises. None where there is no such thing.
        """
        return nullcontext()


SCHEMES: Mapping[str, tuple[str, str | None]] = {  # scheme -> module, extra that it needs
    "file": ("folder", None),
    "s3": ("s3", "s3"),
    "gs": ("gcs", "gcs"),
    "azure": ("azure", "azure"),
    "sftp": ("sftp", "sftp"),
}
INSTANCE = "supervisely"  # no storage: engine/supervisely/
STREAM = "airflow_savemasks.engine.storage.stream"  # for all other schemes that smart_open knows
PACKED_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")
PACKED = (".tar", ".zip", *PACKED_TARS)  # what a source may be packed in
ClientFactory = Callable[[], Any]


def scheme_of(uri: str) -> str:
    """`file` for plain paths; "" where something else than a scheme stands before ://."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", uri)
    return found[1].lower() if found else "" if "://" in uri else "file"


def is_stream(uri: str) -> bool:
    """Whether a URI has a scheme that no module here is for, but smart_open (storage/stream.py)."""
    scheme = scheme_of(uri)
    return scheme not in {*SCHEMES, INSTANCE, ""} and bool(import_module(STREAM).knows(scheme))


def open_storage(uri: str, client: ClientFactory | None = None, *, confined: bool = False) -> Storage:
    """The storage at a URI. confined: for folders, links that lead out of the root are refused.

    client: makes the backend's client (boto3 S3 client, google Client, BlobServiceClient, paramiko SFTPClient);
    without it the backend's own default credentials serve. Called when first needed, kept and shared by all threads.
    Raises SettingsError for an unknown scheme or a missing extra.
    """
    shown = without_secrets(uri).encode("utf-8", "backslashreplace").decode()
    try:
        uri.encode()
    except UnicodeEncodeError as error:
        raise SettingsError(shown, "is no UTF-8", "Rename it, so that results and logs can name it") from error
    scheme = scheme_of(uri)
    if is_stream(uri):
        fix = f"Write to a folder or to one of {[f'{name}://' for name in SCHEMES]}"
        raise SettingsError(shown, f"{scheme}:// can only be a source: one packed file, read as a stream", fix)
    if scheme not in SCHEMES:
        raise SettingsError(shown, f"unknown scheme {scheme!r}", f"Known are {[f'{name}://' for name in SCHEMES]}")
    module, extra = SCHEMES[scheme]
    try:
        made: Storage = import_module(f"airflow_savemasks.engine.storage.{module}").open_uri(
            uri, client, **({"confined": True} if confined and scheme == "file" else {})
        )
    except ModuleNotFoundError as error:
        raise SettingsError(
            shown, f"{error.name} is not installed", f"Install it: pip install 'airflow-savemasks[{extra}]'"
        ) from error
    return made


def open_source_storage(uri: str, client: ClientFactory | None = None, limits: Limits = LIMITS) -> ReadableStorage:
    """Like `open_storage`; one of PACKED is opened as what lies in it, to be read only, also behind a stream."""
    if is_stream(uri):
        streamed: ReadableStorage = import_module(STREAM).open_packed(uri, limits)
        return streamed
    return unpacked(open_storage(uri, client), limits)


def unpacked(storage: ReadableStorage, limits: Limits = LIMITS) -> ReadableStorage:
    """A storage whose root is one of PACKED -> what lies in that; any other as it is, also a folder of such a name.

    Raises StorageError where it cannot be looked at.
    """
    if not storage.uri.lower().endswith(PACKED):
        return storage
    module = import_module("airflow_savemasks.engine.storage.packed")
    source: ReadableStorage = storage if module.is_folder(storage) else module.PackedStorage(storage, limits)
    return source


def without_password(uri: str) -> str:
    """A URI as it may be shown: without the password in `user:password@host`.

    >>> without_password("sftp://kiwi:secret@host/folder")
    'sftp://kiwi@host/folder'
    """
    return re.sub(r"^([^:/@]+://[^:/@]*):[^/]*@", r"\1@", uri)


def without_secrets(uri: str) -> str:
    """A URI as results, messages and logs may have it.

    Without the password, and for schemes that are none of ours without user and query, which may be a key or a token.

    >>> without_secrets("https://kiwi:secret@host:8080/a@b.tar?token=secret")
    'https://host:8080/a@b.tar'
    """
    if scheme_of(uri) in {*SCHEMES, INSTANCE}:
        return without_password(uri)
    return re.sub(r"^([^:/?#]+://)([^:/?#@]*:(?![0-9]*/)[^@]*@|[^/?#@]*@)?([^?#]*).*", r"\1\3", uri, flags=re.DOTALL)

"""From a URI to its storage; what a backend needs is imported when one is opened."""

from __future__ import annotations

from importlib import import_module

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.limits import LIMITS, Limits
from airflow_savemasks.engine.storage.base import ClientFactory, ReadableStorage, Storage
from airflow_savemasks.engine.storage.uris import INSTANCE, PACKED, SCHEMES, scheme_of, without_secrets


def is_stream(uri: str) -> bool:
    """Whether a URI has a scheme that no module here is for, but smart_open (storage/stream.py)."""
    scheme = scheme_of(uri)
    if scheme in {*SCHEMES, INSTANCE, ""}:
        return False
    from airflow_savemasks.engine.storage import stream

    return stream.knows(scheme)


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
        from airflow_savemasks.engine.storage import stream

        return stream.open_packed(uri, limits)
    return unpacked(open_storage(uri, client), limits)


def unpacked(storage: ReadableStorage, limits: Limits = LIMITS) -> ReadableStorage:
    """A storage whose root is one of PACKED -> what lies in that; any other as it is, also a folder of such a name.

    Raises StorageError where it cannot be looked at.
    """
    if not storage.uri.lower().endswith(PACKED):
        return storage
    from airflow_savemasks.engine.storage import packed

    return storage if packed.is_folder(storage) else packed.PackedStorage(storage, limits)

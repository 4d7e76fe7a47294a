"""A small object on S3 that is written on a condition, where the server knows such."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ParamValidationError

from airflow_savemasks.engine.storage.base import Entry
from airflow_savemasks.engine.storage.s3_errors import CHANGED, code_of
from airflow_savemasks.engine.storage.s3_upload import entry_of

if TYPE_CHECKING:
    from airflow_savemasks.engine.storage.s3 import S3Storage

GONE = frozenset(("NoSuchKey", "404"))  # the object that the condition names
UNKNOWN = frozenset("InvalidArgument InvalidRequest MethodNotAllowed NotImplemented 400 405 501".split())


def put_if(storage: S3Storage, path: str, content: bytes, tag: str | None) -> Entry | None:
    """Write an object in place of the one with an ETag (None: only if there is none).

    Returns None where another one lies there. A server or a boto3 without conditions writes without one. Raises
    StorageError, Stopped.
    """
    condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": f'"{tag}"'}

    def put() -> Any:
        try:
            return storage.put(path, content, **condition)
        except ParamValidationError:  # a boto3 of before conditional writes
            return storage.put(path, content)
        except ClientError as error:
            code = code_of(error)
            if code in CHANGED or (tag is not None and code in GONE):
                return None
            if code in UNKNOWN:
                return storage.put(path, content)
            raise

    answer = storage.run(path, put)
    return None if answer is None else entry_of(answer, answer["ETag"], len(content))

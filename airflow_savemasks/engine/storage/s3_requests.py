"""What a bucket's policy asks of every request to S3, by its name in boto3, where the request has a place for it."""

from __future__ import annotations

from functools import cache
from typing import Any

from airflow_savemasks.engine.storage.object_options import options_of

OPERATIONS = ("put_object", "create_multipart_upload", "get_object")  # together these have all that may be wanted
OURS = frozenset(
    """Body Bucket CopySource CopySourceRange CopySourceIfMatch Delete Delimiter IfMatch IfModifiedSince IfNoneMatch
    IfUnmodifiedSince Key MultipartUpload PartNumber Prefix Range UploadId VersionId WriteOffsetBytes ContentLength
    ContentMD5""".split()
)


class Requests:
    """The requests of one storage. client: boto3's; factory: what made it, with the options."""

    def __init__(self, client: Any, factory: Any, uri: str) -> None:
        """Raises SettingsError for an option that no request has."""
        self._client = client
        self._accepted = cache(self._members)
        known = frozenset().union(*(self._accepted(operation) for operation in OPERATIONS)) - OURS
        self._options = options_of(factory, uri, known)

    def send(self, operation: str, **arguments: Any) -> Any:
        """One request, with what the policy asks of it; raises botocore's errors."""
        accepted = self._accepted(operation)
        wanted = {name: given for name, given in self._options.items() if name in accepted}
        if operation == "upload_part_copy":  # a key of the customer's own is needed to read as well
            customer = {name: given for name, given in self._options.items() if name.startswith("SSECustomer")}
            wanted |= {f"CopySource{name}": given for name, given in customer.items()}
        if "Metadata" in arguments:
            arguments["Metadata"] = {**wanted.get("Metadata", {}), **arguments["Metadata"]}
        return getattr(self._client, operation)(**{**wanted, **arguments})

    def _members(self, operation: str) -> frozenset[str]:
        meta = self._client.meta
        model = meta.service_model.operation_model(meta.method_to_api_mapping[operation])
        return frozenset(model.input_shape.members)

"""URIs of storages: their schemes, what may be packed, and how they are shown. Pure."""

from __future__ import annotations

import re

SCHEMES: dict[str, tuple[str, str | None]] = {  # scheme -> module, extra that it needs
    "file": ("folder", None),
    "s3": ("s3", "s3"),
    "gs": ("gcs", "gcs"),
    "azure": ("azure", "azure"),
    "sftp": ("sftp", "sftp"),
}
INSTANCE = "supervisely"  # no storage: engine/supervisely/
PACKED_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")
PACKED = (".tar", ".zip", *PACKED_TARS)  # what a source may be packed in


def scheme_of(uri: str) -> str:
    """`file` for plain paths; "" where something else than a scheme stands before ://."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", uri)
    return found[1].lower() if found else "" if "://" in uri else "file"


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

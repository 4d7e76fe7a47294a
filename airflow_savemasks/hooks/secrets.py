"""Passwords in URIs: they have no use here, as credentials come from connections, and must be seen nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from airflow.sdk.log import mask_secret

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.storage.opening import is_stream
from airflow_savemasks.engine.storage.uris import without_secrets

USER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^:/@]*:([^@]+)@")  # secrets of S3 have slashes in them
STREAM_USER = re.compile(r"^[^:/?#]+://([^/?#@]*)@")


def password_of(uri: str) -> str:
    """The password in `scheme://user:password@host/path`, as it is written; "" where there is none."""
    found = USER.match(uri)
    if found is None or re.match(r"[0-9]*/", found[1]):  # host:22/folder@home
        return ""
    return found[1]


def without_password(uri: str) -> str:
    """The URI as people may see it."""
    if is_stream(uri):
        return without_secrets(uri)
    password = password_of(uri)
    return uri.replace(f":{password}@", ":***@", 1) if password else uri


def mask_passwords(value: Any) -> None:
    """Have Airflow mask the passwords of all URIs in a value, at any depth, in logs and rendered fields.

    Of a stream the user and the query too: each may be a token.
    """
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            mask_passwords(one)
    elif isinstance(value, str):
        secrets = [password_of(value)]
        if is_stream(value):
            secrets += [value.partition("?")[2], *STREAM_USER.findall(value)]
        for secret in filter(None, secrets):
            mask_secret(secret)
            mask_secret(unquote(secret))


def refuse_password(uri: str) -> None:
    """Raises SettingsError, without the password, for a URI that has one. An S3 key and secret are such, too."""
    if password_of(uri):
        mask_passwords(uri)
        fix = "Remove it and have it changed; credentials come from a connection (storage_conn_id)"
        if is_stream(uri):
            fix = "Remove it and have it changed; a token may stand in the query, which is masked"
        raise SettingsError(without_password(uri), "there is a password in the URI, where others see it", fix)

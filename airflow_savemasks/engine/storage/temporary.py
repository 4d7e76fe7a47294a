"""Names of files that are not whole yet: short whatever the file is called, and found again by its name.

`.<hash of the name>.<random>.tmp`: 38 bytes, so that a name as long as a file system takes has a temporary one too. The
hash is of the name without the number of a volume (`-00002`) or of a renamed archive (`_001`), as whoever cleans up
does not know how many of them there were.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from uuid import uuid4

NUMBER = re.compile(r"(-\d{5}|_\d{3,})(?=\.(tar|index\.jsonl|manifest\.json)$)")
FORM = re.compile(r"\.([0-9a-f]{16})\.[0-9a-f]{16}\.tmp")


def temporary_name(name: str) -> str:
    """A new name for what will be called `name`, a file's name without its folder; another one at each call.

    >>> is_temporary(temporary_name("kiwi.tar"))
    True
    """
    return f".{_hash(name)}.{uuid4().hex[:16]}.tmp"


def beginning_of(name: str) -> str:
    """What the temporary names of a file, of its volumes and of its renamings begin with.

    >>> temporary_name("kiwi-00002.tar").startswith(beginning_of("kiwi.tar"))
    True
    """
    return f".{_hash(name)}."


def is_temporary_of(temp: str, names: Iterable[str]) -> bool:
    """Whether `temp` was made for one of `names`, or for one of their volumes (`-00002`) or renamings (`_001`).

    >>> is_temporary_of(temporary_name("kiwi-00002.tar"), ["kiwi.tar", "kiwi.manifest.json"])
    True
    >>> is_temporary_of(temporary_name("lemon.tar"), ["kiwi.tar"])
    False
    """
    found = FORM.fullmatch(temp)
    return found is not None and found[1] in {_hash(name) for name in names}


def is_temporary(temp: str) -> bool:
    """Whether a file's name is one that `temporary_name` makes.

    >>> is_temporary(".kiwi.tmp")
    False
    """
    return FORM.fullmatch(temp) is not None


def _hash(name: str) -> str:
    plain = NUMBER.sub("", name)
    return sha256(plain.encode("utf-8", "surrogateescape")).hexdigest()[:16]

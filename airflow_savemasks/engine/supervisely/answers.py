"""What an instance answers, understood: which failures pass, multipart bodies, messages, lengths. Pure."""

from __future__ import annotations

import re
from email.message import Message
from typing import NoReturn

import httpx

from airflow_savemasks.engine.errors import AccessError, NotFound, StorageError

TRANSIENT = frozenset({408, 429, 499, 500, 502, 503, 504, 509, 598, 599})
AGENT_MISSING = "Agent should call AgentConnected or AgentPing"
PART_NAME = re.compile(r'(?:^|[\s;])name="(\d+)"')


class Passing(Exception):
    """Something that may be gone when tried again; `after`: seconds the server asked to wait."""

    def __init__(self, problem: str, after: float = 0.0) -> None:
        super().__init__(problem)
        self.problem, self.after = problem, after


def split_parts(answer: httpx.Response) -> dict[int, bytes]:
    """A multipart/form-data answer -> the number in each part's name -> its content.

    Raises Passing where the body is cut off: a hole must not look like an empty part.
    """
    header = Message()
    header["Content-Type"] = answer.headers.get("Content-Type", "")
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str):
        raise Passing("the answer is not multipart")
    fence = b"--" + boundary.encode("latin-1")
    sections = (b"\r\n" + answer.content).split(b"\r\n" + fence)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise Passing("the answer ends too early")
    found = {}
    for section in sections[1:-1]:
        head, blank, content = section.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        named = PART_NAME.search(head.decode("utf-8", "replace"))
        if not blank or not named:
            raise Passing("a part of the answer has no name")
        found[int(named[1])] = content
    return found


def message_of(answer: httpx.Response) -> str:
    """What an answer other than 200 says."""
    try:
        body = answer.json()
        details = body.get("details") or {}
        first = details[0] if isinstance(details, list) and details else details
        return f"{body.get('error', '')} {first.get('message', '') if isinstance(first, dict) else ''}".strip()[:300]
    except (ValueError, AttributeError):
        return answer.reason_phrase


def length_of(answer: httpx.Response) -> int | None:
    """The announced bytes of a body, None where they are not told or are those of a compressed one."""
    text = answer.headers.get("Content-Length", "")
    plain = answer.headers.get("Content-Encoding", "identity") == "identity"
    return int(text) if plain and text.isascii() and text.isdigit() else None


def retry_after(answer: httpx.Response) -> float:
    """Seconds that the server asks to wait."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0


def refuse(where: str, answer: httpx.Response) -> NoReturn:
    """Raises what an answer other than 200 means: Passing where another try may help, or an error of ours."""
    problem = f"{answer.status_code} {message_of(answer)}".strip()
    if answer.status_code in TRANSIENT or (answer.status_code == httpx.codes.BAD_REQUEST and AGENT_MISSING in problem):
        raise Passing(problem, retry_after(answer))
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise AccessError(where, problem, "Put a valid API token into the Supervisely connection")
    if answer.status_code == httpx.codes.FORBIDDEN:
        raise AccessError(where, problem, "Give the token's user the right to it, or use another token")
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise NotFound(where, problem, "Check the id or the name")
    raise StorageError(where, problem, "Look at the instance's log")

"""What went wrong with a stream, in words of ours: those of the clients repeat the URI, with its password and token."""

from __future__ import annotations

import ftplib
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus

from airflow_savemasks.engine.storage.retries import Failure, Kind, by_status

NO_FILE, NO_LOGIN = "550", "530"  # answers of an FTP server
BROKE_OFF = {"IncompleteRead", "ProtocolError", "ChunkedEncodingError", "InvalidChunkLength", "EOFError"}
NO_URI = {"InvalidURL", "InvalidSchema", "LocationParseError", "LocationValueError", "UnicodeError"}
HADOOP = {"hdfs", "viewfs"}
HADOOP_SINCE = (
    9  # major version of smart_open: before it the host is left out, and a program that fails is an end of file
)


class Failed(Exception):
    """A try that failed, with nothing of the error behind it but what `failure` says."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.fact)
        self.failure = failure


def explain(error: Exception) -> Failure:
    """For a Guard."""
    return error.failure if isinstance(error, Failed) else Failure(Kind.BROKEN, type(error).__name__)


def too_short(came: int, length: int) -> Failure:
    """The server promised `length` bytes and sent `came`."""
    return Failure(Kind.PASSING, f"ends after {came:,} of {length:,} bytes")


def failure_of(error: BaseException, scheme: str) -> Failure:
    """An error of smart_open, or of a client that it uses, understood; scheme: of the URI."""
    chain = list(_chain(error))
    names = {kind.__name__ for link in chain for kind in type(link).__mro__}
    if "TooManyRedirects" in names:
        return Failure(Kind.BROKEN, "the server redirects in a circle", "Name the URI that the file really has")
    if (status := next(filter(None, map(_status, chain)), None)) is not None:
        return by_status(status, f"the server answers {status}{_phrase(status)}")
    if isinstance(error, ImportError | NotImplementedError):
        fix = f"Install what smart_open needs for it: pip install 'smart-open[{scheme}]'"
        return Failure(Kind.BROKEN, f"nothing is installed that reads {scheme}://", fix)
    for link in chain:
        if (found := _of_network(link)) is not None:
            return found
    if names & BROKE_OFF:
        return _broke_off(chain)
    if names & NO_URI:
        return Failure(Kind.BROKEN, "is no URI that can be opened", "Write it as a browser takes it")
    if scheme in HADOOP and isinstance(error, FileNotFoundError):
        return Failure(Kind.BROKEN, "the program hdfs is not installed", "Install Hadoop's client, or use webhdfs://")
    if isinstance(error, OSError) and error.errno is not None:
        return Failure(Kind.PASSING, f"{type(error).__name__}: {error.strerror}")
    if scheme in HADOOP and isinstance(error, OSError):
        return Failure(Kind.BROKEN, "the program hdfs failed", "Look whether `hdfs dfs -cat` reads it")
    return Failure(Kind.BROKEN, f"cannot be read ({type(error).__name__})")


def too_old(scheme: str, smart_open: str) -> Failure | None:
    """Why a scheme cannot be read with this version of smart_open, None where it can."""
    if scheme not in HADOOP or int(smart_open.partition(".")[0]) >= HADOOP_SINCE:
        return None
    fact = f"smart_open {smart_open} takes a program hdfs that fails for the end of the file"
    return Failure(Kind.BROKEN, fact, f"Install smart-open>={HADOOP_SINCE}, or use webhdfs://")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it came from, the innermost last."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _of_network(error: BaseException) -> Failure | None:
    if isinstance(error, ssl.SSLError):
        fact = f"no safe connection: {getattr(error, 'verify_message', '') or error.reason or 'TLS failed'}"
        return Failure(Kind.BROKEN, fact, "Correct the host, or name its authority in REQUESTS_CA_BUNDLE")
    if isinstance(error, socket.gaierror):
        return Failure(Kind.PASSING, "its host is not found", "Correct the host")
    if isinstance(error, ConnectionRefusedError):
        return Failure(Kind.PASSING, "connection refused", "Look whether the server runs, and correct host and port")
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return Failure(Kind.PASSING, "no answer in time")
    if isinstance(error, ftplib.error_perm):
        code = str(error)[:3]
        kind = {NO_FILE: Kind.MISSING, NO_LOGIN: Kind.ACCESS}.get(code, Kind.BROKEN)
        return Failure(kind, f"the server answers {code}")
    if isinstance(error, ftplib.Error):
        return Failure(Kind.PASSING, f"the server answers {str(error)[:3]}")
    if isinstance(error, ConnectionError):
        return Failure(Kind.PASSING, "the connection broke off")
    return None


def _broke_off(chain: list[BaseException]) -> Failure:
    """With the bytes that came, where the client counted them."""
    for link in chain:
        came, left = getattr(link, "partial", None), getattr(link, "expected", None)
        if isinstance(came, int) and isinstance(left, int):
            return too_short(came, came + left)
    return Failure(Kind.PASSING, "the connection broke off")


def _status(error: BaseException) -> int | None:
    """The HTTP status that an error of requests or of smart_open's webhdfs has."""
    for found in (error, getattr(error, "response", None)):
        status = getattr(found, "status_code", None)
        if isinstance(status, int):
            return status
    return None


def _phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""

"""What botocore's exceptions mean."""

from __future__ import annotations

from botocore import exceptions as boto

from airflow_savemasks.engine.storage.retries import Failure, Kind, by_status, one_line

ACCESS = frozenset(
    """AccessDenied AllAccessDisabled AccountProblem ExpiredToken InvalidAccessKeyId InvalidToken NotSignedUp
    SignatureDoesNotMatch TokenRefreshRequired 401 403""".split()
)
PASSING = frozenset(
    """BandwidthLimitExceeded ConditionalRequestConflict InternalError OperationAborted RequestLimitExceeded
    RequestTimeout ServiceUnavailable SlowDown Throttling ThrottlingException""".split()
)
CHANGED = frozenset(("PreconditionFailed", "412"))
NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.UnauthorizedSSOTokenError,
    boto.ProfileNotFound,
)
NETWORK = (boto.HTTPClientError, boto.IncompleteReadError, boto.ResponseStreamingError, ConnectionError, TimeoutError)


def explain(error: Exception) -> Failure:
    """What an exception of botocore means."""
    fact = one_line(error)
    if isinstance(error, boto.ClientError):
        code = code_of(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if code == "NoSuchBucket":
            return Failure(Kind.BROKEN, "the bucket does not exist", "Correct the URI or create the bucket")
        if code == "NoSuchUpload":
            fix = "Run only one export to an archive at a time, then run it again"
            return Failure(Kind.BROKEN, "somebody else ended the upload", fix)
        if code in CHANGED:
            return Failure(Kind.CHANGED, fact)
        if code in ACCESS:
            hint = "For a file that is missing, S3 says so too where s3:ListBucket is not granted"
            return Failure(Kind.ACCESS, fact, hint if error.operation_name == "HeadObject" else "")
        return Failure(Kind.PASSING, fact) if code in PASSING else by_status(status, fact)
    if isinstance(error, NO_CREDENTIALS):
        return Failure(Kind.ACCESS, fact)
    return Failure(Kind.PASSING if isinstance(error, NETWORK) else Kind.BROKEN, fact)


def code_of(error: boto.ClientError) -> str:
    """S3's own word for it, or the HTTP status where there was no body."""
    return str(error.response.get("Error", {}).get("Code", ""))

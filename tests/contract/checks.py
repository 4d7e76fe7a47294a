"""The register of the checks that drive the SDK, and what they compare with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
CHECKS: dict[str, Callable[[Any, Json], Json | None]] = {}


def check(function: Callable[[Any, Json], Json | None]) -> Callable[[Any, Json], Json | None]:
    """Register a check - it takes the SDK's `Api` and the job - under its name."""
    CHECKS[function.__name__] = function
    return function


def expect(actual: object, expected: object, what: str) -> None:
    """Fail the check unless both are equal."""
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r}, expected {expected!r}")


def ensure(holds: object, what: str) -> None:
    """Fail the check unless a condition holds."""
    if not holds:
        raise AssertionError(f"not so: {what}")

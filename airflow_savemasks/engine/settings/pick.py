"""The option `pick`: which pictures are exported. Rules: more-masks, section 10."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from airflow_savemasks.engine.settings.values import exact_flag, exact_text, wrong


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise wrong(value, "is no list of names with at least one in it", 'Write one, such as ["kiwi"]')
    return tuple(exact_text(name) for name in value)


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


class Pick(BaseModel):
    """All that is given must hold for a picture; () and False ask for nothing.

    datasets: its dataset is one of these paths, or lies below one; tags: it has one of these tags itself; classes: it
    has a label of one of these classes; labelled: it has a label. Names are those of the archive, after the mapping.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    datasets: Names = ()
    tags: Names = ()
    classes: Names = ()
    labelled: Annotated[bool, BeforeValidator(exact_flag)] = False

    @property
    def asks(self) -> bool:
        """Whether anything is asked for; otherwise it is as None."""
        return bool(self.datasets or self.reads)

    @property
    def reads(self) -> bool:
        """Whether the annotation decides."""
        return bool(self.tags or self.classes or self.labelled)

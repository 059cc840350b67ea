"""What clients send about registered models."""

from typing import Self

from pydantic import Field, model_validator

from serving.messages import Message, Text

VERSION_PATTERN = r"^[1-9]\d{0,8}$"


class Promote(Message):
    """Make a version the champion if its comparison allows it, or by force with a reason."""

    force: bool = Field(default=False, description="Whatever the comparison says.")
    reason: Text | None = Field(default=None, description="Why; needed with `force`.")

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if self.force and not (self.reason or "").strip():
            raise ValueError("a promotion by force needs a `reason`")
        if self.reason is not None and not self.force:
            raise ValueError("`reason` goes with `force`; else the comparison is the reason")
        return self


class RollBack(Message):
    """Give the champion's place back."""

    to: str | None = Field(
        default=None, pattern=VERSION_PATTERN, description="Version; else the champion before."
    )
    reason: Text = Field(min_length=1, description="Why, for the record.")

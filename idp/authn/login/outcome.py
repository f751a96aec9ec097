"""What came of a form: the step that is due now, and what was wrong with what was typed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from idp.authn.login.transaction import LoginTransaction
from idp.authn.step_kinds import Step
from idp.core.person import PersonMembership

if TYPE_CHECKING:
    from idp.authn.login.progress import Settled


@dataclass(frozen=True, slots=True)
class Refused:
    """A form was refused: a code per field; ``retry_after`` in seconds where waiting helps."""

    errors: Mapping[str, str]
    retry_after: int | None = None

    def told(self) -> dict[str, str]:
        """The codes, with ``retry_after`` beside them where it is known."""
        told = dict(self.errors)
        if self.retry_after is not None:
            told["retry_after"] = str(self.retry_after)
        return told


@dataclass(frozen=True, slots=True)
class Outcome:
    """``moved``: the form was for a step that was not due, and nothing of it was used.

    ``errors`` hold codes to translate, by field, and ``retry_after`` in seconds beside them;
    ``notice`` is the code of something to say quietly (``code-sent``). ``tx`` is the transaction
    as stored by then, ``company`` the one being entered, once it is settled behind the password;
    ``settled`` is what the step was decided on.
    """

    step: Step
    tx: LoginTransaction
    company: PersonMembership | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    notice: str = ""
    moved: bool = False
    settled: "Settled | None" = None

"""The US Privacy string: four characters on notice and opt-out of the sale of personal data. It knows no acceptance.

Source: IAB Tech Lab, "U.S. Privacy String" (version 1): version, notice given, opted out of sale, covered by the
Limited Service Provider Agreement; Y, N, or - where the rule does not apply.
"""

import re
from typing import Final, NamedTuple

_FORM: Final = re.compile(r"1([YNyn-])([YNyn-])([YNyn-])")


class UsPrivacy(NamedTuple):
    """What the string says; `opted_out` None: the rule does not apply to this visitor."""

    notice: bool
    opted_out: bool | None


def decode(text: str) -> UsPrivacy | None:
    """Return what a US Privacy string says, or None where it is none."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    notice, out, _ = (part.upper() for part in match.groups())
    return UsPrivacy(notice == "Y", None if out == "-" else out == "Y")

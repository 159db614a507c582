"""What a page shows below its commands, and whether that is what they print."""

import re
import shlex
from collections.abc import Iterator

from tests.acceptance.pages import blocks

CHANGING = (
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+", "at that moment"),
    (r"\d+ (ms|s|min|h|d)\b", "a while"),
    (r"(open +2 of 3 .*ago) +(a while)? +inv", r"\1 inv"),  # the time left, where it can be told already
    (r"(invoice +invoicing +5 +)\d+ ( +a while ago +95)", r"\1n\2"),  # tried again every two seconds
    (r"[ \t]+", " "),
    (r" +$", ""),
)
"""What differs from one time to the next, and by what it is replaced."""
ELLIPSIS = "…\n"


def steps(page: str) -> Iterator[tuple[list[str], str]]:
    """Each command of a page in words, and what it prints."""
    for block in blocks(page, "console"):
        for step in block.code.split("$ ")[1:]:
            command, _, output = step.partition("\n")
            yield shlex.split(command, comments=True), output


def is_shown(printed: str, shown: str) -> bool:
    """Whether that was printed, but for what changes; a line with three dots stands for any."""
    pattern = "(?:.*\n)*?".join(re.escape(one) for one in steady(shown).split(ELLIPSIS))
    return re.fullmatch(pattern, steady(printed)) is not None


def steady(text: str) -> str:
    """The text without what differs each time."""
    for changing, steady in CHANGING:
        text = re.sub(changing, steady, text, flags=re.MULTILINE)
    return text

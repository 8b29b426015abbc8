"""Whether a page or an answer tells something: as a word of its own, for three letters may well be in an id."""

import re


def tells(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None

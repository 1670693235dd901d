"""What pages say, a module for each language."""

from __future__ import annotations

from extauth.web.words.english import ENGLISH
from extauth.web.words.german import GERMAN
from extauth.web.words.words import Words

__all__ = ["ENGLISH", "GERMAN", "Words"]

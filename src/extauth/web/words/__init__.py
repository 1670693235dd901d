"""What pages say, a module for each language."""

from __future__ import annotations

from extauth.web.words.english import ENGLISH
from extauth.web.words.german import GERMAN
from extauth.web.words.operator_english import OPERATOR_ENGLISH
from extauth.web.words.operator_german import OPERATOR_GERMAN
from extauth.web.words.words import Words

__all__ = ["ENGLISH", "GERMAN", "OPERATOR_ENGLISH", "OPERATOR_GERMAN", "Words"]

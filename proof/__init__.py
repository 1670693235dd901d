"""The exhaustive walk behind ``make prove``."""

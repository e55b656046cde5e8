"""Content levels, mildest first."""

LEVELS = ("pg", "pg13", "r", "x", "xxx")  # bits 1, 2, 4, 8 and 16 of CivitAI's nsfwLevel

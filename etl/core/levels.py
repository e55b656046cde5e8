"""Content levels, from the mildest to the most explicit."""

LEVELS = ("pg", "pg13", "r", "x", "xxx")  # bits 1, 2, 4, 8 and 16 of CivitAI's nsfwLevel

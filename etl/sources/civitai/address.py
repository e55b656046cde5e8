"""Where people see a CivitAI model. No I/O."""

from __future__ import annotations

_SAFE_SITE = ("pg", "pg13")  # levels on civitai.com since 2026-04; all others and flagged models are on civitai.red


def model_url(id_: str, level: str) -> str:
    """Return the address of a model by its level, which is at least r where it is flagged."""
    return f"https://{'civitai.com' if level in _SAFE_SITE else 'civitai.red'}/models/{id_}"

"""Print every table."""

from __future__ import annotations

from bench import extraction, rebuild

if __name__ == "__main__":
    rebuild.main()
    print()
    extraction.main()

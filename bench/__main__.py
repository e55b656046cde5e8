"""Print every table."""

from __future__ import annotations

from bench import asking, rebuild

if __name__ == "__main__":
    rebuild.main()
    print()
    asking.main()

"""Print every table."""

from __future__ import annotations

from bench import extraction, processes, rebuild

if __name__ == "__main__":
    rebuild.main()
    print()
    processes.main()
    print()
    extraction.main()

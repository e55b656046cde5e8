"""Print every table."""

from __future__ import annotations

from bench import crawl, extraction, processes, publishing, rebuild, reporting

if __name__ == "__main__":
    rebuild.main()
    print()
    processes.main()
    print()
    publishing.main()
    print()
    reporting.main()
    print()
    extraction.main()
    print()
    crawl.main()

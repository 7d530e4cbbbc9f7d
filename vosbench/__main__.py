"""`python -m vosbench`."""

from __future__ import annotations

from vosbench.cli import main

if __name__ == "__main__":
    main()

"""``python -m funchost`` is the ``funchost`` command."""

from funchost.cli import main

if __name__ == "__main__":
    main()

"""``python -m notabene``: the same as the ``notabene`` command."""

from notabene.cli.main import main

if __name__ == "__main__":
    main()

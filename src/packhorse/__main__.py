"""`python -m packhorse`: the command line."""

from packhorse.cli.main import main

if __name__ == "__main__":
    main()

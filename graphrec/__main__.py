"""`python -m graphrec` is the command `graphrec`."""

from graphrec.cli import main

if __name__ == "__main__":
    main()

"""`python -m lbrn` is the same as `lbrn`; the workflow's rules call it so that no activated environment is needed."""

from lbrn.cli import main

if __name__ == "__main__":
    main()

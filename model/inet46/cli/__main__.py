"""`python -m inet46.cli` is `inet46`."""

from inet46.cli import main

if __name__ == "__main__":
    main(prog_name="inet46")

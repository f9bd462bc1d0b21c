"""``python -m fillwright``."""

from fillwright.cli import main

if __name__ == "__main__":
    main()

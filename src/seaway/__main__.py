"""`python -m seaway`."""

import sys

from seaway.cli.main import main

sys.exit(main())

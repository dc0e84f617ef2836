"""``python -m coincide`` is the command ``coincide``."""

from coincide.comparisons.cli import main

raise SystemExit(main())

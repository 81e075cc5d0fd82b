"""``python -m service.cli`` is the ``samram`` command where its script is not installed."""

from service.cli.main import main

main()

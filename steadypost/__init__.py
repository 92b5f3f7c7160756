"""The parts put together: command line, settings, wiring, migrations."""

"""Settings for all tests."""

from hypothesis import settings

# A slow machine is no failing test.
settings.register_profile("graphrec", deadline=None)
settings.load_profile("graphrec")

"""What all tests of the engine share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The same examples in every run and no bound on their time, so that a busy machine fails nothing.
# `--hypothesis-profile=search` looks for new ones.
settings.register_profile(
    "repeat", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "search", parent=settings.get_profile("repeat"), derandomize=False, max_examples=5000
)
settings.load_profile("repeat")

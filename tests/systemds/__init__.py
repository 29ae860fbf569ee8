"""Real systemds: hosts of the lab with systemd as pid 1, the units that are tried on them, and what inet46 says of each."""

from tests.systemds.cases import Case, grid, odd_units
from tests.systemds.host import Bench, benches
from tests.systemds.random_units import random_units

__all__ = ["Bench", "Case", "benches", "grid", "odd_units", "random_units"]

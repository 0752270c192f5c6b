"""How long to wait after a failed order."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that grow by `factor` from `first_s` to `most_s`, each up to a fifth longer or shorter.

    By default there are 4 orders in the first hour: Let's Encrypt takes 5 failures of a name in an hour.
    """

    first_s: float = 60.0
    factor: float = 4.0
    most_s: float = 6 * 3600.0

    def pause_s(self, failures: int, rng: random.Random) -> float:
        """The pause after so many failures in a row, 1 at least."""
        grown_s = self.first_s * self.factor ** min(failures - 1, 50)
        return min(grown_s, self.most_s) * rng.uniform(0.8, 1.2)

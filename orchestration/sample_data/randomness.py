"""Randomness: the streams of random numbers, one for each purpose, all fixed by the seed.

The stream of a single day of events is opened in `events`.
"""

import zlib

import numpy as np


def generator_for(seed: int, purpose: str) -> np.random.Generator:
    """A stream of its own for each purpose, so that a change to one table leaves the others."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])

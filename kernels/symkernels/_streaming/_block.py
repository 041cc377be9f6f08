"""What a backend does with one block of a stream."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

CANDIDATES = 4  # rows that are tried at once as a new center


class Block(ABC):
    """Some rows in the frame of a state, and the micro-cluster that each is in.

    Small arrays (centers, sums) are NumPy's, as are `distance` and `weight`; the rows stay where they are.

    Attributes
    ----------
    n : int
    weight : (n,) float64
    distance : (n,) float64
        Squared distance of each row to its center.
    """

    n: int
    weight: np.ndarray
    distance: np.ndarray

    @abstractmethod
    def assign(self, centers: np.ndarray) -> None:
        """Put every row to its nearest center, the first one on a tie."""

    @abstractmethod
    def counts(self, count: int) -> np.ndarray:
        """Weight of the rows at each of ``count`` centers."""

    @abstractmethod
    def rows(self, indices: np.ndarray) -> np.ndarray:
        """Some of the rows."""

    @abstractmethod
    def saved(self, candidates: np.ndarray) -> np.ndarray:
        """By how much the weighted distances would fall in all with each of `CANDIDATES` further centers."""

    @abstractmethod
    def take(self, candidate: int, label: int) -> None:
        """Make a candidate of the last `saved` the center ``label``: rows that are nearer to it go there."""

    @abstractmethod
    def sums(self, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each center the weight of its rows, and weighted sums of differences from it and of their squares."""

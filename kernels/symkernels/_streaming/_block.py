"""What a backend does for one block of a stream's rows."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

CANDIDATES = 4  # rows that are tried at once as a new center


class Block(ABC):
    """Some rows in the frame of a state, and the micro-cluster that each belongs to.

    Centers, sums, `distance` and `weight` are NumPy arrays; the rows stay on their own backend and device.

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
        """Assign every row to its nearest center, the first one on a tie."""

    @abstractmethod
    def counts(self, count: int) -> np.ndarray:
        """Weight of the rows at each of ``count`` centers."""

    @abstractmethod
    def rows(self, indices: np.ndarray) -> np.ndarray:
        """Some of the rows."""

    @abstractmethod
    def saved(self, candidates: np.ndarray) -> np.ndarray:
        """By how much each of `CANDIDATES` further centers would lower the sum of the weighted distances."""

    @abstractmethod
    def take(self, candidate: int, label: int) -> None:
        """Make a candidate of the last `saved` the center ``label``; assign it the rows that are nearer to it."""

    @abstractmethod
    def sums(self, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each center the weight of its rows, and weighted sums of differences from it and of their squares."""

"""Data sources: files read in batches under a memory budget.

A `Source` is an iterable of tables, so ``project.learn(sources.csv("data.csv"))`` learns a file of any size.
"""

from symjobs.sources._csv import csv
from symjobs.sources._open import open
from symjobs.sources._parquet import parquet
from symjobs.sources._source import Source
from symjobs.sources._upload import upload

__all__ = ["Source", "csv", "open", "parquet", "upload"]

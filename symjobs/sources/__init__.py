"""Data sources: files, addresses, stores and databases, read in batches under a memory budget.

A `Source` is an iterable of tables, so ``project.learn(sources.csv("data.csv"))`` learns a file of any size.
"""

from symjobs.sources._access import Access
from symjobs.sources._arrow import arrow
from symjobs.sources._csv import csv
from symjobs.sources._open import open
from symjobs.sources._parquet import parquet
from symjobs.sources._source import BadValues, Source
from symjobs.sources._upload import upload

__all__ = ["Access", "BadValues", "Source", "arrow", "csv", "open", "parquet", "upload"]

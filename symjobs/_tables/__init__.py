"""Any table as batches of columns. No other room reads tables of other libraries."""

from symjobs._tables._batch import Batch, MatrixBatch, check_names, check_utf8
from symjobs._tables._cells import MISSING_TEXTS, BadCell
from symjobs._tables._columns import Column, NumberColumn, ObjectColumn, TextColumn, is_binary
from symjobs._tables._json_rows import JsonRows
from symjobs._tables._members import labels_of
from symjobs._tables._read import read_table

__all__ = [
    "MISSING_TEXTS",
    "BadCell",
    "Batch",
    "Column",
    "JsonRows",
    "MatrixBatch",
    "NumberColumn",
    "ObjectColumn",
    "TextColumn",
    "check_names",
    "check_utf8",
    "is_binary",
    "labels_of",
    "read_table",
]

"""What was learnt from rows: names and types over moments, and what else is kept of the rows."""

from symjobs._state._clusters import Clusters
from symjobs._state._filter import RowFilter
from symjobs._state._inputs import Input
from symjobs._state._memory import check_memory_for_matrix
from symjobs._state._snapshot import Snapshot

__all__ = ["Clusters", "Input", "RowFilter", "Snapshot", "check_memory_for_matrix"]

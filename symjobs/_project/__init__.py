"""Projects: names and types over moments."""

from symjobs._project._clusters import Clusters
from symjobs._project._filter import RowFilter
from symjobs._project._project import Project
from symjobs._project._snapshot import Snapshot

__all__ = ["Clusters", "Project", "RowFilter", "Snapshot"]

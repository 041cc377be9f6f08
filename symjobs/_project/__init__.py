"""Projects: the face over what was learnt, its models and its file."""

from symjobs._project._project import Project
from symjobs._project._snapshot import ProjectSnapshot

__all__ = ["Project", "ProjectSnapshot"]

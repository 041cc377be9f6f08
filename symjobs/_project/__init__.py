"""Projects: the public class over the state, the models and the file."""

from symjobs._project._project import Project
from symjobs._project._snapshot import ProjectSnapshot

__all__ = ["Project", "ProjectSnapshot"]

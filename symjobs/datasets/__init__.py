"""Three small real data sets, shipped as CSV files; ``README.md`` beside them names their sources and licences."""

from symjobs.datasets._load import load, load_breast_cancer, load_iris, load_longley, names, open

__all__ = ["load", "load_breast_cancer", "load_iris", "load_longley", "names", "open"]

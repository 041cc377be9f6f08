"""Learning on a Spark cluster: each partition becomes a state, and the states are merged in a tree."""

from symjobs._spark._errors import require_pyspark
from symjobs._spark._frames import SparkFrame, open_frame, read_path
from symjobs._spark._learn import learn_frame
from symjobs._spark._session import session_of
from symjobs._spark._settings import SparkSettings, check_format

__all__ = [
    "SparkFrame",
    "SparkSettings",
    "check_format",
    "learn_frame",
    "open_frame",
    "read_path",
    "require_pyspark",
    "session_of",
]

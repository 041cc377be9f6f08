"""Learning on a Spark cluster: each partition becomes a state, and the states are merged in a tree."""

from symjobs._spark._errors import require_pyspark
from symjobs._spark._frames import SparkFrame, open_frame, read_path
from symjobs._spark._learn import learn_frame
from symjobs._spark._session import active_session, session_of
from symjobs._spark._settings import SparkSettings, check_format
from symjobs._spark._watch import in_thread

__all__ = [
    "SparkFrame",
    "SparkSettings",
    "active_session",
    "check_format",
    "in_thread",
    "learn_frame",
    "open_frame",
    "read_path",
    "require_pyspark",
    "session_of",
]

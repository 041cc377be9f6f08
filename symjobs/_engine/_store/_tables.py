"""The tables of the SQL store.

Results have a table of their own, so that listing jobs reads no result. `instance` is set while a job is queued or
running. Its index finds these few jobs among many finished ones.
"""

from __future__ import annotations

import sqlalchemy as sa

# Raise it when the tables change. A store of another version is refused.
SCHEMA_VERSION = 3

metadata = sa.MetaData()

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite autoincrements INTEGER only

schema = sa.Table("symjobs_schema", metadata, sa.Column("version", sa.Integer, primary_key=True, autoincrement=False))

jobs = sa.Table(
    "symjobs_jobs",
    metadata,
    sa.Column("id", _ID, primary_key=True, autoincrement=True),
    sa.Column("owner", sa.String(255), nullable=False),
    sa.Column("job_type", sa.String(255), nullable=False),
    sa.Column("bounded", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("kill_requested", sa.Boolean, nullable=False),
    sa.Column("instance", sa.String(32), nullable=True),
    sa.Column("started", sa.BigInteger, nullable=False),
    sa.Column("finished", sa.BigInteger, nullable=False),
    sa.Column("expires", sa.BigInteger, nullable=False),
    sa.Column("current", sa.BigInteger, nullable=False),
    sa.Column("maximum", sa.BigInteger, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("bad_input", sa.Boolean, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Index("symjobs_jobs_owner", "owner", "id"),
    sa.Index("symjobs_jobs_instance", "instance"),
    sa.Index("symjobs_jobs_expires", "expires"),
    sqlite_autoincrement=True,  # otherwise SQLite uses the id of the last job again after its removal
)

results = sa.Table(
    "symjobs_results",
    metadata,
    sa.Column("job_id", _ID, primary_key=True, autoincrement=False),
    # Either the JSON, or the name and the SHA-256 of the file that holds it.
    sa.Column("entities", sa.LargeBinary, nullable=True),
    sa.Column("file", sa.String(64), nullable=True),
    sa.Column("checksum", sa.String(64), nullable=True),
)

instances = sa.Table(
    "symjobs_instances",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("machine", sa.String(255), nullable=False),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("pid", sa.BigInteger, nullable=False),
    sa.Column("birth", sa.String(64), nullable=False),
    sa.Column("beat", sa.BigInteger, nullable=False),
    sa.Column("lease", sa.Double, nullable=False),
)

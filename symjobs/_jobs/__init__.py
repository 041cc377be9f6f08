"""The job types, one file each."""

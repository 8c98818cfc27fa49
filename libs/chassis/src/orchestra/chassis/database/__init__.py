"""Databases: the engine per dialect, portable column types, the unit of work, migrations."""

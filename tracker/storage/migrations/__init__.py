"""Alembic migrations of the store; packaged, and run by the program itself."""

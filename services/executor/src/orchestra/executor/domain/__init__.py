"""The rules of execution, pure."""

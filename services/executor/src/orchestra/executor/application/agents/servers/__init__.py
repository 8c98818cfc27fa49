"""Servers of tools that projects have of their own."""

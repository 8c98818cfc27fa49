"""Twins of the chassis ports for tests."""

"""Budgets, holds and the ledger in the database."""

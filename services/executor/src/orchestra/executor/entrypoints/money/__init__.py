"""Budgets and costs over HTTP, holds as transactions of their own, and the loops that keep both."""

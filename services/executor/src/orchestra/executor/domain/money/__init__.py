"""Money: amounts, scopes, budgets, holds and the ledger, as values and rules."""

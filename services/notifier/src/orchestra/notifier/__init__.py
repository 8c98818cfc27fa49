"""The notifier: who hears? Signed webhooks, sent as retried rows with a delivery log."""

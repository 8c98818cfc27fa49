"""Seal what is stored open, or under an older key."""

from orchestra.notifier.application.ports import NotifyingWork, Vault

AT_A_TIME = 500


async def seal_secrets(work: NotifyingWork, vault: Vault, after: str | None) -> str | None:
    """One batch of webhooks after that id, in the order of ids; returns where to go on, None at the end."""
    webhooks = await work.webhooks.all(after=after, limit=AT_A_TIME)
    for webhook in webhooks:
        await work.webhooks.reseal(webhook.id, webhook.secret, vault.resealed(webhook.secret, webhook.id))
    return webhooks[-1].id if len(webhooks) == AT_A_TIME else None

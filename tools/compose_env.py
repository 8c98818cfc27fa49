"""Fresh secrets for docker-compose.yml: `python -m tools.compose_env > .env`. Keep that file to yourself."""

import secrets

from orchestra.chassis.http.identity import TokenSigner, new_private_key

PASSWORDS = (
    "POSTGRES_PASSWORD",
    "GATEWAY_DATABASE_PASSWORD",
    "PLANNER_DATABASE_PASSWORD",
    "SCHEDULER_DATABASE_PASSWORD",
    "EXECUTOR_DATABASE_PASSWORD",
    "NOTIFIER_DATABASE_PASSWORD",
    "RABBITMQ_PASSWORD",
    "REDIS_PASSWORD",
)


def fresh() -> dict[str, str]:
    """Random passwords that may stand in a URL as they are, and the key pair of the gateway's internal tokens."""
    key = new_private_key()
    return {name: secrets.token_hex(16) for name in PASSWORDS} | {
        "ORCHESTRA_INTERNAL_PRIVATE_KEY": key,
        "ORCHESTRA_INTERNAL_PUBLIC_KEY": TokenSigner(key).public_key,
    }


if __name__ == "__main__":
    print("\n".join(f"{name}={value}" for name, value in fresh().items()))

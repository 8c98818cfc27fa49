"""Fresh secrets for docker-compose.yml: `python -m tools.compose_env > .env`. Keep that file to yourself."""

import base64
import secrets

from orchestra.chassis.http.identity import TokenSigner, new_private_key
from orchestra.chassis.sealing import new_key

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
    """Random passwords that may stand in a URL as they are, the key pair of internal tokens, keys that seal."""
    key = new_private_key()
    return {name: secrets.token_hex(16) for name in PASSWORDS} | {
        "ORCHESTRA_INTERNAL_PRIVATE_KEY": key,
        "ORCHESTRA_INTERNAL_PUBLIC_KEY": TokenSigner(key).public_key,
        "ORCHESTRA_MODEL_SECRET_KEYS": f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "ORCHESTRA_SEALING_KEYS": new_key(),
    }


if __name__ == "__main__":
    print("\n".join(f"{name}={value}" for name, value in fresh().items()))

"""No test can spend money: a pytest plugin, see conftest.py.

Whatever a test starts inherits a reach of loopback alone, which the executor checks before each request to a provider,
and none of the keys that the machine may have.
"""

import os

KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OLLAMA_HOST")
REACH = "ORCHESTRA_MODEL_CALLS"


def pytest_configure() -> None:
    os.environ[REACH] = "loopback"
    for name in KEYS:
        os.environ.pop(name, None)

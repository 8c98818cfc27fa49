"""A file of models whose one provider is the stand-in."""

from typing import Literal

KEY_NAME = "STANDIN_KEY"
"""Where its key is to be found."""

_FILE = """
[providers.claude]
flavour = "anthropic"
url = "{url}"
key_env = "{key_name}"
tries = 2
first_pause_s = 0.01
longest_pause_s = 0.05
failures = 50

[models.sonnet]
provider = "claude"
id = "claude-sonnet-5"
tier = "{tier}"

[models.sonnet.price]
input = 3
output = 15
"""


def models_toml(url: str, tier: Literal["small", "large"] = "large") -> str:
    """Hasty, and patient with failures: a test is not to wait for anybody's rest."""
    return _FILE.format(url=url, key_name=KEY_NAME, tier=tier)

"""docker-compose.yml describes services that would start: what can be known of that without Docker."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml
from tests.private_servers import private_postgres
from tools.compose_env import fresh

from orchestra.chassis.settings import load

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
SECRET = re.compile(r"\$\{(\w+):\?\}")
PORTS = {"gateway": 8000, "planner": 8001, "scheduler": 8002, "executor": 8003, "notifier": 8004}
DEFAULTS = dict(re.findall(r"(ORCHESTRA_\w+)=(\S+)", (ROOT / "deploy/docker/Dockerfile").read_text()))


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text())["services"]


def test_the_file_fits_the_schema_of_compose() -> None:
    check = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run([check, "--builtin-schema", "vendor.compose-spec", FILE], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout


def test_every_secret_comes_from_the_environment_and_can_be_made() -> None:
    text = FILE.read_text()

    assert set(SECRET.findall(text)) == set(fresh())
    assert re.findall(r"PASS\w*: *\S+|://\w*:[^@/\s]+@", SECRET.sub("", text)) == []


@pytest.mark.parametrize("name", PORTS)
def test_a_service_finds_all_its_settings(name: str, services: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    made = fresh()
    for variable in [variable for variable in os.environ if variable.startswith("ORCHESTRA_")]:
        monkeypatch.delenv(variable)
    given = services[name]["environment"]
    for variable, value in {**DEFAULTS, **given}.items():
        monkeypatch.setenv(variable, SECRET.sub(lambda secret: made[secret[1]], str(value)))

    cls = importlib.import_module(f"orchestra.{name}.service").service.settings
    settings = load(cls)

    assert settings.http_port == PORTS[name]
    told = given | (DEFAULTS if name == "executor" else {})
    assert {variable.removeprefix("ORCHESTRA_").lower() for variable in told} <= set(cls.model_fields)


@pytest.mark.parametrize("name", PORTS)
def test_a_service_is_healthy_when_it_is_ready(name: str, services: dict[str, Any]) -> None:
    assert f"127.0.0.1:{PORTS[name]}/readyz" in services[name]["healthcheck"]["test"][-1]


async def test_a_role_reaches_its_own_database_and_no_other() -> None:
    secrets = {name: value for name, value in fresh().items() if "DATABASE" in name}
    with private_postgres() as server:
        where = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "POSTGRES_USER": "postgres"}
        subprocess.run([ROOT / "deploy/postgres/init.sh"], env={**os.environ, **where, **secrets}, check=True)

        own = await asyncpg.connect(host="127.0.0.1", port=server.port, user="planner", database="planner")
        await own.execute("CREATE TABLE plan (id text)")
        await own.close()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(host="127.0.0.1", port=server.port, user="planner", database="scheduler")

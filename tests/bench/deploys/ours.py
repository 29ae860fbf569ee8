"""Services by inet46."""

import os

from pyinfra_inet46.operations import services
from tests.bench.services import services as wanted

services(
    name="services", services=wanted(int(os.environ["BENCH_SERVICES"]), os.environ.get("BENCH_WORD", "ready")), policy="debian-12/xinetd"
)

"""From the super-server that a host runs to another one, with every service that answers.

A look first: `pyinfra inventories/prod.py deploys/migrate.py --data inet46_migrate_to=debian-12/systemd --dry --diff`.
"""

from pyinfra_inet46.deploys import migrate

migrate()

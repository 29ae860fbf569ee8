"""Runs `sh -s` on a host of the lab over ssh, as pyinfra does: `remote.py SSH_CONFIG HOST`, the script on standard input.

A program of its own, so that a connection can be cut by ending it.
"""

import sys
import threading
from pathlib import Path

import paramiko


def main(config_file: str, name: str) -> int:
    """Hand over the script, print what comes back, and end as the shell has ended."""
    config = paramiko.SSHConfig.from_text(Path(config_file).read_text()).lookup(name)
    client = paramiko.SSHClient()
    client.load_host_keys(config["userknownhostsfile"].strip('"'))
    client.connect(
        name, username=config["user"], key_filename=config["identityfile"][0].strip('"'), sock=paramiko.ProxyCommand(config["proxycommand"])
    )
    stdin, stdout, stderr = client.exec_command("sh -s")
    errors = threading.Thread(target=lambda: sys.stderr.write(stderr.read().decode()), daemon=True)
    errors.start()
    stdin.write(sys.stdin.read())
    stdin.flush()
    stdin.channel.shutdown_write()
    sys.stdout.write(stdout.read().decode())
    status = stdout.channel.recv_exit_status()
    client.close()
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

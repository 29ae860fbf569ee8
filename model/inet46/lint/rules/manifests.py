"""Rules: manifests of SMF that are not imported, instances that inetd does not serve, and sockets that they do not get."""

from __future__ import annotations

from inet46.lint._rules import Found, Subject, rule
from inet46.lint.rules._inetd import advised

__all__: list[str] = []


@rule("I830", "manifest-lost")
def manifest_lost(subject: Subject) -> Found:
    """What it catches: a file among the site's manifests that is no XML.

    Why it bites: svccfg imports nothing of it. A service that was imported before goes on as it was, so that nothing seems to be wrong.

    Example:
        <service_bundle type='manifest' name='imap'> <service name='site/imap' ...   (and no end tags)

    Instead: a well-formed file; `svccfg validate FILE` looks at its form.

    Source: svccfg(8); service_bundle(5); read, never run

    """
    yield from advised(subject, "I830", "mend the file, and import it with svccfg import")


@rule("I831", "instance-lost")
def instance_lost(subject: Subject) -> Found:
    """What it catches: an instance of inetd with a property that is missing or that inetd does not take.

    Why it bites: inetd looks at all properties together. One that is wrong costs the instance with all of its sockets, also those that
    the other values of `proto` stand for. svccfg imports the manifest without a word about it.

    Example:
        <propval name='proto' type='astring' value='tcp,tcp6only'/>

    Instead: a value_node for each protocol, a service name of /etc/services, wait=true for datagrams, an address of the family.

    Source: libinetsvc inetsvc.c (valid_props, set_bind_addr), usr.lib/inetd config.c (valid_inst_props, create_method_info) of illumos;
    read, never run

    """
    yield from advised(subject, "I831", "mend the property, import the manifest and refresh the instance")


@rule("I832", "instance-disabled")
def instance_disabled(subject: Subject) -> Found:
    """What it catches: an instance of inetd that its manifest does not enable.

    Why it bites: that is how it is when it is imported first. Whether it is enabled now stands in the repository: no later import changes
    it, only `inetadm -e` or `inetadm -d`.

    Example:
        <create_default_instance enabled='false'/>

    Instead: nothing, if it is meant to be off; else `inetadm -e FMRI`.

    Source: svccfg(8) (import never upgrades general/enabled), inetadm(8); read, never run

    """
    yield from advised(subject, "I832", "inetadm -e enables it, if it is meant to be served")


@rule("I833", "socket-not-made")
def socket_not_made(subject: Subject) -> Found:
    """What it catches: a value of `proto` that does not go with the type of the endpoint.

    Why it bites: there is no stream socket of udp, and no datagram socket of tcp. The other sockets of the instance are there, so that it
    is degraded and not in maintenance.

    Example:
        endpoint_type=stream, proto=(tcp udp)

    Instead: a service of its own for each type.

    Source: usr.lib/inetd inetd.c (create_bound_socket, handle_bind_failure) of illumos; read, never run

    """
    yield from advised(subject, "I833", "give each type of socket a service of its own")

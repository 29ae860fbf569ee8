"""Rows: names that /etc/protocols and /etc/rpc know nearly everywhere. No functions here."""

__all__ = ["PROTOCOLS", "RPC_PROGRAMS"]

# An alias (TCP) is as good as the name itself to getprotobyname(3); tcp4, tcp6 and their like are in no such file.
PROTOCOLS = {
    **dict.fromkeys(("ip", "IP", "hopopt", "HOPOPT"), "ip"),  # both have the number 0: whatever fits the socket type
    **{alias: alias.lower() for name in ("tcp", "udp", "sctp", "dccp", "icmp", "igmp") for alias in (name, name.upper())},
    **dict.fromkeys(("udplite", "UDPLite"), "udplite"),
    **{name: name for name in ("ggp", "ipencap", "egp", "igp", "ipv6", "gre", "esp", "ah", "ipv6-icmp", "eigrp", "ospf", "ipip", "pim")},
}

RPC_PROGRAMS = {
    "portmapper", "portmap", "sunrpc", "rpcbind", "rstatd", "rstat", "rstat_svc", "rup", "perfmeter", "rusersd", "rusers", "nfs", "nfsprog",
    "ypserv", "ypprog", "mountd", "mount", "showmount", "ypbind", "walld", "rwall", "shutdown", "yppasswdd", "yppasswd", "rquotad",
    "rquotaprog", "quota", "rquota", "sprayd", "spray", "rexd", "rex", "nlockmgr", "status", "bootparam", "keyserv", "keyserver", "pcnfsd",
    "ugidd",
}  # fmt: skip
# Sources: Debian 12 netbase and libtirpc-common: /etc/protocols, /etc/rpc.

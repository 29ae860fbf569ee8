"""An example fleet, grouped by operating system; what each kind of host needs stands in group_data/<group>.py.

Every list is a group of pyinfra's, and a host may stand in several. The names are example names: put your own here.
"""

freebsd_inetd = ["mail1.fra.example.org", "mail2.fra.example.org"]
freebsd_xinetd = ["mail3.fra.example.org"]
freebsd4_inetd = ["attic1.example.org"]  # a 4.9 that still does its work, on one IPv4-mapped socket for each service
freebsd4_xinetd = ["attic2.example.org"]
freebsd = freebsd_inetd + freebsd_xinetd + freebsd4_inetd + freebsd4_xinetd

debian_openbsd_inetd = ["mail1.ber.example.org"]
debian_inetutils_inetd = ["mail2.ber.example.org"]
debian_xinetd = ["mail3.ber.example.org"]
debian_systemd = ["mail4.ber.example.org"]  # no inetd at all: systemd's own sockets
debian = debian_openbsd_inetd + debian_inetutils_inetd + debian_xinetd + debian_systemd

fedora = ["mail1.ams.example.org"]

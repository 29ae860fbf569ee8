"""What the lab's base image is made of: packages, users, programs, as data.

Nothing here does anything. The image is kept under a hash of everything in this module, so a change here, and only a change
here, makes a new image.
"""

import hashlib

SUITE = "bookworm"

SUPER_SERVERS = ("openbsd-inetd", "inetutils-inetd", "xinetd")

# The three conflict as packages. Each gets a layer of its own, in which dpkg really installed it; these are the programs they bring.
DAEMONS = {
    "openbsd-inetd": "usr/sbin/inetd",
    "inetutils-inetd": "usr/sbin/inetutils-inetd",
    "xinetd": "usr/sbin/xinetd",
}

PACKAGES = (
    # The host itself, and how one reaches it.
    "openssh-server sudo iproute2 procps netbase python3-minimal util-linux netcat-openbsd openssl perl-base",
    # pid 1 of the hosts that have systemd; a syslog daemon for those that do not.
    "systemd systemd-sysv dbus busybox busybox-syslogd",
    # The shells that the transaction script has to run under.
    "dash bash mksh",
    # The services.
    "mailutils-imap4d mailutils-pop3d",
    # What the super-servers depend on.
    "libwrap0 tcpd update-inetd libtirpc3 libbsd0 libevent-2.1-7 libsystemd0 libselinux1 lsb-base sysvinit-utils",
)

# Runs in the new root. `systemctl mask` is spelled as a link because no systemd runs there.
PROVISION = r"""
set -eu
useradd --create-home --shell /bin/bash alice
echo alice:wonderland | chpasswd
useradd --create-home --shell /bin/bash admin
useradd --create-home --shell /bin/bash nobodyssh
echo 'admin ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin
chmod 0440 /etc/sudoers.d/admin

cat >/var/mail/alice <<'MAIL'
From rabbit@example.org Thu Jan  1 09:00:00 2026
From: White Rabbit <rabbit@example.org>
To: Alice <alice@example.org>
Subject: I shall be too late
Date: Thu, 01 Jan 2026 09:00:00 +0000
Message-ID: <late@example.org>

Oh dear! Oh dear!

MAIL
chown alice:mail /var/mail/alice
chmod 0660 /var/mail/alice

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=mail.example.org \
    -keyout /etc/ssl/private/mail.key -out /etc/ssl/certs/mail.pem 2>/dev/null
chmod 0600 /etc/ssl/private/mail.key
cat >/etc/mailutils.conf <<'CONF'
auth { authentication generic:system; authorization system; };
tls { ssl-certificate-file /etc/ssl/certs/mail.pem; ssl-key-file /etc/ssl/private/mail.key; };
CONF

printf 'MaxStartups 200\nMaxSessions 100\nPrintMotd no\nUseDNS no\n' >/etc/ssh/sshd_config.d/lab.conf
rm -f /etc/ssh/ssh_host_*
sed -i 's|^SYSLOG_OPTS=.*|SYSLOG_OPTS="-O /var/log/daemon.log"|' /etc/default/busybox-syslogd
: >/etc/resolv.conf
: >/etc/machine-id
: >/etc/default/locale

cat >/usr/local/sbin/never-greets <<'PROGRAM'
#!/bin/sh
# A server that accepts and never says a word.
exec sleep 60
PROGRAM
cat >/usr/local/sbin/dies-at-once <<'PROGRAM'
#!/bin/sh
# A server that cannot start.
echo "dies-at-once: cannot open the mail spool" >&2
exit 1
PROGRAM
cat >/usr/local/sbin/lab-init <<'PROGRAM'
#!/bin/sh
# pid 1 of a lab host without systemd: starts what Debian's rc would start, then only reaps.
trap 'exit 0' TERM INT
/etc/init.d/busybox-syslogd start
/etc/init.d/ssh start &
if [ "$#" -eq 1 ]; then "/etc/init.d/$1" start; fi
wait
: >/run/lab.ready
while :; do
    sleep 86400 &
    wait "$!"
done
PROGRAM
chmod 0755 /usr/local/sbin/*

for unit in mailutils-imap4d mailutils-pop3d busybox-syslogd busybox-klogd getty@tty1 console-getty e2scrub_reap \
    systemd-pstore systemd-logind systemd-udevd systemd-udev-trigger systemd-hwdb-update systemd-timesyncd hwclock; do
    ln -sf /dev/null "/etc/systemd/system/$unit.service"
done
for timer in apt-daily apt-daily-upgrade dpkg-db-backup e2scrub_all fstrim; do
    ln -sf /dev/null "/etc/systemd/system/$timer.timer"
done
for unit in dev-hugepages.mount dev-mqueue.mount sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
    sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount systemd-udevd-control.socket systemd-udevd-kernel.socket; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done
"""

# Runs on the machine, in the new root's folder: what no test reads.
TRIM = r"""
set -eu
rm -rf var/cache/apt/archives/*.deb var/cache/apt/*.bin var/lib/apt/lists/* var/log/*.log var/log/apt debootstrap
rm -rf usr/share/locale/* usr/share/man/* usr/share/info/* usr/lib/*/guile
find usr/share/doc -type f ! -name copyright -delete
"""

# Runs in namespaces of its own. Arguments: the root, the layer to make, a scratch folder, and a package file or nothing.
LAYER = r"""
set -eu
root=$1 layer=$2 scratch=$3 package=${4-}
mount -t tmpfs -o mode=0755 tmpfs "$scratch"
cd "$scratch"
mkdir lower upper work merged
mount --bind "$root" lower
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged
rm -f merged/usr/sbin/inetd merged/usr/sbin/inetutils-inetd merged/usr/sbin/xinetd
if [ -n "$package" ]; then
    mount -t proc proc merged/proc
    printf '#!/bin/sh\nexit 101\n' >merged/usr/sbin/policy-rc.d
    chmod 0755 merged/usr/sbin/policy-rc.d
    cp "$package" merged/root/package.deb
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot merged dpkg --install /root/package.deb
    rm -f merged/usr/sbin/policy-rc.d merged/root/package.deb
    umount merged/proc
fi
umount merged
cp -a upper "$layer"
"""

FINGERPRINT = hashlib.sha256("\0".join((SUITE, *SUPER_SERVERS, *DAEMONS.values(), *PACKAGES, PROVISION, TRIM, LAYER)).encode()).hexdigest()[
    :12
]

# shellcheck shell=sh
# Which super-servers a host has, whose they are, how each is started, and which of them runs.

look_at_servers() {
	package='' servers_found=''
	if [ "$system" = Linux ]; then
		look_at_server inetutils-inetd /usr/sbin/inetutils-inetd
		look_at_server xinetd /usr/sbin/xinetd
		kind_of_inetd
		look_at_server "$kind" /usr/sbin/inetd
		package=
	else
		look_at_server inetd /usr/sbin/inetd
	fi
	for path in /usr/local/sbin/xinetd /usr/pkg/sbin/xinetd; do
		look_at_server xinetd "$path"
	done
}

# Units are asked for in any case (always), or where no other super-server is installed (alone).
units_are_asked() {
	case $units_asked in
	always) ;;
	alone) [ -z "$servers_found" ] && systemd_is_here ;;
	*) return 1 ;;
	esac
}

# Several programs share the name /usr/sbin/inetd on Linux.
kind_of_inetd() {
	kind=inetd
	[ -x /usr/sbin/inetd ] || return 0
	resolve /usr/sbin/inetd
	case $resolved in
	*busybox*) kind=busybox-inetd ;;
	*inetutils*) kind=inetutils-inetd ;;
	*)
		package_of_inetd
		case $package in
		openbsd-inetd* | inetutils*) kind=${package%% *} ;;
		esac
		;;
	esac
}

look_at_server() {
	[ -x "$2" ] && [ ! -d "$2" ] || return 0
	kind=$1
	exe=$2
	servers_found=yes
	echo "server $kind $exe"
	[ -z "$package" ] || echo "package $package"
	find_unit
	find_script
	look_at_boot
	if find_daemon "$exe"; then
		echo "pid $pid"
		# shellcheck disable=SC2046 # bytes, however they are set apart
		set -- $(argv_of "$pid")
		IFS=
		[ $# -eq 0 ] || echo "argv $*"
		unset IFS
	fi
}

# package becomes "NAME VERSION" of the package that /usr/sbin/inetd is from, or nothing. A package manager reads its whole list each
# time, so it is asked only about what depends on it.
package_of_inetd() {
	if have dpkg-query; then
		# shellcheck disable=SC2016 # dpkg's own dollars
		package=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' openbsd-inetd 2>/dev/null)
		case $package in
		'installed '*) package=${package#installed } ;;
		*) package= ;;
		esac
	elif have rpm; then
		package=$(rpm -q --qf '%{NAME} %{VERSION}-%{RELEASE}\n' -f /usr/sbin/inetd 2>/dev/null) || package=
	fi
	is_plain "${package%% *}${package#* }" || package=
}

find_unit() {
	unit=
	systemd_is_here || return 0
	for unit in "$kind" "${kind#*-}"; do
		for folder in /etc/systemd/system /run/systemd/system /usr/lib/systemd/system /lib/systemd/system /run/systemd/generator.late; do
			if [ -e "$folder/$unit.service" ]; then
				# An alias (openbsd-inetd for inetd) can be started, but not enabled.
				resolve "$folder/$unit.service"
				case $resolved in
				*.service) unit=${resolved##*/} ;;
				*) unit=$unit.service ;;
				esac
				echo "unit $unit"
				return 0
			fi
		done
	done
	unit=
}

find_script() {
	for script in /etc/init.d/"$kind" /etc/rc.d/init.d/"$kind" /etc/rc.d/"$kind" /usr/local/etc/rc.d/"$kind" /usr/local/etc/rc.d/"$kind.sh"; do
		if [ -x "$script" ] && [ ! -d "$script" ]; then
			echo "script $script"
			return 0
		fi
	done
	script=
}

# Is it started at the next boot? Nothing is said where that is not known.
look_at_boot() {
	if [ -n "$unit" ] && [ "$folder" != /run/systemd/generator.late ]; then
		yes_or_no is_wanted "$unit"
	elif [ -n "$script" ] && [ "$system" = Linux ]; then
		yes_or_no is_linked "${script##*/}"
	else
		return 0
	fi
	echo "enabled $answer"
}

is_wanted() {
	set +f
	set -- /etc/systemd/system/*.wants/"$1" /etc/systemd/system/*.requires/"$1"
	set -f
	[ -h "$1" ] || [ -h "$2" ]
}

# The words of a process with a NUL behind each, in hexadecimal; where only ps tells them, blanks are where it says.
argv_of() {
	if [ -r "/proc/$1/cmdline" ]; then
		hex "/proc/$1/cmdline"
	else
		ps -ww -o command -p "$1" | awk 'NR == 2' | tr ' \n' '\000\000' | hex
	fi
}

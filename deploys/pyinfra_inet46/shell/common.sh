# shellcheck shell=sh
# Words that the look and the change share.
#
# Everything here runs under dash, busybox ash, mksh, bash --posix and the BSDs' sh, with tools as old as FreeBSD 4.9's. There are
# no local variables: what a function needs for itself begins with the function's name. Nothing runs until the last line of the
# whole text calls its one function.

prepare() {
	LC_ALL=C
	# An ssh session's PATH often lacks the folders where ss, sysctl and the super-servers live.
	PATH=${PATH:-/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	export LC_ALL PATH
	# The last three change how GNU's ls writes names and sizes, which are read here.
	unset ENV BASH_ENV CDPATH IFS QUOTING_STYLE BLOCK_SIZE LS_BLOCK_SIZE
	set -f
	newline='
'
	umask 077
	# shellcheck disable=SC2046 # two words
	set -- $(uname -sr)
	system=$1
	: "${release:=$2}"
	uid=$(id -u)
}

# have PROGRAM: is it on the PATH? (FreeBSD 4's sh does not know command -v)
have() {
	IFS=:
	for have_folder in $PATH; do
		if [ -x "$have_folder/$1" ] && [ ! -d "$have_folder/$1" ]; then
			unset IFS
			return 0
		fi
	done
	unset IFS
	return 1
}

# now in hundredths of a second, from a clock that nobody sets where there is one.
clock() {
	if { read -r clock_up clock_idle </proc/uptime; } 2>/dev/null; then
		: "$clock_idle"
		now=$((${clock_up%.*} * 100 + 1${clock_up#*.} - 100))
	else
		# Somebody may set this one. Time does not go back, and nothing here waits for a quarter of an hour.
		clock_read=$(date +%s)
		clock_step=$((clock_read - ${clock_last:-$clock_read}))
		[ "$clock_step" -ge 0 ] && [ "$clock_step" -lt 900 ] || clock_step=1
		clock_last=$clock_read
		now=$((${now:-0} + clock_step * 100))
	fi
}

# A fraction of a second is not POSIX.
nap() {
	sleep 0.2 2>/dev/null || sleep 1
}

# One printable line per line, whatever a program wrote.
plain() {
	tr -c '\012\040-\176' '?'
}

# The same of what came over a network, where lines end in two characters.
plain_answers() {
	awk '{ gsub(/\r/, ""); gsub(/[^ -~]/, "?"); print }'
}

is_number() {
	case $1 in
	'' | *[!0-9]*) return 1 ;;
	esac
}

# live_value KEY: value of a sysctl, with single blanks; fails when the kernel does not know the key.
live_value() {
	value=
	live_path=/proc/sys
	live_rest=$1
	while [ -n "$live_rest" ]; do
		live_path=$live_path/${live_rest%%.*}
		case $live_rest in
		*.*) live_rest=${live_rest#*.} ;;
		*) live_rest= ;;
		esac
	done
	if [ "$system" = Linux ]; then
		# Not with read: it asks for one byte, and the kernel gives a number only to who asks for all of it at once.
		[ -r "$live_path" ] && value=$(cat "$live_path" 2>/dev/null) || return 1
	else
		value=$(sysctl -n "$1" 2>/dev/null) || return 1
	fi
	# shellcheck disable=SC2086 # the split into words is what is wanted
	set -- $value
	value=$*
}

# target_of PATH: what the symbolic link says; empty where there is none, and a slash where something else stands.
target_of() {
	target=
	if [ -h "$1" ]; then
		target=$(ls -ld "$1")
		target=${target#*" $1 -> "}
	elif [ -e "$1" ]; then
		target=/
	fi
}

# holder_of LOCK: the token of whoever holds it.
holder_of() {
	holder=
	[ -h "$1" ] || return 0
	holder=$(ls -l "$1" 2>/dev/null)
	case $holder in
	*' -> '*) holder=${holder##*' -> '} ;;
	*) holder= ;;
	esac
}

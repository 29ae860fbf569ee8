# shellcheck shell=sh
# The super-server's process: which one it is.

# same_program PID EXE: does PID run EXE, on this host and not in a container of it?
same_program() {
	# shellcheck disable=SC3013 # only asked on Linux, where every sh knows -ef
	[ "/proc/$1/exe" -ef "$2" ] || same_name "$1" "$2" || return 1
	# shellcheck disable=SC3013
	[ ! -e "/proc/$1/ns/net" ] || [ "/proc/$1/ns/net" -ef /proc/self/ns/net ]
}

# After an upgrade the running program is a deleted file, and without privilege it cannot be seen at all: then its name must do.
same_name() {
	{ read -r same_comm <"/proc/$1/comm"; } 2>/dev/null || return 1
	same_base=${2##*/}
	case $same_base in
	"$same_comm"*) ;;
	*) return 1 ;;
	esac
	[ "${#same_comm}" -eq 15 ] || [ "$same_comm" = "$same_base" ] || return 1
	same_link=$(ls -l "/proc/$1/exe" 2>/dev/null)
	case $same_link in
	*" -> $2 (deleted)") return 0 ;;
	*' -> '*) return 1 ;;
	*) [ "$uid" != 0 ] ;;
	esac
}

# parent_of PID: parent. The name in the middle of /proc/PID/stat may hold anything, so read behind its bracket.
parent_of() {
	parent=0
	{ read -r parent_line <"/proc/$1/stat"; } 2>/dev/null || return 1
	parent_line=${parent_line##*') '}
	parent_line=${parent_line#? }
	is_number "${parent_line%% *}" && parent=${parent_line%% *}
}

# find_daemon EXE HINT...: pid of the main process, or nothing. Its children run the same program while they set up a service,
# so climb as long as the parent does too. Pid files are hints: their numbers are checked like any other.
find_daemon() {
	pid=
	find_exe=$1
	shift
	for find_file in /run/inetd.pid /var/run/inetd.pid /run/xinetd.pid /var/run/xinetd.pid; do
		if { read -r find_hint <"$find_file"; } 2>/dev/null; then
			set -- "$@" "$find_hint"
		fi
	done
	if [ -r /proc/self/stat ]; then
		find_in_proc "$@"
	else
		find_with_ps "$@"
	fi
}

find_in_proc() {
	set +f
	set -- "$@" /proc/[0-9]*
	set -f
	left_over=
	for find_hint in "$@"; do
		pid=${find_hint#/proc/}
		if is_number "$pid" && same_program "$pid" "$find_exe"; then
			while parent_of "$pid" && [ "$parent" -gt 0 ] && same_program "$parent" "$find_exe"; do
				pid=$parent
			done
			# Whoever is named by a pid file, or was found before, is known.
			case $find_hint in
			/proc/*) is_left_over "$pid" || return 0 ;;
			*) return 0 ;;
			esac
			left_over="$left_over $pid"
		fi
	done
	for pid in $left_over; do
		! listens "$pid" || return 0
	done
	pid=
	return 1
}

# is_left_over PID: is the one that led its session gone? A process that a super-server forked for a client (redirect of xinetd) outlives
# it, and is not what has to be started or told anything. One that forks twice to become a daemon looks the same, but it listens.
is_left_over() {
	parent_of "$1" || return 1
	# shellcheck disable=SC2086 # parent, group, session
	set -- "$1" $parent_line
	[ "$4" != "$1" ] && [ "$4" != 0 ] && [ ! -e "/proc/$4" ]
}

# listens PID: can clients find it?
listens() {
	{ ls -l "/proc/$1/fd"; cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6; } 2>/dev/null | awk '
		sub(/.* -> socket:\[/, "") { sub(/\].*/, ""); open[$0]; next }
		($4 == "0A" || $4 == "07") && $10 in open { found = 1 }
		END { exit !found }'
}

find_with_ps() {
	pid=$(ps -axo pid,ppid,ucomm | awk -v name="${find_exe##*/}" -v hints="$*" '
		$3 == substr(name, 1, length($3)) && (length($3) >= 15 || $3 == name) { parent[$1] = $2; order[++n] = $1 }
		END {
			k = split(hints, hint, " ")
			for (i = 1; i <= n; i++) hint[++k] = order[i]
			for (i = 1; i <= k; i++)
				if (hint[i] in parent) {
					pid = hint[i]
					while (parent[pid] in parent && parent[pid] != pid) pid = parent[pid]
					print pid
					exit
				}
		}')
	[ -n "$pid" ]
}

# is_linked NAME: do the links of System V start this script at boot?
is_linked() {
	set +f
	set -- /etc/rc[2345].d/S[0-9][0-9]"$1"
	set -f
	[ -h "$1" ] || [ -e "$1" ]
}

systemd_is_here() {
	[ -d /run/systemd/system ]
}

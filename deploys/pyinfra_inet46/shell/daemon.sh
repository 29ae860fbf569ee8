# shellcheck shell=sh
# The super-server's process: which one it is, and how it is told.

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
	for pid in "$@"; do
		pid=${pid#/proc/}
		if is_number "$pid" && same_program "$pid" "$find_exe"; then
			while parent_of "$pid" && [ "$parent" -gt 0 ] && same_program "$parent" "$find_exe"; do
				pid=$parent
			done
			return 0
		fi
	done
	pid=
	return 1
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

systemd_is_here() {
	[ -d /run/systemd/system ]
}

# bounded SECONDS COMMAND...: a systemctl or a script that hangs must not hold the host between two states.
bounded() {
	bounded_naps=$(($1 * 5))
	shift
	"$@" </dev/null >/dev/null 2>&1 3<&- &
	bounded_pid=$!
	while kill -0 "$bounded_pid" 2>/dev/null; do
		if [ "$bounded_naps" -le 0 ]; then
			kill -9 "$bounded_pid"
			break
		fi
		bounded_naps=$((bounded_naps - 1))
		sleep 0.05 2>/dev/null || sleep 1
	done
	wait "$bounded_pid" 2>/dev/null
}

# tell SIGNAL: send it to the main process.
tell() {
	find_daemon "$exe" "$hint" || { fail "$daemon is not running"; return 1; }
	hint=$pid
	kill -s "$1" "$pid" 2>/dev/null || fail "$daemon (pid $pid) could not be sent SIG$1"
}

activate_reload() {
	if [ -n "$unit" ] && systemd_is_here && systemctl is-active --quiet "$unit"; then
		bounded 60 systemctl reload "$unit" || fail "systemctl reload $unit failed"
	else
		tell HUP
	fi
}

activate_restart() {
	if [ -n "$unit" ] && systemd_is_here; then
		bounded 60 systemctl restart "$unit" || fail "systemctl restart $unit failed"
	elif [ -n "$script" ]; then
		bounded 60 "$script" restart || fail "$script restart failed"
	else
		has_argv && activate_stop && activate_start
	fi
}

activate_start() {
	if [ -n "$unit" ] && systemd_is_here; then
		bounded 60 systemctl start "$unit" || fail "systemctl start $unit failed"
	elif [ -n "$script" ]; then
		bounded 60 "$script" start || fail "$script start failed"
	else
		has_argv && start_by_argv && until_found
	fi
}

activate_daemon_reload() {
	bounded 60 systemctl daemon-reload || fail "systemctl daemon-reload failed"
}

activate_stop() {
	tell TERM || return 1
	stop_pid=$pid
	stop_naps=50
	while find_daemon "$exe" "$hint" && [ "$pid" = "$stop_pid" ]; do
		stop_naps=$((stop_naps - 1))
		[ "$stop_naps" -gt 0 ] || { fail "$daemon (pid $pid) did not end on SIGTERM"; return 1; }
		nap
	done
}

until_found() {
	found_naps=25
	until find_daemon "$exe"; do
		found_naps=$((found_naps - 1))
		[ "$found_naps" -gt 0 ] || { fail "$daemon was started and did not stay"; return 1; }
		nap
	done
	hint=$pid
}

# Nobody stops what he cannot start.
has_argv() {
	grep -q '^arg ' "$document" || fail "$daemon has no unit, no script and no saved command line to start it with"
}

# Starts the daemon with its saved words, out of this session, and with the signals that this script ignores as they should be:
# what a service inherits must not depend on who started its super-server.
start_by_argv() {
	set --
	while IFS= read -r line; do
		case $line in
		'arg '*) set -- "$@" "${line#arg }" ;;
		esac
	done <"$document"
	shift
	if have setsid; then
		set -- setsid "$exe" "$@"
	else
		set -- "$exe" "$@"
	fi
	(
		trap - HUP PIPE INT TERM
		umask 022
		cd / && exec "$@"
	) </dev/null >/dev/null 2>&1 3<&- &
}

# A daemon that has a signal waiting, or computes, has not yet done what it was told.
activate_settle() {
	settle_naps=15
	nap
	while [ "$settle_naps" -gt 0 ] && find_daemon "$exe" "$hint" && is_busy "$pid"; do
		settle_naps=$((settle_naps - 1))
		nap
	done
	return 0
}

is_busy() {
	{
		while read -r busy_key busy_value busy_rest; do
			: "$busy_rest"
			case $busy_key$busy_value in
			State:[RD]) return 0 ;;
			SigPnd:*[1-9a-f]* | ShdPnd:*[1-9a-f]*) return 0 ;;
			esac
		done <"/proc/$1/status"
	} 2>/dev/null
	return 1
}

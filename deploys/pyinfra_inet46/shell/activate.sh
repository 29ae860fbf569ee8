# shellcheck shell=sh
# How a super-server is told to read its files, one function for each verb.

# Seconds that a systemctl or a script may take.
patience() {
	patience=60
}

# bounded COMMAND...: a systemctl or a script that hangs must not hold the host between two states.
bounded() {
	patience
	bounded_naps=$((patience * 20))
	"$@" </dev/null >/dev/null 2>&1 &
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
	if [ -n "$unit" ] && systemd_is_here && bounded systemctl is-active --quiet "$unit"; then
		bounded systemctl reload "$unit" || fail "systemctl reload $unit failed"
	else
		tell HUP
	fi
}

# One that loops takes no TERM, and no script's or systemd's restart gets past it.
activate_restart() {
	# systemd itself is nobody's to restart: its units are told once more.
	if [ -n "$units" ]; then
		retire_daemon && each_line undo act
		return
	fi
	find_daemon "$exe" "$hint" || :
	restart_pid=$pid
	restart_once
	restart_status=$?
	if [ -n "$restart_pid" ] && find_daemon "$exe" "$hint" && [ "$pid" = "$restart_pid" ] && daemon_is_stuck; then
		kill_it && activate_start && reason=''
		return
	fi
	return "$restart_status"
}

# by_systemd VERB UNIT...: systemd does not start a unit for the sixth time within ten seconds, and a change that is taken back and done
# again comes to that; it forgets the others when it is told to.
by_systemd() {
	by_systemd_verb=$1
	shift
	bounded systemctl reset-failed "$@"
	bounded systemctl "$by_systemd_verb" "$@" || fail "systemctl $by_systemd_verb $* failed"
}

# by_script VERB: with nothing of this session, as service(8) does it.
by_script() {
	bounded as_at_boot env -i "PATH=$PATH" "$script" "$1"
}

# What a service inherits must not depend on who started its super-server: out of this session's folder, with its umask and the
# signals that this script ignores as they should be.
as_at_boot() {
	trap - HUP PIPE INT TERM
	umask 022
	cd / || return 1
	# What a shell starts behind itself has SIGINT and SIGQUIT ignored, and so has all that it starts. No trap of a shell undoes that.
	if env --default-signal=INT,QUIT true 2>/dev/null; then
		exec env --default-signal=INT,QUIT "$@"
	elif have perl; then
		exec perl -e '$SIG{INT} = $SIG{QUIT} = "DEFAULT"; exec { $ARGV[0] } @ARGV' "$@"
	fi
	exec "$@"
}

restart_once() {
	if [ -n "$unit" ] && systemd_is_here; then
		by_systemd restart "$unit"
	elif [ -n "$script" ]; then
		stop_by_script || { fail "$script could not restart $daemon"; return 1; }
		start_by_script
	else
		has_argv && activate_stop && activate_start
	fi
}

# A script's own restart may start the new one before the old one has ended: then nothing runs (Debian's for xinetd waits for nothing).
# So it is stopped, waited for, and started. Whoever calls this has looked for the process, pid.
stop_by_script() {
	script_pid=$pid
	by_script stop
	{ find_daemon "$exe" "$hint" && [ "$pid" = "$script_pid" ]; } || return 0
	if daemon_is_stuck; then
		kill_it
	else
		until_ended
	fi
}

# A script may end before the daemon is there.
start_by_script() {
	by_script start || { fail "$script start failed"; return 1; }
	until_found
}

activate_start() {
	if [ -n "$unit" ] && systemd_is_here; then
		by_systemd start "$unit"
	elif [ -n "$script" ]; then
		start_by_script
	else
		has_argv && start_by_argv && until_found
	fi
}

activate_daemon_reload() {
	bounded systemctl daemon-reload || fail "systemctl daemon-reload failed"
}

activate_stop() {
	tell TERM || return 1
	until_ended && return
	if daemon_is_stuck; then
		kill_it
	else
		fail "$daemon (pid $stop_pid) did not end on SIGTERM"
	fi
}

kill_it() {
	say "$daemon (pid $pid) is stuck: it is killed"
	kill -9 "$pid" 2>/dev/null
	until_ended || fail "$daemon (pid $stop_pid) did not end on SIGKILL"
}

# until_ended: the process pid, within ten seconds.
until_ended() {
	stop_pid=$pid
	stop_naps=50
	while find_daemon "$exe" "$hint" && [ "$pid" = "$stop_pid" ]; do
		stop_naps=$((stop_naps - 1))
		[ "$stop_naps" -gt 0 ] || return 1
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
	grep -q "^$arg " "$document" || fail "$daemon has no unit, no script and no saved command line to start it with"
}

# Starts the daemon with its saved words, out of this session.
start_by_argv() {
	set --
	IFS=$newline
	for line in $document_lines; do
		case $line in
		"$arg "*) set -- "$@" "${line#"$arg "}" ;;
		esac
	done
	unset IFS
	shift
	if have setsid; then
		set -- setsid "$exe" "$@"
	else
		set -- "$exe" "$@"
	fi
	(as_at_boot "$@") </dev/null >/dev/null 2>&1 &
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

# Busy all the time for three seconds: it loops, or was stopped, and hears no signal. (Only Linux tells.)
daemon_is_stuck() {
	stuck_naps=15
	while [ "$stuck_naps" -gt 0 ]; do
		find_daemon "$exe" "$hint" && is_busy "$pid" || return 1
		stuck_naps=$((stuck_naps - 1))
		nap
	done
	problem="$daemon (pid $pid) is stuck"
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

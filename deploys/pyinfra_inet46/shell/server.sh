# shellcheck shell=sh
# From one super-server to another.
#
# The document of such a change knows two of them: the old one, in lines that begin with old-, and the new one. as_old and as_new say
# which of the two daemon, exe, unit, script and hint are about; in the document of any other change there is only one, and they do
# nothing. The new one may be systemd itself: then units holds the units whose sockets it is to open.
#
# At every moment at least one of the two is started at the next boot, and the ports are free only when the old one has ended:
#
#   there     enable-new, disable-old, stop-old, start-new
#   and back  enable-old, disable-new, stop-new, (the old files), start-old

as_old() {
	[ -z "$old_exe" ] || daemon=$old_daemon exe=$old_exe unit=$old_unit script=$old_script hint=$old_hint units='' arg=old-arg
}

as_new() {
	[ -z "$old_exe" ] || daemon=$new_daemon exe=$new_exe unit=$new_unit script=$new_script hint=$new_hint units=$new_units arg=arg
}

# A name for people: whose service it is, not which program.
server_name() {
	server_name=${units:-${unit:-${script:-$exe}}}
	server_name=${server_name##*/}
}

server_stop() {
	if [ -n "$units" ]; then
		# shellcheck disable=SC2086 # names of units
		stop_units $units
		return
	fi
	find_daemon "$exe" "$hint" || return 0
	if [ -n "$unit" ] && systemd_is_here; then
		bounded systemctl stop "$unit"
		until_ended && return
	elif [ -n "$script" ]; then
		stop_by_script && return
	fi
	activate_stop || ! find_daemon "$exe" "$hint" || { fail "$daemon (pid $pid) does not end"; return 1; }
	reason=
}

# stop_units UNIT...: one that systemd does not know is stopped already.
stop_units() {
	bounded systemctl stop "$@" && return
	for each in "$@"; do
		! bounded systemctl is-active --quiet "$each" || { fail "systemctl stop $each failed"; return 1; }
	done
}

server_start() {
	if [ -n "$units" ]; then
		find_daemon "$exe" "$hint"
		# shellcheck disable=SC2086 # names of units
		ports_are_free && by_systemd start $units
	else
		find_daemon "$exe" "$hint" && return 0
		ports_are_free && activate_start && until_found
	fi
}

server_enable() {
	server_at_boot enable on
}

server_disable() {
	server_at_boot disable off
}

# server_at_boot enable|disable on|off: where nothing starts it at boot, or nobody knows how, there is nothing to switch. What counts is
# what is true afterwards: update-rc.d, for one, fails where there is nothing to disable.
server_at_boot() {
	server_name
	if [ -n "$units$unit" ] && systemd_is_here; then
		# shellcheck disable=SC2086 # names of units
		bounded systemctl "$1" ${units:-"$unit"} || is_at_boot "$1" systemctl is-enabled --quiet ${units:-"$unit"}
	elif [ -n "$script" ] && { have update-rc.d || have chkconfig || is_linked "$server_name"; }; then
		if have update-rc.d; then
			bounded update-rc.d "$server_name" "$1"
		elif have chkconfig; then
			bounded chkconfig "$server_name" "$2"
		fi
		is_at_boot "$1" is_linked "$server_name"
	else
		say "nothing is known to start $server_name at boot: nothing to $1"
	fi || fail "$server_name could not be ${1}d at boot"
}

# is_at_boot enable|disable QUESTION...
is_at_boot() {
	at_boot=disable
	at_boot_wanted=$1
	shift
	! "$@" >/dev/null 2>&1 || at_boot=enable
	[ "$at_boot" = "$at_boot_wanted" ]
}

# A server that was handed the socket keeps it when its super-server ends, and nobody could open the port anew, there or on the way
# back. So they are given their time before anything is stopped, and if that is not enough nothing is.
ports_are_idle() {
	find_daemon "$exe" "$hint" || { fail "$daemon is not running"; return 1; }
	ports_become_idle
}

# Clients come at any time: one may have had such a server started since, by the one that has ended just now. On the way back the
# port comes first, and a server that was handed it, as its standard input, is ended if it does not end by itself.
ports_are_free() {
	ports_become_idle && return
	[ -n "$undoing" ] || return 1
	free_naps=50
	until [ -z "$problem" ] || [ "$free_naps" -le 0 ]; do
		free_pid=${problem##*"(pid "}
		free_pid=${free_pid%%")"*}
		case $(ls -l "/proc/$free_pid/fd/0" 2>/dev/null) in
		*' -> socket:'*) [ "$free_pid" -gt 1 ] || return 1 ;;
		*) return 1 ;;
		esac
		[ "$free_naps" -lt 50 ] || say "$problem: it is ended"
		if [ "$free_naps" -gt 25 ]; then kill "$free_pid"; else kill -9 "$free_pid"; fi 2>/dev/null
		free_naps=$((free_naps - 1))
		nap
		problem=$(listeners | busy_ports)
	done
	[ -z "$problem" ] && reason=''
}

ports_become_idle() {
	clock
	idle_end=$((now + deadline))
	until problem=$(listeners | busy_ports) && [ -z "$problem" ]; do
		clock
		if [ "$now" -ge "$idle_end" ] || [ -n "$interrupted" ]; then
			fail "$problem"
			return 1
		fi
		nap
	done
}

busy_ports() {
	awk -v pid="$pid" '
		FNR == NR { if ($1 == "own") ours[$2 " " $3] = 1; next }
		NF >= 7 && (($1 " " $4) in ours) && $6 !~ /^[-0]$/ {
			n = split($6, pids, ",")
			for (i = 1; i <= n; i++) if (pids[i] != pid) {
				print $1 " port " $4 " is in use by a server that has the socket itself (pid " pids[i] "): nobody can open it before that has ended"
				exit
			}
		}' "$document" -
}

# act VERB
act() {
	case $1 in
	'signal '*) tell "${1##* }" ;;
	daemon-reload) activate_daemon_reload ;;
	*-units' '*)
		# shellcheck disable=SC2086 # names of units
		set -- "${1%%-*}" ${1#* }
		if [ "$1" = stop ]; then shift && stop_units "$@"; else by_systemd "$@"; fi
		;;
	*-old)
		as_old
		"server_${1%-old}"
		;;
	*-new)
		as_new
		"server_${1%-new}"
		;;
	*) "activate_$1" ;;
	esac
}

# The new one goes away again, before the old files come back; all of it is tried, whatever fails.
retire_daemon() {
	retire_failed=
	each_line retire try_to_act
	[ -z "$retire_failed" ] || fail "$retire_failed"
}

try_to_act() {
	act "$1" || retire_failed="${retire_failed:+$retire_failed; }$reason"
}

# Who answered before, and how: that is what has to be true afterwards. No service greets with this.
unheard='inet46 asks what is said here'
# Seconds that a greeting may take, before and afterwards.
learn_seconds=3

step_learn() {
	as_old
	ports_are_idle || { drop; return 1; }
	probes=$(probes_wanted | awk -v unheard="$unheard" '$1 == "probe" { print; print "greeting " unheard }')
	[ -n "$probes" ] || return 0
	ask_all "$learn_seconds" || return 0
	learned=$answers
	unanswered=$(printf '%s\n%s\n' "$probes" "$learned" | plain_answers | awk '
		$1 == "probe" { n++; place[n] = ($2 == "ipv6" ? "[" $3 "]" : $3) ":" $4; name[n] = $5; next }
		$2 == "refused" || $2 == "closed" { printf "%s%s at %s", separator, name[$1], place[$1]; separator = ", " }')
	[ -z "$unanswered" ] || say "$unanswered: does not answer now, and need not afterwards"
}

# The part of a greeting by which protocols know one another.
head_of='function head_of(line) {
	return match(line, /^([*+][ A-Z]|[0-9][0-9][0-9][ -]|SSH-)/) ? substr(line, 1, line ~ /^[*+]/ ? 3 : 4) : ""
}'

# For whoever connects from outside: "answered FAMILY ADDRESS PORT", perhaps with the head of a greeting.
who_answered() {
	[ -n "$learned" ] || return 0
	printf '%s\n%s\n' "$probes" "$learned" | plain_answers | awk "$head_of"'
		$1 == "probe" { n++; place[n] = $2 " " $3 " " $4; next }
		$1 == "greeting" || $1 == "asked" || $2 == "refused" || $2 == "closed" { next }
		{ head = head_of(substr($0, length($1) + length($2) + 3)); print "answered " place[$1] (head == "" ? "" : " " head) }'
}

# probe_as_before SECONDS: what answered, answers; what spoke first, speaks first; and what greeted as protocols do, does so again.
probe_as_before() {
	probes=$(probes_wanted | awk -v unheard="$unheard" '$1 == "probe" { print; print "greeting " unheard }')
	if [ -z "$probes" ] || [ -z "$learned" ]; then
		proof=sockets
		return 0
	fi
	[ "$1" -lt "$learn_seconds" ] || set -- "$learn_seconds"
	ask_all "$1" || { problem="nobody could be asked any more"; return 1; }
	problem=$(printf '%s\n%s\nnow\n%s\n' "$probes" "$learned" "$answers" | plain_answers | awk "$head_of"'
		$1 == "probe" { n++; place[n] = ($2 == "ipv6" ? "[" $3 "]" : $3) ":" $4; name[n] = $5; next }
		$1 == "greeting" || $1 == "asked" { next }
		$1 == "now" { now = 1; next }
		{ text = substr($0, length($1) + length($2) + 3) }
		!now { before[$1] = $2; said[$1] = text; next }
		{ after[$1] = $2; says[$1] = text }
		END {
			for (i = 1; i <= n; i++) {
				if (before[i] == "refused" || before[i] == "closed") continue
				if (after[i] == "refused") bad = "connection refused"
				else if (after[i] == "closed") bad = "closed at once, without a word"
				else if (before[i] != "says") continue
				else if (after[i] != "says") bad = "connected, but nobody greets"
				else if (index(says[i], head_of(said[i])) != 1) bad = "greets with \"" says[i] "\""
				else continue
				print name[i] " at " place[i] ": " bad (before[i] == "says" ? ", and before with \"" said[i] "\"" : ", and answered before")
				exit
			}
		}')
	[ -z "$problem" ]
}

# shellcheck shell=sh
# One change at a time.
#
# The lock is a symbolic link that points at nothing: its target is the holder's token. So taking it and saying whose it is are
# one system call, on every file system and with every ln, and there is no moment at which a lock has no holder.
#
#   pid=812,mark=51133,boot=1b9c...,since=2026-11-22T18:30:00Z

# mark_of PID: what a second process with the same number would not share.
mark_of() {
	mark=
	if { read -r mark_line <"/proc/$1/stat"; } 2>/dev/null; then
		# shellcheck disable=SC2086 # field 22 of the line, counted behind the name
		set -- ${mark_line##*') '}
		# A zombie does nothing any more, and can stay for long where pid 1 does not care for orphans.
		case $1 in
		[ZX]) mark=zombie ;;
		*) shift 19 && mark=$1 ;;
		esac
	else
		mark=$(ps -o ucomm -p "$1" 2>/dev/null | awk 'NR == 2 { print $1 }')
	fi
}

make_token() {
	boot=
	{ read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null || boot=$(sysctl -n kern.boot_id 2>/dev/null)
	mark_of $$
	token="pid=$$,mark=$mark,boot=$boot,since=$(date -u +%Y-%m-%dT%H:%M:%SZ)"
}

# part KEY TOKEN: one part of a token.
part() {
	part=${2#*"$1="}
	part=${part%%,*}
}

# is_dead TOKEN: nobody answers to it any more. In doubt the holder lives: then a person is told, and nothing is broken.
is_dead() {
	part pid "$1" && dead_pid=$part
	part boot "$1" && dead_boot=$part
	part mark "$1" && dead_mark=$part
	is_number "$dead_pid" || return 1
	[ -z "$boot" ] || [ -z "$dead_boot" ] || [ "$boot" = "$dead_boot" ] || return 0
	kill -0 "$dead_pid" 2>/dev/null || [ -d "/proc/$dead_pid" ] || return 0
	mark_of "$dead_pid"
	[ "$mark" != "$dead_mark" ]
}

# ln follows a link to a folder, so a name that exists in any way is refused first; two that pass here still cannot both win.
claim() {
	[ ! -h "$1" ] && [ ! -e "$1" ] && ln -s "$token" "$1" 2>/dev/null
}

# bury LOCK TOKEN: remove the lock of a dead holder. Two may find it dead, and the slower one must not remove the lock that the
# quicker one has taken meanwhile. So the right to remove is a lock itself, named after the dead, and under it one looks again.
bury() {
	part pid "$2" && set -- "$1" "$2" "$1.$part"
	part mark "$2" && set -- "$1" "$2" "$3.$part"
	if claim "$3"; then
		holder_of "$1"
		[ "$holder" != "$2" ] || rm -f "$1"
		rm -f "$3"
	else
		holder_of "$3"
		[ -n "$holder" ] && is_dead "$holder" && bury "$3" "$holder"
	fi
}

# What nothing can be proved without; better said than met half way.
has_its_tools() {
	for tool in awk cat cksum chmod chown date grep ln ls mkdir mv rm rmdir sed sleep tr; do
		have "$tool" || { fail "this host has no $tool"; return 1; }
	done
}

step_lock() {
	has_its_tools || return 1
	[ -d "$state_dir" ] || mkdir -p "$state_dir" 2>/dev/null
	if [ ! -d "$state_dir" ] || [ ! -w "$state_dir" ]; then
		fail "cannot write to $state_dir"
		return 1
	fi
	# A guard has one already, by which it is known.
	[ -n "$token" ] || make_token
	clock
	lock_end=$((now + lock_wait))
	lock_said=
	lock_tries=10
	until claim "$state_dir/lock"; do
		holder_of "$state_dir/lock"
		lock_holder=$holder
		if [ -n "$lock_holder" ] && is_dead "$lock_holder"; then
			say "the run that held the lock ($lock_holder) is no more: its lock is taken over"
			# Where nothing can be removed, that is said when the time is over.
			bury "$state_dir/lock" "$lock_holder" && continue
		fi
		if [ -z "$lock_holder" ] && [ ! -e "$state_dir/lock" ]; then
			# Somebody has just let go of it, or no name can be made there at all.
			lock_tries=$((lock_tries - 1))
			[ "$lock_tries" -gt 0 ] || { fail "cannot make $state_dir/lock: $(ln -s "$token" "$state_dir/lock" 2>&1)"; return 1; }
			nap
			continue
		fi
		part pid "$lock_holder" && lock_who=$part
		part since "$lock_holder" && lock_who="pid $lock_who, since $part"
		clock
		if [ "$now" -ge "$lock_end" ] || [ -n "$interrupted" ]; then
			[ -n "$lock_holder" ] || lock_who="nobody: $(ln -s "$token" "$state_dir/lock" 2>&1)"
			lock_what='another change'
			! is_dead "$lock_holder" || lock_what='a run that is no more, whose lock cannot be removed,'
			holder_of "$state_dir/armed"
			[ -z "$holder" ] || [ "$holder" != "$lock_holder" ] || lock_what='a change that waits to be confirmed'
			fail "$lock_what holds the lock $state_dir/lock ($lock_who)"
			return 1
		fi
		[ -n "$lock_said" ] || say "waiting for another change ($lock_who)"
		lock_said=yes
		nap
	done
	locked=yes
	clear_graves
}

# A run that was killed while it buried another leaves its right to do so behind.
clear_graves() {
	set +f
	set -- "$state_dir"/lock.*
	set -f
	for grave in "$@"; do
		holder_of "$grave"
		[ -z "$holder" ] || ! is_dead "$holder" || rm -f "$grave"
	done
}

unlock() {
	[ -z "$locked" ] || rm -f "$state_dir/lock"
	locked=
}

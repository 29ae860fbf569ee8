# shellcheck shell=sh
# One change to one host: all of it and proved, or none of it.
#
# The data comes behind this text, as functions that only print: settings, document and content. Steps say nothing on standard
# output; the verdict is the only thing there. A lost connection must not stop a change half way, so a closed pipe is no reason
# to die, and the verdict is kept in the state folder for the next look.

inet46_transaction() {
	trap '' HUP PIPE
	trap 'interrupted=yes' INT TERM
	begin </dev/null
	if attempt lock && attempt recover && attempt stage && attempt_if "$old_exe" learn && attempt_if "$confirm" arm; then
		if attempt journal && attempt place && attempt activate && attempt verify; then
			settle_it
		else
			roll_back
		fi
	fi </dev/null
	trap '' INT TERM
	finish </dev/null
}

begin() {
	prepare
	listeners_program
	find_listeners_tool
	settings
	if [ -z "$state_dir" ]; then
		state_dir=/var/lib/inet46
		[ "$system" = Linux ] || state_dir=/var/db/inet46
	fi
	result=refused
	state='nothing was changed'
	guarding='' token='' undoing=''
	reason='' interrupted='' learned='' locked='' recovered=no activated='' proof=none seen='' pid='' problem=''
	clock
	began=$now
	began_at=$(date +%s)
	log_sizes=$(log_sizes)
}

# Nobody may be there any more to hear it. That is no failure of whoever says it.
say() {
	printf 'inet46: %s\n' "$*" >&2 || :
}

fail() {
	reason=$*
	return 1
}

# attempt STEP: do it, unless a signal has asked to stop.
attempt() {
	step=$1
	[ -z "$interrupted" ] || fail "interrupted by a signal" || return 1
	"step_$step" || {
		say "$step: $reason"
		[ "$step" != recover ] || recovery_is_stuck
		return 1
	}
}

attempt_if() {
	[ -z "$1" ] || attempt "$2"
}

# What has been proved is kept, or, if it has to be confirmed from outside, left to the guard.
settle_it() {
	if [ -n "$confirm" ] && attempt hand_over; then
		result=armed
		state="the new files, settings and sockets are in place, and go back by themselves if they are not confirmed within $((confirm / 100)) s"
	elif [ -z "$confirm" ] && attempt commit; then
		result=committed
		state='the new files, settings and sockets are in place'
	else
		roll_back
	fi
}

recovery_is_stuck() {
	result=broken
	state="an earlier change is half undone, and its journal stays in $state_dir/journal: the next run tries again"
}

# 4. From here on the journal brings the old state back. An old file is kept as a second name of itself, so that going back is a
# rename, which needs no space and gives the very same file.
step_journal() {
	advance journal || return 1
	together keep_in keep_file && each_file keep_copy || return 1
	on_disk || fail "cannot write the journal and the old files to the disk"
}

keep_file() {
	[ "$old" = absent ] || gather "${kept%/*}" "$path"
}

# keep_in FOLDER FILE...: where names of one file cannot be made, copies follow.
keep_in() {
	keep_folder=$1
	shift
	ln "$@" "$keep_folder/" 2>/dev/null || :
}

keep_copy() {
	[ "$old" = absent ] || [ -e "$kept" ] || { cp -p "$path" "$kept.part" && mv -f "$kept.part" "$kept"; } 2>/dev/null ||
		fail "cannot keep $path as $kept"
}

# 5.
step_place() {
	on_files 'if (!new) name(path)' rm -f 2>/dev/null
	together place_in place_file
	each_file is_placed && each_link place_link && each_live set_it_live
}

place_file() {
	[ "$new" = absent ] || gather "${path%/*}" "$staged"
}

# place_in FOLDER FILE...
place_in() {
	place_folder=$1
	shift
	place_said=$(mv -f "$@" "$place_folder/" 2>&1) || :
}

is_placed() {
	if [ "$new" != absent ]; then
		[ ! -e "$staged" ] || fail "cannot replace $path${place_said:+: ${place_said##*: }}"
	else
		[ ! -e "$path" ] || fail "cannot remove $path"
	fi
}

place_link() {
	set_link "$path" "$to"
}

set_it_live() {
	set_live "$key" "$wanted"
}

# 6. A daemon may take a signal and then end, so it is looked at again a moment later.
step_activate() {
	grep -q '^activate ' "$document" || return 0
	activated=yes
	each_line activate act || return 1
	as_new
	activate_settle
	find_daemon "$exe" "$hint" || fail "$daemon is not running any more"
}

# 7. Right twice: before the clients come, and after. A client may be what shows that the daemon is dying.
step_verify() {
	clock
	verify_end=$((now + deadline))
	until wait_for_sockets expect && probe_again "$(seconds_left)" && sockets_are_right expect; do
		clock
		if [ "$now" -ge "$verify_end" ] || [ -n "$interrupted" ]; then
			[ -z "$interrupted" ] || problem="interrupted by a signal ($problem)"
			fail "$problem"
			return 1
		fi
		# Daemons count how often a service is asked for and close it when that is too often.
		sleep 1
	done
}

probe_again() {
	if [ -n "$old_exe" ]; then probe_as_before "$1"; else probe_all "$1"; fi
}

seconds_left() {
	clock
	left=$(((verify_end - now + 99) / 100))
	[ "$left" -gt 0 ] || left=1
	printf '%s' "$left"
}

# wait_for_sockets expect|restore: until they are right, or the deadline has passed. A daemon that stays away is not waited for.
wait_for_sockets() {
	clock
	wait_end=$((now + deadline))
	[ "$1" = restore ] || wait_end=$verify_end
	missing=0
	until sockets_are_right "$1"; do
		[ -n "$pid" ] && missing=0 || missing=$((missing + 1))
		clock
		[ "$now" -lt "$wait_end" ] && [ "$missing" -lt 10 ] && [ -z "$interrupted" ] || return 1
		nap
	done
}

# A change that only rolls back another one has nothing of its own that the daemon would have to run for.
asks_for_something() {
	grep -qE '^(own|file|link|live|activate) ' "$document"
}

# sockets_are_right expect|restore: problem says what is wrong.
sockets_are_right() {
	if [ "$1" = restore ]; then as_old; else as_new; fi
	if find_daemon "$exe" "$hint"; then
		hint=$pid
	elif { [ "$1" = expect ] && asks_for_something; } || listened_before; then
		problem="$daemon is not running"
		return 1
	fi
	seen=$(listeners)
	problem=$(printf '%s\n' "$seen" | awk -v want="$1" -v pid="$pid" -v whose="${arg%arg}daemon" '
		FNR == NR {
			id = $2 " " $3 " " $4 " " $5
			if ($1 == want) { wanted[id] = $6; order[++n] = id; name[id] = substr($0, length(want id $6) + 4) }
			else if ($1 == "keep" && want == "expect") { wanted[id] = $6; order[++n] = id; kept[id] = 1 }
			else if ($1 == "gone" && want == "expect") gone[id] = $6
			else if ($1 == "own") ours[$2 " " $3] = 1
			else if ($1 == whose) daemon = substr($0, length(whose) + 2)
			next
		}
		NF >= 7 {
			id = $1 " " $2 " " $3 " " $4
			mine = $6 == "-" || index("," $6 ",", "," pid ",")
			if (id in wanted && !(id in good)) {
				if (!mine) bad[id] = "is held by " ($6 == "0" ? "nobody whom this host sees" : $7 " (pid " $6 ")") ", not by " daemon " (pid " pid ")"
				else if (wanted[id] != "-" && $5 ~ /yes|no$/ && $5 != wanted[id] && $2 == "ipv6") bad[id] = "has v6only " $5 ", not " wanted[id]
				else good[id] = 1
			} else if (mine && (id in gone) && (gone[id] == "-" || $5 !~ /yes|no$/ || gone[id] == $5)) extra[++m] = place(id) " is still there"
			else if (mine && (($1 " " $4) in ours) && !(id in wanted)) extra[++m] = place(id) " is there, and should not be"
		}
		function place(id, word) {
			split(id, word, " ")
			return word[1] " " (word[2] == "ipv6" ? "[" word[3] "]" : word[3]) ":" word[4]
		}
		END {
			for (i = 1; i <= n; i++) {
				id = order[i]
				if (id in good) continue
				if (id in kept) print "not ours: " place(id) " " (id in bad ? bad[id] : "was there before, and is gone")
				else print (name[id] == "" ? "" : name[id] ": ") place(id) " " (id in bad ? bad[id] : "is not there")
				exit
			}
			if (m) print extra[1]
		}' "$document" -)
	[ -z "$problem" ]
}

# 8.
step_commit() {
	on_disk
	advance committed || return 1
	on_disk
	drop
}

roll_back() {
	why=$reason
	failed_at=$step
	say "rolling back"
	[ -n "$activated" ] || forget_activation
	if undo; then
		result=rolled-back
		state='the old files, settings and sockets are back'
	else
		result=broken
		state="NOT as it was, and the way back failed too ($undo_failed). The journal stays in $state_dir/journal: the next run tries again"
		[ -z "$only_journal" ] || state="$undo_failed. It stays in $state_dir/journal: the next run tries again"
		say "BROKEN: $state"
	fi
	reason=$why
	step=$failed_at
}

# The daemon has not been told anything yet, so there is nothing that it must be told back.
forget_activation() {
	restore_daemon() {
		:
	}
	retire_daemon() {
		:
	}
}

# The document of this change, for what is told of it.
record() {
	document
}

verdict() {
	clock
	printf 'inet46-verdict 1\nresult %s\nid %s\nstep %s\n' "$result" "$id" "$step"
	printf 'reason %s\nstate %s\n' "$reason" "$state" | plain
	printf 'recovered %s\nproof %s\nseconds %s\n' "$recovered" "$proof" "$(((now - began) / 100)).$(((now - began) / 10 % 10))$(((now - began) % 10))"
	[ "$result" != armed ] || who_answered
	{ record; printf 'seen\n%s\n' "$seen"; } | awk '
		$1 == "own" { ours[$2 " " $3] = 1 }
		seen && NF >= 7 && (($1 " " $4) in ours) { print "socket", $0 }
		$0 == "seen" { seen = 1 }'
	[ "$result" = committed ] || [ -z "$unit$exe" ] || daemon_log | sed 's/^/log /'
	printf 'end\n'
}

finish() {
	report=$(verdict)
	if [ -n "$locked" ]; then
		{ printf '%s\n' "$report" >"$state_dir/last.new" && mv -f "$state_dir/last.new" "$state_dir/last"; } || rm -f "$state_dir/last.new"
		[ -z "$confirm" ] || guard_names
	fi 2>/dev/null
	unlock
	say "$result: $state${reason:+ ($reason)}"
	printf '%s\n' "$report"
	case $result in
	committed | armed) exit 0 ;;
	refused) exit 3 ;;
	rolled-back | unconfirmed) exit 4 ;;
	*) exit 5 ;;
	esac
}

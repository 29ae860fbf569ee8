# shellcheck shell=sh
# Confirmed from outside, or taken back by the host itself.
#
# Before a change touches anything it starts a guard: a process of its own, out of the reach of whoever ends the change, the connection
# or the controller. While the change lives, the guard only watches. If the change is killed, the guard goes back at once. If the
# change is proved from inside, it hands its lock to the guard, which waits for the controller's word: confirmed, and the guard
# commits; refused, or no word in time, and the guard goes back. So at every moment one process decides. Beside the journal there lie
#
#   guard      the guard's program
#   armed      a link like the lock, whose target is the guard's token; when it goes, the guard has nothing more to do
#   confirmed  the controller's word: "ID yes", or "ID no REASON"
#   learned    what answered before, when a super-server takes the place of another one

guard_names() {
	rm -f "$state_dir/guard" "$state_dir/armed" "$state_dir/confirmed" "$state_dir/confirmed.new" "$state_dir/learned" "$state_dir/lock.new"
}

step_arm() {
	guard_names
	guard_seen
	{ guard_text >"$state_dir/guard" && printf '%s\n' "$learned" >"$state_dir/learned"; } 2>/dev/null || guard_sum=
	sum_of "$state_dir/guard"
	if [ "$sum" != "$guard_sum" ]; then
		fail "the way back cannot be written to $state_dir: is there no space?"
	else
		start_guard
		arm_patience
		until is_armed || [ "$arm_naps" -le 0 ]; do
			arm_naps=$((arm_naps - 1))
			nap
		done
		is_armed || fail "the process that would go back by itself did not start"
	fi || { drop; return 1; }
}

arm_patience() {
	arm_naps=50
}

is_armed() {
	holder_of "$state_dir/armed"
	[ -n "$holder" ] && ! is_dead "$holder"
}

# Under systemd as a unit of its own, since what a session has started may end with the session.
start_guard() {
	if systemd_is_here && have systemd-run; then
		bounded systemd-run --quiet --collect --unit="inet46-$id" sh "$state_dir/guard" && return 0
	fi
	# shellcheck disable=SC2086 # two words for some shells
	(detached ${guard_shell:-sh} "$state_dir/guard") </dev/null >/dev/null 2>&1 &
}

# detached COMMAND...: become it, in a session of its own, with whatever makes one here. nohup keeps the process group, and is better
# than nothing. Nothing of this shell may stay: it would hold the connection open.
detached() {
	if have setsid; then
		exec setsid "$@"
	elif have perl; then
		exec perl -e 'use POSIX; fork and exit; POSIX::setsid(); exec @ARGV' "$@"
	elif have python3; then
		exec python3 -c 'import os, sys
if os.fork(): os._exit(0)
os.setsid()
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
	elif have daemon; then
		exec daemon "$@"
	else
		exec nohup "$@"
	fi
}

# In the place of commit: from here on the guard decides. One rename gives it the lock.
step_hand_over() {
	is_armed || { fail "the process that would go back by itself is gone"; return 1; }
	if ! ln -s "$holder" "$state_dir/lock.new" || ! mv -f "$state_dir/lock.new" "$state_dir/lock"; then
		fail "the lock cannot be handed over"
		return 1
	fi 2>/dev/null
	locked=
}

# The guard's whole life. It is told to end when the host is shut down: a change that nobody has confirmed is not for the next boot.
inet46_guard() {
	trap '' HUP PIPE
	trap 'interrupted=yes' INT TERM
	begin
	step=confirm
	guarding=yes
	holder_of "$state_dir/lock"
	change=$holder
	make_token
	guard_document=$(cat "$state_dir/staging")
	learned=$(cat "$state_dir/learned")
	[ -n "$change" ] && claim "$state_dir/armed" || exit 1
	guard_change
	guard_word
	guard_back
}

# The document of the change that is watched over, kept because it is gone when the verdict is made.
record() {
	printf '%s\n' "$guard_document"
}

on_guard() {
	holder_of "$state_dir/armed"
	[ "$holder" = "$token" ] || exit 0
}

# Until the change has handed over its lock; if it dies before that, there is nothing to wait for.
guard_change() {
	while on_guard; do
		holder_of "$state_dir/lock"
		[ "$holder" != "$token" ] || break
		if [ "$holder" != "$change" ] || is_dead "$change"; then
			reason="the change was killed before it was done"
			guard_back
		fi
		nap
	done
	locked=yes
}

guard_word() {
	clock
	guard_end=$((now + confirm))
	reason="nobody has confirmed the change from outside within $((confirm / 100)) s"
	while on_guard && [ "$now" -lt "$guard_end" ]; do
		if [ -n "$interrupted" ]; then
			reason="whoever waited for the word was told to end"
			return
		fi
		guard_said=
		{ IFS= read -r guard_said <"$state_dir/confirmed"; } 2>/dev/null
		case $guard_said in
		"$id yes") guard_commit ;;
		"$id no "*)
			reason=${guard_said#"$id no "}
			return
			;;
		esac
		nap
		clock
	done
}

# What was confirmed must still be so.
guard_commit() {
	load_document "$state_dir/journal"
	reason=
	step_verify || fail "it was confirmed, and then: $reason"
	if [ -z "$reason" ] && step_commit; then
		result=committed
		state='the new files, settings and sockets are in place'
		finish
	fi
	go_back
}

# A later run may have taken over the lock of a change that was killed: then it has gone back already, and the guard is not armed any more.
guard_back() {
	guard_reason=$reason
	[ -n "$locked" ] || step_lock || exit 1
	reason=$guard_reason
	holder_of "$state_dir/armed"
	[ "$holder" = "$token" ] || { unlock; exit 0; }
	go_back
}

go_back() {
	go_reason=$reason
	accepted=
	if step_recover; then
		result=unconfirmed
		state="the old files, settings and sockets are back${accepted:+, but for this: $accepted}"
		reason=$go_reason
	else
		recovery_is_stuck
		reason="$go_reason; $reason"
	fi
	recovered=no
	finish
}

# The controller's word, as a command of its own: hand it to the guard, and print what became of it.
inet46_answer() {
	trap '' HUP PIPE
	begin </dev/null
	step=confirm
	guarding=yes
	answer_said=$(answer_word)
	holder_of "$state_dir/armed"
	answer_guard=$holder
	if [ -n "$answer_guard" ]; then
		{ printf '%s\n' "$answer_said" >"$state_dir/confirmed.new" && mv -f "$state_dir/confirmed.new" "$state_dir/confirmed"; } 2>/dev/null
		answer_wait
	fi </dev/null
	if grep -q "^id $id\$" "$state_dir/last" 2>/dev/null; then
		cat "$state_dir/last"
	else
		answer_alone </dev/null
	fi
}

# Until the guard has made up its mind. It may have to put everything back, so it gets its time.
answer_wait() {
	clock
	answer_end=$((now + 18000))
	while [ "$holder" = "$answer_guard" ] && ! is_dead "$holder" && [ "$now" -lt "$answer_end" ]; do
		nap
		holder_of "$state_dir/armed"
		clock
	done
}

# The guard is gone without a verdict, killed or with a reboot. What it watched over is then decided here.
answer_alone() {
	if step_lock && [ -e "$state_dir/journal" ] && load_document "$state_dir/journal" && [ "$document_id" = "$id" ]; then
		guard_document=$(cat "$state_dir/journal")
		learned=$({ cat "$state_dir/learned"; } 2>/dev/null)
		[ "$answer_said" != "$id yes" ] || guard_commit
		reason=${answer_said#"$id no "}
		go_back
	fi
	state='whatever the next look says'
	[ -n "$reason" ] || reason='the change is not there any more: another run has gone back before it'
	finish
}

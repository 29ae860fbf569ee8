# shellcheck shell=sh
# The way back: from the journal of this change, or of one that was interrupted.

set_live() {
	live_value "$1" || { fail "the kernel has no setting $1"; return 1; }
	sysctl -w "$1=$2" >/dev/null 2>&1
	live_value "$1"
	# shellcheck disable=SC2086 # single blanks, as live_value gives them
	set -- "$1" $2
	live_key=$1
	shift
	[ "$value" = "$*" ] || fail "$live_key is $value after it was set to $*"
}

# set_link PATH TARGET: what was there is replaced at once; with an empty target it goes.
set_link() {
	if [ -z "$2" ]; then
		rm -f "$1"
	else
		(umask 022 && mkdir -p "${1%/*}")
		staged_link "$1"
		rm -f "$staged" && ln -s "$2" "$staged" && mv -f "$staged" "$1"
	fi 2>/dev/null
	target_of "$1"
	[ "$target" = "$2" ] || fail "$1 could not be made ${2:+a link to }${2:-to go}"
}

staged_link() {
	staged=${1%/*}/.inet46-new.${1##*/}
}

restore_links() {
	restore_failed=
	each_link restore_link
	[ -z "$restore_failed" ]
}

restore_link() {
	target_of "$path"
	case $target in
	"$from") return 0 ;;
	"$to") ;;
	/)
		fail "$path is in the way of the old link"
		restore_failed=yes
		return 0
		;;
	*) say "$path was changed by somebody else meanwhile: it led to ${target:-nothing}" ;;
	esac
	set_link "$path" "$from" || restore_failed=yes
}

# sum_of FILE: "CRC SIZE", absent, or other for what is no plain file.
sum_of() {
	if [ -h "$1" ]; then
		sum=other
	elif [ -f "$1" ]; then
		sum=$(cksum <"$1") || sum=other
	elif [ -e "$1" ]; then
		sum=other
	else
		sum=absent
	fi
}

# When the target was not replaced yet, both names are one file: then rename(2) does nothing, and mv may do so or complain.
put_back() {
	# What cannot be replaced (chattr +i) has not been replaced either, if it says what the old file said.
	put_said=$(mv -f "$kept" "$path" 2>&1) || same_file "$kept" "$path" || [ "$sum" = "$old" ] || return 1
	[ ! -e "$kept" ] || rm -f "$kept"
}

same_file() {
	same_one=$(ls -di "$1" 2>/dev/null) || return 1
	same_two=$(ls -di "$2" 2>/dev/null) || return 1
	[ "${same_one%%/*}" = "${same_two%%/*}" ]
}

# Restores one file. Safe to do again at any point: what is kept is the old file, and what is not kept was not touched.
restore_file() {
	sum_of "$path"
	if [ "$old" != absent ] && [ ! -e "$kept" ]; then
		# Somebody who tidies up may have taken the kept file for litter.
		[ "$sum" != "$new" ] || [ "$new" = "$old" ] ||
			fail "$path is as the change made it, and the old file is gone from $kept: put it back by hand, or remove $state_dir/journal to keep what is there"
		return
	fi
	case $sum in
	absent | "$old" | "$new") ;;
	*)
		# Somebody has worked on it since the change was interrupted. Their work is not the old state, and not ours to lose.
		if same_file "$kept" "$path"; then
			say "$path was changed by somebody else meanwhile, before it was replaced: it stays as it is"
			rm -f "$kept"
			return
		fi
		name_found
		if [ -d "$path" ] || ! mv -f "$path" "$found"; then
			fail "$path is in the way of the old file"
			return 1
		fi
		say "$path was changed by somebody else meanwhile: that version is now $found"
		;;
	esac
	put_said=
	if [ "$old" = absent ]; then
		rm -f "$path"
	else
		put_back
	fi || fail "$path could not be put back${put_said:+: ${put_said##*: }}"
}

# A name beside the folder of the kept file, which goes, or beside that file, if it has no such folder; an earlier find keeps its own.
name_found() {
	case ${kept%/*} in
	*/.*) found=${kept%/*}.${kept##*/}.found ;;
	*) found=$kept.found ;;
	esac
	found_number=1
	found_first=$found
	while [ -e "$found" ] || [ -h "$found" ]; do
		found_number=$((found_number + 1))
		found=$found_first.$found_number
	done
}

restore_files() {
	remove_all unfinished
	restore_failed=
	each_file try_to_restore
	[ -z "$restore_failed" ] && on_files 'aside(staged); aside(kept)' remove_folders
}

# All of it is tried, whatever fails.
try_to_restore() {
	restore_file || restore_failed=yes
}

restore_live() {
	restore_failed=
	each_live restore_value
	[ -z "$restore_failed" ]
}

# A key that the kernel does not know was not set either.
restore_value() {
	! live_value "$key" || [ "$value" = "$was" ] || set_live "$key" "$was" || restore_failed=yes
}

restore_daemon() {
	as_old
	if [ -n "$old_exe" ] || find_daemon "$exe" "$hint"; then
		each_line undo act
	elif listened_before; then
		activate_start
	fi
}

listened_before() {
	grep -q '^restore ' "$document"
}

# undo: files, live values and daemon as they were, and looked at; the journal goes only when all of it is true. If the daemon
# cannot be brought back the way it was meant to, it is restarted: an interruption is better than silence on a port.
undo() {
	trap '' INT TERM
	interrupted=
	undo_failed='' only_journal=''
	undoing=yes
	retire_daemon || undo_failed=$reason
	restore_files || undo_failed="${undo_failed:+$undo_failed; }$reason"
	restore_links || undo_failed="${undo_failed:+$undo_failed; }$reason"
	restore_live || undo_failed="${undo_failed:+$undo_failed; }$reason"
	restore_daemon || say "$reason"
	if ! wait_for_sockets restore || daemon_is_stuck; then
		say "the old sockets are not back ($problem): restarting $daemon"
		activate_restart || find_daemon "$exe" || activate_start
		wait_for_sockets restore || accept_sockets || undo_failed="${undo_failed:+$undo_failed; }$problem"
	fi
	undoing=
	[ -z "$undo_failed" ] || return 1
	on_disk
	rm -f "$document" 2>/dev/null && return
	undo_failed='the old files, settings and sockets are back, and the journal cannot be removed'
	only_journal=yes
	return 1
}

# A later run that has put back every file, and has restarted the daemon on them, can do no more: what listens now is what those files
# open. To try for ever would restart the daemon at every run, and bring nothing back.
accept_sockets() {
	[ -n "$recovering" ] && [ -z "$undo_failed" ] && find_daemon "$exe" || return 1
	accepted=$problem
	say "$daemon runs on the old files; what differs from before the change: $accepted"
}

# remove_all unfinished|temporary: such names of the document, in one go.
remove_all() {
	case $1 in
	unfinished) on_files 'name(staged); name(kept ".part")' rm -f ;;
	temporary) on_files 'name(staged); name(kept); name(kept ".part")' rm -f ;;
	esac
	each_link remove_staged_link
	[ "$1" = unfinished ] || on_files 'aside(staged); aside(kept)' remove_folders
}

remove_staged_link() {
	staged_link "$path"
	rm -f "$staged"
}

# What somebody else has put into one stays, and the next change says so.
remove_folders() {
	rmdir "$@" 2>/dev/null || :
	[ -e "$state_dir/made" ] || return 0
	while IFS= read -r made; do
		rmdir "$made"
	done <"$state_dir/made" 2>/dev/null
	rm -f "$state_dir/made"
}

# drop: what waited beside the targets, and then the document that knew it. (Beside targets that have not been touched there can be second
# names of them: after a power cut that kept these and lost the journal.)
drop() {
	remove_all temporary
	on_disk
	rm -f "$document"
}

step_recover() {
	set +f
	set -- "$state_dir"/*
	set -f
	case "$*" in
	"$state_dir/lock" | "$state_dir/last $state_dir/lock") return 0 ;; # nothing was left
	esac
	set +f
	rm -rf "$state_dir/document.new" "$state_dir/last.new" "$state_dir/lock.new" "$state_dir"/probe.*
	set -f
	[ -n "$guarding" ] || rm -f "$state_dir/guard" "$state_dir/armed" "$state_dir/confirmed" "$state_dir/confirmed.new" "$state_dir/learned"
	if [ -e "$state_dir/committed" ]; then
		load_document "$state_dir/committed"
		drop
	fi
	if [ -e "$state_dir/staging" ]; then
		load_document "$state_dir/staging"
		drop
	fi
	[ -e "$state_dir/journal" ] || return 0
	load_document "$state_dir/journal" || { fail "the journal $state_dir/journal cannot be read to its end"; return 1; }
	say "the change $document_id was interrupted: rolling it back first"
	recovering=yes
	if undo; then
		recovered=yes
	else
		fail "the interrupted change $document_id could not be rolled back: $undo_failed"
	fi
	recovering=
	trap 'interrupted=yes' INT TERM
	[ ! -e "$state_dir/journal" ]
}

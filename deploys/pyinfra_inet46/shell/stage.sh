# shellcheck shell=sh
# Before anything is touched: the new files lie ready, whole and with their owners, and the host is as the look saw it.

# 3. Every new file is written beside its target, under a name that no daemon reads, and must be whole.
step_stage() {
	document=$state_dir/document.new
	{ document >"$document"; } 2>/dev/null
	sum_of "$document"
	[ "$sum" = "$document_sum" ] || { fail "the document of this change is not whole in $state_dir: is there no space?"; rm -f "$document"; return 1; }
	load_document "$document"
	nothing_in_the_way || { rm -f "$document"; return 1; }
	mv -f "$document" "$state_dir/staging"
	document=$state_dir/staging
	on_disk
	if write_staged && check_staged && targets_are_as_seen && sockets_are_as_seen; then
		return 0
	fi
	drop
	return 1
}

nothing_in_the_way() {
	on_files 'aside(staged); aside(kept); name(staged); name(kept)' are_free
}

are_free() {
	for name in "$@"; do
		[ ! -h "$name" ] && [ ! -e "$name" ] || fail "$name exists already" || return 1
	done
}

# New files wait in a folder of their own, and so do old ones: then those of one folder are moved, or kept, by one program. Nobody else
# can have made it, or gets into it.
write_staged() {
	on_files 'if (new) name(path)' make_parents
	on_files 'aside(staged); aside(kept)' make_folders || return 1
	with_list=$(files_with_a_list)
	each_file write_file || return 1
	together give give_file
}

# A folder of which xinetd.conf says includedir need not be there. It is written down before it is made, so that it goes again, if empty.
make_parents() {
	for name in "$@"; do
		name=${name%/*}
		[ -z "$name" ] || [ -d "$name" ] || [ ! -d "${name%/*}/" ] ||
			{ printf '%s\n' "$name" >>"$state_dir/made" && (umask 022 && mkdir "$name"); } 2>/dev/null
	done
	return 0
}

make_folders() {
	made=$(mkdir "$@" 2>&1) && return
	for name in "$@"; do
		[ -d "$name" ] || break
	done
	fail "cannot make $name${made:+: ${made##*: }}"
}

write_file() {
	[ "$new" != absent ] || return 0
	case $newline$with_list$newline in
	*"$newline$path$newline"*) copy_list || { fail "$path has an access list, and nothing here gives it to the new file"; return 1; } ;;
	esac
	{ content "$number" >"$staged"; } 2>/dev/null || fail "cannot write $staged"
}

# Old files with an access list (setfacl) besides their mode, one on each line. What ls then shows for the group is how far the list goes,
# and as a mode it would give the group what it never had.
files_with_a_list() {
	on_files 'if (old && new) name(path)' ls -ld 2>/dev/null | awk '
		FNR == NR { if ($1 == "path") known[substr($0, 6)]; next }
		substr($1, 11, 1) == "+" { for (name in known) if (substr($0, length($0) - length(name)) == " " name) print name }' "$document" -
}

copy_list() {
	cp -p "$path" "$staged" 2>/dev/null || return 1
	case $(ls -ld "$staged") in
	??????????+*) ;;
	*) return 1 ;;
	esac
}

give_file() {
	[ "$new" = absent ] || gather "$owner $mode" "$staged"
}

# give "OWNER MODE" FILE...
give() {
	give_owner=${1% *} give_mode=${1#* }
	shift
	chown "$give_owner" "$@" 2>/dev/null || { fail "cannot give $1 to $give_owner"; return 1; }
	chmod "$give_mode" "$@" 2>/dev/null || fail "cannot set mode $give_mode on $1"
}

# What lies there must be what was sent: sizes and checksums in order, owners and modes counted.
check_staged() {
	problem=$(on_files 'if (new) name(staged)' sums_and_modes 2>/dev/null | awk '
		FNR == NR && $1 == "file" && $5 != "-" { sum[++n] = $5 " " $6; ++wanted[$7 " " $8 " " $9] }
		FNR == NR && $1 == "staged" && n > k { name[++k] = substr($0, 8) }
		FNR == NR { next }
		/^[0-9]/ { if ($1 " " $2 != sum[++seen]) { bad = 1; print name[seen] " is not what was sent"; exit }; next }
		{ --wanted[octal($1) " " $3 " " $4]; ++listed }
		END {
			if (bad) exit
			for (each in wanted) if (wanted[each] != 0 || listed != n) { print "owner or mode of the new files cannot be set"; exit }
		}
		function octal(text, k, bit, value) {
			for (k = 2; k <= 10; k++) { bit = substr(text, k, 1); value = value * 2 + (bit ~ /[rwxst]/) }
			value += (substr(text, 4, 1) ~ /[sS]/) * 2048 + (substr(text, 7, 1) ~ /[sS]/) * 1024 + (substr(text, 10, 1) ~ /[tT]/) * 512
			return sprintf("%o", value)
		}' "$document" -)
	[ -z "$problem" ] || fail "$problem"
}

sums_and_modes() {
	cksum "$@"
	ls -lnd "$@"
}

# Somebody else may have edited a file between the look and now.
targets_are_as_seen() {
	each_file file_is_as_seen && each_link link_is_as_seen || return 1
	problem=$(on_files 'if (old) name(path)' cksum 2>/dev/null | awk '
		FNR == NR && $1 == "file" { sum = $3 " " $4 }
		FNR == NR && $1 == "path" && sum != "- -" { old[++n] = sum; name[n] = substr($0, 6) }
		FNR == NR { next }
		$1 " " $2 != old[FNR] { exit }
		{ right = FNR }
		END { if (right < n) print name[right + 1] }' "$document" -)
	[ -z "$problem" ] || fail "$problem changed between look and change"
}

file_is_as_seen() {
	if [ "$old" = absent ]; then
		{ [ ! -e "$path" ] && [ ! -h "$path" ]; } || fail "$path changed between look and change: it was not there"
	else
		{ [ -f "$path" ] && [ ! -h "$path" ]; } || fail "$path changed between look and change: it is no plain file"
	fi
}

link_is_as_seen() {
	target_of "$path"
	[ "$target" = "$from" ] || fail "$path changed between look and change: it led to ${from:-nothing}"
}

# A host whose sockets cannot be seen must not be changed: nothing could be proved. (After a recovery they are not what the look saw.)
sockets_are_as_seen() {
	[ "$recovered" = yes ] || sockets_are_right restore || fail "sockets changed between look and change: $problem"
}

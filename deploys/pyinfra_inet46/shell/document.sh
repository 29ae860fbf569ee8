# shellcheck shell=sh
# The document of a change.
#
# The document says in lines "KEY VALUE" what is to be done. It lies in the state folder under a name that tells how far the
# change is, and going on is a rename:
#
#   staging    new files are being written beside their targets, and no target has been touched
#   journal    targets are being replaced: whoever finds this restores the old state
#   committed  the new state is proved: whoever finds this removes the kept old files
#
# Beside it, made names the folders that were made for new files; they go again when nothing is in them.

# advance STAGE: a mv that a signal ends may have done its work before, so what counts is where the document lies.
advance() {
	mv -f "$document" "$state_dir/$1" 2>/dev/null
	if [ -e "$document" ] || [ ! -e "$state_dir/$1" ]; then
		fail "cannot write $state_dir/$1"
		return 1
	fi
	document=$state_dir/$1
}

# each_file FUNCTION: for every file, as path staged kept, old and new ("CRC SIZE" or absent), mode, owner, number; until it fails.
each_file() {
	IFS=$newline
	for line in $document_lines; do
		unset IFS
		case $line in
		'file '*)
			# shellcheck disable=SC2086 # eight words
			about_file ${line#file }
			;;
		'path '*) path=${line#path } ;;
		'staged '*) staged=${line#staged } ;;
		'kept '*)
			kept=${line#kept }
			"$1" || return 1
			;;
		esac
	done
	unset IFS
}

about_file() {
	number=$1 old="$2 $3" new="$4 $5" mode=$6 owner=$7:$8
	[ "$old" != '- -' ] || old=absent
	[ "$new" != '- -' ] || new=absent
}

# each_link FUNCTION: for every symbolic link, as path, from and to; an empty one is no link.
each_link() {
	IFS=$newline
	for line in $document_lines; do
		unset IFS
		case $line in
		'link '*) path=${line#link } ;;
		'from '*) from=${line#from } ;;
		'to '*)
			to=${line#to }
			"$1" || return 1
			;;
		esac
	done
	unset IFS
}

# each_live FUNCTION: for every live setting, as key, was and wanted.
each_live() {
	IFS=$newline
	for line in $document_lines; do
		unset IFS
		case $line in
		'live '*) key=${line#live } ;;
		'was '*) was=${line#was } ;;
		'set '*)
			wanted=${line#set }
			"$1" || return 1
			;;
		esac
	done
	unset IFS
}

# each_line KEY FUNCTION: for every other line of this key, with what it says as its argument.
each_line() {
	IFS=$newline
	for line in $document_lines; do
		unset IFS
		case $line in
		"$1 "*) "$2" "${line#"$1 "}" || return 1 ;;
		esac
	done
	unset IFS
}

# How many names one program is given: FreeBSD 4 has room for 64 KiB of words.
at_once=400

# on_files RULE COMMAND...: the command, with the names behind its words that RULE makes awk name for each file: of path, staged and kept,
# old and new are whether there was and whether there will be a file. Without names there is no command, and for very many there are several.
on_files() {
	on_files=$1 on_files_status=0 on_files_from=0
	shift
	on_files_command=$*
	while :; do
		IFS=$newline
		# shellcheck disable=SC2046 # one name on each line
		set -- $(awk -v from="$on_files_from" -v at_once="$at_once" '
			$1 == "file" { old = $3 != "-"; new = $5 != "-" }
			$1 == "path" { path = substr($0, 6) }
			$1 == "staged" { staged = substr($0, 8) }
			$1 == "kept" { kept = substr($0, 6); '"$on_files"' }
			function name(text) { if (++n > from && n <= from + at_once) print text }
			function aside(text) { sub(/\/[^\/]*$/, "", text); if (text ~ /\/[.][^\/]*$/ && !(text in known)) { known[text]; name(text) } }
			' "$document")
		unset IFS
		# shellcheck disable=SC2086 # words of a command
		[ $# -eq 0 ] || $on_files_command "$@" || on_files_status=1
		[ $# -eq "$at_once" ] || return "$on_files_status"
		on_files_from=$((on_files_from + at_once))
	done
}

# together HOW FUNCTION: FUNCTION gathers names from each file, and HOW gets those in a row that go to the same place.
together() {
	how=$1 gathered='' gathered_for='' gathered_count=0
	each_file "$2" && scatter
}

# gather PLACE NAME
gather() {
	{ [ "$1" = "$gathered_for" ] && [ "$gathered_count" -lt "$at_once" ]; } || scatter || return 1
	gathered_for=$1
	gathered_count=$((gathered_count + 1))
	gathered="$gathered$newline$2"
}

scatter() {
	[ -n "$gathered" ] || return 0
	IFS=$newline
	# shellcheck disable=SC2086 # one name on each line
	set -- $gathered
	unset IFS
	gathered='' gathered_count=0
	"$how" "$gathered_for" "$@"
}

# load_document FILE: whose super-server, or whose two (see server.sh), how long it may take, and document_lines, which is all that is gone
# through more than once, and by the shell: read asks the kernel for one byte at a time, 40 ms for a document of 200 services.
load_document() {
	document=$1
	daemon='' exe='' unit='' script='' hint='' units='' deadline=1000 last='' arg=arg
	old_daemon='' old_exe='' old_unit='' old_script='' old_hint=''
	document_lines=$(awk '$1 !~ /^(expect|restore|gone|keep|own|probe|greeting)$/' "$document")
	IFS=$newline
	for line in $document_lines; do
		unset IFS
		case $line in
		'id '*) document_id=${line#id } ;;
		'daemon '*) daemon=${line#daemon } ;;
		'exe '*) exe=${line#exe } ;;
		'unit '*) unit=${line#unit } ;;
		'script '*) script=${line#script } ;;
		'pid '*) hint=${line#pid } ;;
		'units '*) units=${line#units } ;;
		'old-daemon '*) old_daemon=${line#old-daemon } ;;
		'old-exe '*) old_exe=${line#old-exe } ;;
		'old-unit '*) old_unit=${line#old-unit } ;;
		'old-script '*) old_script=${line#old-script } ;;
		'old-pid '*) old_hint=${line#old-pid } ;;
		'deadline '*) deadline=${line#deadline } ;;
		esac
		last=$line
	done
	unset IFS
	new_daemon=$daemon new_exe=$exe new_unit=$unit new_script=$script new_hint=$hint new_units=$units
	[ "$last" = end ]
}

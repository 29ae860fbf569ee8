# shellcheck shell=sh
# The document of a change.
#
# The document says in lines "KEY VALUE" what is to be done. It lies in the state folder under a name that tells how far the
# change is, and going on is a rename:
#
#   staging    new files are being written beside their targets, and no target has been touched
#   journal    targets are being replaced: whoever finds this restores the old state
#   committed  the new state is proved: whoever finds this removes the kept old files

# next_file: the next file record from descriptor 3, as path staged kept, old and new ("CRC SIZE" or absent), mode, owner, number.
next_file() {
	while IFS= read -r line <&3; do
		case $line in
		'file '*)
			# shellcheck disable=SC2086 # eight words
			set -- ${line#file }
			number=$1 old="$2 $3" new="$4 $5" mode=$6 owner=$7:$8
			[ "$old" != '- -' ] || old=absent
			[ "$new" != '- -' ] || new=absent
			;;
		'path '*) path=${line#path } ;;
		'staged '*) staged=${line#staged } ;;
		'kept '*)
			kept=${line#kept }
			return 0
			;;
		esac
	done
	return 1
}

# next_link: the next symbolic link from descriptor 3, as path, from and to; an empty one is no link.
next_link() {
	while IFS= read -r line <&3; do
		case $line in
		'link '*) path=${line#link } ;;
		'from '*) from=${line#from } ;;
		'to '*)
			to=${line#to }
			return 0
			;;
		esac
	done
	return 1
}

# next_live: the next live setting from descriptor 3, as key, was and wanted.
next_live() {
	while IFS= read -r line <&3; do
		case $line in
		'live '*) key=${line#live } ;;
		'was '*) was=${line#was } ;;
		'set '*)
			wanted=${line#set }
			return 0
			;;
		esac
	done
	return 1
}

# load_document FILE: whose super-server, or whose two (see server.sh), and how long it may take.
load_document() {
	document=$1
	daemon='' exe='' unit='' script='' hint='' units='' deadline=1000 last='' arg=arg
	old_daemon='' old_exe='' old_unit='' old_script='' old_hint=''
	while IFS= read -r line; do
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
	done <"$document"
	new_daemon=$daemon new_exe=$exe new_unit=$unit new_script=$script new_hint=$hint new_units=$units
	[ "$last" = end ]
}

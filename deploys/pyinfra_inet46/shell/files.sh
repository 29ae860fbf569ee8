# shellcheck shell=sh
# Which files of a host matter, and what they are and say.
#
# A name with blanks or odd bytes is never handed on: it is counted as skipped. Names that passed are plain, so echo may print them and
# a list of them may be a string with blanks. Programs are started once for all files, not once for each.

# FreeBSD 4's od has no -t.
find_hex_tool() {
	hex_tool=hexdump
	od -An -v -tx1 </dev/null >/dev/null 2>&1 && hex_tool="od"
}

# hex FILE...: in hexadecimal, with blanks wherever the tool puts them.
hex() {
	case $hex_tool in
	od) od -An -v -tx1 "$@" ;;
	*) hexdump -v -e '16/1 "%02x" "\n"' "$@" ;;
	esac 2>/dev/null
}

# resolve PATH: resolved is where its symbolic links end, linked what the first one says. (readlink is younger than some of our hosts)
resolve() {
	resolved=$1 linked=''
	links=0
	while [ -h "$resolved" ] && [ "$links" -lt 32 ]; do
		links=$((links + 1))
		target_of "$resolved"
		linked=${linked:-$target}
		case $target in
		/*) resolved=$target ;;
		*) resolved=${resolved%/*}/$target ;;
		esac
	done
	target=$(cd "${resolved%/*}/" 2>/dev/null && pwd -P) && resolved=${target%/}/${resolved##*/}
}

look_at_files() {
	paths='' found='' folders=''
	add_folder /etc/inetd.d
	add_folder /etc/rc.conf.d
	[ "$system" != Linux ] || add_folder /etc/sysctl.d .conf
	add /etc/inetd.conf /etc/rc.conf /etc/rc.conf.local /etc/sysctl.conf
	[ "$system" != Linux ] || add /etc/default/xinetd /etc/default/openbsd-inetd /etc/default/inetutils-inetd
	for folder in /etc /usr/local/etc; do
		[ "$folder" = /etc ] || [ -e "$folder/xinetd.conf" ] || continue
		add_xinetd "$folder/xinetd.conf" "$folder/xinetd.d"
	done
	for each in $extra_paths; do
		case $each in
		*/) add_folder "${each%/}" ;;
		*) add "$each" ;;
		esac
	done
	! units_are_asked || add_units
	show_files
}

# add PATH...: each path once. found holds what is new since somebody emptied it.
add() {
	for each in "$@"; do
		case " $paths " in
		*" $each "*) ;;
		*)
			paths="$paths $each"
			found="$found $each"
			;;
		esac
	done
}

# add_folder FOLDER [SUFFIX] [READER]: its files. Of odd names, those that xinetd passes over are nobody's.
add_folder() {
	[ -d "$1" ] || return 0
	case " $folders " in
	*" $1 "*) return 0 ;;
	esac
	folders="$folders $1"
	suffix=$2
	reader=$3
	listed=$1
	inside=
	set +f
	set -- "$listed"/*"$suffix"
	set -f
	for each in "$@"; do
		if is_plain "$each"; then
			inside="$inside $each"
		elif [ -e "$each" ] || [ -h "$each" ]; then
			case $reader/${each##*/} in
			xinetd/*.* | xinetd/*~) ;;
			*) echo "skipped $listed" ;;
			esac
		fi
	done
	paths="$paths$inside"
	found="$found$inside"
}

# add_xinetd FILE FOLDER: what xinetd reads, and what that includes, and what that includes in its turn.
add_xinetd() {
	found=
	add "$1"
	add_folder "$2" '' xinetd
	rounds=5
	while [ -n "$found" ] && [ "$rounds" -gt 0 ]; do
		rounds=$((rounds - 1))
		readable=
		for each in $found; do
			[ -f "$each" ] && [ -r "$each" ] && readable="$readable $each"
		done
		found=
		[ -n "$readable" ] || return 0
		# shellcheck disable=SC2046,SC2086 # plain words, and pairs of words of which an odd one is skipped
		add_included $(awk '($1 == "include" || $1 == "includedir") && $2 ~ /^\// { print $1, $2 }' $readable 2>/dev/null)
	done
}

# add_included include|includedir PATH ...
add_included() {
	while [ $# -gt 1 ]; do
		if ! is_plain "$2"; then
			echo 'skipped /etc/xinetd.conf'
		elif [ "$1" = include ]; then
			add "$2"
		else
			add_folder "$2" '' xinetd
		fi
		shift 2
	done
}

show_files() {
	sources=
	for path in $paths; do
		is_plain "$path" || continue
		source=$path
		case " $pending " in
		*" $path="*)
			source=${pending#*" $path="}
			source=${source%% *}
			;;
		esac
		show_kind
	done
	# shellcheck disable=SC2086 # plain words
	[ -z "$sources" ] || show_contents $sources
}

# Of what a .wants folder has only the names count, and where they lead.
is_only_a_link() {
	case $1 in
	*.wants/* | *.requires/* | *.upholds/*) ;;
	*) return 1 ;;
	esac
}

show_kind() {
	resolved='' linked=''
	[ ! -h "$source" ] || resolve "$source"
	case " $pending_links " in
	*" $path="*)
		linked=${pending_links#*" $path="}
		linked=${linked%% *} resolved=''
		[ -n "$linked" ] || source=absent
		;;
	esac
	if [ -n "$linked" ] && is_only_a_link "$path"; then
		kind='link'
	elif [ ! -e "$source" ]; then
		kind=absent
	elif [ -d "$source" ]; then
		kind=directory
	elif [ ! -f "$source" ]; then
		kind=other
	elif [ ! -r "$source" ]; then
		kind=unreadable
	else
		kind=regular
		sources="$sources $source"
	fi
	echo "file $kind $path"
	[ -z "$resolved" ] || ! is_plain "$resolved" || echo "link $resolved"
	[ -z "$linked" ] || ! is_plain "$linked" || echo "target $linked"
	[ "$source" = "$path" ] || [ "$source" = absent ] || echo "source $source"
}

# Owners and modes from one ls, checksums from one cksum, contents from one od, in the same order as the checksums.
show_contents() {
	# shellcheck disable=SC2012 # stat and find -printf are younger than some of our hosts, and the names are plain
	stats=$(ls -lnL "$@" 2>/dev/null | awk '
		{ stat[NR] = "stat " $1 " " $3 " " $4 " " $5 " " $NF }
		$5 <= 1048576 { small = small " " $NF }
		END { print small; for (i = 1; i <= NR; i++) print stat[i] }')
	echo "${stats#*"$newline"}"
	# shellcheck disable=SC2086 # plain words
	set -- ${stats%%"$newline"*}
	[ $# -gt 0 ] || return 0
	{ cksum "$@" 2>/dev/null; echo; hex "$@"; } | awk '
		!contents { if (NF) print "sum", $0; else contents = 1; next }
		{ gsub(/[ \t]/, ""); line = line $0 }
		length(line) >= 2048 { print "hex", line; line = "" }
		END { if (line != "") print "hex", line }'
}

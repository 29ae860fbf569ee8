# shellcheck shell=sh
# One look at a host: what it is, what it runs, what its files say and who listens. It only reads.
#
# The answer is lines "KEY VALUE" between "inet46-look 1" and "end". Programs are started once for all files, not once for each.
# A file name with blanks or odd bytes is never handed on: it is counted as skipped. Names that passed are plain, so echo may
# print them and a list of them may be a string with blanks.

inet46_look() {
	prepare
	listeners_program
	find_listeners_tool
	state_dir=/var/lib/inet46
	[ "$system" = Linux ] || state_dir=/var/db/inet46
	read_questions "$@"
	echo 'inet46-look 1'
	look_at_system
	look_at_state
	look_at_servers
	look_at_files
	look_at_names
	look_at_programs
	look_at_settings
	look_at_sockets
	echo end
}

read_questions() {
	programs='' users='' groups='' services='' settings='' extra_paths='' units_asked=''
	for word in "$@"; do
		case $word in
		user=*) users="$users ${word#*=}" ;;
		group=*) groups="$groups ${word#*=}" ;;
		service=*) services="$services ${word#*=}" ;;
		setting=*) settings="$settings ${word#*=}" ;;
		path=*) extra_paths="$extra_paths ${word#*=}" ;;
		program=*) programs="$programs ${word#*=}" ;;
		units=*) units_asked=${word#*=} ;;
		state=*) state_dir=${word#*=} ;;
		esac
	done
}

is_plain() {
	case $1 in
	'' | *[!A-Za-z0-9/._+@,:=~%-]*) return 1 ;;
	esac
}

yes_or_no() {
	if "$@" >/dev/null 2>&1; then
		answer=yes
	else
		answer=no
	fi
}

look_at_system() {
	echo "system $system"
	echo "release $(uname -r)"
	echo "uid $uid"
	look_at_release
	yes_or_no has_ipv6
	echo "ipv6 $answer"
	yes_or_no has_ipv6_loopback
	echo "ipv6-loopback $answer"
	yes_or_no systemd_is_here
	echo "systemd $answer"
	for client in python3 perl nc bash; do
		have "$client" && echo "client $client"
	done
}

look_at_release() {
	if [ -r /etc/os-release ]; then
		while IFS='=' read -r key value; do
			value=${value#[\"\']}
			value=${value%[\"\']}
			case $key in
			ID) is_plain "$value" && echo "os-id $value" ;;
			VERSION_ID) is_plain "$value" && echo "os-version $value" ;;
			esac
		done </etc/os-release
	elif have freebsd-version; then
		echo os-id freebsd
		echo "os-version $(freebsd-version)"
	fi
}

has_ipv6() {
	if [ "$system" = Linux ]; then
		[ -d /proc/sys/net/ipv6 ] || [ -s /proc/net/if_inet6 ]
	else
		has_ipv6_loopback || sysctl -n net.inet6.ip6.forwarding
	fi
}

has_ipv6_loopback() {
	if [ "$system" = Linux ]; then
		grep -q '^00000000000000000000000000000001 ' /proc/net/if_inet6
	else
		ifconfig lo0 | grep -q 'inet6 ::1 '
	fi
}

# What an earlier change has left: its verdict, a lock, or a journal, which tells of each file what it will be once it is rolled
# back. Pairs of that are kept as words PATH=OLD-FILE, and of links as PATH=OLD-TARGET.
look_at_state() {
	pending='' pending_links=''
	holder_of "$state_dir/lock"
	if [ -n "$holder" ] && make_token && ! is_dead "$holder"; then
		echo "lock $holder"
	elif something_remains; then
		echo 'remains yes'
	fi
	[ ! -r "$state_dir/last" ] || plain <"$state_dir/last" | awk '{ print "last", $0 }' # ends its last line, which sed may not
	[ -r "$state_dir/journal" ] || return 0
	load_document "$state_dir/journal"
	echo "journal $document_id"
	[ -z "$old_exe" ] || echo "migrates $old_exe"
	while next_file; do
		is_plain "$path$kept" || continue
		if [ "$old" = absent ]; then
			pending="$pending $path=absent"
		elif [ -e "$kept" ]; then
			pending="$pending $path=$kept"
		fi
	done 3<"$state_dir/journal"
	while next_link; do
		! is_plain "$path$from" || pending_links="$pending_links $path=$from"
	done 3<"$state_dir/journal"
}

# Whatever a run that was killed has left: its lock, a change that it was about to begin or had just ended. A journal is told apart.
something_remains() {
	set +f
	set -- "$state_dir"/*
	set -f
	for each in "$@"; do
		case ${each##*/} in
		last | journal | '*') ;;
		*) return 0 ;;
		esac
	done
	return 1
}

# hex KEY: standard input in hexadecimal, on lines that begin with KEY. (FreeBSD 4's od has no -t.)
hex() {
	if [ -z "$hex_tool" ]; then
		hex_tool=hexdump
		od -An -v -tx1 </dev/null >/dev/null 2>&1 && hex_tool="od"
	fi
	case $hex_tool in
	od) od -An -v -tx1 ;;
	*) hexdump -v -e '16/1 "%02x" "\n"' ;;
	esac | awk -v key="$1" '
		{ gsub(/[ \t]/, ""); line = line $0 }
		length(line) >= 2048 { print key, line; line = "" }
		END { if (line != "") print key, line }'
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

# add_folder FOLDER [SUFFIX]: its files.
add_folder() {
	[ -d "$1" ] || return 0
	case " $folders " in
	*" $1 "*) return 0 ;;
	esac
	folders="$folders $1"
	suffix=$2
	listed=$1
	inside=
	set +f
	set -- "$listed"/*"$suffix"
	set -f
	for each in "$@"; do
		if is_plain "$each"; then
			inside="$inside $each"
		elif [ -e "$each" ] || [ -h "$each" ]; then
			echo "skipped $listed"
		fi
	done
	paths="$paths$inside"
	found="$found$inside"
}

# add_xinetd FILE FOLDER: what xinetd reads, and what that includes, and what that includes in its turn.
add_xinetd() {
	found=
	add "$1"
	add_folder "$2"
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
			add_folder "$2"
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

# Owners and modes from one ls, checksums from one cksum, contents from one cat, in the same order as the checksums.
show_contents() {
	# shellcheck disable=SC2012 # stat and find -printf are younger than some of our hosts, and the names are plain
	stats=$(ls -lnL "$@" 2>/dev/null | awk '{ print "stat", $1, $3, $4, $5, $NF }')
	echo "$stats"
	# shellcheck disable=SC2046 # plain words
	set -- $(echo "$stats" | awk '$5 <= 1048576 { print $6 }')
	[ $# -gt 0 ] || return 0
	cksum "$@" 2>/dev/null | sed 's/^/sum /'
	cat "$@" 2>/dev/null | hex hex
}

# asked WORD...: one on each line, for the awk that reads the answer behind them.
asked() {
	for word in "$@"; do
		echo "asked $word"
	done
}

look_at_names() {
	# shellcheck disable=SC2086 # names of users, groups and services are single words: look.py sees to that
	{
		[ -z "$users" ] || look_up user passwd $users
		[ -z "$groups" ] || look_up group group $groups
		[ -z "$services" ] || look_up_services $services
	}
}

# look_up KEY DATABASE NAME...
look_up() {
	key=$1 database=$2
	shift 2
	{
		asked "$@"
		if have getent; then
			getent "$database" "$@"
		else
			cat "/etc/$database"
		fi 2>/dev/null
	} | awk -F: -v key="$key" '
		/^asked / { order[++n] = substr($0, 7); next }
		!($1 in number) && $3 ~ /^[0-9]+$/ { number[$1] = $3 }
		END { for (i = 1; i <= n; i++) print key, order[i] in number ? number[order[i]] : "-", order[i] }'
}

look_up_services() {
	{
		asked "$@"
		if have getent; then
			getent services "$@"
		else
			cat /etc/services
		fi 2>/dev/null
	} | tr '\011' ' ' | plain | awk '
		$1 == "asked" { order[++n] = $2; next }
		{
			sub(/#.*/, "")
			if (split($2, number, "/") != 2 || number[1] !~ /^[0-9]+$/) next
			line = $1 " " number[1]
			for (i = 3; i <= NF; i++) line = line " " $i
			for (i = 1; i <= NF; i++) if (i != 2 && !(($i "/" number[2]) in found)) found[$i "/" number[2]] = line
		}
		END { for (i = 1; i <= n; i++) print "service " order[i] (order[i] in found ? " " found[order[i]] : "") }'
}

look_at_programs() {
	for program in $programs; do
		if [ -d "$program" ]; then
			answer=directory
		elif [ -x "$program" ]; then
			answer=ok
		elif [ -e "$program" ]; then
			answer=not-executable
		else
			answer=missing
		fi
		echo "program $answer $program"
	done
}

look_at_settings() {
	for key in $settings; do
		if live_value "$key"; then
			printf 'setting %s %s\n' "$key" "$value"
		else
			echo "no-setting $key"
		fi
	done | plain
}

look_at_sockets() {
	echo "sockets-from $listeners_tool"
	listeners | sed 's/^/socket /'
}

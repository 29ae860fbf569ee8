# shellcheck shell=sh
# One look at a host: what it is, what it runs, what its files say and who listens. It only reads.
#
# The answer is lines "KEY VALUE" between "inet46-look 1" and "end".

inet46_look() {
	prepare
	state_dir=/var/lib/inet46
	[ "$system" = Linux ] || state_dir=/var/db/inet46
	read_questions "$@"
	echo 'inet46-look 1'
	look_at_system
	look_at_state
	find_hex_tool
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
	echo "release $release"
	echo "uid $uid"
	look_at_release
	yes_or_no has_ipv6
	echo "ipv6 $answer"
	yes_or_no has_ipv6_loopback
	echo "ipv6-loopback $answer"
	! has_ipv6_within || echo 'ipv6-within yes'
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

# Is ::1 all there is? (Only where that is one file to read.)
has_ipv6_within() {
	[ "$system" = Linux ] && [ "$answer" = yes ] || return 1
	while read -r each rest; do
		: "$rest"
		[ "$each" = 00000000000000000000000000000001 ] || return 1
	done </proc/net/if_inet6
}

has_ipv6_loopback() {
	if [ "$system" = Linux ]; then
		while read -r each rest; do
			: "$rest"
			[ "$each" != 00000000000000000000000000000001 ] || return 0
		done </proc/net/if_inet6
		return 1
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
	[ ! -r "$state_dir/last" ] || awk '{ gsub(/[^ -~]/, "?"); print "last", $0 }' "$state_dir/last"
	[ -r "$state_dir/journal" ] || return 0
	load_document "$state_dir/journal"
	echo "journal $document_id"
	[ -z "$old_exe" ] || echo "migrates $old_exe"
	each_file note_file
	each_link note_link
}

note_file() {
	is_plain "$path$kept" || return 0
	if [ "$old" = absent ]; then
		pending="$pending $path=absent"
	elif [ -e "$kept" ]; then
		pending="$pending $path=$kept"
	fi
}

note_link() {
	! is_plain "$path$from" || pending_links="$pending_links $path=$from"
}

# Whatever a run that was killed has left: its lock, a change that it was about to begin or had just ended. A journal is told apart.
something_remains() {
	set +f
	set -- "$state_dir"/*
	set -f
	for each in "$@"; do
		# What somebody else keeps there is not ours to remove.
		case ${each##*/} in
		lock | lock.* | document.new | last.new | staging | committed | guard | armed | confirmed | confirmed.new | learned | probe.*) return 0 ;;
		esac
	done
	return 1
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
		look_up_services $services
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

# Names that are asked for, and those that stand in the files: which port a line is about may be said by this host alone. Of the latter
# only what /etc/services has is told. In a file a name stands behind the word of xinetd's paragraphs, or at the head of a line of inetd.
look_up_services() {
	ports_file=/etc/services
	[ -r "$ports_file" ] || ports_file=
	# shellcheck disable=SC2086 # plain words
	{
		asked "$@"
		[ $# -eq 0 ] || ! have getent || getent services "$@" 2>/dev/null
	} | awk '
		FILENAME ~ /^\// && FILENAME != "/etc/services" {
			if ($1 == "service") name = $2
			else if (NF < 5 || $1 ~ /^#/) next
			else { name = $1; sub(/.*:/, "", name) }
			if (name ~ /^[A-Za-z0-9_.+*-]+$/ && !(name in seen)) { seen[name]; named[++m] = name "/tcp"; named[++m] = name "/udp" }
			next
		}
		$1 == "asked" { order[++n] = $2; next }
		{
			sub(/#.*/, "")
			if (split($2, number, "/") != 2 || number[1] !~ /^[0-9]+$/) next
			line = $1 " " number[1]
			for (i = 3; i <= NF; i++) line = line " " $i
			gsub(/[^ -~]/, "?", line)
			for (i = 1; i <= NF; i++) if (i != 2 && !(($i "/" number[2]) in found)) found[$i "/" number[2]] = line
		}
		function tell(name, always) {
			if (name in told) return
			told[name]
			if (name in found) print "service " name " " found[name]
			else if (always) print "service " name
		}
		END {
			for (i = 1; i <= n; i++) tell(order[i], 1)
			for (i = 1; i <= m; i++) tell(named[i], 0)
		}' $sources - $ports_file
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
		if ! live_value "$key"; then
			echo "no-setting $key"
		elif is_number "$value"; then
			echo "setting $key $value"
		else
			printf 'setting %s %s\n' "$key" "$value" | plain
		fi
	done
}

look_at_sockets() {
	listeners_program
	# Where ss tells everything at once, it need not be tried before.
	if [ "$system" = Linux ] && have ss && listeners_said=$(ss -ltunpe 2>/dev/null); then
		listeners_tool=ss
	else
		find_listeners_tool
	fi
	listeners_word='socket '
	echo "sockets-from $listeners_tool"
	listeners
}

# shellcheck shell=sh
# Who listens: every listening TCP and every UDP socket, one line each, whatever tool the system has:
#
#   TRANSPORT FAMILY ADDRESS PORT V6ONLY PIDS COMMAND       tcp ipv6 :: 143 yes 812 inetd
#
# V6ONLY is yes, no, unknown, or - for IPv4. PIDS (with commas) and COMMAND are - where the tool does not tell them. PIDS is 0 where it
# tells those of other sockets: then nobody on this host holds this one, but the kernel, or somebody in another namespace of processes.

# The first tool that works; listeners_tool is its name. Before each line of an answer stands the word listeners_word.
find_listeners_tool() {
	listeners_tool=none listeners_word='' listeners_said=''
	if [ "$system" = Linux ] && have ss && ss -ltn >/dev/null 2>&1; then
		listeners_tool=ss
	elif [ "$system" != Linux ] && have sockstat; then
		listeners_tool=sockstat
	elif have netstat && netstat -an >/dev/null 2>&1; then
		listeners_tool=netstat
	elif [ -r /proc/net/tcp ]; then
		listeners_tool=/proc/net
	fi
}

listeners() {
	case $listeners_said:$listeners_tool:$system in
	?*:ss:*) printf '%s\n' "$listeners_said" ;;
	:ss:*) ss -ltunpe ;;
	*:sockstat:NetBSD) sockstat -46ln ;;
	*:sockstat:*) sockstat -46l ;;
	*:netstat:Linux) netstat -lntup 2>/dev/null || netstat -lntu ;;
	*:netstat:*) netstat -an ;;
	*:/proc/net:*) proc_net ;;
	esac 2>/dev/null | awk -v before="$listeners_word" -v tool="$listeners_tool" -v uname="$system" "$LISTENERS_AWK"
}

# The kernel's own tables, each line after the name of its table, and who has which inode open.
proc_net() {
	set +f
	ls -l /proc/[0-9]*/fd
	set -f
	awk '{ sub(".*/", "", FILENAME); print "net", FILENAME, $0 }' /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6
}

listeners_program() {
	# shellcheck disable=SC2016 # these are awk's own dollars
	LISTENERS_AWK='
	function emit(transport, family, address, port, v6only, pids, command) {
		sub(/%.*/, "", address)
		gsub(/[^!-~]/, "?", command)
		if (address == "*") address = family == "ipv6" ? "::" : "0.0.0.0"
		if (family == "ipv4") v6only = "-"
		else if (address ~ /^::ffff:[0-9.]+$/) v6only = "no"
		if (port !~ /^[0-9]+$/) return
		front[++lines] = before transport " " family " " address " " port " " v6only
		if (pids != "") told = 1
		holders[lines] = pids
		name[lines] = command == "" ? "-" : command
	}
	END { for (k = 1; k <= lines; k++) print front[k], (holders[k] != "" ? holders[k] : told ? 0 : "-"), name[k] }

	# Sets host and port from 127.0.0.1:143, [::1]%lo:143, *:143, *.143, :::143.
	function cut(text) {
		match(text, /[:.][0-9*]+$/)
		host = substr(text, 1, RSTART - 1)
		port = substr(text, RSTART + 1)
		gsub(/[][]/, "", host)
	}

	# users:(("inetd",pid=812,fd=4),("imapd",pid=900,fd=0)) gives pids and command.
	function users(text) {
		pids = command = ""
		if (match(text, /\(\("[^"]*"/)) command = substr(text, RSTART + 3, RLENGTH - 4)
		while (match(text, /",pid=[0-9]+,fd=/)) {
			one = substr(text, RSTART + 6, RLENGTH - 10)
			if (index("," pids ",", "," one ",") == 0) pids = pids (pids == "" ? "" : ",") one
			text = substr(text, RSTART + RLENGTH)
		}
	}

	tool == "ss" && /^(tcp|udp) / {
		who = tags = ""
		if (match($0, /users:\(\(.*\)\)/)) { who = substr($0, RSTART, RLENGTH); tags = substr($0, RSTART + RLENGTH) }
		else tags = $0
		users(who)
		cut($5)
		v6only = tags ~ / v6only:1/ ? "yes" : tags ~ / v6only:0/ ? "no" : "unknown"
		# An iproute2 from before 4.14 writes * for IPv4, but then without this tag.
		emit($1, host ~ /:/ || (host == "*" && v6only != "unknown") ? "ipv6" : "ipv4", host, port, v6only, pids, command)
	}

	# USER COMMAND PID FD PROTO LOCAL FOREIGN; a command may hold blanks, so count from PROTO.
	tool == "sockstat" {
		for (i = 5; i < NF && $i !~ /^(tcp|udp)(4|6|46)?$/; i++);
		if (i >= NF) next
		command = $2
		for (j = 3; j <= i - 3; j++) command = command "_" $j
		cut($(i + 1))
		emit(substr($i, 1, 3), $i ~ /6/ ? "ipv6" : "ipv4", host, port, family_tag($i), $(i - 2) ~ /^[0-9]+$/ ? $(i - 2) : "", command)
	}

	# FreeBSD and macOS write tcp46 for both families, and OpenBSD has no such socket; elsewhere tcp6 may be either.
	function family_tag(proto) {
		if (proto ~ /46$/) return "no"
		return uname ~ /^(FreeBSD|Darwin|OpenBSD|DragonFly)$/ ? "yes" : "unknown"
	}

	tool == "netstat" && $1 ~ /^(tcp|udp)(4|6|46)?$/ {
		if ($1 ~ /^tcp/ && $6 != "LISTEN") next
		if ($1 ~ /^udp/ && $5 !~ /[*]$/) next
		pids = command = ""
		for (i = 6; i <= NF; i++)
			if ($i ~ /^[0-9]+\//) { pids = command = $i; sub(/\/.*/, "", pids); sub(/^[0-9]+\//, "", command); sub(/:$/, "", command) }
		cut($4)
		# busybox writes tcp for both families.
		emit(substr($1, 1, 3), $1 ~ /6/ || host ~ /:/ ? "ipv6" : "ipv4", host, port, family_tag($1), pids, command)
	}

	tool == "/proc/net" && /^\/proc\/[0-9]+\/fd:$/ { split($0, part, "/"); owner = part[3] }
	tool == "/proc/net" && / -> socket:\[/ { inode = $NF; gsub(/[^0-9]/, "", inode); holder[inode] = holder[inode] "," owner }
	tool == "/proc/net" && $1 == "net" && $6 == ($2 ~ /^tcp/ ? "0A" : "07") {
		split($4, part, ":")
		pids = substr(holder[$12], 2)
		if (length(part[1]) == 8) emit(substr($2, 1, 3), "ipv4", quad(part[1]), hex(part[2]), "-", pids, "")
		else emit(substr($2, 1, 3), "ipv6", groups(part[1]), hex(part[2]), "unknown", pids, "")
	}

	function hex(text, n, k) {
		for (k = 1; k <= length(text); k++) n = n * 16 + index("0123456789ABCDEF", substr(text, k, 1)) - 1
		return n + 0
	}

	# /proc/net writes each word as this machine holds it; the words of a little-endian one read backwards.
	function quad(text) {
		return hex(substr(text, 7, 2)) "." hex(substr(text, 5, 2)) "." hex(substr(text, 3, 2)) "." hex(substr(text, 1, 2))
	}

	# The spelling of inet_ntop: the longest run of zero groups becomes ::, and a mapped address ends in four numbers.
	function groups(text, k, word, run, best, start, out) {
		if (text ~ /^0000000000000000FFFF0000/) return "::ffff:" quad(substr(text, 25))
		for (k = 0; k < 8; k++) {
			word = substr(text, int(k / 2) * 8 + (k % 2 ? 1 : 5), 4)
			group[k] = tolower(substr(word, 3, 2) substr(word, 1, 2))
			sub(/^0+/, "", group[k])
			run = group[k] == "" ? run + 1 : 0
			if (run > best) { best = run; start = k - run + 1 }
		}
		if (best < 2) { best = 0; start = 8 }
		for (k = 0; k < 8; k++) {
			if (k == start) { out = out "::"; k += best - 1; continue }
			out = out (out == "" || out ~ /:$/ ? "" : ":") (group[k] == "" ? "0" : group[k])
		}
		return out
	}
	'
}

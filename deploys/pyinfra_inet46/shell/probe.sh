# shellcheck shell=sh
# A client for every probe of the document: the first of python3, perl, nc and bash that works asks them all.
#
# Each client reads lines "probe FAMILY ADDRESS PORT SERVICE", each perhaps followed by "greeting TEXT", and its argument is how
# many seconds a greeting may take. It prints one line for each, in their order: NUMBER open | greets | refused | closed | silent
# | says TEXT, and at its end "asked". A probe without greeting is content with a connection that stays open for half a second.

# probe_all SECONDS: every probe is answered as it should be; otherwise problem says which is not. proof is the client's name.
probe_all() {
	probes=$(probes_wanted)
	[ -n "$probes" ] || { proof=sockets; return 0; }
	ask_all "$1" || return 0
	problem=$(printf '%s\n%s\n' "$probes" "$answers" | plain_answers | judge_probes)
	[ -z "$problem" ]
}

# ask_all SECONDS: answers to the probes; fails where there is nothing to ask with.
ask_all() {
	for client in python3 perl nc bash; do
		have "$client" || continue
		answers=$(printf '%s\n' "$probes" | "probe_$client" "$1" 2>/dev/null)
		case $answers in
		*asked)
			proof=$client
			return
			;;
		esac
	done
	proof=sockets
	say "no TCP client on this host (python3, perl, nc or bash): the sockets are there, but nobody was seen to answer"
	return 1
}

probes_wanted() {
	grep -E '^(probe|greeting) ' "$document"
}

judge_probes() {
	awk '
	$1 == "probe" { n++; place[n] = ($2 == "ipv6" ? "[" $3 "]" : $3) ":" $4; $1 = $2 = $3 = $4 = ""; sub(/^ +/, ""); name[n] = $0; next }
	$1 == "greeting" { wanted[n] = substr($0, 10); next }
	{ said[$1] = $2; text[$1] = substr($0, length($1) + length($2) + 3) }
	END {
		for (i = 1; i <= n; i++) {
			if (said[i] == "greets" || said[i] == "open" && !(i in wanted)) continue
			print name[i] " at " place[i] ": " complaint(i)
			exit
		}
	}
	function complaint(i) {
		if (said[i] == "refused") return "connection refused"
		if (said[i] == "closed") return "closed at once, without a word"
		if (said[i] == "says") return "greets with \"" text[i] "\", not with \"" wanted[i] "\""
		return "connected, but nobody greets" (i in wanted ? " with \"" wanted[i] "\"" : "")
	}'
}

probe_python3() {
	# The plainest modules, and no site: on a host all of Python is loaded for this.
	python3 -I -S -c '
import _socket, select, sys, time

limit, todo, said = float(sys.argv[1]), [], {}
for line in sys.stdin.buffer.read().split(b"\n"):
    key, _, rest = line.partition(b" ")
    if key == b"probe":
        todo.append([len(todo) + 1, *rest.split(b" ")[:3], None, b""])
    elif key == b"greeting":
        todo[-1][4] = rest
waiting, busy = todo[::-1], {}

def begin(probe):
    client = _socket.socket(_socket.AF_INET6 if probe[1] == b"ipv6" else _socket.AF_INET, _socket.SOCK_STREAM)
    client.setblocking(False)
    try:
        client.connect((probe[2].decode(), int(probe[3])))
    except BlockingIOError:
        pass
    except OSError:
        client.close()
        said[probe[0]] = "refused"
        return
    busy[client] = [probe, time.monotonic(), False]

def step(client, probe, opened):
    if not opened:
        if client.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR):
            return "refused"
        busy[client][1:] = time.monotonic(), True
        return None
    try:
        data = client.recv(4096)
    except OSError:
        data = b""
    probe[5] += data
    if probe[4] is None:
        return "open" if data else "closed"
    if probe[5].startswith(probe[4]):
        return "greets"
    if b"\n" in probe[5] or len(probe[5]) > 512 or (probe[5] and not data):
        return "says " + probe[5].split(b"\n")[0][:80].decode("ascii", "replace").strip()
    return None if data else "closed"

def overdue(probe, since, opened):
    late = time.monotonic() - since
    if opened and probe[4] is None and late > 0.5:
        return "open"
    if late > limit:
        return "silent" if opened else "refused"

while waiting or busy:
    while waiting and len(busy) < 32:
        begin(waiting.pop())
    ready = set().union(*select.select([c for c in busy if busy[c][2]], [c for c in busy if not busy[c][2]], [], 0.05))
    for client, (probe, since, opened) in list(busy.items()):
        answer = step(client, probe, opened) if client in ready else None
        answer = answer or overdue(*busy[client])
        if answer:
            said[probe[0]] = answer
            del busy[client]
            client.close()
for number in sorted(said):
    print(number, said[number].encode("ascii", "replace").decode())
print("asked")
' "$1"
}

probe_perl() {
	perl -e '
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6 IPPROTO_TCP);
use Fcntl; use Errno qw(EINPROGRESS); use Time::HiRes qw(time);
my ($limit, @todo, %busy, %said) = @ARGV;
while (<STDIN>) {
    chomp;
    if (/^probe (\S+) (\S+) (\d+)/) { push @todo, { n => @todo + 1, family => $1, address => $2, port => $3, got => "" } }
    elsif (/^greeting (.*)/s) { $todo[-1]{greeting} = $1 }
}
sub begin {
    my $p = shift;
    my $six = $p->{family} eq "ipv6";
    socket($p->{fh}, $six ? AF_INET6 : AF_INET, SOCK_STREAM, IPPROTO_TCP) or return end($p, "refused");
    fcntl($p->{fh}, F_SETFL, O_NONBLOCK);
    my $ip = inet_pton($six ? AF_INET6 : AF_INET, $p->{address});
    my $to = $six ? pack_sockaddr_in6($p->{port}, $ip) : pack_sockaddr_in($p->{port}, $ip);
    connect($p->{fh}, $to) or $!{EINPROGRESS} or return end($p, "refused");
    $p->{since} = time;
    $busy{fileno $p->{fh}} = $p;
}
sub end {
    my ($p, $answer) = @_;
    $said{$p->{n}} = $answer;
    if (defined $p->{fh}) { delete $busy{fileno $p->{fh}}; close $p->{fh} }
}
sub step {
    my $p = shift;
    if (!$p->{open}) {
        return "refused" if unpack "i", getsockopt($p->{fh}, SOL_SOCKET, SO_ERROR);
        @$p{qw(open since)} = (1, time);
        return;
    }
    my $size = sysread($p->{fh}, my $data, 4096) || 0;
    $p->{got} .= $data if $size;
    my ($got, $greeting) = @$p{qw(got greeting)};
    return $size ? "open" : "closed" if !defined $greeting;
    return "greets" if index($got, $greeting) == 0;
    if ($got =~ /\n/ or length $got > 512 or length $got and !$size) {
        ($got) = split /\r?\n/, $got;
        return "says " . substr($got, 0, 80);
    }
    return $size ? undef : "closed";
}
my @waiting = @todo;
while (@waiting or %busy) {
    begin(shift @waiting) while @waiting and keys %busy < 32;
    my ($r, $w) = ("", "");
    for (keys %busy) { if ($busy{$_}{open}) { vec($r, $_, 1) = 1 } else { vec($w, $_, 1) = 1 } }
    select($r, $w, undef, 0.05);
    for (keys %busy) {
        my $p = $busy{$_};
        my $answer = vec($r, $_, 1) || vec($w, $_, 1) ? step($p) : undef;
        my $late = time - $p->{since};
        my $easy = $p->{open} && !defined $p->{greeting};
        $answer ||= "open" if $easy && $late > 0.5;
        $answer ||= $p->{open} ? "silent" : "refused" if $late > $limit;
        end($p, $answer) if $answer;
    }
}
print "$_ $said{$_}\n" for sort { $a <=> $b } keys %said;
print "asked\n";
' "$1"
}

# nc has many makers and no option in common but -w. So each is started on its own, given time, and looked at: what it has
# printed, and whether it still runs.
probe_nc() {
	nc_folder=$state_dir/probe.$$
	rm -rf "$nc_folder"
	mkdir "$nc_folder" || return 1
	nc_number=0
	nc_pids=
	while IFS= read -r line; do
		case $line in
		'probe '*)
			# shellcheck disable=SC2086 # words are what a probe line is made of
			set -- $line
			nc_number=$((nc_number + 1))
			# Some end when their input ends, so it must last; nothing is written to it.
			sleep 3 2>/dev/null | nc -w 3 "$3" "$4" >"$nc_folder/$nc_number" 2>/dev/null &
			nc_pids="$nc_pids $!"
			;;
		'greeting '*) printf '%s' "${line#greeting }" >"$nc_folder/$nc_number.greeting" ;;
		esac
	done
	sleep 1
	nc_number=0
	for nc_pid in $nc_pids; do
		nc_number=$((nc_number + 1))
		nc_first=
		{ IFS= read -r nc_first <"$nc_folder/$nc_number"; } 2>/dev/null
		if kill -0 "$nc_pid" 2>/dev/null; then
			kill "$nc_pid" 2>/dev/null
			nc_open=yes
		else
			nc_open=
		fi
		answer_of_line "$nc_number" "$nc_first" "$nc_open" "$nc_folder/$nc_number.greeting"
	done
	rm -rf "$nc_folder"
	printf 'asked\n'
}

# answer_of_line NUMBER FIRST-LINE OPEN GREETING-FILE
answer_of_line() {
	answer_wanted=
	if [ -e "$4" ]; then
		{ IFS= read -r answer_wanted <"$4"; } 2>/dev/null
		case $2 in
		"$answer_wanted"*) [ -z "$2" ] || { printf '%s greets\n' "$1"; return; } ;;
		esac
	elif [ -n "$2" ]; then
		printf '%s open\n' "$1"
		return
	fi
	if [ -n "$2" ]; then
		printf '%s says %s\n' "$1" "$2"
	elif [ -n "$3" ]; then
		if [ -e "$4" ]; then printf '%s silent\n' "$1"; else printf '%s open\n' "$1"; fi
	else
		printf '%s refused\n' "$1"
	fi
}

probe_bash() {
	bash -c '
	number=0 said=()
	ask() {
		local number=$1 family=$2 address=$3 port=$4 limit=$5 wanted=$6 first= status
		exec 4<>"/dev/tcp/$address/$port" || { echo "$number refused"; return; }
		[ "$wanted" != none ] || limit=0.5
		IFS= read -r -t "$limit" first <&4
		status=$?
		if [ "$wanted" = none ]; then
			if [ -n "$first" ] || [ "$status" -gt 128 ]; then echo "$number open"; else echo "$number closed"; fi
		elif [ -n "$first" ] && [[ $first == "${wanted#=}"* ]]; then
			echo "$number greets"
		elif [ -n "$first" ]; then
			echo "$number says $first"
		elif [ "$status" -gt 128 ]; then echo "$number silent"; else echo "$number closed"; fi
	}
	flush() { [ -z "$address" ] || ask "$number" "$family" "$address" "$port" "$1" "$wanted" & }
	wanted=none address=
	while IFS= read -r line; do
		case $line in
		"probe "*)
			flush "$1"
			read -r _ family address port _ <<<"$line"
			number=$((number + 1)) wanted=none
			;;
		"greeting "*) wanted="=${line#greeting }" ;;
		esac
	done
	flush "$1"
	wait
	echo asked
	' bash "$1"
}

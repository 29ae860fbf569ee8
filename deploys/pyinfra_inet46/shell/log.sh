# shellcheck shell=sh
# What a super-server itself said since the change began, for the verdict.

# The logs that a daemon without a journal writes to, and how long each is now.
log_sizes() {
	# shellcheck disable=SC2012 # wc would read logs of any length to their end
	ls -ln /var/log/daemon.log /var/log/syslog /var/log/messages /var/log/xinetd.log 2>/dev/null | awk '{ print $5, $NF }'
}

# What xinetd says at every start and reload; twenty lines of it would leave no room for the one that matters.
chatter='Reading included configuration file\|Swapping defaults\|readjusting service\|Starting reconfiguration'

# What the daemon itself said since the change began.
daemon_log() {
	as_new
	set --
	for each in ${units:-$unit}; do
		set -- "$@" -u "$each"
	done
	if systemd_is_here && [ $# -gt 0 ] && have journalctl; then
		# What systemd says of its own sockets is what matters; of a daemon, what the daemon says.
		timeout 10 journalctl -q --no-pager -o short "$@" --since "@$began_at" -n 400 | if [ -n "$units" ]; then cat; else grep -v -e ' systemd\['; fi
	else
		printf '%s\n' "$log_sizes" | while read -r size file; do
			[ -z "$file" ] || tail -c +$((size + 1)) "$file" | grep -F "${exe##*/}"
		done
	fi 2>/dev/null | grep -v -e "$chatter" | tail -n 20 | plain
}

# shellcheck shell=sh
# The controller's own client: asks every probe from where it runs, and says in one line who answered, or who did not.

inet46_outside() {
	prepare
	state_dir=${TMPDIR:-/tmp}
	proof=none
	problem=
	outside_end=$1
	clock
	outside_end=$((now + outside_end * 100))
	until probe_all 5; do
		clock
		[ "$now" -lt "$outside_end" ] || break
		sleep 1
	done
	printf 'inet46-outside %s %s\n' "$proof" "$problem"
}

say() {
	:
}

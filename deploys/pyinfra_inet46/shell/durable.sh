# shellcheck shell=sh
# What has to be on the disk before the next step, so that a power cut leaves no more than a kill does.
#
# A file system may write a name before the contents behind it, and two file systems write as they like. So where a step relies on an
# earlier one, that one is waited for: the document before the first name beside a target, all that leads back before the first target,
# the targets before the journal goes, and the names beside them before the document that knows them.

# on_disk: the state folder, and all folders of the document. By file system, since 200 files one by one take 30 times as long.
on_disk() {
	have sync || return 0
	IFS=$newline
	# shellcheck disable=SC2046 # one name on each line
	set -- "$state_dir" $(awk '$1 == "path" || $1 == "link" { name = substr($0, 6); sub(/[^\/]*$/, "", name); if (!(name in known)) { known[name]; print name } }' "$document")
	unset IFS
	on_disk_folders=''
	for each in "$@"; do
		[ ! -d "$each" ] || on_disk_folders="$on_disk_folders$newline$each"
	done
	IFS=$newline
	# shellcheck disable=SC2086 # as above
	set -- $on_disk_folders
	unset IFS
	# Older tools know fewer options, and then take everything there is.
	sync -f "$@" 2>/dev/null || sync "$@" 2>/dev/null || sync
}

# shellcheck shell=sh
# The units whose sockets are of IPv4 or IPv6: each .socket, the .service that it starts, the drop-ins of both, and the links that
# enable, mask or rename them. A system has many more sockets (D-Bus, the journal, udev), and of those nothing is read.

unit_folders='/etc/systemd/system.control /run/systemd/system.control /run/systemd/transient /run/systemd/generator.early
/etc/systemd/system /etc/systemd/system.attached /run/systemd/system /run/systemd/system.attached /run/systemd/generator
/usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system /run/systemd/generator.late'

add_units() {
	add /etc/systemd/system # that it was looked at is said, whatever it holds
	unit_names=
	find_unit_folders
	name_units_asked
	for pending_link in $pending_links; do
		name_units "${pending_link%%=*}"
		add "${pending_link%%=*}"
	done
	# shellcheck disable=SC2046 # plain words
	name_units $(units_that_listen)
	for unit_name in $unit_names; do
		add_unit "$unit_name"
	done
}

# On a merged /usr two of them are one. Groups are the folders of links beside the units.
find_unit_folders() {
	unit_places='' unit_groups=''
	for folder in $unit_folders; do
		[ -d "$folder" ] || continue
		[ "$folder" != /lib/systemd/system ] || [ ! -h /lib ] || continue
		unit_places="$unit_places $folder"
		set +f
		for each in "$folder"/*.wants "$folder"/*.requires "$folder"/*.upholds; do
			[ ! -d "$each" ] || ! is_plain "$each" || unit_groups="$unit_groups $each"
		done
		# What one name leads to may be another's.
		for each in "$folder"/*.socket; do
			[ ! -h "$each" ] || ! is_plain "$each" || name_units "$each"
		done
		set -f
	done
}

# The services that are wanted: a unit of such a name may be there, masked, or changed by a drop-in.
name_units_asked() {
	for each in $services; do
		name_units "${each%/*}.socket" "${each%/*}-ipv4.socket" "${each%/*}-ipv6.socket"
	done
}

# name_units PATH...: the units that these are files, links or drop-ins of.
name_units() {
	for each in "$@"; do
		each=${each%/*.conf}
		each=${each%.d}
		each=${each##*/}
		each=${each%.socket}
		case " $unit_names " in
		*" $each "*) ;;
		*) unit_names="$unit_names $each" ;;
		esac
	done
}

# Files that say Listen of a port or an address: neither a path, nor an abstract name, nor a folder of the system.
units_that_listen() {
	set --
	set +f
	for folder in $unit_places; do
		for each in "$folder"/*.socket "$folder"/*.socket.d/*.conf; do
			[ ! -f "$each" ] || [ ! -r "$each" ] || set -- "$@" "$each"
		done
	done
	set -f
	[ $# -eq 0 ] || awk '
		FILENAME in found { next }
		/^[ \t]*Listen(Stream|Datagram)[ \t]*=[ \t]*([^\/@% \t]|%[^tSCLE])/ { found[FILENAME] = 1; print FILENAME }' "$@" 2>/dev/null |
		while IFS= read -r each; do
			if is_plain "$each"; then echo "$each"; fi
		done
}

# add_unit NAME: its socket, and its services under the names that systemd gives them, those that Service= gives, and their drop-ins.
add_unit() {
	unit_partners="$1.service ${1%%@*}@.service"
	found=
	add_pieces "$1.socket" "${1%%@*}@.socket"
	# shellcheck disable=SC2046,SC2086 # plain words
	[ -z "$found" ] || set -- "$1" $(awk 'sub(/^[ \t]*Service[ \t]*=[ \t]*/, "") { print $1 }' $found 2>/dev/null)
	shift
	for each in "$@"; do
		! is_plain "$each" || unit_partners="$unit_partners $each"
	done
	# shellcheck disable=SC2086 # plain words
	add_pieces $unit_partners
}

# add_pieces UNIT...: all files of these units.
add_pieces() {
	for piece in "$@"; do
		for folder in $unit_places; do
			add_there "$folder/$piece"
			add_folder "$folder/$piece.d" .conf
		done
		for folder in $unit_groups; do
			add_there "$folder/$piece"
		done
	done
}

add_there() {
	if [ -e "$1" ] || [ -h "$1" ]; then add "$1"; fi
}

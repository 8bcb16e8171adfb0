# Keeps a private PostgreSQL cluster for the process at the other end of standard input, and removes it when that process is
# gone, however it went. First argument: the folder with initdb and pg_ctl. Commands are lines: start, stop.
set -eu
if [ "$(id -u)" = 0 ]; then
  # PostgreSQL refuses to run as root.
  user=postgres
  id -u "$user" >/dev/null 2>&1 || user=nobody
  exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups sh -c "$GUARDIAN" guardian "$1"
fi
trap '' INT TERM HUP
bin=$1
folder=$(mktemp -d /tmp/stentor-postgres.XXXXXX)
trap '"$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1; rm -rf "$folder"' EXIT
"$bin/initdb" -D "$folder/data" -U stentor --auth=trust --no-sync --encoding=UTF8 --locale=C >"$folder/log" 2>&1 ||
  { cat "$folder/log"; exit 1; }
# What is tested here is not whether PostgreSQL survives a power cut.
cat >>"$folder/data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$folder'
unix_socket_permissions = 0777
fsync = off
shared_buffers = 16MB
max_connections = 60
END
chmod 711 "$folder"
echo "$folder"
while read -r command; do
  case $command in
    start) "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" start >/dev/null 2>&1 || { cat "$folder/log"; exit 1; } ;;
    stop) "$bin/pg_ctl" -D "$folder/data" -w -m immediate stop >/dev/null 2>&1 ;;
  esac
  echo "$command: done"
done

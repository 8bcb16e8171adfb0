# Keeps a PostgreSQL cluster and removes it when it is needed no more. Says the cluster's folder when it can be used.
#
#   guardian BIN                 for the process at the other end of standard input, until that is gone, however it went;
#                                reads commands: start, stop
#   guardian BIN FOLDER RUNNER   for all that name the same folder, until the process RUNNER is gone
#
# BIN is the folder with initdb and pg_ctl.
set -eu
if [ "$(id -u)" = 0 ]; then
  # PostgreSQL refuses to run as root.
  user=postgres
  id -u "$user" >/dev/null 2>&1 || user=nobody
  exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups sh -c "$GUARDIAN" guardian "$@"
fi
trap '' INT TERM HUP
bin=$1

make() {
  trap '"$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1; rm -rf "$folder"' EXIT
  chmod 711 "$folder"
  "$bin/initdb" -D "$folder/data" -U stentor --auth=trust --no-sync --encoding=UTF8 --locale=C >"$folder/log" 2>&1 ||
    { cat "$folder/log"; exit 1; }
  # What is tested here is not whether PostgreSQL survives a power cut.
  cat >>"$folder/data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$folder'
fsync = off
shared_buffers = 16MB
max_connections = 400
END
}

start() {
  "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" start >/dev/null 2>&1 || { cat "$folder/log"; exit 1; }
}

if [ $# = 1 ]; then
  folder=$(mktemp -d /tmp/stentor-postgres.XXXXXX)
  make
  start
  echo "$folder"
  while read -r command; do
    case $command in
      start) start ;;
      stop) "$bin/pg_ctl" -D "$folder/data" -w -m immediate stop >/dev/null 2>&1 ;;
    esac
    echo "$command: done"
  done
  exit
fi

folder=$2
if ! mkdir "$folder" 2>/dev/null; then
  # Another one makes it, or has made it.
  while [ ! -e "$folder/ready" ]; do
    [ -d "$folder" ] || { echo "$folder was not made"; exit 1; }
    sleep 0.1
  done
  echo "$folder"
  exit
fi
make
start
: >"$folder/ready"
echo "$folder"
exec >/dev/null
while ps -p "$3" >/dev/null; do sleep 1; done

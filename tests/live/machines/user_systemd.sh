# Sets up a machine of its own for one more user, koala, in mount and process namespaces: journald, and systemd as that
# user runs it after a login. Run by root, as the first process there: unshare -m -p -f --mount-proc --kill-child
set -e
folder=$1 uid=$2
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/sshd "/run/user/$uid"
cp /etc/passwd /etc/group "$folder"
echo "koala:x:$uid:$uid::$folder/home:/bin/sh" >> "$folder/passwd"
echo "koala:x:$uid:" >> "$folder/group"
mount --bind "$folder/passwd" /etc/passwd
mount --bind "$folder/group" /etc/group
# A journal on disk is kept for each user apart; one in memory would be root's alone.
mount -t tmpfs tmpfs /var/log
mkdir /var/log/journal
chown -R "$uid:$uid" "/run/user/$uid" "$folder/home"
chmod 700 "/run/user/$uid"
groups=
for tree in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
  [ -w "$tree/cgroup.procs" ] || continue
  mkdir -p "$tree/fleetdeck-live.slice/user@$uid.service/init.scope"
  chown -R "$uid:$uid" "$tree/fleetdeck-live.slice/user@$uid.service"
  groups="$groups $tree/fleetdeck-live.slice/user@$uid.service/init.scope/cgroup.procs"
done
systemd=$(dirname "$(command -v /lib/systemd/systemd || command -v /usr/lib/systemd/systemd)")
"$systemd/systemd-journald" 2> "$folder/journald.log" &
until [ -S /run/systemd/journal/io.systemd.journal ]; do sleep 0.05; done
journalctl --flush
# journald finds out whose a line is by the name of its control group, below that of this process, which stays outside.
# Without SYSTEMD_LOG_TARGET the manager's own lines ("Started …") would go to its standard error.
(
  for group in $groups; do sh -c 'echo $PPID' > "$group"; done
  exec setpriv --reuid "$uid" --regid "$uid" --init-groups env -i HOME="$folder/home" USER=koala PATH=/usr/bin:/bin \
    XDG_RUNTIME_DIR="/run/user/$uid" SYSTEMD_LOG_TARGET=journal "$systemd/systemd" --user 2> "$folder/systemd.log"
) &
until [ -S "/run/user/$uid/systemd/private" ]; do sleep 0.05; done
touch "$folder/ready"
# Nobody says a word here: it ends with whoever started it.
exec cat

# shellcheck shell=bash
# Network namespaces connected to that of the script that sources this file and lib.sh.
#
#   place NAME ADDRESS   makes one with an address, in which the ports 80 and 5432 are open

SERVERS=()
stop_servers() { kill "${SERVERS[@]}" 2>/dev/null || true; }
at_exit stop_servers

# A network namespace with an address, joined to this one, in which two ports are open.
place() { # NAME ADDRESS
  ip netns add "$1"
  ip link add "v$1" type veth peer name eth0 netns "$1"
  ip link set "v$1" up
  echo 1 >"/proc/sys/net/ipv4/conf/v$1/proxy_arp"
  ip addr add 169.254.1.1/32 dev "v$1"
  ip netns exec "$1" ip link set lo up
  ip netns exec "$1" ip addr add "$2/32" dev eth0
  ip netns exec "$1" ip link set eth0 up
  ip netns exec "$1" ip route add 169.254.1.1 dev eth0 scope link
  ip netns exec "$1" ip route add default via 169.254.1.1
  ip route add "$2/32" dev "v$1"
  ip netns exec "$1" python3 -c '
import selectors, socket
ready = selectors.DefaultSelector()
for port in 80, 5432:
    server = socket.create_server(("0.0.0.0", port))
    ready.register(server, selectors.EVENT_READ)
while True:
    for key, _ in ready.select():
        key.fileobj.accept()[0].close()
' &
  SERVERS+=($!)
}

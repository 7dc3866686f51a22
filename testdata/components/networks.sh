#!/usr/bin/env bash
# Section 13.4 with pods that run: `portcullis netpol` on a node whose pods are on a bridge, and whose services
# are kube-proxy's. What the network outside of the cluster is to the book are two network namespaces here.
#
#   NETPOL_LOG   the file for what it logs
#
# `ip netns` mounts below /run/netns, where containerd has the namespaces of its pods.
if [[ -z ${OWN_MOUNTS:-} ]]; then
  OWN_MOUNTS=yes exec unshare --mount --propagation private "$0"
fi
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns
# shellcheck source-path=SCRIPTDIR source=../netpol/place.sh
. "$(dirname "$0")/../netpol/place.sh"
cd "$(dirname "$0")/../chapter13"

# Two ports that answer, whatever is asked.
SERVE='httpd -p 5432; exec httpd -f -p 80'

NETPOL_PID=''
start_netpol() {
  "$PORTCULLIS" netpol --node "$NODE" -v 2 >>"$NETPOL_LOG" 2>&1 &
  NETPOL_PID=$!
}
end_netpol() {
  [[ -n $NETPOL_PID ]] || return 0
  kill -KILL "$NETPOL_PID" 2>/dev/null || true
  wait "$NETPOL_PID" 2>/dev/null || true
  NETPOL_PID=''
}
loaded() { nft list table inet portcullis_netpol >/dev/null 2>&1; }
is_gone() { ! loaded; }
# Also if the script ends early: what follows it needs the network.
clean_up() {
  end_netpol
  "$PORTCULLIS" netpol --cleanup || true
  kubectl delete networkpolicies --all >/dev/null 2>&1 || true
}
at_exit clean_up

pod() { # NAMESPACE NAME APP
  kubectl -n "$1" run "$2" --image alpine --restart Never --labels "app=$3" -- /bin/sh -c "$SERVE" >/dev/null
}
address() { kubectl -n "$1" get pod "$2" -o 'jsonpath={.status.podIP}'; }
service() { # NAME POD PORT TARGET; sets ADDRESS
  kubectl expose pod "$2" --name "$1" --port "$3" --target-port "$4" >/dev/null
  ADDRESS=$(kubectl get service "$1" -o 'jsonpath={.spec.clusterIP}')
}

# FROM is NAMESPACE/POD, or the name of a network namespace, or `node`.
reaches() { # FROM ADDRESS PORT
  case $1 in
    */*) kubectl -n "${1%/*}" exec "${1#*/}" -- sh -c "nc -w 2 $2 $3 </dev/null" ;;
    node) busybox nc -w 2 "$2" "$3" </dev/null ;;
    *) ip netns exec "$1" busybox nc -w 2 "$2" "$3" </dev/null ;;
  esac >/dev/null 2>&1
}
is_shut() { ! reaches "$@"; }
open() { check "$1 reaches $2:$3" until_true 120 reaches "$@"; }
shut() { check "$1 does not reach $2:$3" until_true 120 is_shut "$@"; }

step '13.4 The pods, two services, and two machines outside'
kubectl create namespace books >/dev/null
kubectl label namespace books tenant=manning >/dev/null
kubectl create namespace films >/dev/null
pod default webserver webserver
pod default database database
pod default cart shopping-cart
pod books reader reader
pod films viewer viewer
run kubectl wait --for=condition=Ready --timeout=170s pod webserver database cart
expect_ok
run kubectl wait --for=condition=Ready --timeout=170s -n books pod/reader
expect_ok
run kubectl wait --for=condition=Ready --timeout=170s -n films pod/viewer
expect_ok
service database database 5432 5432
DATABASE=$(address default database) DATABASE_SERVICE=$ADDRESS
service cart cart 8080 80
CART=$(address default cart) CART_SERVICE=$ADDRESS
VIEWER=$(address films viewer)
place near 192.168.1.7
place far 192.168.2.7
start_netpol
check 'the table is loaded' until_true 120 loaded
open films/viewer "$DATABASE" 5432
open films/viewer "$DATABASE_SERVICE" 5432
open near "$CART_SERVICE" 8080
open far "$CART_SERVICE" 8080
open default/cart "$DATABASE" 5432
open default/webserver "$DATABASE" 80
open books/reader "$CART" 5432
open default/webserver 192.168.1.7 80

step '13.4.1 Only the node may connect to a pod of the namespace'
run kubectl create -f network-policy-default-deny.yaml
expect_ok
shut films/viewer "$DATABASE" 5432
shut films/viewer "$DATABASE_SERVICE" 5432
shut default/webserver "$DATABASE" 5432
open node "$DATABASE" 5432
open default/webserver "$VIEWER" 80

step '13.4.2 Only the web server connects to the database, and only to its port'
run kubectl create -f network-policy-postgres.yaml
expect_ok
open default/webserver "$DATABASE" 5432
open default/webserver "$DATABASE_SERVICE" 5432
shut default/webserver "$DATABASE" 80
shut default/cart "$DATABASE" 5432
shut default/cart "$DATABASE_SERVICE" 5432

step '13.4.3 The shopping cart is open to the namespaces of one tenant'
run kubectl create -f network-policy-cart.yaml
expect_ok
open books/reader "$CART" 80
open books/reader "$CART_SERVICE" 8080
shut books/reader "$CART" 5432
shut films/viewer "$CART" 80
shut films/viewer "$CART_SERVICE" 8080

step '... and to a block of addresses'
shut near "$CART_SERVICE" 8080
run kubectl create -f network-policy-cidr.yaml
expect_ok
open near "$CART" 80
open near "$CART_SERVICE" 8080
shut far "$CART" 80
shut far "$CART_SERVICE" 8080

step '13.4.4 The web server connects to the database and to nothing else'
run kubectl create -f network-policy-egress.yaml
expect_ok
shut default/webserver "$VIEWER" 80
shut default/webserver 192.168.1.7 80
open default/webserver "$DATABASE_SERVICE" 5432

step 'Without the table everything is open, whatever the policies'
end_netpol
run "$PORTCULLIS" netpol --cleanup
expect_ok
check 'the table is gone' is_gone
open films/viewer "$DATABASE_SERVICE" 5432
run kubectl delete networkpolicies --all
expect_ok
run kubectl delete pod,service webserver database cart --ignore-not-found --grace-period=1
expect_ok
run kubectl delete namespace books films --wait=false
expect_ok
ip netns delete near
ip netns delete far
finish 13.4_inside

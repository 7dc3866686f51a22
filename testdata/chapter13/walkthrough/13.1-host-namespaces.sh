#!/usr/bin/env bash
# Section 13.1: using the host node's namespaces in a pod
#
# Without PodSecurityPolicy, any user who may create pods may use the node's own namespaces. The API server
# stores such pods unchanged; their effect needs a node.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "$0")/../../lib.sh"
cd "$(dirname "$0")/.."

step 'A pod that uses the network of its node'
run kubectl create -f pod-with-host-network.yaml
expect 'pod/pod-with-host-network created'
expect_field pod/pod-with-host-network '{.spec.hostNetwork}' true

step 'A container port bound to a port of the node'
run kubectl create -f kubia-hostport.yaml
expect 'pod/kubia-hostport created'
expect_field pod/kubia-hostport '{.spec.containers[0].ports[0].containerPort}' 8080
expect_field pod/kubia-hostport '{.spec.containers[0].ports[0].hostPort}' 9000
expect_field pod/kubia-hostport '{.spec.containers[0].ports[0].protocol}' TCP

step 'A pod that sees the processes and the IPC of its node'
run kubectl create -f pod-with-host-pid-and-ipc.yaml
expect 'pod/pod-with-host-pid-and-ipc created'
expect_field pod/pod-with-host-pid-and-ipc '{.spec.hostPID}' true
expect_field pod/pod-with-host-pid-and-ipc '{.spec.hostIPC}' true

step 'All of them are there'
run kubectl get pods
expect_part pod-with-host-network kubia-hostport pod-with-host-pid-and-ipc

finish '13.1'

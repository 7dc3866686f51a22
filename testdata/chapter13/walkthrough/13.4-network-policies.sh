#!/usr/bin/env bash
# Section 13.4: isolating the pod network
#
# NetworkPolicies are stored with the API's defaults; a network plugin on the nodes enforces them.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "$0")/../../lib.sh"
cd "$(dirname "$0")/.."

step 'All connections to pods of the namespace are denied: a pod selector that is present, and empty'
run kubectl create -f network-policy-default-deny.yaml
expect 'networkpolicy.networking.k8s.io/default-deny created'
expect_field netpol/default-deny '{.spec.podSelector}' '{}'
expect_field netpol/default-deny '{.spec.policyTypes[*]}' Ingress
run kubectl describe networkpolicy default-deny
expect_part 'Allowing the specific traffic to all pods in this namespace'

step 'Only the web server connects to the database, and only to its port'
run kubectl create -f network-policy-postgres.yaml
expect 'networkpolicy.networking.k8s.io/postgres-netpolicy created'
expect_field netpol/postgres-netpolicy '{.spec.podSelector.matchLabels.app}' database
expect_field netpol/postgres-netpolicy '{.spec.ingress[0].from[0].podSelector.matchLabels.app}' webserver
expect_field netpol/postgres-netpolicy '{.spec.ingress[0].ports[0].port}' 5432
expect_field netpol/postgres-netpolicy '{.spec.ingress[0].ports[0].protocol}' TCP
expect_field netpol/postgres-netpolicy '{.spec.policyTypes[*]}' Ingress

step 'The shopping cart is open to the namespaces of one tenant'
run kubectl create -f network-policy-cart.yaml
expect 'networkpolicy.networking.k8s.io/shoppingcart-netpolicy created'
expect_field netpol/shoppingcart-netpolicy '{.spec.podSelector.matchLabels.app}' shopping-cart
expect_field netpol/shoppingcart-netpolicy '{.spec.ingress[0].from[0].namespaceSelector.matchLabels.tenant}' manning
expect_field netpol/shoppingcart-netpolicy '{.spec.ingress[0].ports[0].port}' 80
expect_field netpol/shoppingcart-netpolicy '{.spec.ingress[0].ports[0].protocol}' TCP
expect_field netpol/shoppingcart-netpolicy '{.spec.policyTypes[*]}' Ingress

step '... and to a block of addresses'
run kubectl create -f network-policy-cidr.yaml
expect 'networkpolicy.networking.k8s.io/ipblock-netpolicy created'
expect_field netpol/ipblock-netpolicy '{.spec.ingress[0].from[0].ipBlock.cidr}' 192.168.1.0/24
expect_field netpol/ipblock-netpolicy '{.spec.policyTypes[*]}' Ingress

step 'The web server connects to the database and to nothing else'
run kubectl create -f network-policy-egress.yaml
expect 'networkpolicy.networking.k8s.io/egress-net-policy created'
expect_field netpol/egress-net-policy '{.spec.podSelector.matchLabels.app}' webserver
expect_field netpol/egress-net-policy '{.spec.egress[0].to[0].podSelector.matchLabels.app}' database
expect_field netpol/egress-net-policy '{.spec.egress[0].ports[0].port}' 5432
expect_field netpol/egress-net-policy '{.spec.egress[0].ports[0].protocol}' TCP
expect_field netpol/egress-net-policy '{.spec.policyTypes[*]}' 'Ingress Egress'

step 'All of them are there'
run kubectl get networkpolicies
expect_row 'NAME POD-SELECTOR AGE'
expect_part default-deny '<none>' postgres-netpolicy app=database shoppingcart-netpolicy app=shopping-cart \
  ipblock-netpolicy egress-net-policy app=webserver

step 'An invalid address block is refused, and the message names the field'
run kubectl patch netpol ipblock-netpolicy --type merge \
  -p '{"spec":{"ingress":[{"from":[{"ipBlock":{"cidr":"192.168.1.0/99"}}]}]}}'
expect_refused_part 'The NetworkPolicy "ipblock-netpolicy" is invalid: spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "192.168.1.0/99"'

finish '13.4'

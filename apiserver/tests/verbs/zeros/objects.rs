//! An object of each kind, with as many parts that have optional fields as possible.

use serde_json::Value;

/// The object; `TEMPLATE` stands for a pod's template, `SPEC` for a pod's spec.
pub(super) fn parse(text: &str) -> Value {
    let template = TEMPLATE.replace("SPEC", SPEC);
    let text = text.replace("TEMPLATE", &template).replace("SPEC", SPEC);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

const TEMPLATE: &str = r#"{"metadata": {"labels": {"a": "b"}}, "spec": SPEC}"#;

const SPEC: &str = r#"{"serviceAccountName": "a", "volumes": [{"name": "h", "hostPath": {"path": "/"}}, {"name": "e", "emptyDir": {}},
    {"name": "s", "secret": {"secretName": "s", "items": [{"key": "k", "path": "p"}]}}, {"name": "c", "configMap": {"name": "c"}},
    {"name": "d", "downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    {"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}, {"secret": {"name": "s"}}]}},
    {"name": "n", "nfs": {"server": "s", "path": "/"}}, {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
  "initContainers": [{"name": "i", "image": "i"}],
  "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}], "envFrom": [{"configMapRef": {"name": "c"}}],
    "env": [{"name": "E"}, {"name": "F", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}, {"name": "G", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
    "resources": {"limits": {"cpu": "1"}}, "securityContext": {"capabilities": {"add": ["KILL"]}, "seLinuxOptions": {"level": "s0"}},
    "livenessProbe": {"httpGet": {"port": 80, "httpHeaders": [{"name": "a", "value": "b"}]}}, "readinessProbe": {"exec": {"command": ["a"]}},
    "startupProbe": {"tcpSocket": {"port": 80}}, "lifecycle": {"preStop": {"exec": {"command": ["a"]}}},
    "volumeMounts": [{"name": "e", "mountPath": "/e"}]}],
  "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}},
    "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"a": "b"}}}}]}},
  "tolerations": [{"key": "a", "operator": "Exists"}], "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["h"]}], "dnsConfig": {"options": [{"name": "o"}]},
  "securityContext": {"fsGroup": 0, "sysctls": [{"name": "kernel.shm_rmid_forced", "value": "0"}]}, "imagePullSecrets": [{"name": "s"}],
  "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]}"#;

/// The path of each collection, and the object to create.
pub(super) const OBJECTS: &[(&str, &str)] = &[
    ("/api/v1/namespaces", r#"{"metadata": {"name": "zeros"}}"#),
    (
        "/api/v1/nodes",
        r#"{"metadata": {"name": "n"}, "spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}, "status": {"conditions": [{"type": "Ready", "status": "True"}], "capacity": {"cpu": "1"}}}"#,
    ),
    (
        "/api/v1/persistentvolumes",
        r#"{"metadata": {"name": "v"}, "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/v"}, "claimRef": {"name": "c", "namespace": "default"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}}}"#,
    ),
    (
        "/api/v1/persistentvolumes",
        r#"{"metadata": {"name": "w"}, "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "csi": {"driver": "d.example.com", "volumeHandle": "h"}}}"#,
    ),
    (
        "/api/v1/namespaces/default/persistentvolumeclaims",
        r#"{"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "selector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}}"#,
    ),
    (
        "/api/v1/namespaces/default/configmaps",
        r#"{"metadata": {"name": "m"}, "data": {"a": "b"}}"#,
    ),
    (
        "/api/v1/namespaces/default/secrets",
        r#"{"metadata": {"name": "s"}, "data": {"a": "Yg=="}}"#,
    ),
    (
        "/api/v1/namespaces/default/serviceaccounts",
        r#"{"metadata": {"name": "a"}, "secrets": [{"name": "s"}], "imagePullSecrets": [{"name": "s"}]}"#,
    ),
    (
        "/api/v1/namespaces/default/endpoints",
        r#"{"metadata": {"name": "e"}, "subsets": [{"addresses": [{"ip": "10.0.0.1", "targetRef": {"kind": "Pod", "name": "p"}}], "ports": [{"port": 80}]}]}"#,
    ),
    (
        "/api/v1/namespaces/default/services",
        r#"{"metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}}"#,
    ),
    (
        "/api/v1/namespaces/default/services",
        r#"{"metadata": {"name": "n"}, "spec": {"type": "LoadBalancer", "sessionAffinity": "ClientIP", "ports": [{"port": 80}]}}"#,
    ),
    (
        "/api/v1/namespaces/default/services",
        r#"{"metadata": {"name": "h"}, "spec": {"clusterIP": "None"}}"#,
    ),
    (
        "/api/v1/namespaces/default/services",
        r#"{"metadata": {"name": "x"}, "spec": {"type": "ExternalName", "externalName": "example.com"}}"#,
    ),
    (
        "/api/v1/namespaces/default/limitranges",
        r#"{"metadata": {"name": "l"}, "spec": {"limits": [{"type": "PersistentVolumeClaim", "max": {"storage": "9Gi"}}]}}"#,
    ),
    (
        "/api/v1/namespaces/default/resourcequotas",
        r#"{"metadata": {"name": "q"}, "spec": {"hard": {"count/leases.coordination.k8s.io": "90"}}}"#,
    ),
    (
        "/api/v1/namespaces/default/pods",
        r#"{"metadata": {"name": "p", "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]}, "spec": SPEC}"#,
    ),
    (
        "/api/v1/namespaces/default/podtemplates",
        r#"{"metadata": {"name": "t"}, "template": TEMPLATE}"#,
    ),
    (
        "/api/v1/namespaces/default/replicationcontrollers",
        r#"{"metadata": {"name": "r"}, "spec": {"replicas": 0, "selector": {"a": "b"}, "template": TEMPLATE}}"#,
    ),
    (
        "/apis/apps/v1/namespaces/default/deployments",
        r#"{"metadata": {"name": "d"}, "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}}"#,
    ),
    (
        "/apis/apps/v1/namespaces/default/replicasets",
        r#"{"metadata": {"name": "r"}, "spec": {"replicas": 0, "selector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}, "template": TEMPLATE}}"#,
    ),
    (
        "/apis/apps/v1/namespaces/default/daemonsets",
        r#"{"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}}"#,
    ),
    (
        "/apis/apps/v1/namespaces/default/statefulsets",
        r#"{"metadata": {"name": "s"}, "spec": {"serviceName": "s", "selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE, "volumeClaimTemplates": [{"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]}}"#,
    ),
    (
        "/apis/apps/v1/namespaces/default/controllerrevisions",
        r#"{"metadata": {"name": "c"}, "revision": 1, "data": {"a": "b"}}"#,
    ),
    (
        "/apis/batch/v1/namespaces/default/jobs",
        r#"{"metadata": {"name": "j"}, "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}}"#,
    ),
    (
        "/apis/batch/v1/namespaces/default/cronjobs",
        r#"{"metadata": {"name": "c"}, "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}}}}"#,
    ),
    (
        "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
        r#"{"metadata": {"name": "h"}, "spec": {"maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "d"}, "behavior": {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 9}]}}, "metrics": [{"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "1"}}}]}}"#,
    ),
    (
        "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
        r#"{"metadata": {"name": "o"}, "spec": {"maxReplicas": 2, "targetCPUUtilizationPercentage": 50, "scaleTargetRef": {"kind": "Deployment", "name": "d"}}}"#,
    ),
    (
        "/apis/networking.k8s.io/v1/ingressclasses",
        r#"{"metadata": {"name": "i"}, "spec": {"controller": "example.com/i", "parameters": {"kind": "K", "name": "n"}}}"#,
    ),
    (
        "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
        r#"{"metadata": {"name": "i"}, "spec": {"tls": [{"secretName": "s"}], "rules": [{"host": "a.example.com", "http": {"paths": [{"pathType": "ImplementationSpecific", "backend": {"service": {"name": "s", "port": {"number": 80}}}}]}}]}}"#,
    ),
    (
        "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
        r#"{"metadata": {"name": "n"}, "spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 80}]}], "egress": [{}]}}"#,
    ),
    (
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        r#"{"metadata": {"name": "b"}, "spec": {"minAvailable": 0, "selector": {}}}"#,
    ),
    (
        "/apis/policy/v1beta1/podsecuritypolicies",
        r#"{"metadata": {"name": "z"}, "spec": {"allowedHostPaths": [{"pathPrefix": "/"}], "hostPorts": [{"min": 0, "max": 9}], "seLinux": {"rule": "RunAsAny"}, "runAsUser": {"rule": "RunAsAny"}, "fsGroup": {"rule": "RunAsAny"}, "supplementalGroups": {"rule": "MustRunAs", "ranges": [{"min": 0, "max": 9}]}, "runtimeClass": {"allowedRuntimeClassNames": ["a"]}}}"#,
    ),
    (
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        r#"{"metadata": {"name": "z"}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}, "rules": null}"#,
    ),
    (
        "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
        r#"{"metadata": {"name": "z"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}"#,
    ),
    (
        "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
        r#"{"metadata": {"name": "z"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "z"}, "subjects": [{"kind": "ServiceAccount", "name": "a", "namespace": "default"}]}"#,
    ),
    (
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        r#"{"metadata": {"name": "z"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "z"}, "subjects": [{"kind": "User", "name": "u"}]}"#,
    ),
    (
        "/apis/scheduling.k8s.io/v1/priorityclasses",
        r#"{"metadata": {"name": "z"}, "value": 0}"#,
    ),
    (
        "/apis/storage.k8s.io/v1/storageclasses",
        r#"{"metadata": {"name": "z"}, "provisioner": "example.com/z", "allowedTopologies": [{"matchLabelExpressions": [{"key": "a", "values": ["b"]}]}]}"#,
    ),
    (
        "/apis/storage.k8s.io/v1/csidrivers",
        r#"{"metadata": {"name": "z.example.com"}, "spec": {"tokenRequests": [{"audience": "a"}]}}"#,
    ),
    (
        "/apis/storage.k8s.io/v1/csinodes",
        r#"{"metadata": {"name": "z"}, "spec": {"drivers": [{"name": "z.example.com", "nodeID": "z", "allocatable": {"count": 0}}]}}"#,
    ),
    (
        "/apis/storage.k8s.io/v1/namespaces/default/csistoragecapacities",
        r#"{"metadata": {"name": "z"}, "storageClassName": "z", "nodeTopology": {"matchLabels": {"a": "b"}}}"#,
    ),
    (
        "/apis/storage.k8s.io/v1/volumeattachments",
        r#"{"metadata": {"name": "z"}, "spec": {"attacher": "z.example.com", "nodeName": "n", "source": {"persistentVolumeName": "v"}}}"#,
    ),
    (
        "/apis/node.k8s.io/v1/runtimeclasses",
        r#"{"metadata": {"name": "z"}, "handler": "h", "scheduling": {"tolerations": [{"operator": "Exists"}]}}"#,
    ),
    (
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        r#"{"metadata": {"name": "z"}, "webhooks": [{"name": "z.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": {"service": {"name": "s", "namespace": "n"}}, "rules": [{"operations": ["DELETE"], "apiGroups": ["none.example.com"], "apiVersions": ["v1"], "resources": ["none"]}]}]}"#,
    ),
    (
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        r#"{"metadata": {"name": "z"}, "webhooks": [{"name": "z.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": {"url": "https://example.com"}}]}"#,
    ),
    (
        "/apis/apiregistration.k8s.io/v1/apiservices",
        r#"{"metadata": {"name": "v1.z.example.org"}, "spec": {"group": "z.example.org", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1}}"#,
    ),
    (
        "/apis/coordination.k8s.io/v1/namespaces/default/leases",
        r#"{"metadata": {"name": "z"}, "spec": {"holderIdentity": ""}}"#,
    ),
    (
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
        r#"{"metadata": {"name": "z"}, "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": false}}], "ports": [{"port": 80}]}"#,
    ),
    (
        "/api/v1/namespaces/default/events",
        r#"{"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "reason": "R", "type": "Normal"}"#,
    ),
];

//! `CertificateApproval`, `CertificateSigning` and `CertificateSubjectRestriction`.

use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use portcullis_admission::permissions::Permission;
use portcullis_admission::{Chain, Operation};
use portcullis_api::{GroupKind, GroupResource};
use rcgen::string::BmpString;
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

use crate::support::{Request, World, from_yaml};

const GROUP: &str = "certificates.k8s.io";
const PLUGINS: [&str; 3] = [
    "CertificateApproval",
    "CertificateSigning",
    "CertificateSubjectRestriction",
];

/// Alice has permission for one signer, bob for a whole domain, and carol only with another verb.
fn chain() -> Chain {
    let mut world = World::new();
    for verb in ["approve", "sign"] {
        for (user, verb, name) in [
            ("alice", verb, "example.com/a"),
            ("bob", verb, "example.com/*"),
            ("carol", "use", "example.com/*"),
        ] {
            let resource = GroupResource {
                group: GROUP,
                resource: "signers",
            };
            let permission = Permission {
                verb,
                resource,
                subresource: "",
                namespace: "",
                name,
            };
            world.permit(user, &permission);
        }
    }
    world.chain(&PLUGINS)
}

fn request(signer: &str, status: &str) -> CertificateSigningRequest {
    from_yaml(&format!(
        "{{metadata: {{name: r}}, spec: {{request: eA==, signerName: {signer}, usages: []}}, status: {status}}}"
    ))
}

fn create(object: CertificateSigningRequest) -> Request {
    let kind = GroupKind {
        group: GROUP,
        kind: "CertificateSigningRequest",
    };
    let resource = GroupResource {
        group: GROUP,
        resource: "certificatesigningrequests",
    };
    Request::create(kind, resource, object).in_namespace("")
}

fn update(
    subresource: &'static str,
    old: CertificateSigningRequest,
    new: CertificateSigningRequest,
) -> Request {
    Request {
        operation: Operation::Update,
        subresource,
        old: Some(Box::new(old)),
        ..create(new)
    }
}

const APPROVED: &str = "{conditions: [{type: Approved, status: 'True'}]}";
const ISSUED: &str = "{certificate: eA==}";

#[tokio::test]
async fn approving_and_signing_require_permission_for_the_signer() {
    let chain = chain();
    for (subresource, verb, status) in [
        ("approval", "approve", APPROVED),
        ("status", "sign", ISSUED),
        (
            "status",
            "sign",
            "{conditions: [{type: Failed, status: 'True'}]}",
        ),
    ] {
        let by = |user: &str, signer: &str| {
            update(subresource, request(signer, "{}"), request(signer, status)).by(user)
        };
        for (user, signer) in [
            ("alice", "example.com/a"),
            ("bob", "example.com/a"),
            ("bob", "example.com/b"),
        ] {
            let answer = by(user, signer).send(&chain).await;
            assert!(answer.is_ok(), "{user} {signer}: {answer:?}");
        }
        for (user, signer) in [
            ("alice", "example.com/b"),
            ("bob", "example.org/a"),
            ("carol", "example.com/a"),
        ] {
            let text = format!(
                "certificatesigningrequests.certificates.k8s.io \"r\" is forbidden: user not permitted to {verb} requests with signerName \"{signer}\""
            );
            assert_eq!(by(user, signer).denied(&chain).await, (text, 403), "{user}");
        }
    }
}

#[tokio::test]
async fn the_stored_signer_counts() {
    let (old, new) = (
        request("other.org/x", "{}"),
        request("example.com/a", APPROVED),
    );
    let (text, code) = update("approval", old, new).denied(&chain()).await;
    assert!(
        text.ends_with("signerName \"other.org/x\"") && code == 403,
        "{text}"
    );
}

#[tokio::test]
async fn other_updates_require_no_permission_for_the_signer() {
    let chain = chain();
    let plain = || request("example.com/a", "{}");
    let approved = || request("example.com/a", APPROVED);
    let labelled = || {
        let mut request = approved();
        request.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
        request
    };
    let empty = request("example.com/a", "{conditions: []}");
    for (why, harmless) in [
        ("the object itself", update("", plain(), labelled())),
        ("the same status", update("status", approved(), labelled())),
        ("no conditions either way", update("status", plain(), empty)),
    ] {
        let answer = harmless.by("carol").send(&chain).await;
        assert!(answer.is_ok(), "{why}: {answer:?}");
    }
}

fn requesting(signer: &str, organizations: &[DnValue]) -> Request {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for organization in organizations {
        let name = &mut params.distinguished_name;
        name.push(DnType::OrganizationName, organization.clone());
    }
    let key = KeyPair::generate().unwrap();
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    let mut request = request(signer, "{}");
    request.spec.request = ByteString(pem.into_bytes());
    create(request)
}

#[tokio::test]
async fn certificates_for_system_masters_are_denied() {
    const CLIENT: &str = "kubernetes.io/kube-apiserver-client";
    let chain = chain();
    let masters = DnValue::Utf8String("system:masters".to_owned());
    let (text, code) = requesting(CLIENT, std::slice::from_ref(&masters))
        .denied(&chain)
        .await;
    assert_eq!(
        (text.as_str(), code),
        (
            "certificatesigningrequests.certificates.k8s.io \"r\" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed",
            403
        )
    );
    // certificates of other signers do not authenticate to this server
    for (signer, organizations) in [
        ("example.com/a", vec![masters]),
        (
            CLIENT,
            vec![DnValue::Utf8String("system:master".to_owned())],
        ),
        (CLIENT, vec![]),
    ] {
        let answer = requesting(signer, &organizations).send(&chain).await;
        assert!(answer.is_ok(), "{signer} {organizations:?}: {answer:?}");
    }
    // an encoding that is not supported
    let hidden = DnValue::BmpString(BmpString::try_from("system:masters").unwrap());
    let (text, code) = requesting(CLIENT, &[hidden]).denied(&chain).await;
    assert!(
        text.contains("failed to parse CSR: x509: ") && code == 403,
        "{text}"
    );
    let mut garbled = request(CLIENT, "{}");
    garbled.spec.request = ByteString(b"x".to_vec());
    let (text, _) = create(garbled).denied(&chain).await;
    assert!(
        text.ends_with("failed to parse CSR: PEM block type must be CERTIFICATE REQUEST"),
        "{text}"
    );
}

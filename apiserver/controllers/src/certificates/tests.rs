use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use portcullis_rbac::{Attributes, Authorizer, Decision, Names, Target};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use serde_json::json;

use super::approving::{Verdict, is_undecided, judge};
use super::cleaning::left;
use super::signing::{Authority, Terms, outcome, terms};
use super::*;

const NOW: &str = "2024-01-01T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A request of a node, for a signer and its usages.
fn request(
    signer: &str,
    purpose: &str,
    subject: (&str, &str),
    names: &[SanType],
) -> CertificateSigningRequest {
    let (organization, name) = subject;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, organization);
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = names.to_vec();
    let pem = params
        .serialize_request(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
        .unwrap();
    let mut request: CertificateSigningRequest = serde_json::from_value(json!({
        "metadata": {"name": "r", "creationTimestamp": NOW},
        "spec": {"request": "", "signerName": format!("kubernetes.io/{signer}"), "username": "bootstrapper",
            "usages": ["digital signature", "key encipherment", purpose]}}))
    .unwrap();
    request.spec.request = ByteString(pem.into_bytes());
    request
}

fn of_node(names: &[SanType]) -> CertificateSigningRequest {
    request(
        "kube-apiserver-client-kubelet",
        "client auth",
        ("system:nodes", "system:node:n"),
        names,
    )
}

fn serving(names: &[SanType]) -> CertificateSigningRequest {
    request(
        "kubelet-serving",
        "server auth",
        ("system:nodes", "system:node:n"),
        names,
    )
}

fn name(text: &str) -> SanType {
    SanType::DnsName(text.try_into().unwrap())
}

/// Allows one user to create one subresource.
struct Allows(&'static str, &'static str);

impl Authorizer for Allows {
    fn name(&self) -> &'static str {
        "one"
    }

    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        let Target::Resource(target) = attributes.target else {
            panic!("not a resource")
        };
        assert_eq!(
            (attributes.verb, target.resource),
            ("create", "certificatesigningrequests")
        );
        let reason = String::new();
        match (attributes.user.name.as_str(), target.subresource) == (self.0, self.1) {
            true => Decision::Allow { reason },
            false => Decision::NoOpinion { reason },
        }
    }

    fn names(&self, _: &Attributes<'_>) -> Names {
        Names::default()
    }
}

#[tokio::test]
async fn nodes_are_approved_by_permission() {
    let message = "Auto approving kubelet client certificate after SubjectAccessReview.";
    let own = "Auto approving self kubelet client certificate after SubjectAccessReview.";
    let mut request = of_node(&[]);
    let bootstrapper = Allows("bootstrapper", "nodeclient");
    assert_eq!(
        judge(&request, &bootstrapper).await,
        Verdict::Approved(message)
    );
    let itself = Allows("system:node:n", "selfnodeclient");
    assert_eq!(judge(&request, &itself).await, Verdict::NotPermitted);
    assert_eq!(
        judge(&request, &Allows("bootstrapper", "selfnodeclient")).await,
        Verdict::NotPermitted
    );
    request.spec.username = Some("system:node:n".to_owned());
    assert_eq!(judge(&request, &itself).await, Verdict::Approved(own));
    let client =
        |signer, name| super::tests::request(signer, "client auth", ("system:nodes", name), &[]);
    for request in [
        of_node(&[name("n")]),
        client("kube-apiserver-client-kubelet", "n"),
    ] {
        assert_eq!(judge(&request, &bootstrapper).await, Verdict::Others);
    }
    for request in [
        serving(&[name("n")]),
        client("kube-apiserver-client", "system:node:n"),
    ] {
        assert!(!is_undecided(&request), "of another signer");
    }
}

/// Returns its arguments instead of a certificate.
struct Repeats;

impl Authority for Repeats {
    fn sign(&self, _: &[u8], terms: &Terms) -> Result<String, String> {
        Ok(terms.usages.join(","))
    }
}

#[test]
fn a_signer_signs_only_requests_of_its_kind() {
    let signed = |request: &CertificateSigningRequest| outcome(&Repeats, request, at(NOW));
    let client = "digital signature,key encipherment,client auth";
    assert_eq!(signed(&of_node(&[])), Some(Ok(client.to_owned())));
    let server = "digital signature,key encipherment,server auth";
    assert_eq!(signed(&serving(&[name("n")])), Some(Ok(server.to_owned())));
    let anybody = request(
        "kube-apiserver-client",
        "client auth",
        ("developers", "alice"),
        &[],
    );
    assert_eq!(signed(&anybody), Some(Ok(client.to_owned())));
    assert_eq!(
        signed(&request("legacy-unknown", "client auth", ("a", "b"), &[])),
        None
    );
    let mail = SanType::Rfc822Name("a@example.com".try_into().unwrap());
    let uri = SanType::URI("https://example.com".try_into().unwrap());
    let address = SanType::IpAddress("10.0.0.1".parse().unwrap());
    let kubelet =
        |purpose, subject| request("kube-apiserver-client-kubelet", purpose, subject, &[]);
    let usages = "usages did not match [client auth digital signature key encipherment]";
    for (request, why) in [
        (
            kubelet("client auth", ("a", "system:node:n")),
            "subject organization is not system:nodes",
        ),
        (
            kubelet("client auth", ("system:nodes", "n")),
            "subject common name does not begin with system:node:",
        ),
        (
            kubelet("server auth", ("system:nodes", "system:node:n")),
            usages,
        ),
        (of_node(&[name("n")]), "DNS subjectAltNames are not allowed"),
        (of_node(&[address]), "IP subjectAltNames are not allowed"),
        (
            of_node(std::slice::from_ref(&mail)),
            "Email subjectAltNames are not allowed",
        ),
        (
            of_node(std::slice::from_ref(&uri)),
            "URI subjectAltNames are not allowed",
        ),
        (serving(&[]), "DNS or IP subjectAltName is required"),
        (
            serving(&[name("n"), mail]),
            "Email subjectAltNames are not allowed",
        ),
        (
            serving(&[name("n"), uri]),
            "URI subjectAltNames are not allowed",
        ),
        (
            request("kube-apiserver-client", "server auth", ("a", "b"), &[]),
            "invalid usage for client certificate: server auth",
        ),
        (
            request(
                "kube-apiserver-client",
                "digital signature",
                ("a", "b"),
                &[],
            ),
            "missing required usage for client certificate: client auth",
        ),
    ] {
        assert_eq!(signed(&request), Some(Err(why.to_owned())));
    }
    let mut malformed = of_node(&[]);
    malformed.spec.request = ByteString(b"x".to_vec());
    assert!(matches!(signed(&malformed), Some(Err(why)) if why.contains("PEM")));
}

#[test]
fn certificates_have_the_requested_lifetime() {
    let lasts = |seconds: Option<i32>| {
        let mut request = of_node(&[]);
        request.spec.expiration_seconds = seconds;
        let terms = terms(&request, at(NOW));
        assert_eq!(terms.not_before, at("2023-12-31T23:55:00Z"));
        terms.not_after
    };
    let year = at(NOW) + SignedDuration::from_hours(365 * 24) - SignedDuration::from_mins(5);
    assert_eq!(lasts(None), year);
    assert_eq!(lasts(Some(i32::MAX)), year);
    assert_eq!(lasts(Some(3600)), at("2024-01-01T01:00:00Z"));
    assert_eq!(lasts(Some(1)), at("2024-01-01T00:10:00Z"), "the shortest");
    assert_eq!(
        lasts(Some(8 * 3600)),
        at("2024-01-01T07:55:00Z"),
        "no longer short"
    );
}

#[test]
fn old_requests_are_deleted() {
    let hours = |request: &CertificateSigningRequest, now: &str| {
        left(request, at(now)).map(|left| left.as_secs() / 3600)
    };
    let mut request = of_node(&[]);
    assert_eq!(hours(&request, NOW), Some(24), "pending");
    assert_eq!(
        left(&request, at("2024-01-02T00:00:01Z")),
        Some(Duration::ZERO)
    );
    add_condition(&mut request, "Approved", "r", "m");
    let condition = |request: &mut CertificateSigningRequest| {
        let conditions = request
            .status
            .as_mut()
            .unwrap()
            .conditions
            .as_mut()
            .unwrap();
        conditions[0].last_update_time = Some(Time(at("2024-01-01T12:00:00Z")));
    };
    condition(&mut request);
    assert_eq!(hours(&request, NOW), None, "approved, not signed");
    request.status.as_mut().unwrap().certificate = Some(ByteString(b"x".to_vec()));
    assert_eq!(
        hours(&request, NOW),
        Some(13),
        "an hour after it was approved"
    );
    let mut params = CertificateParams::default();
    params.not_after = rcgen::date_time_ymd(2024, 1, 1) + std::time::Duration::from_secs(2 * 3600);
    let issued = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    request.status.as_mut().unwrap().certificate = Some(ByteString(issued.pem().into_bytes()));
    assert_eq!(hours(&request, NOW), Some(2), "when the certificate ends");
    let mut denied = of_node(&[]);
    add_condition(&mut denied, "Denied", "r", "m");
    condition(&mut denied);
    assert_eq!(hours(&denied, NOW), Some(13));
}

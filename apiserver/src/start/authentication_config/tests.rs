use portcullis_authn::Reload;
use serde_json::json;

use super::*;

fn reader() -> Reader {
    Reader {
        path: "config.yaml".into(),
        own_issuers: vec!["https://own".to_owned()],
        known: Issuers::default(),
        anonymous: Mutex::default(),
        text: Mutex::default(),
    }
}

fn authority() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::default();
    parameters.self_signed(&key).unwrap().pem()
}

/// One authenticator with these changes of its parts.
fn authenticator(change: &Value) -> Value {
    let mut written = json!({
        "issuer": {"url": "https://issuer", "audiences": ["me"], "certificateAuthority": authority()},
        "claimMappings": {"username": {"claim": "sub", "prefix": ""}}});
    for (part, change) in change.as_object().unwrap() {
        match (written[part].as_object_mut(), change.as_object()) {
            (Some(part), Some(change)) => part.extend(change.clone()),
            _ => written[part] = change.clone(),
        }
    }
    written
}

fn document(jwt: &Value, anonymous: &Value) -> String {
    let document = json!({"apiVersion": "apiserver.config.k8s.io/v1beta1", "kind": KIND, "jwt": jwt,
        "anonymous": anonymous});
    document.to_string()
}

fn error(jwt: &Value, anonymous: &Value) -> String {
    let read = reader().of(document(jwt, anonymous).as_bytes());
    let why = read.err().unwrap_or_else(|| panic!("accepted: {jwt}"));
    let prefix = "invalid authentication configuration: ";
    why.strip_prefix(prefix).unwrap_or(&why).to_owned()
}

/// What is wrong with an authenticator with one change.
fn of(part: &str, change: &Value) -> String {
    error(
        &json!([authenticator(&json!({part: change}))]),
        &Value::Null,
    )
}

#[test]
fn issuers_are_checked() {
    for (change, why) in [
        (json!({"url": ""}), "jwt[0].issuer.url: Required value"),
        (
            json!({"url": "https://own"}),
            r#"jwt[0].issuer.url: Invalid value: "https://own": URL must not overlap with disallowed issuers: [https://own]"#,
        ),
        (
            json!({"url": "http://issuer"}),
            r#"jwt[0].issuer.url: Invalid value: "http://issuer": URL scheme must be https"#,
        ),
        (
            json!({"url": "https://me:secret@issuer"}),
            r#"jwt[0].issuer.url: Invalid value: "https://…@issuer": URL must not contain a username or password"#,
        ),
        (
            json!({"url": "https://issuer?a=b#c"}),
            r#"[jwt[0].issuer.url: Invalid value: "https://issuer?a=b#c": URL must not contain a query, jwt[0].issuer.url: Invalid value: "https://issuer?a=b#c": URL must not contain a fragment]"#,
        ),
        (
            json!({"url": "https://"}),
            r#"jwt[0].issuer.url: Invalid value: "https://": must be a valid URL"#,
        ),
        (
            json!({"discoveryURL": "https://issuer/"}),
            r#"jwt[0].issuer.discoveryURL: Invalid value: "https://issuer/": discoveryURL must be different from URL"#,
        ),
        (
            json!({"audiences": []}),
            "jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is required",
        ),
        (
            json!({"audiences": ["a", "", "a"], "audienceMatchPolicy": "MatchAny"}),
            r#"[jwt[0].issuer.audiences[1]: Required value, jwt[0].issuer.audiences[2]: Duplicate value: "a"]"#,
        ),
        (
            json!({"audiences": ["a", "b"]}),
            r#"jwt[0].issuer.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences"#,
        ),
        (
            json!({"audienceMatchPolicy": "All"}),
            r#"jwt[0].issuer.audienceMatchPolicy: Invalid value: "All": audienceMatchPolicy must be empty or MatchAny for single audience"#,
        ),
        (
            json!({"certificateAuthority": "nonsense"}),
            r#"jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>": data does not contain any valid RSA or ECDSA certificates"#,
        ),
        (
            json!({"egressSelectorType": "cluster"}),
            r#"jwt[0].issuer.egressSelectorType: Invalid value: "cluster": egress selector is not supported when StructuredAuthenticationConfigurationEgressSelector feature gate is disabled"#,
        ),
    ] {
        assert_eq!(of("issuer", &change), why);
    }
    let twice = json!([authenticator(&json!({})), authenticator(&json!({}))]);
    let why = r#"jwt[1].issuer.url: Duplicate value: "https://issuer""#;
    assert_eq!(error(&twice, &Value::Null), why);
    let other =
        |url: &str| authenticator(&json!({"issuer": {"url": url, "discoveryURL": "https://d"}}));
    let same = json!([other("https://a"), other("https://b")]);
    let why = r#"jwt[1].issuer.discoveryURL: Duplicate value: "https://d""#;
    assert_eq!(error(&same, &Value::Null), why);
    let many: Vec<_> = (0..65).map(|n| other(&format!("https://h{n}"))).collect();
    let why = "jwt: Too many: 65: must have at most 64 items";
    assert_eq!(error(&json!(many), &Value::Null), why);
}

#[test]
fn mappings_are_checked() {
    const BOTH: &str = "claim and expression can't both be set";
    let username = |username: Value| json!({"username": username});
    let extra = |extra: Value| json!({"extra": extra});
    for (change, why) in [
        (
            username(json!({})),
            "username: Required value: claim or expression is required".to_owned(),
        ),
        (
            username(json!({"claim": "a", "expression": "claims.a"})),
            format!(r#"username: Invalid value: "": {BOTH}"#),
        ),
        (
            username(json!({"claim": "a"})),
            "username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing".to_owned(),
        ),
        (
            username(json!({"expression": "claims.a", "prefix": "p"})),
            r#"username.prefix: Invalid value: "p": may not be specified when expression is set"#.to_owned(),
        ),
        (
            username(json!({"expression": "claims.email"})),
            format!(r#"username.expression: Invalid value: "claims.email": {}"#,
                "claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression"),
        ),
        (
            json!({"groups": {"claim": "a", "expression": "claims.a"}}),
            format!(r#"groups: Invalid value: "": {BOTH}"#),
        ),
        (
            json!({"uid": {"claim": "a", "expression": "claims.a"}}),
            format!(r#"uid: Invalid value: "": {BOTH}"#),
        ),
        (
            extra(json!([{"key": "a", "valueExpression": "claims.a"}])),
            r#"extra[0].key: Invalid value: "a": must be a domain-prefixed path (such as "acme.io/foo")"#.to_owned(),
        ),
        (
            extra(json!([{"key": "a.io/B", "valueExpression": "claims.a"}])),
            r#"extra[0].key: Invalid value: "a.io/B": must be lowercase"#.to_owned(),
        ),
        (
            extra(json!([{"key": "x.k8s.io/b", "valueExpression": "claims.a"}])),
            r#"extra[0].key: Invalid value: "x.k8s.io/b": k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use"#.to_owned(),
        ),
        (
            extra(json!([{"key": "a.io/b"}])),
            "extra[0].valueExpression: Required value".to_owned(),
        ),
        (
            extra(json!([{"key": "a.io/b", "valueExpression": "'x'"}, {"key": "a.io/b", "valueExpression": "'x'"}])),
            r#"extra[1].key: Duplicate value: "a.io/b""#.to_owned(),
        ),
    ] {
        let found = of("claimMappings", &change);
        assert_eq!(found, format!("jwt[0].claimMappings.{why}"));
    }
    let broken = of(
        "claimMappings",
        &username(json!({"expression": "nobody.a"})),
    );
    let why = r#"jwt[0].claimMappings.username.expression: Invalid value: "nobody.a": compilation failed: ERROR: <input>:1:1: undeclared reference to 'nobody'"#;
    assert!(broken.starts_with(why), "{broken}");
}

#[test]
fn an_email_is_verified_by_any_expression_over_claims() {
    let email = json!({"username": {"expression": "claims.email"}});
    let verified = "claims.?email_verified.orValue(true) == true";
    for change in [
        json!({"claimMappings": {"username": {
            "expression": "claims.email_verified ? claims.email : claims.sub"}}}),
        json!({"claimMappings": email, "claimValidationRules": [{"expression": verified}]}),
        json!({"claimMappings": {"username": {"expression": "claims.email"},
            "extra": [{"key": "a.io/v", "valueExpression": "string(claims.email_verified)"}]}}),
        json!({"claimMappings": {"username": {"claim": "email", "prefix": "-"}}}),
    ] {
        let jwt = json!([authenticator(&change)]);
        let read = reader().of(document(&jwt, &Value::Null).as_bytes());
        assert!(read.is_ok(), "{:?}", read.err());
    }
}

#[test]
fn rules_are_checked() {
    for (rule, why) in [
        (
            json!([{}]),
            "[0]: Required value: claim or expression is required",
        ),
        (
            json!([{"claim": "a", "expression": "true"}]),
            r#"[0]: Invalid value: "a": claim and expression can't both be set"#,
        ),
        (
            json!([{"claim": "a", "message": "m"}]),
            r#"[0].message: Invalid value: "m": may not be specified when claim is set"#,
        ),
        (
            json!([{"claim": "a"}, {"claim": "a"}]),
            r#"[1].claim: Duplicate value: "a""#,
        ),
        (
            json!([{"expression": "true", "requiredValue": "v"}]),
            r#"[0].requiredValue: Invalid value: "v": may not be specified when expression is set"#,
        ),
        (
            json!([{"expression": "true"}, {"expression": "true"}]),
            r#"[1].expression: Duplicate value: "true""#,
        ),
        (
            json!([{"expression": "claims.a"}]),
            r#"[0].expression: Invalid value: "claims.a": must evaluate to bool"#,
        ),
    ] {
        let expected = format!("jwt[0].claimValidationRules{why}");
        assert_eq!(of("claimValidationRules", &rule), expected);
    }
    for (rule, why) in [
        (json!([{}]), "[0].expression: Required value"),
        (
            json!([{"expression": "true"}, {"expression": "true"}]),
            r#"[1].expression: Duplicate value: "true""#,
        ),
        (
            json!([{"expression": "user.username"}]),
            r#"[0].expression: Invalid value: "user.username": must evaluate to bool"#,
        ),
    ] {
        let expected = format!("jwt[0].userValidationRules{why}");
        assert_eq!(of("userValidationRules", &rule), expected);
    }
}

#[test]
fn documents_are_checked() {
    for (text, why) in [
        ("", "empty config data"),
        (
            "kind: Pod\napiVersion: v1",
            r#"no kind "Pod" is registered for version "v1""#,
        ),
        (
            r#"{"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration", "jwts": []}"#,
            "unknown field `jwts`",
        ),
    ] {
        let error = reader().of(text.as_bytes()).err().unwrap();
        assert!(error.starts_with(why), "{error}");
    }
    let off = json!({"enabled": false, "conditions": [{"path": "/livez"}]});
    let why = r#"anonymous.conditions: Invalid value: [{"path":"/livez"}]: enabled should be set to true when conditions are defined"#;
    assert_eq!(error(&json!([]), &off), why);
}

#[test]
fn a_changed_file_is_read_again_and_a_broken_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.yaml");
    let one = json!([authenticator(&json!({}))]);
    let everybody = json!({"enabled": true});
    std::fs::write(&path, document(&one, &everybody)).unwrap();
    let reader = Arc::new(Reader {
        path: path.clone(),
        ..reader()
    });
    let reading = reader.clone();
    let issuers = ConfiguredIssuers::together(vec![path.clone()], move |contents| {
        reading.read(&contents[0])
    });
    let issuers = issuers.unwrap();
    let first = reader.known.0.lock()[0].1.clone();
    let two = json!([
        one[0],
        authenticator(&json!({"issuer": {"url": "https://second"}}))
    ]);
    for (text, why) in [
        (
            document(&json!([{}]), &everybody),
            "jwt[0].issuer.url: Required value",
        ),
        (
            document(&two, &Value::Null),
            "anonymous: Forbidden: changed from initial configuration file",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = issuers.reload().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert_eq!(issuers.current().len(), 1);
    }
    std::fs::write(&path, document(&two, &everybody)).unwrap();
    assert!(issuers.reload().unwrap());
    assert_eq!(issuers.current().len(), 2);
    assert!(
        Arc::ptr_eq(&first, &reader.known.0.lock()[0].1),
        "its keys are kept"
    );
}

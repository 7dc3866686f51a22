use super::*;

const TOKEN: &str = "abc123.0123456789abcdef";

/// A single secret with a name.
struct SingleSecret(&'static str, Option<StoredSecret>);

#[async_trait]
impl Secrets for SingleSecret {
    async fn secret(&self, namespace: &str, name: &str, _: Lookup) -> Option<StoredSecret> {
        let found = namespace == NAMESPACE && name == self.0;
        self.1.clone().filter(|_| found)
    }
}

fn stored(change: &[(&str, &str)]) -> StoredSecret {
    let mut data: std::collections::BTreeMap<String, Vec<u8>> = [
        ("token-id", "abc123"),
        ("token-secret", "0123456789abcdef"),
        ("usage-bootstrap-authentication", "true"),
    ]
    .map(|(key, value)| (key.to_owned(), value.into()))
    .into();
    for (key, value) in change {
        data.insert((*key).to_owned(), (*value).into());
    }
    StoredSecret {
        kind: SECRET_TYPE.to_owned(),
        data,
        deleted: false,
    }
}

async fn authenticate(token: &str, secret: Option<StoredSecret>) -> Option<UserInfo> {
    let tokens = BootstrapTokens::new(Arc::new(SingleSecret("bootstrap-token-abc123", secret)));
    match tokens.authenticate_token(token).await.unwrap() {
        Outcome::Identified(user) => Some(user),
        Outcome::NotMine => None,
    }
}

#[tokio::test]
async fn a_token_identifies_its_id_and_groups() {
    let user = authenticate(TOKEN, Some(stored(&[]))).await.unwrap();
    assert_eq!(user.name, "system:bootstrap:abc123");
    assert_eq!(user.groups, [GROUP]);
    let extra = "system:bootstrappers:z,system:bootstrappers:a:b-c";
    let user = authenticate(TOKEN, Some(stored(&[("auth-extra-groups", extra)])));
    let expected = [
        GROUP,
        "system:bootstrappers:a:b-c",
        "system:bootstrappers:z",
    ];
    assert_eq!(user.await.unwrap().groups, expected);
}

#[tokio::test]
async fn invalid_tokens_are_unknown() {
    for token in [
        "",
        ".",
        "abc123",
        "abc123.",
        "abc123.0123456789abcde",
        "abc123.0123456789abcdef0",
        "ABC123.0123456789abcdef",
        "abc123.0123456789abcdeg ",
        "abc123.0123456789abcdee",
        "abc124.0123456789abcdef",
        "../../.0123456789abcdef",
    ] {
        assert_eq!(
            authenticate(token, Some(stored(&[]))).await,
            None,
            "{token:?}"
        );
    }
    for change in [
        ("token-id", "abc124"),
        ("token-id", ""),
        ("token-secret", ""),
        ("usage-bootstrap-authentication", "false"),
        ("usage-bootstrap-authentication", ""),
        ("expiration", "2020-01-01T00:00:00Z"),
        ("expiration", "soon"),
        ("auth-extra-groups", "system:masters"),
        ("auth-extra-groups", "system:bootstrappers"),
        ("auth-extra-groups", "system:bootstrappers:"),
        ("auth-extra-groups", "system:bootstrappers:A"),
        ("auth-extra-groups", "system:bootstrappers:a:"),
        ("auth-extra-groups", "system:bootstrappers:a,"),
    ] {
        assert_eq!(
            authenticate(TOKEN, Some(stored(&[change]))).await,
            None,
            "{change:?}"
        );
    }
    let wrong_type = StoredSecret {
        kind: "Opaque".into(),
        ..stored(&[])
    };
    let deleted = StoredSecret {
        deleted: true,
        ..stored(&[])
    };
    for secret in [None, Some(wrong_type), Some(deleted)] {
        assert_eq!(authenticate(TOKEN, secret).await, None);
    }
}
